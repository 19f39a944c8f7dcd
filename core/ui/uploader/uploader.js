// Walks dropped or chosen folders and sends each file with a request of its own, four at a time.
// What the desk has is asked for before and after, so that nothing is sent twice and nothing is lost unnoticed.

const NUM_PARALLEL = 4;
const NUM_ASKED_AT_ONCE = 1000;
const RETRY_DELAYS_MS = [500, 1500, 4000];
const MOST_FAILURES_SHOWN = 200;
const MOST_NAMESAKES = 50;
const MEMORY = "pneumodesk.upload";

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  let uploader = instances.get(parentElement);
  if (!uploader) {
    uploader = new Uploader(parentElement);
    instances.set(parentElement, uploader);
  }
  uploader.update(component, data);
  return () => uploader.leave();
}

class Uploader {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.forget();
    this.listen();
  }

  forget() {
    this.abort?.abort();
    this.abort = null;
    this.files = new Map(); // name -> {file, name, state: waiting|sent|failed, reason}
    this.numHidden = 0;
    this.isBusy = false;
    this.isCancelled = false;
    this.bytesPerName = new Map();
  }

  update(component, data) {
    const isOther = this.data && this.data.upload_id !== data.upload_id;
    this.component = component;
    this.data = data;
    if (isOther) this.forget();
    if (!this.resumesAfterRefresh()) remember(data);
    this.draw();
  }

  // A refresh is a new session to the desk; only the tab still knows which upload it was filling.
  resumesAfterRefresh() {
    const old = recall();
    if (!old || old.session === this.data.session || old.upload_id === this.data.upload_id) return false;
    if (this.hasAskedToResume || this.data.has_resumed) return false;
    this.hasAskedToResume = true;
    this.component.setStateValue("resume", { upload_id: old.upload_id, token: old.token });
    return true;
  }

  leave() {
    this.abort?.abort();
    window.removeEventListener("beforeunload", this.warn);
  }

  listen() {
    const zone = this.find(".zone");
    const folderInput = this.find(".folder-input");
    const filesInput = this.find(".files-input");
    this.find(".choose-folder").onclick = () => folderInput.click();
    this.find(".choose-files").onclick = () => filesInput.click();
    for (const input of [folderInput, filesInput]) {
      input.onchange = () => {
        const chosen = [...input.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
        input.value = "";
        this.take(chosen);
      };
    }
    zone.ondragover = (event) => {
      event.preventDefault();
      zone.classList.add("over");
    };
    zone.ondragleave = () => zone.classList.remove("over");
    zone.ondrop = async (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (this.data.disabled || this.isBusy) return;
      // The items die with this event: their entries must be taken at once.
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
      this.say("Looking through the folder …");
      this.take(await walk(entries));
    };
    this.find(".cancel").onclick = () => {
      this.isCancelled = true;
      this.abort?.abort();
    };
    this.find(".retry").onclick = () => this.send();
    this.warn = (event) => event.preventDefault();
  }

  take(chosen) {
    if (this.data.disabled || this.isBusy || !chosen.length) return;
    for (const { file, name, reason } of chosen) {
      if (isHidden(name)) {
        this.numHidden += 1;
        continue;
      }
      const place = this.freeName(name, file);
      if (place) this.files.set(place, { file, name: place, state: reason ? "failed" : "waiting", reason });
    }
    this.send();
  }

  // Two different files may come under one name when files are picked from two folders.
  freeName(name, file) {
    for (let number = 1; number < MOST_NAMESAKES; number += 1) {
      const candidate = numbered(name, number);
      const other = this.files.get(candidate);
      if (!other || !other.file || !file) return candidate;
      if (other.file.size === file.size && other.file.lastModified === file.lastModified) return candidate;
    }
    return null;
  }

  async send() {
    this.isBusy = true;
    this.isCancelled = false;
    this.abort = new AbortController();
    this.bytesPerName = new Map();
    window.addEventListener("beforeunload", this.warn);
    this.startedAt = performance.now();
    try {
      for (const item of this.all()) if (item.state !== "sent" && item.file) this.judge(item);
      await this.markArrived(this.all().filter((item) => item.state === "waiting"));
      this.queue = this.all().filter((item) => item.state === "waiting");
      this.bytesToSend = sum(this.queue, (item) => item.file.size);
      this.draw();
      await Promise.all(Array.from({ length: NUM_PARALLEL }, () => this.work()));
      if (!this.isCancelled) await this.confirm();
    } catch (error) {
      if (error.name !== "AbortError") this.failWaiting(error.message);
    }
    window.removeEventListener("beforeunload", this.warn);
    this.isBusy = false;
    this.draw();
    this.report();
  }

  judge(item) {
    const limit = /\.zip$/i.test(item.name) ? this.data.max_archive_bytes : this.data.max_file_bytes;
    item.state = item.file.size > limit ? "failed" : "waiting";
    item.reason = item.file.size > limit ? `larger than ${size(limit)}, the desk's limit` : "";
  }

  async work() {
    while (this.queue.length && !this.abort.signal.aborted) await this.sendOne(this.queue.shift());
  }

  async sendOne(item) {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.put(item);
      if (this.abort.signal.aborted) return;
      if (answer.status === 201) {
        item.state = "sent";
        this.bytesPerName.set(item, item.file.size);
        this.drawSoon();
        return;
      }
      if (answer.status === 409 && this.rename(item)) continue;
      const mayPass = answer.status === 0 || answer.status === 502 || answer.status === 503;
      if (mayPass && attempt < RETRY_DELAYS_MS.length) {
        await this.pause(RETRY_DELAYS_MS[attempt]);
        if (this.abort.signal.aborted) return;
        continue;
      }
      item.state = "failed";
      item.reason = answer.sentence;
      if (answer.status === 507 || answer.status === 403) {
        this.queue.length = 0;
        this.failWaiting(answer.sentence);
      }
      this.drawSoon();
      return;
    }
  }

  rename(item) {
    for (let number = 2; number < MOST_NAMESAKES; number += 1) {
      const name = numbered(item.firstName ?? item.name, number);
      if (this.files.has(name)) continue;
      this.files.delete(item.name);
      item.firstName ??= item.name;
      item.name = name;
      this.files.set(name, item);
      return true;
    }
    return false;
  }

  async put(item) {
    const query = new URLSearchParams({ name: item.name, size: item.file.size, modified: item.file.lastModified });
    try {
      const response = await fetch(`${this.data.address}/files?${query}`, {
        method: "PUT",
        body: item.file,
        headers: { "X-Upload-Token": this.data.token, "Content-Type": "application/octet-stream" },
        signal: this.abort.signal,
      });
      return { status: response.status, sentence: response.ok ? "" : await sentenceOf(response) };
    } catch (error) {
      return { status: 0, sentence: "could not be read here, or the desk could not be reached" };
    }
  }

  pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  async markArrived(items) {
    for (let start = 0; start < items.length; start += NUM_ASKED_AT_ONCE) {
      const asked = items.slice(start, start + NUM_ASKED_AT_ONCE);
      const response = await fetch(`${this.data.address}/missing`, {
        method: "POST",
        body: JSON.stringify(
          asked.map(({ name, file }) => ({ name, size: file.size, modified: file.lastModified })),
        ),
        headers: { "X-Upload-Token": this.data.token, "Content-Type": "application/json" },
        signal: this.abort.signal,
      });
      if (!response.ok) throw new Error(await sentenceOf(response));
      const missing = new Set((await response.json()).missing);
      asked.forEach((item, number) => {
        item.state = missing.has(number) ? "waiting" : "sent";
      });
    }
  }

  async confirm() {
    const sent = this.all().filter((item) => item.state === "sent");
    await this.markArrived(sent);
    for (const item of sent) {
      if (item.state === "waiting") Object.assign(item, { state: "failed", reason: "did not stay with the desk" });
    }
  }

  failWaiting(reason) {
    for (const item of this.all()) if (item.state === "waiting") Object.assign(item, { state: "failed", reason });
  }

  all() {
    return [...this.files.values()];
  }

  count(state) {
    return sum(this.all(), (item) => (item.state === state ? 1 : 0));
  }

  report() {
    this.component.setStateValue("outcome", {
      upload_id: this.data.upload_id,
      num_expected: this.files.size,
      num_sent: this.count("sent"),
      num_failed: this.count("failed"),
      num_hidden: this.numHidden,
      is_cancelled: this.isCancelled,
    });
  }

  drawSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, 100);
  }

  draw() {
    const numAll = this.files.size;
    const failed = this.all().filter((item) => item.state === "failed");
    const isShort = this.count("sent") < numAll;
    for (const button of [this.find(".choose-folder"), this.find(".choose-files")]) {
      button.disabled = Boolean(this.data.disabled) || this.isBusy;
    }
    this.find(".hint").textContent = this.hint();
    this.find(".work").hidden = numAll === 0;
    this.find(".cancel").hidden = !this.isBusy;
    this.find(".retry").hidden = this.isBusy || !isShort;
    if (numAll) this.say(this.statusLine(numAll, failed.length));
    const progress = this.find("progress");
    const numBytesSent = sum([...this.bytesPerName.values()], (bytes) => bytes);
    progress.value = this.isBusy ? numBytesSent / Math.max(this.bytesToSend ?? 1, 1) : this.count("sent") / (numAll || 1);
    this.drawFailures(failed);
  }

  hint() {
    const already = this.data.num_received;
    if (already && !this.files.size) {
      return `${count(already, "file")} arrived earlier. Choose the same folder again, and only the rest is sent.`;
    }
    return `Every kind of film file and zip, up to ${size(this.data.max_file_bytes)} each. They stay on this desk.`;
  }

  statusLine(numAll, numFailed) {
    const parts = [`${number(this.count("sent"))} of ${number(numAll)} received`];
    const seconds = (performance.now() - this.startedAt) / 1000;
    if (this.isBusy && seconds > 1 && this.bytesPerName.size) {
      const bytes = sum([...this.bytesPerName.values()], (value) => value);
      parts.push(`${number(Math.round(this.bytesPerName.size / seconds))} files/s`);
      parts.push(`${duration(((this.bytesToSend - bytes) / bytes) * seconds)} left`);
    }
    if (numFailed) parts.push(`${number(numFailed)} failed`);
    if (!this.isBusy && this.isCancelled) parts.push("cancelled");
    if (this.numHidden) parts.push(`${count(this.numHidden, "hidden file")} left out`);
    return parts.join(" · ");
  }

  drawFailures(failed) {
    const box = this.find(".failures");
    box.hidden = !failed.length;
    if (!failed.length) return;
    box.querySelector("summary").textContent = `${count(failed.length, "file")} failed`;
    const lines = failed.slice(0, MOST_FAILURES_SHOWN).map((item) => {
      const line = document.createElement("li");
      line.textContent = `${item.name}: ${item.reason}`;
      return line;
    });
    box.querySelector("ul").replaceChildren(...lines);
  }

  say(text) {
    this.find(".work").hidden = false;
    this.find(".status").textContent = text;
  }
}

