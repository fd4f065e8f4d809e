// A list box of which only the rows in view are in the document, so that its length costs nothing. Rows have one height,
// which the style sheet gives as `--row`. It is used by keyboard and read by screen readers as any list box.

import { oncePerFrame } from "./frame.js";

/** Rows beyond the edges, so that scrolling shows no gaps. */
const SPARE = 4;

/** @template Item */
export class VirtualList {
  /** @type {Item[]} */
  #items = [];
  /** @type {HTMLElement[]} */
  #rows = [];
  #sizer = document.createElement("div");
  #rowHeight = 32;
  #height = 0;
  #follow;

  /**
   * @param {HTMLElement} box A scrolling element with the role listbox.
   * @param {{
   *   key: (item: Item) => string,
   *   create: () => HTMLElement,
   *   fill: (row: HTMLElement, item: Item) => void,
   *   selected: (item: Item | undefined) => void,
   *   follow?: boolean,
   *   following?: (now: boolean) => void,
   * }} how With `follow` it stays at the end while it grows, unless the reader scrolled away.
   */
  constructor(box, how) {
    this.box = box;
    this.how = how;
    this.#follow = how.follow ?? false;
    /** The key of the selected item. */
    this.selectedKey = "";
    this.#sizer.className = "rows";
    this.#sizer.setAttribute("role", "presentation");
    box.append(this.#sizer);
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    box.addEventListener("keydown", (event) => this.#key(event));
    this.#sizer.addEventListener("click", (event) => {
      const row = /** @type {HTMLElement} */ (event.target).closest("[data-at]");
      if (row) this.select(Number(row.dataset.at));
    });
    new ResizeObserver(() => this.#measure()).observe(box);
    this.#measure();
  }

  get following() {
    return this.#follow;
  }

  /** @param {Item[]} items The list as it is now. @param {number} gone How many went away at the front since the last time. */
  set(items, gone = 0) {
    this.#items = items;
    this.#sizer.style.height = `${items.length * this.#rowHeight}px`;
    if (this.#follow) this.box.scrollTop = items.length * this.#rowHeight;
    else if (gone) this.box.scrollTop -= gone * this.#rowHeight;
    this.#draw();
  }

  /** Goes to the end and stays there. */
  toEnd() {
    this.#setFollow(true);
    this.set(this.#items);
  }

  /** @param {number} at */
  select(at) {
    const item = this.#items[at];
    this.selectedKey = item === undefined ? "" : this.how.key(item);
    this.how.selected(item);
    this.redraw();
  }

  clearSelection() {
    this.selectedKey = "";
    this.redraw();
  }

  redraw = oncePerFrame(() => this.#draw());

  #measure() {
    this.#rowHeight = parseFloat(getComputedStyle(this.box).getPropertyValue("--row")) || 32;
    this.#height = this.box.clientHeight;
    this.set(this.#items);
  }

  #scrolled() {
    if (this.how.follow) {
      const atEnd = this.box.scrollTop + this.#height >= this.#items.length * this.#rowHeight - this.#rowHeight;
      this.#setFollow(atEnd);
    }
    this.redraw();
  }

  #setFollow(now) {
    if (this.#follow === now || !this.how.follow) return;
    this.#follow = now;
    this.how.following?.(now);
  }

  #draw() {
    const { key, create, fill } = this.how;
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.#rowHeight) - SPARE);
    const last = Math.min(this.#items.length, Math.ceil((this.box.scrollTop + this.#height) / this.#rowHeight) + SPARE);
    const wanted = Math.max(0, last - first);
    while (this.#rows.length < wanted) {
      const row = create();
      row.setAttribute("role", "option");
      row.id = `${this.box.id}-${this.#rows.length}`;
      this.#rows.push(row);
      this.#sizer.append(row);
    }
    let active = "";
    for (const [at, row] of this.#rows.entries()) {
      row.hidden = at >= wanted;
      if (row.hidden) continue;
      const index = first + at;
      const item = this.#items[index];
      const isSelected = key(item) === this.selectedKey;
      if (isSelected) active = row.id;
      row.dataset.at = String(index);
      row.style.transform = `translateY(${index * this.#rowHeight}px)`;
      row.setAttribute("aria-posinset", String(index + 1));
      row.setAttribute("aria-setsize", String(this.#items.length));
      row.setAttribute("aria-selected", String(isSelected));
      fill(row, item);
    }
    if (active) this.box.setAttribute("aria-activedescendant", active);
    else this.box.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const { length } = this.#items;
    const page = Math.max(1, Math.floor(this.#height / this.#rowHeight) - 1);
    const now = this.#items.findIndex((item) => this.how.key(item) === this.selectedKey);
    const start = now < 0 ? (this.#follow ? length : -1) : now;
    const to = { ArrowDown: start + 1, ArrowUp: start - 1, PageDown: start + page, PageUp: start - page, Home: 0, End: length - 1 }[event.key];
    if (event.key === "Escape" && this.selectedKey) this.select(-1);
    else if (to === undefined || length === 0) return;
    else {
      const at = Math.min(length - 1, Math.max(0, to));
      this.#reveal(at);
      this.select(at);
    }
    event.preventDefault();
  }

  #reveal(at) {
    const top = at * this.#rowHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.#rowHeight > this.box.scrollTop + this.#height) this.box.scrollTop = top + this.#rowHeight - this.#height;
  }
}
