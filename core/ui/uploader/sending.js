// Sends files, four requests at a time: large ones by themselves, small ones in packs, since for them the request costs
// more than the bytes. What the desk has is asked for before and after, so that nothing is sent twice and nothing is
// lost unnoticed.

const NUM_PARALLEL = 4;
const NUM_ASKED_AT_ONCE = 1000;
const SMALL_BYTES = 2 ** 20;
const PACK_BYTES = 4 * 2 ** 20;
const MOST_PACKED = 32;
const RETRY_DELAYS_MS = [500, 1500, 4000];
const MOST_NAMESAKES = 50;
const NOT_REACHED = 0;

class Sending {
  constructor(data, onProgress) {
    this.data = data; // address, token, limits and words of one upload
    this.onProgress = onProgress;
    this.files = new Map(); // name -> {file, name, state: waiting|sent|failed, reason}
    this.numHidden = 0;
    this.isBusy = false;
    this.isCancelled = false;
    this.beginCounting([]);
  }

  add(chosen) {
    for (const { file, name, reason } of chosen) {
      if (isHidden(name)) this.numHidden += 1;
      else this.addOne(file, name, reason);
    }
  }

  // Two different files may come under one name when files are picked from two folders.
  addOne(file, name, reason) {
    for (let copy = 1; copy < MOST_NAMESAKES; copy += 1) {
      const place = numbered(name, copy);
      const other = this.files.get(place);
      if (other && other.file && file && !isSameFile(other.file, file)) continue;
      if (!other || !other.file) {
        this.files.set(place, { file, name: place, state: reason ? "failed" : "waiting", reason });
      }
      return;
    }
  }

  async run() {
    this.isBusy = true;
    this.isCancelled = false;
    this.abort = new AbortController();
    try {
      for (const item of this.all()) if (item.state !== "sent" && item.file) this.judge(item);
      await this.ask(this.all().filter((item) => item.state === "waiting"));
      this.beginCounting(this.all().filter((item) => item.state === "waiting"));
      this.onProgress();
      await Promise.all(Array.from({ length: NUM_PARALLEL }, () => this.work()));
      if (!this.isCancelled) await this.confirm();
    } catch (error) {
      if (error.name === "AbortError") return;
      // What a browser says of a request that reached nobody is in its own language and words.
      this.failWaiting(error instanceof TypeError ? this.sentences.say("not_reached") : error.message);
    } finally {
      this.isBusy = false;
    }
  }

  cancel() {
    this.isCancelled = true;
    this.abort?.abort();
  }

  beginCounting(queue) {
    this.queue = queue;
    this.startedAt = performance.now();
    this.numSentNow = 0;
    this.bytesSent = 0;
    this.bytesToSend = sum(queue, (item) => item.file.size);
  }

  judge(item) {
    const limit = /\.zip$/i.test(item.name) ? this.data.max_archive_bytes : this.data.max_file_bytes;
    const isAbove = item.file.size > limit;
    const tooLarge = () => failed(this.sentences.say("too_large", { limit: size(limit, this.sentences) }));
    Object.assign(item, isAbove ? tooLarge() : { state: "waiting" });
  }

  async work() {
    while (this.queue.length && !this.abort.signal.aborted) {
      const pack = this.nextPack();
      await (pack.length > 1 ? this.sendPack(pack) : this.sendOne(pack[0]));
    }
  }

  nextPack() {
    const pack = [this.queue.shift()];
    let numBytes = pack[0].file.size;
    while (this.queue.length && pack.length < MOST_PACKED) {
      const { size } = this.queue[0].file;
      if (pack[0].file.size > SMALL_BYTES || size > SMALL_BYTES || numBytes + size > PACK_BYTES) break;
      numBytes += size;
      pack.push(this.queue.shift());
    }
    return pack;
  }

  async sendPack(pack) {
    const received = new Set(await this.postPack(pack));
    for (const [position, item] of pack.entries()) {
      if (received.has(position)) this.countSent(item);
    }
    this.onProgress();
    // By itself a file that was not kept is tried again, renamed, or told why not.
    for (const item of pack) {
      if (this.abort.signal.aborted) return;
      if (item.state === "waiting") await this.sendOne(item);
    }
  }

