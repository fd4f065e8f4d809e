// The list of what went by: filtered, paused, and one entry of it read in full. Drawn at most once a frame.

import { oncePerFrame } from "./frame.js";
import { dotOf, hueOf, shortId } from "./identity.js";
import { pretty } from "./pretty-json.js";
import { KEPT_ENTRIES, TrafficSelection } from "./traffic-log.js";
import { clock, plural, size } from "./units.js";
import { VirtualList } from "./virtual-list.js";

/** Characters of a message in its row; the rest would not be seen. */
const PREVIEW = 240;
const ARROWS = { in: "←", out: "→", came: "+", left: "−", error: "!", note: "•" };
const WORDS = { in: "received", out: "sent", came: "came", left: "left", error: "error", note: "note" };

const element = (id) => /** @type {any} */ (document.getElementById(id));

export class TrafficView {
  #selection = new TrafficSelection();
  #list;
  #log;
  #paused = false;
  /** How many had come when it was paused. */
  #pausedAt = 0;
  #detail;

  /** @param {import("./traffic-log.js").TrafficLog} log */
  constructor(log) {
    this.#log = log;
    this.#list = new VirtualList(element("traffic"), {
      key: (entry) => String(entry.seq),
      create: createRow,
      fill: fillRow,
      selected: (entry) => this.#show(entry),
      follow: true,
      following: (now) => (element("to-end").hidden = now),
    });
    for (const id of ["filter-channel", "filter-direction", "filter-words"]) element(id).addEventListener("input", () => this.#filter());
    element("pause").addEventListener("click", () => this.#pause(!this.#paused));
    element("clear").addEventListener("click", () => {
      log.clear();
      this.#show(undefined);
      this.#filter();
    });
    element("to-end").addEventListener("click", () => this.#list.toEnd());
    element("detail-close").addEventListener("click", () => {
      this.#list.clearSelection();
      this.#show(undefined);
      element("traffic").focus();
    });
    element("detail-copy").addEventListener("click", () => this.#copy());
    this.#draw();
  }

  /** To be called when the log has grown. */
  grown = oncePerFrame(() => this.#draw());

  /** @param {{ key: string, label: string }[]} channels What can be chosen to be shown alone. */
  offer(channels) {
    const select = element("filter-channel");
    const chosen = select.value;
    select.replaceChildren(new Option("all channels", ""), ...channels.map(({ key, label }) => new Option(label, key)));
    select.value = channels.some(({ key }) => key === chosen) ? chosen : "";
    if (select.value !== chosen) this.#filter();
  }

  #filter() {
    this.#selection.filter(
      { channel: element("filter-channel").value, direction: element("filter-direction").value, words: element("filter-words").value },
      this.#log,
    );
    this.#pausedAt = this.#log.total;
    this.#list.set(this.#selection.shown);
    this.#draw();
  }

  #pause(now) {
    this.#paused = now;
    this.#pausedAt = this.#log.total;
    element("pause").setAttribute("aria-pressed", String(now));
    element("pause").textContent = now ? "Resume" : "Pause";
    this.#draw();
  }

  #draw() {
    const log = this.#log;
    if (!this.#paused) this.#list.set(this.#selection.shown, this.#selection.update(log));
    const { shown } = this.#selection;
    const empty = element("traffic-empty");
    empty.hidden = shown.length > 0;
    if (!empty.hidden) {
      empty.textContent = log.entries.length
        ? "Nothing of what is kept passes the filter."
        : "Nothing yet. Join a channel: everybody on this network who joins the same name is in it with you.";
    }
    const parts = [];
    if (this.#paused) parts.push(`Paused; ${(log.total - this.#pausedAt).toLocaleString("en")} new since`);
    parts.push(shown.length === log.entries.length ? `${plural(shown.length, "entry", "entries")}` : `${shown.length.toLocaleString("en")} of ${plural(log.entries.length, "entry", "entries")}`);
    parts.push(
      log.dropped > 0
        ? `the newest ${KEPT_ENTRIES.toLocaleString("en")} are kept, ${log.dropped.toLocaleString("en")} older ones were dropped`
        : `the newest ${KEPT_ENTRIES.toLocaleString("en")} are kept`,
    );
    const foot = `${parts.join(" · ")}.`;
    if (element("traffic-foot").textContent !== foot) element("traffic-foot").textContent = foot;
  }

  #show(entry) {
    this.#detail = entry;
    element("detail").hidden = !entry;
    if (!entry) return;
    element("detail-head").textContent = [
      clock(entry.time),
      `${WORDS[entry.direction]} in ${entry.kind === "network" ? "" : `/${entry.kind}/`}${entry.name}`,
      entry.from && `from ${entry.from}`,
      entry.to && `to ${entry.to}`,
      entry.text && size(entry.text.length),
    ].filter(Boolean).join(" · ");
    element("detail-text").replaceChildren(pretty(entry.text || WORDS[entry.direction], entry.json));
  }

  async #copy() {
    const button = element("detail-copy");
    try {
      await navigator.clipboard.writeText(this.#detail.text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser refused";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
}

function createRow() {
  const row = document.createElement("div");
  row.className = "entry";
  for (const name of ["time", "arrow", "where", "who", "what"]) {
    const cell = document.createElement("span");
    cell.className = name;
    row.append(cell);
  }
  const who = /** @type {HTMLElement} */ (row.children[3]);
  who.append(dotOf(""), document.createElement("span"));
  return row;
}

/** Rows are used again for other entries; most of what is set here is text. */
function fillRow(row, entry) {
  if (row.entry === entry) return;
  row.entry = entry;
  const [time, arrow, where, who, what] = row.children;
  row.dataset.direction = entry.direction;
  row.dataset.kind = entry.kind;
  time.textContent = clock(entry.time);
  arrow.textContent = ARROWS[entry.direction];
  arrow.setAttribute("aria-label", WORDS[entry.direction]);
  where.textContent = entry.name;
  const [dot, name] = who.children;
  const other = entry.direction === "out" ? entry.to : entry.from;
  dot.style.setProperty("--hue", String(hueOf(other)));
  dot.hidden = !other;
  name.textContent = whoText(entry);
  what.textContent = entry.text.length > PREVIEW ? `${entry.text.slice(0, PREVIEW)}…` : entry.text;
}

function whoText({ direction, from, to, kind }) {
  if (direction === "out") return to ? `to ${shortId(to)} only` : "to everyone";
  if (direction === "came") return `${shortId(from)} came`;
  if (direction === "left") return `${shortId(from)} left`;
  if (direction === "in") return from ? `${shortId(from)}${to ? " to you only" : ""}` : kind === "network" ? "" : "somebody";
  return direction === "error" ? "the proxy" : "";
}
