// Frames: a length as varint, and one message (02 section 7). Knows bytes only, not what the messages say.

import { Code, LaneGone, LinkFault, malformed } from './codes.mjs';

/** The longest frame before Hello. */
export const FRAME_BEFORE_HELLO = 4096;

export function encodeFrame(message) {
  const prefix = [];
  let rest = message.length;
  while (rest > 127) {
    prefix.push((rest & 127) | 128);
    rest >>>= 7;
  }
  prefix.push(rest);
  return Buffer.concat([Buffer.from(prefix), message]);
}

/**
 * The length at the head of `bytes`: `{ length, size }`, or null when more bytes are needed.
 * Throws LinkFault for a prefix that is too long or not in its shortest form (L-26).
 */
export function readLength(bytes) {
  let length = 0;
  for (let at = 0; at < 5; at++) {
    if (at === bytes.length) return null;
    length += (bytes[at] & 127) * 2 ** (7 * at);
    if (bytes[at] < 128) {
      if (bytes[at] === 0 && at > 0) throw malformed('a length that is not in its shortest form');
      if (length >= 2 ** 32) throw malformed('a length of more than 32 bits');
      return { length, size: at + 1 };
    }
  }
  throw malformed('a length of more than five bytes');
}

/** Takes frames from a stream that has `read(): Promise<Buffer | null>`. */
export class FrameReader {
  #stream;
  #chunks = [];
  #bytes = 0;

  constructor(stream) {
    this.#stream = stream;
  }

  /** The next message; null when the stream was finished between frames. Throws LinkFault, LaneGone. */
  async next(limit) {
    let head;
    while (!(head = readLength(this.#peek(5)))) {
      if (await this.#more()) continue;
      if (this.#bytes === 0) return null;
      throw new LaneGone('finished within a frame');
    }
    this.checkLength(head.length, limit);
    while (this.#bytes < head.size + head.length) {
      if (!(await this.#more())) throw new LaneGone('finished within a frame'); // L-22
    }
    return this.#take(head.size + head.length).subarray(head.size);
  }

  /** L-27: as soon as the length is known, before memory is spent on it. */
  checkLength(length, limit) {
    if (length > limit) throw new LinkFault(Code.FrameTooLarge, `a frame of ${length} bytes, ${limit} are allowed`);
  }

  async #more() {
    const chunk = await this.#stream.read();
    if (chunk === null) return false;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return true;
  }

  #peek(count) {
    while (this.#chunks.length > 1 && this.#chunks[0].length < count) {
      this.#chunks.splice(0, 2, Buffer.concat(this.#chunks.slice(0, 2)));
    }
    return (this.#chunks[0] ?? Buffer.alloc(0)).subarray(0, count);
  }

  #take(count) {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    this.#bytes -= count;
    return all.subarray(0, count);
  }
}
