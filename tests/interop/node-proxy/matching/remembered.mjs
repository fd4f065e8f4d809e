// Secrets of channels on one link: those of channels held, and of the last 256 that were left (03 section 13).

import { TagTable } from './tags.mjs';

const MOST_LEFT = 256;

export class Remembered {
  #secrets = new Map();
  #left = new Map(); // in the order of leaving
  #byTag = new TagTable();

  /** `tagName`: by which tag the other end will call the channel, `tagR` or `tagI`. */
  constructor(tagName) {
    this.tagName = tagName;
  }

  get(key) {
    return this.#secrets.get(key);
  }

  /** The key of the channel that `tag` stands for. */
  keyOfTag(tag) {
    return this.#byTag.get(tag);
  }

  /** The key of the channel that data lanes call `channelId`. */
  keyOfId(channelId) {
    for (const [key, secrets] of this.#secrets) if (secrets.channelId.equals(channelId)) return key;
    return undefined;
  }

  set(key, secrets) {
    this.#secrets.set(key, secrets);
    this.#byTag.set(secrets[this.tagName], key);
  }

  held(key) {
    this.#left.delete(key);
  }

  left(key) {
    if (!this.#secrets.has(key)) return;
    this.#left.delete(key);
    this.#left.set(key, true);
    if (this.#left.size <= MOST_LEFT) return;
    const [oldest] = this.#left.keys();
    this.#left.delete(oldest);
    this.#byTag.delete(this.#secrets.get(oldest)[this.tagName]);
    this.#secrets.delete(oldest);
  }
}