  async postPack(pack) {
    const form = new FormData();
    form.append("listed", JSON.stringify(pack.map(listed)));
    for (const { file } of pack) form.append("files", file);
    try {
      const response = await fetch(`${this.data.address}/packs`, {
        method: "POST",
        body: form,
        headers: { "X-Upload-Token": this.data.token },
        signal: this.abort.signal,
      });
      return response.ok ? (await response.json()).received : [];
    } catch {
      return [];
    }
  }

  countSent(item) {
    item.state = "sent";
    this.numSentNow += 1;
    this.bytesSent += item.file.size;
  }

  async sendOne(item) {
    for (let attempt = 0; ; ) {
      const { status, sentence } = await this.put(item);
      if (this.abort.signal.aborted) return;
      if (status === 201) {
        this.countSent(item);
      } else if (status === 409 && this.rename(item)) {
        continue;
      } else if ([NOT_REACHED, 502, 503].includes(status) && attempt < RETRY_DELAYS_MS.length) {
        await pause(RETRY_DELAYS_MS[attempt]);
        attempt += 1;
        if (this.abort.signal.aborted) return;
        continue;
      } else {
        Object.assign(item, failed(sentence));
        // A full disk or a lost right would refuse all the others just the same.
        if (status === 507 || status === 403) this.failWaiting(sentence);
      }
      this.onProgress();
      return;
    }
  }

  rename(item) {
    item.firstName ??= item.name;
    for (let copy = 2; copy < MOST_NAMESAKES; copy += 1) {
      const name = numbered(item.firstName, copy);
      if (this.files.has(name) || item.tried?.has(name)) continue;
      (item.tried ??= new Set()).add(name);
      this.files.delete(item.name);
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
      return { status: response.status, sentence: response.ok ? "" : await this.sentenceOf(response) };
    } catch {
      return { status: NOT_REACHED, sentence: this.sentences.say("not_reached") };
    }
  }

  // Sets each item to what the desk says: sent if it lies there, else waiting.
  async ask(items) {
    for (let start = 0; start < items.length; start += NUM_ASKED_AT_ONCE) {
      const asked = items.slice(start, start + NUM_ASKED_AT_ONCE);
      const response = await fetch(`${this.data.address}/missing`, {
        method: "POST",
        body: JSON.stringify(asked.map(listed)),
        headers: { "X-Upload-Token": this.data.token, "Content-Type": "application/json" },
        signal: this.abort.signal,
      });
      if (!response.ok) throw new Error(await this.sentenceOf(response));
      const missing = new Set((await response.json()).missing);
      asked.forEach((item, position) => {
        item.state = missing.has(position) ? "waiting" : "sent";
      });
    }
  }

  async confirm() {
    const sent = this.withState("sent");
    await this.ask(sent);
    const reason = this.sentences.say("not_stored");
    for (const item of sent) if (item.state === "waiting") Object.assign(item, failed(reason));
  }

  failWaiting(reason) {
    this.queue = [];
    for (const item of this.withState("waiting")) Object.assign(item, failed(reason));
  }

  async sentenceOf(response) {
    const unknown = this.sentences.say("refused", { status: response.status });
    try {
      const { detail } = await response.json();
      return typeof detail === "string" ? detail : unknown;
    } catch {
      return unknown;
    }
  }

  get sentences() {
    return new Sentences(this.data);
  }

  all() {
    return [...this.files.values()];
  }

  withState(state) {
    return this.all().filter((item) => item.state === state);
  }

  secondsLeft() {
    const seconds = (performance.now() - this.startedAt) / 1000;
    return this.bytesSent ? ((this.bytesToSend - this.bytesSent) / this.bytesSent) * seconds : null;
  }

  filesPerSecond() {
    return this.numSentNow / Math.max((performance.now() - this.startedAt) / 1000, 0.001);
  }
}

function listed({ name, file }) {
  return { name, size: file.size, modified: file.lastModified };
}

function failed(reason) {
  return { state: "failed", reason };
}

function isSameFile(one, other) {
  return one.size === other.size && one.lastModified === other.lastModified;
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
