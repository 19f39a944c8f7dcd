// The uploader's face: takes what is dropped or chosen, shows how the sending goes, tells Python when it ends.

const MOST_FAILURES_SHOWN = 200;
const DRAW_EVERY_MS = 100;
const SHOW_SPEED_AFTER_MS = 1000;
const MEMORY = "pneumodesk.upload";

const instances = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  if (!instances.has(parentElement)) instances.set(parentElement, new Uploader(parentElement));
  const uploader = instances.get(parentElement);
  uploader.update(component);
  return () => {
    uploader.leave();
    instances.delete(parentElement);
  };
}

class Uploader {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.warn = (event) => event.preventDefault();
    this.listen();
  }

  update(component) {
    const { data } = component;
    this.sentences = new Sentences(data);
    this.sentences.fill(this.root);
    const old = recall();
    this.component = component;
    const mayResume = isOfEarlierSession(old, data);
    // The desk was started anew while this tab sends: the files go on into the upload they were meant for.
    const staysWithSending = mayResume && this.sending?.data.upload_id === old.upload_id;
    if (mayResume) this.askToResume(old, data.session);
    else remember(data);
    if (!staysWithSending) this.takeUp(data);
    this.draw();
  }

  takeUp(data) {
    if (this.data?.upload_id !== data.upload_id) {
      this.sending?.cancel();
      this.sending = new Sending(data, () => this.drawSoon());
    }
    this.data = data;
    this.sending.data = data;
  }

  askToResume({ upload_id, token }, session) {
    if (this.sessionAsked === session) return;
    this.sessionAsked = session;
    this.component.setStateValue("resume", { upload_id, token, session });
  }

  leave() {
    this.hasLeft = true;
    this.sending.cancel();
    window.removeEventListener("beforeunload", this.warn);
  }

  listen() {
    for (const [button, input] of [
      [this.find(".choose-folder"), this.find(".folder-input")],
      [this.find(".choose-files"), this.find(".files-input")],
    ]) {
      button.onclick = () => input.click();
      input.onchange = () => {
        const chosen = [...input.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
        input.value = "";
        this.take(chosen);
      };
    }
    this.listenForDrops(this.find(".zone"));
    this.find(".cancel").onclick = () => this.sending.cancel();
    this.find(".retry").onclick = () => this.send();
  }

  listenForDrops(zone) {
    zone.ondragover = (event) => {
      event.preventDefault();
      zone.classList.add("over");
    };
    zone.ondragleave = () => zone.classList.remove("over");
    zone.ondrop = async (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (!this.isOpen()) return;
      // The items die with this event: their entries must be taken at once.
      const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
      const entries = items.map((item) => item.webkitGetAsEntry() ?? loose(item.getAsFile()));
      if (!entries.length) return;
      this.say(this.sentences.say("looking"));
      this.take(await walk(entries, this.sentences));
    };
  }

  isOpen() {
    return !this.data.disabled && !this.sending.isBusy;
  }

  take(chosen) {
    if (!this.isOpen()) return;
    this.sending.add(chosen);
    if (this.sending.files.size) this.send();
    else this.say(this.sentences.say("none_found"));
  }

  async send() {
    const { sending } = this;
    window.addEventListener("beforeunload", this.warn);
    const run = sending.run();
    this.draw();
    await run;
    window.removeEventListener("beforeunload", this.warn);
    if (this.hasLeft || this.sending !== sending) return;
    this.draw();
    this.report();
  }

  report() {
    const { sending } = this;
    this.component.setStateValue("outcome", {
      upload_id: this.data.upload_id,
      num_expected: sending.files.size,
      num_failed: sending.withState("failed").length,
      num_hidden: sending.numHidden,
      is_cancelled: sending.isCancelled,
    });
  }

  drawSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  draw() {
    const { sending } = this;
    const numAll = sending.files.size;
    const numSent = sending.withState("sent").length;
    const failures = sending.withState("failed");
    this.find(".choose-folder").disabled = !this.isOpen();
    this.find(".choose-files").disabled = !this.isOpen();
    this.find(".hint").textContent = this.hint();
    this.find(".work").hidden = numAll === 0;
    this.find(".cancel").hidden = !sending.isBusy;
    this.find(".retry").hidden = sending.isBusy || numSent === numAll;
    if (numAll) this.say(this.statusLine(numSent, numAll, failures.length));
    const share = sending.isBusy ? sending.bytesSent / Math.max(sending.bytesToSend, 1) : numSent / (numAll || 1);
    this.find("progress").value = share;
    this.drawFailures(failures);
  }

  hint() {
    const { sentences } = this;
    const already = this.data.num_received;
    if (already && !this.sending.files.size) return sentences.count("arrived", already);
    const { max_file_bytes: ofFile, max_archive_bytes: ofZip } = this.data;
    return sentences.say("limits", { file_limit: size(ofFile, sentences), zip_limit: size(ofZip, sentences) });
  }

  statusLine(numSent, numAll, numFailed) {
    const { sending, sentences } = this;
    const [received, expected] = [sentences.number(numSent), sentences.number(numAll)];
    const parts = [sentences.say("received", { received, expected })];
    if (sending.isBusy && sending.numSentNow && performance.now() - sending.startedAt > SHOW_SPEED_AFTER_MS) {
      parts.push(sentences.count("speed", Math.round(sending.filesPerSecond())));
      parts.push(sentences.say("time_left", { duration: duration(sending.secondsLeft() ?? 0, sentences) }));
    }
    if (numFailed) parts.push(sentences.count("failed", numFailed));
    if (!sending.isBusy && sending.isCancelled) parts.push(sentences.say("cancelled"));
    if (sending.numHidden) parts.push(sentences.count("hidden", sending.numHidden));
    return parts.join(" · ");
  }

  drawFailures(failures) {
    const box = this.find(".failures");
    box.hidden = !failures.length;
    if (!failures.length) return;
    box.querySelector("summary").textContent = this.sentences.count("files_failed", failures.length);
    const lines = failures.slice(0, MOST_FAILURES_SHOWN).map((item) => {
      const line = document.createElement("li");
      line.textContent = this.sentences.say("failure", { file: item.name, reason: item.reason });
      return line;
    });
    box.querySelector("ul").replaceChildren(...lines);
  }

  say(text) {
    this.find(".work").hidden = false;
    this.find(".status").textContent = text;
  }
}

// A refresh, or a new start of the desk, is a new session to it; only the tab knows which upload it was filling.
function isOfEarlierSession(old, data) {
  return Boolean(old) && !data.has_resumed && old.session !== data.session && old.upload_id !== data.upload_id;
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
