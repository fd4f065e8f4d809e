// How lists hide what is in them: filled up to a power of two, and shuffled (03 section 7).

import { randomInt } from 'node:crypto';
import { malformed } from '../codes.mjs';

export const MOST_ENTRIES = 1024;
export const FIRST_LIST = 8;
export const LATER_LIST = 4;

// Behind one object, so that all lists are filled and ordered in one place.
export const lists = {
  /** P-12: how long a list with `count` real entries is. */
  paddedSize(count, least) {
    let size = least;
    while (size < count) size *= 2;
    return size;
  },

  /** P-16: an order chosen uniformly at random, in place. */
  shuffle(list) {
    for (let at = list.length - 1; at > 0; at--) {
      const other = randomInt(at + 1);
      [list[at], list[other]] = [list[other], list[at]];
    }
    return list;
  },
};

/** P-10: a list that came has to be a power of two from `least` to 1024. */
export function checkSize(what, count, least) {
  if (count < least || count > MOST_ENTRIES || (count & (count - 1)) !== 0) throw malformed(`${what} has ${count} entries`);
}
