// Shows a film with a transparent heatmap over it. All that the reader moves happens here, at once;
// the desk hears of none of it, and what was set is kept in the tab over reruns and refreshes.

const LARGEST_ZOOM = 16;
const WHEEL_STEP = 0.0015;
const KEY_ZOOM = 1.25;
const KEY_PAN = 40;
const KEY_OPACITY = 5;
const LOOK = { opacity: 45, isHeatmapOn: true };
const QUARTER = 90;
const PLACE = { zoom: 1, x: 0, y: 0, window: 100, level: 50, isInverted: false, turn: 0 };

const instances = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  if (!instances.has(parentElement)) instances.set(parentElement, new Viewer(parentElement));
  const viewer = instances.get(parentElement);
  viewer.update(data);
  return () => {
    viewer.leave();
    instances.delete(parentElement);
  };
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.findAll = (selector) => root.querySelectorAll(selector);
    this.stage = this.find(".stage");
    this.film = this.find(".film");
    this.heatmap = this.find(".heatmap");
    this.look = { ...LOOK };
    this.place = { ...PLACE };
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.stage);
    this.listen();
  }

  update(data) {
    const isOther = !this.data || this.data.film !== data.film || this.data.memory !== data.memory;
    this.data = data;
    this.sentences = new Sentences(data);
    this.sentences.fill(this.root);
    this.find(".viewer").style.setProperty("--stage-height", `${data.height}px`);
    this.film.alt = data.alt;
    this.stage.setAttribute("aria-label", this.sentences.say("stage", { image: data.alt, help: data.words.help }));
    for (const part of this.findAll(".heat-control")) part.hidden = !data.heatmap;
    if (isOther) {
      this.recall();
      this.find(".problem").hidden = true;
      load(this.film, data.film);
    }
    if (this.heatmap.getAttribute("src") !== data.heatmap) {
      this.find(".heat-problem").hidden = true;
      load(this.heatmap, data.heatmap);
    }
    if (data.following) new Image().src = data.following;
    this.draw();
  }

  leave() {
    this.observer.disconnect();
  }

  listen() {
    this.film.onload = () => this.arrived(this.film);
    this.film.onerror = () => this.explain();
    this.heatmap.onload = () => this.arrived(this.heatmap);
    this.heatmap.onerror = () => (this.find(".heat-problem").hidden = false);
    this.bind(".opacity", (value) => Object.assign(this.look, { opacity: value, isHeatmapOn: true }));
    this.bind(".window", (value) => Object.assign(this.place, { window: value }));
    this.bind(".level", (value) => Object.assign(this.place, { level: value }));
    this.find(".invert").onclick = () => this.change(() => (this.place.isInverted = !this.place.isInverted));
    this.find(".turn").onclick = () => this.turn();
    this.find(".reset").onclick = () => this.reset();
    this.find(".zoom-in").onclick = () => this.zoomAtMiddle(KEY_ZOOM);
    this.find(".zoom-out").onclick = () => this.zoomAtMiddle(1 / KEY_ZOOM);
    this.stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.stage.onpointerdown = (event) => this.onPointerDown(event);
    this.stage.ondblclick = () => this.reset();
    this.stage.onkeydown = (event) => this.onKey(event);
  }

  arrived(image) {
    image.classList.add("arrived");
    this.draw();
  }

  bind(selector, set) {
    const input = this.find(selector);
    input.oninput = () => this.change(() => set(Number(input.value)));
  }

  change(alter) {
    alter();
    this.draw();
    this.remember();
  }

  reset() {
    this.change(() => (this.place = { ...PLACE }));
  }

  // What the reader saw of the film before lies elsewhere now, so the whole of it is shown again.
  turn() {
    this.change(() => Object.assign(this.place, { turn: (this.place.turn + QUARTER) % 360, zoom: 1, x: 0, y: 0 }));
  }

  onWheel(event) {
    event.preventDefault();
    const box = this.stage.getBoundingClientRect();
    // Firefox counts in lines.
    const distance = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    this.zoomAt(Math.exp(-distance * WHEEL_STEP), event.clientX - box.left, event.clientY - box.top);
  }

  zoomAtMiddle(factor) {
    this.zoomAt(factor, this.stage.clientWidth / 2, this.stage.clientHeight / 2);
  }

  // Keeps the point of the film under the pointer where it is.
  zoomAt(factor, pointerX, pointerY) {
    const fit = this.fit();
    const zoom = Math.min(Math.max(this.place.zoom * factor, 1), LARGEST_ZOOM);
    const ratio = zoom / this.place.zoom;
    const middleX = pointerX - fit.stageWidth / 2;
    const middleY = pointerY - fit.stageHeight / 2;
    const x = (middleX - (middleX - this.place.x * fit.width) * ratio) / fit.width;
    const y = (middleY - (middleY - this.place.y * fit.height) * ratio) / fit.height;
    this.change(() => Object.assign(this.place, { zoom, x, y }));
  }

  panBy(pixelsX, pixelsY) {
    const fit = this.fit();
    const x = this.place.x + pixelsX / fit.width;
    const y = this.place.y + pixelsY / fit.height;
    this.change(() => Object.assign(this.place, { x, y }));
  }

  onPointerDown(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.stage.classList.add("dragging");
    let last = event;
    this.stage.onpointermove = (move) => {
      this.panBy(move.clientX - last.clientX, move.clientY - last.clientY);
      last = move;
    };
    this.stage.onpointerup = this.stage.onpointercancel = () => {
      this.stage.onpointermove = null;
      this.stage.classList.remove("dragging");
    };
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      "+": () => this.zoomAtMiddle(KEY_ZOOM),
      "=": () => this.zoomAtMiddle(KEY_ZOOM),
      "-": () => this.zoomAtMiddle(1 / KEY_ZOOM),
      ArrowLeft: () => this.panBy(KEY_PAN, 0),
      ArrowRight: () => this.panBy(-KEY_PAN, 0),
      ArrowUp: () => this.panBy(0, KEY_PAN),
      ArrowDown: () => this.panBy(0, -KEY_PAN),
      0: () => this.reset(),
      i: () => this.find(".invert").click(),
      r: () => this.turn(),
      h: () => this.change(() => (this.look.isHeatmapOn = !this.look.isHeatmapOn)),
      "[": () => this.fade(-KEY_OPACITY),
      "]": () => this.fade(KEY_OPACITY),
    };
    const action = actions[event.key.toLowerCase()] ?? actions[event.key];
    if (!action) return;
    event.preventDefault();
    // Streamlit has shortcuts of its own.
    event.stopPropagation();
    action();
  }

  fade(step) {
    const opacity = Math.min(Math.max(this.look.opacity + step, 0), 100);
    this.change(() => Object.assign(this.look, { opacity, isHeatmapOn: true }));
  }

  // The largest size at which the whole film, turned as it is, is on stage.
  fit() {
    const stageWidth = this.stage.clientWidth || 1;
    const stageHeight = this.stage.clientHeight || 1;
    const sides = [this.film.naturalWidth || 1, this.film.naturalHeight || 1];
    const [filmWidth, filmHeight] = isLaid(this.place.turn) ? sides.reverse() : sides;
    const scale = Math.min(stageWidth / filmWidth, stageHeight / filmHeight);
    return { stageWidth, stageHeight, width: filmWidth * scale, height: filmHeight * scale };
  }

  draw() {
    const fit = this.fit();
    const { place, look } = this;
    place.x = clampPan(place.x, place.zoom, fit.width, fit.stageWidth);
    place.y = clampPan(place.y, place.zoom, fit.height, fit.stageHeight);
    const left = fit.stageWidth / 2 + (place.x - place.zoom / 2) * fit.width;
    const top = fit.stageHeight / 2 + (place.y - place.zoom / 2) * fit.height;
    const sheet = this.find(".sheet").style;
    const [width, height] = isLaid(place.turn) ? [fit.height, fit.width] : [fit.width, fit.height];
    sheet.width = `${width}px`;
    sheet.height = `${height}px`;
    const turned = `translate(${fit.width / 2}px, ${fit.height / 2}px) rotate(${place.turn}deg)`;
    const back = `translate(${-width / 2}px, ${-height / 2}px)`;
    sheet.transform = `translate(${left}px, ${top}px) scale(${place.zoom}) ${place.turn ? `${turned} ${back}` : ""}`;
    this.film.style.filter = grey(place.window / 100, place.level / 100, place.isInverted);
    this.heatmap.style.opacity = look.isHeatmapOn ? look.opacity / 100 : 0;
    this.show(".opacity", look.isHeatmapOn ? look.opacity : 0);
    this.show(".window", place.window);
    this.show(".level", place.level);
    this.find(".zoom-value").textContent = `${Math.round(place.zoom * 100)} %`;
    this.find(".invert").setAttribute("aria-pressed", String(place.isInverted));
  }

  show(selector, value) {
    this.find(selector).value = value;
    this.find(`${selector}-value`).textContent = `${value} %`;
  }

  async explain() {
    let sentence = this.sentences.say("problem");
    try {
      const response = await fetch(this.data.film);
      if (!response.ok) sentence = (await response.json()).detail;
    } catch {
      sentence = this.sentences.say("not_reached");
    }
    this.find(".problem").textContent = sentence;
    this.find(".problem").hidden = false;
    this.draw();
  }

  remember() {
    try {
      sessionStorage.setItem(this.lookMemory(), JSON.stringify(this.look));
      sessionStorage.setItem(this.placeMemory(), JSON.stringify({ film: filmOf(this.data.film), ...this.place }));
    } catch {
      // Without storage a refresh starts afresh; all else works.
    }
  }

  // Opacity stays from film to film; where the reader looked belongs to one film.
  recall() {
    this.look = { ...LOOK, ...read(this.lookMemory()) };
    const { film, ...place } = read(this.placeMemory()) ?? {};
    this.place = film === filmOf(this.data.film) ? { ...PLACE, ...place } : { ...PLACE };
  }

  lookMemory() {
    return `pneumodesk.viewer.${this.data.memory}.look`;
  }

  placeMemory() {
    return `pneumodesk.viewer.${this.data.memory}.place`;
  }
}

// Whether a turn exchanges the film's width and height.
function isLaid(turn) {
  return turn % 180 !== 0;
}

// The film stays on stage: it can be moved by as much as it stands over, and is centred while it does not.
function clampPan(shift, zoom, length, stageLength) {
  const most = Math.max(zoom * length - stageLength, 0) / 2 / length;
  return Math.min(Math.max(shift, -most), most);
}

// Window and level as two CSS filters: out = (in - (level - window / 2)) / window.
// A filter's result is cut to [0, 1], so the order is the one whose first step cuts nothing that is seen.
function grey(window, level, isInverted) {
  const invert = isInverted ? " invert(1)" : "";
  if (level >= 0.5) return `brightness(${1 / (2 * level)}) contrast(${(2 * level) / window})${invert}`;
  const slope = 1 - 2 * level + window;
  return `contrast(${1 / slope}) brightness(${slope / window})${invert}`;
}

// A browser shows the old picture until the new one is there, and it would stand under the new one's name.
function load(image, address) {
  image.classList.remove("arrived");
  if (address) image.src = address;
  else image.removeAttribute("src");
}

function filmOf(address) {
  return address.split("?")[0];
}

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
