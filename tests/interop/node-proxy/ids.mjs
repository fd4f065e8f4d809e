// Instance ids and peer ids: 16 random bytes, written as base32 in lower case (00 section 4).

import { randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export const newId = () => randomBytes(16);

/** The 26 characters that stand for 16 bytes. */
export function idToText(id) {
  let bits = 0n;
  for (const byte of id) bits = (bits << 8n) | BigInt(byte);
  bits <<= 2n; // 128 bits and two zeros make 26 groups of five
  let text = '';
  for (let group = 25n; group >= 0n; group--) text += ALPHABET[Number((bits >> (group * 5n)) & 31n)];
  return text;
}

/** The 16 bytes, or null when `text` is not the text form of an id (T-6). */
export function idFromText(text) {
  if (typeof text !== 'string' || text.length !== 26) return null;
  let bits = 0n;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    bits = (bits << 5n) | BigInt(value);
  }
  if (bits & 3n) return null;
  return Buffer.from((bits >> 2n).toString(16).padStart(32, '0'), 'hex');
}

/** T-5: ids are ordered by their bytes. */
export const isSmaller = (a, b) => Buffer.compare(a, b) < 0;
