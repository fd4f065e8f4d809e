// A table of tags whose look-ups do not show by their time how near a foreign tag is to one of ours (P-42).

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { keyedHash } from '../derive.mjs';

export class TagTable {
  #key = randomBytes(32);
  #entries = new Map();

  get size() {
    return this.#entries.size;
  }

  get(tag) {
    const entry = this.#entries.get(keyedHash(this.#key, tag));
    return entry && timingSafeEqual(entry.tag, tag) ? entry.value : undefined;
  }

  has(tag) {
    return this.get(tag) !== undefined;
  }

  set(tag, value) {
    this.#entries.set(keyedHash(this.#key, tag), { tag: Buffer.from(tag), value });
  }

  delete(tag) {
    return this.#entries.delete(keyedHash(this.#key, tag));
  }
}
