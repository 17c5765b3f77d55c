// A title box: an ARIA combobox with a list. The browser cannot reach the service, so the text goes to the page's
// server as the state `query`, and titles come back as `data.options`; the film chosen goes as the trigger `chosen`.
const DEBOUNCE_MS = 150;

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".title-box");
  root.box ??= new TitleBox(root);
  root.box.ask = (text) => setStateValue("query", text);
  root.box.choose = (reference) => setTriggerValue("chosen", { reference });
  root.box.draw(data);
}

class TitleBox {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input");
    this.list = root.querySelector("ul");
    this.clear = root.querySelector("button");
    this.status = root.querySelector("[role=status]");
    this.answers = new Map(); // text to options
    this.active = -1;
    this.wanted = null; // text whose options are to be shown
    this.enterWaits = false;
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.open());
    this.input.addEventListener("blur", () => this.leave());
    // A press on the list would move the focus, and with it close the list before the click.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.clear.addEventListener("click", () => this.pick(""));
  }

  draw(data) {
    const isFirst = this.data === undefined;
    const isNew = !isFirst && data.value !== this.data.value;
    this.data = data;
    this.answers.set(data.query, data.options);
    this.root.querySelector("label").textContent = data.label;
    this.list.setAttribute("aria-label", data.label);
    this.input.placeholder = data.placeholder;
    if (isFirst || isNew) this.input.value = data.value;
    if (isNew) this.reveal();
    this.clear.hidden = !data.value;
    if (this.answers.has(this.wanted)) this.answered();
    if (data.problem) this.answers.delete(data.query); // the service may be back when it is asked again
  }

  text() {
    return this.input.value.trim();
  }

  typed() {
    this.enterWaits = false;
    this.want(this.text(), DEBOUNCE_MS);
  }

  open() {
    if (this.list.hidden) this.want(this.text() === this.data.value ? "" : this.text(), 0);
  }

  want(text, delay) {
    this.wanted = text;
    clearTimeout(this.timer);
    if (this.answers.has(text)) this.answered();
    else this.timer = setTimeout(() => this.ask(text), delay);
  }

  answered() {
    this.show(this.answers.get(this.wanted));
    if (this.enterWaits) this.enter();
  }

  show(options) {
    if (!this.list.hidden && String(options) === String(this.options)) return; // keeps the row that the keys are on
    this.options = options;
    this.active = -1;
    this.list.replaceChildren(
      ...options.map((option, place) => {
        const row = document.createElement("li");
        row.id = `option-${place}`;
        row.setAttribute("role", "option");
        row.textContent = option;
        row.addEventListener("click", () => this.pick(option));
        return row;
      }),
    );
    this.list.hidden = options.length === 0;
    this.input.setAttribute("aria-expanded", String(options.length > 0));
    this.input.removeAttribute("aria-activedescendant");
    const none = this.data.problem || this.data.none;
    this.say(options.length ? `${options.length === 1 ? "1 title" : `${options.length} titles`}. Arrow keys choose, Enter takes the first.` : none);
    this.status.classList.toggle("seen", options.length === 0);
  }

  say(text) {
    this.status.textContent = text;
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.open();
      else this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.enter();
    } else if (event.key === "Escape") {
      this.input.value = this.data.value;
      this.close();
    }
  }

  move(step) {
    const count = this.options.length;
    this.active = this.active < 0 && step < 0 ? count - 1 : (this.active + step + count) % count;
    [...this.list.children].forEach((row, place) => row.setAttribute("aria-selected", String(place === this.active)));
    const row = this.list.children[this.active];
    row.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", row.id);
  }

  enter() {
    if (this.active >= 0 && !this.list.hidden) return this.pick(this.options[this.active]);
    const text = this.text();
    if (!text || text === this.data.value) return this.close();
    this.enterWaits = !this.answers.has(text);
    if (this.enterWaits) return this.want(text, 0);
    const [first] = this.answers.get(text);
    if (first) this.pick(first);
    else this.show([]);
  }

  pick(reference) {
    clearTimeout(this.timer);
    if (reference !== this.data.value) this.choose(reference);
    this.input.value = this.data.is_adding ? "" : reference;
    this.close();
  }

  leave() {
    if (this.enterWaits) return;
    this.input.value = this.data.value;
    this.close();
  }

  close() {
    this.wanted = null;
    this.active = -1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  // A film chosen elsewhere, as by "More like this" or on the map, opens here: bring it into view.
  reveal() {
    const top = this.root.getBoundingClientRect().top;
    if (top < 0 || top > window.innerHeight) this.root.scrollIntoView({ block: "start" });
  }
}
