// A data lane that the other end opened. Whose turn it is to be read, remote-members.mjs says.

import { LaneGone, malformed } from './codes.mjs';
import { FrameReader } from './frames.mjs';
import { decodeData } from './messages.mjs';

const MOST_OPEN = 64; // bytes of the first frame

export class LaneIn {
  #stream;
  #reader;
  #givenUp = false;
  #waitsSince = Infinity; // for the next message
  done = new Promise((resolve) => (this.finishDone = resolve));

  constructor(link, stream) {
    this.link = link;
    this.#stream = stream;
    this.#reader = new FrameReader(stream);
  }

  /** The first frame: the channel id that it names. Throws LinkFault, LaneGone. */
  async readOpen() {
    const frame = await this.#reader.next(MOST_OPEN);
    if (frame === null) throw new LaneGone('a lane without Open');
    const message = decodeData(frame);
    if (message.kind !== 'open') throw malformed('the first frame is no Open'); // M-5
    return message.channelId;
  }

  /** The next message; null at the end. Throws LinkFault, LaneGone. */
  async next() {
    this.#waitsSince = performance.now();
    const frame = await this.#reader.next(this.link.self.maxFrameBytes);
    this.#waitsSince = Infinity;
    if (this.#givenUp) throw new LaneGone('given up'); // not even what was read before
    return frame;
  }

  /** It was read to its end: this end finishes its half too (L-21). */
  end() {
    this.#stream.end();
    this.finishDone();
  }

  /** No more is wanted of it, or its link is gone. */
  giveUp() {
    this.#givenUp = true;
    this.#stream.reset();
    this.finishDone();
  }

  /** The same, when nothing has come for `ms`. What was said may be under way for long; time in which it is not read counts for nothing. */
  async giveUpWhenQuiet(ms) {
    let isDone = false;
    void this.done.then(() => (isDone = true));
    while (!isDone) {
      const left = Math.max(this.#waitsSince, this.lastMoved) + ms - performance.now();
      if (left <= 0) return this.giveUp();
      await this.#stream.change(Math.min(left, ms));
    }
  }

  get lastMoved() {
    return this.#stream.lastMoved;
  }
}