// Lists every file under dropped entries; a folder that cannot be read becomes one failed item.
async function walk(entries) {
  const found = [];
  const waiting = [...entries];
  while (waiting.length) {
    const entry = waiting.pop();
    const name = entry.fullPath.replace(/^\//, "");
    try {
      if (entry.isFile) {
        found.push({ name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
      } else {
        waiting.push(...(await children(entry)));
      }
    } catch (error) {
      found.push({ name, file: null, reason: `cannot be read here (${error.message})` });
    }
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function children(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    // Browsers hand out at most a hundred at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return entries;
    entries.push(...some);
  }
}

async function sentenceOf(response) {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === "string" ? detail : `was refused by the desk (${response.status})`;
  } catch {
    return `was refused by the desk (${response.status})`;
  }
}

function remember({ upload_id, token, session }) {
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify({ upload_id, token, session }));
  } catch {
    // Without storage an upload cannot be resumed after a refresh; all else works.
  }
}

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(MEMORY));
  } catch {
    return null;
  }
}

function isHidden(name) {
  return name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
}

function numbered(name, number) {
  return number === 1 ? name : name.replace(/(\.[^./]*)?$/, (ending) => ` (${number})${ending}`);
}

function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}

function number(value) {
  return value.toLocaleString("en");
}

function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function size(bytes) {
  return bytes >= 1e9 ? `${number(bytes / 1e9)} GB` : `${number(bytes / 1e6)} MB`;
}

function duration(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
