// Keeps what the visitor said in the browser's local storage, under the name of the data set, and shows a bar that leads
// to the list while the list is out of view. The page's server holds the same text as long as the page is open.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".keeper");
  root.keeper ??= new Keeper(root, data);
  root.keeper.send = (text, isWhole) => setTriggerValue("stored", { text, is_whole: isWhole });
  root.keeper.draw(data);
  return () => root.keeper.stop();
}

class Keeper {
  constructor(root, data) {
    this.key = `movierec:${data.dataset}`;
    this.bar = root.querySelector("button");
    this.warning = root.querySelector("p");
    this.isNew = true;
    this.written = data.version;
    this.bar.addEventListener("click", () => this.lead());
    this.onStorage = (event) => event.key === this.key && this.send(event.newValue ?? "", true);
    this.onScroll = () => this.place();
    this.resizing = new ResizeObserver(() => this.place()); // the list may be drawn after this component
    // The second click of a double click would take the star back, and the server would never have seen the first.
    this.onClick = (event) => {
      if (event.detail > 1 && event.target.closest?.("[data-testid=stFeedback]")) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    };
  }

  draw(data) {
    window.addEventListener("storage", this.onStorage); // another tab wrote
    document.addEventListener("scroll", this.onScroll, true);
    window.addEventListener("click", this.onClick, true);
    this.resizing.observe(document.querySelector("[data-testid=stMainBlockContainer]") ?? document.body);
    if (this.isNew) this.read(data);
    else if (data.version !== this.written && (data.is_loaded || !this.isStored)) this.write(data);
    this.text = data.bar;
    this.place();
  }

  stop() {
    window.removeEventListener("storage", this.onStorage);
    document.removeEventListener("scroll", this.onScroll, true);
    window.removeEventListener("click", this.onClick, true);
    this.resizing.disconnect();
  }

  read(data) {
    this.isNew = false;
    let stored = "";
    try {
      stored = localStorage.getItem(this.key) ?? "";
    } catch {
      this.warning.hidden = false;
    }
    this.isStored = stored !== "";
    if (stored !== data.text && (stored || data.is_loaded)) this.send(stored, data.is_loaded);
    else if (!data.is_loaded && data.text) this.write(data);
  }

  write(data) {
    this.written = data.version;
    try {
      if (data.text) localStorage.setItem(this.key, data.text);
      else localStorage.removeItem(this.key);
      this.warning.hidden = true;
    } catch {
      this.warning.hidden = false;
    }
  }

  list() {
    return document.querySelector(".st-key-your-list");
  }

  place() {
    const list = this.list();
    this.bar.textContent = this.text;
    this.bar.hidden = !this.text || !list || list.getBoundingClientRect().top < window.innerHeight * 0.8;
  }

  lead() {
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.list().scrollIntoView({ behavior: isCalm ? "auto" : "smooth", block: "start" });
  }
}
