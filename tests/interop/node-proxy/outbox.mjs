// What waits to be written to one lane, in order. Whoever fills it looks at `bytes` and waits for room.

import { LaneGone } from './codes.mjs';

export class Outbox {
  #queue = [];
  #finished = false;
  #isReset = false;
  #writing = false;
  #urgent;
  bytes = 0;

  /** `stream`: it, or a promise of it that may give null. `onChange()`: something was written, or the lane ended. */
  constructor(stream, { urgent = false, onChange = () => {} } = {}) {
    this.stream = null;
    this.#urgent = urgent;
    this.onChange = onChange;
    this.done = new Promise((resolve) => (this.finishDone = resolve));
    this.opened = Promise.resolve(stream);
    void this.#begin();
  }

  push(frame) {
    if (this.#finished) return;
    this.#queue.push(frame);
    this.bytes += frame.length;
    void this.#write();
  }

  /** FIN after what waits. Nothing can be pushed any more. */
  finish() {
    this.#finished = true;
    void this.#write();
  }

  /** Gives the lane up; what waits is lost. */
  reset() {
    this.#isReset = true;
    this.#finished = true;
    this.stream?.reset();
    this.#drop();
  }

  get isFinished() {
    return this.#finished;
  }

  async #begin() {
    this.stream = await this.opened;
    if (!this.stream) return this.#drop();
    if (this.#isReset) return this.stream.reset();
    await this.#write();
  }

  async #write() {
    if (!this.stream || this.#writing) return;
    this.#writing = true;
    try {
      while (this.#queue.length > 0) {
        const frame = this.#queue[0];
        await this.stream.write(frame, { urgent: this.#urgent });
        if (this.#queue[0] !== frame) return; // dropped meanwhile
        this.#queue.shift();
        this.bytes -= frame.length;
        this.onChange();
      }
      if (this.#finished) {
        this.stream.end();
        this.finishDone();
      }
    } catch (error) {
      if (!(error instanceof LaneGone)) throw error;
      this.#drop();
    } finally {
      this.#writing = false;
    }
  }

  #drop() {
    this.#queue = [];
    this.bytes = 0;
    this.#finished = true;
    this.finishDone();
    this.onChange();
  }
}
