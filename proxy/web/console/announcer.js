// Tells what happens to those who listen to a screen reader. Many things at once become one sentence, so that a busy
// channel does not talk without end.

const INTERVAL_MS = 1200;
const MOST_SENTENCES = 3;

export class Announcer {
  /** @type {string[]} */
  #sentences = [];
  /** @type {Map<string, number>} */
  #counts = new Map();
  #timer = 0;

  /** @param {HTMLElement} region A polite live region. */
  constructor(region) {
    this.region = region;
  }

  /** Something that is told as it is. @param {string} sentence */
  say(sentence) {
    if (this.#sentences.at(-1) !== sentence) this.#sentences.push(sentence);
    this.#arm();
  }

  /** One of a kind of which there may be many. @param {string} what In the plural, such as "peers came". */
  count(what) {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    this.#arm();
  }

  #arm() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const more = this.#sentences.length - MOST_SENTENCES;
      const sentences = this.#sentences.slice(-MOST_SENTENCES);
      if (more > 0) sentences.unshift(`${more} earlier events.`);
      for (const [what, number] of this.#counts) sentences.push(`${number} ${what}.`);
      this.region.textContent = sentences.join(" ");
      this.#sentences = [];
      this.#counts.clear();
    }, INTERVAL_MS);
  }
}
