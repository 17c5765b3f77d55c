// The map of films as an SVG: dragged, looked into closer with Ctrl and the wheel or with buttons, and clicked. The film
// that is clicked goes to the page's server as the trigger `opened`. A list below the map serves those without a mouse.
const EDGE = 0.04; // room around the outermost films
const CLOSEST = 12;
const A_CLICK = 4; // pixels that a click may move
const CANDIDATES = 160; // best known films, whose titles are shown where there is room
const TITLES = 36; // shown at once
const LINE = 20; // pixels, with the space between two titles
const HALO = 4; // pixels around the letters

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".mr-map");
  root.map ??= new FilmMap(root);
  root.map.open = (id) => setTriggerValue("opened", { movie_id: id });
  root.map.draw(data);
  return () => root.map.sizing.disconnect();
}

class FilmMap {
  constructor(root) {
    this.svg = root.querySelector("svg");
    this.layers = ["points", "titles"].map((name) => root.querySelector(`.${name}`));
    this.hint = root.querySelector(".hint");
    this.about = root.querySelector(".about");
    this.view = { scale: 1, x: 0, y: 0 }; // the shift is in pixels
    this.sizing = new ResizeObserver(() => this.place());
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("lostpointercapture", () => (this.from = null)); // after pointerup and pointercancel
    this.svg.addEventListener("pointerleave", () => (this.about.hidden = true));
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    root.querySelector(".bar").addEventListener("click", (event) => this.step(event));
  }

  draw(data) {
    this.svg.setAttribute("aria-label", data.alt);
    this.hint.textContent = data.hint;
    this.films = data.films;
    const [points, titles] = this.layers;
    points.replaceChildren(...this.films.map((film) => this.point(film)));
    this.titled = this.films.filter((film) => !film.faint).slice(0, CANDIDATES);
    titles.replaceChildren(...this.titled.map((film) => this.element("text", {}, film.title)));
    this.lengths = null; // in pixels; known once the map is in sight
    this.ring = null;
    this.marked = this.films.find((film) => film.id === data.marked);
    if (this.marked) points.append((this.ring = this.element("circle", { class: "ring", r: 15 })));
    const span = (axis) => {
      const values = this.films.map((film) => film[axis]);
      return [Math.min(...values) - EDGE, Math.max(...values) + EDGE];
    };
    this.spans = { x: span("x"), y: span("y") };
    this.sizing.observe(this.svg);
    this.place();
  }

  point(film) {
    const circle = this.element("circle", { r: film.radius, fill: film.colour, ...(film.faint && { class: "faint" }) });
    circle.film = film;
    return circle;
  }

  element(name, attributes, text = "") {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  }

  // Points and letters keep their size, however close one looks.
  place() {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width) return;
    const { scale, x: right, y: down } = this.view;
    const share = (axis, value) => (value - this.spans[axis][0]) / (this.spans[axis][1] - this.spans[axis][0]);
    const at = (film) => [share("x", film.x) * width * scale + right, (1 - share("y", film.y)) * height * scale + down];
    const put = (circle, film) => {
      const [x, y] = at(film);
      circle.setAttribute("cx", x.toFixed(1));
      circle.setAttribute("cy", y.toFixed(1));
    };
    const [points] = this.layers;
    this.films.forEach((film, place) => put(points.children[place], film));
    if (this.ring) put(this.ring, this.marked);
    this.entitle(at, width, height);
  }

  // The best known films have their titles, whole, as far as they do not run into each other.
  entitle(at, width, height) {
    const titles = [...this.layers[1].children];
    this.lengths ??= titles.map((title) => title.getComputedTextLength());
    const taken = [];
    titles.forEach((title, place) => {
      const length = this.lengths[place];
      const [middle, point] = at(this.titled[place]);
      const x = Math.max(HALO, Math.min(middle - length / 2, width - length - HALO));
      const y = point - this.titled[place].radius - 3;
      const isSeen = middle >= 0 && middle <= width && y >= LINE && y <= height && taken.length < TITLES;
      const isFree = isSeen && taken.every((box) => Math.abs(box.y - y) > LINE || x > box.end + 8 || x + length + 8 < box.x);
      title.style.display = isFree ? "" : "none";
      if (!isFree) return;
      taken.push({ x, y, end: x + length });
      title.setAttribute("x", x.toFixed(1));
      title.setAttribute("y", y.toFixed(1));
    });
  }

  press(event) {
    if (event.button !== 0) return;
    this.svg.setPointerCapture(event.pointerId); // so that the release is heard outside the map too
    this.from = { x: event.clientX, y: event.clientY, view: { ...this.view }, film: event.target.film, isDrag: false };
  }

  move(event) {
    if (!(event.buttons & 1)) this.from = null; // the release was not heard
    if (!this.from) return this.tell(event);
    const [x, y] = [event.clientX - this.from.x, event.clientY - this.from.y];
    if (!this.from.isDrag && Math.hypot(x, y) < A_CLICK) return;
    this.from.isDrag = true;
    this.about.hidden = true;
    this.look(this.from.view.scale, this.from.view.x + x, this.from.view.y + y);
  }

  release(event) {
    const from = this.from;
    this.from = null;
    if (from && !from.isDrag && from.film) this.open(from.film.id);
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }

  step(event) {
    const factor = Number(event.target.dataset.zoom);
    const { width, height } = this.svg.getBoundingClientRect();
    if (factor) this.zoom(factor, width / 2, height / 2);
    else if (event.target.dataset.zoom) this.look(1, 0, 0);
  }

  // What is at (x, y) stays there.
  zoom(factor, x, y) {
    const scale = Math.min(Math.max(this.view.scale * factor, 1), CLOSEST);
    const change = scale / this.view.scale;
    this.look(scale, x - (x - this.view.x) * change, y - (y - this.view.y) * change);
  }

  // The map never leaves its frame.
  look(scale, x, y) {
    const { width, height } = this.svg.getBoundingClientRect();
    const within = (shift, size) => Math.min(0, Math.max(shift, size * (1 - scale)));
    this.view = { scale, x: within(x, width), y: within(y, height) };
    this.place();
  }

  tell(event) {
    const film = event.target.film;
    this.about.hidden = !film;
    if (!film) return;
    this.about.textContent = `${film.label}\n${film.about}`;
    const box = this.svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    this.about.style.left = `${Math.max(0, Math.min(x + 14, box.width - this.about.offsetWidth))}px`;
    this.about.style.top = `${y + 18 + this.about.offsetHeight > box.height ? y - 12 - this.about.offsetHeight : y + 18}px`;
  }
}
