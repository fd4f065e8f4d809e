// What went through the channels, as far as it is kept: a bounded list, oldest first. Messages are kept as JSON text, so
// that what they cost is known. It knows no document.

/** Most entries, and most characters of all together, that are kept; older ones are dropped. */
export const KEPT_ENTRIES = 1000;
export const KEPT_CHARACTERS = 16 * 1024 * 1024;

/**
 * @typedef {{
 *   readonly seq: number, readonly time: number, readonly channel: string,
 *   readonly kind: import("./channel-kinds.js").Kind, readonly name: string,
 *   readonly direction: "in" | "out" | "came" | "left" | "error" | "note",
 *   readonly from: string, readonly to: string, readonly text: string, readonly json: boolean,
 * }} Entry
 */

export class TrafficLog {
  /** @type {Entry[]} */
  entries = [];
  /** How many came in all; the number of the next one. */
  total = 0;
  #characters = 0;

  /** @param {Omit<Entry, "seq">} what */
  add(what) {
    const entry = { seq: this.total++, ...what };
    this.entries.push(entry);
    this.#characters += entry.text.length;
    while (this.entries.length > KEPT_ENTRIES || (this.#characters > KEPT_CHARACTERS && this.entries.length > 1)) {
      this.#characters -= this.entries.shift()?.text.length ?? 0;
    }
    return entry;
  }

  get dropped() {
    return this.total - this.entries.length - this.#cleared;
  }

  #cleared = 0;

  clear() {
    this.#cleared = this.total;
    this.entries = [];
    this.#characters = 0;
  }
}

/**
 * @typedef {{ channel: string, direction: string, words: string }} Filter `""` for all of them.
 */

/** What each choice of direction lets through. */
const DIRECTIONS = {
  messages: new Set(["in", "out", "error"]),
  in: new Set(["in"]),
  out: new Set(["out", "error"]),
  presence: new Set(["came", "left", "note"]),
};

/**
 * @param {Filter} filter
 * @returns {(entry: Entry) => boolean}
 */
export function matcher({ channel, direction, words }) {
  const kinds = DIRECTIONS[direction];
  const wanted = words.trim().toLowerCase();
  return (entry) =>
    (!channel || entry.channel === channel) &&
    (!kinds || kinds.has(entry.direction)) &&
    (!wanted || entry.text.toLowerCase().includes(wanted) || entry.from.includes(wanted) || entry.name.toLowerCase().includes(wanted));
}

/** The part of a list that a view shows, brought up to date by little steps. */
export class TrafficSelection {
  /** @type {Entry[]} */
  shown = [];
  #seen = 0;
  /** @type {(entry: Entry) => boolean} */
  #matches = () => true;

  /** @param {Filter} filter @param {TrafficLog} log */
  filter(filter, log) {
    this.#matches = matcher(filter);
    this.reset(log);
  }

  /** @param {TrafficLog} log */
  reset(log) {
    this.shown = log.entries.filter(this.#matches);
    this.#seen = log.total;
  }

  /**
   * @param {TrafficLog} log
   * @returns {number} How many went away at the front.
   */
  update(log) {
    const { entries, total } = log;
    const first = entries[0]?.seq ?? total;
    let gone = 0;
    while (gone < this.shown.length && this.shown[gone].seq < first) gone += 1;
    if (gone) this.shown.splice(0, gone);
    for (let at = Math.max(0, entries.length - (total - this.#seen)); at < entries.length; at += 1) {
      if (this.#matches(entries[at])) this.shown.push(entries[at]);
    }
    this.#seen = total;
    return gone;
  }
}
