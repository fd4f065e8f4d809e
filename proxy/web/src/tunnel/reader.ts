/**
 * One reader's place in the stream of a socket's messages, for `for await`. What it has not taken is not consumed, so the
 * other end has to wait; that is why nothing here is bounded, and no message skipped.
 */

import { Fifo } from "./fifo.js";

interface Waiter {
  resolve(result: IteratorResult<MessageEvent, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

export class Reader implements AsyncIterableIterator<MessageEvent, undefined> {
  readonly #left: (reader: Reader) => void;
  readonly #kept = new Fifo<{ event: MessageEvent; taken: () => void }>();
  #waiters: Waiter[] = [];
  /** Set once nothing more comes. */
  #end: { error: Error | undefined } | undefined;

  constructor(left: (reader: Reader) => void) {
    this.#left = left;
  }

  push(event: MessageEvent, taken: () => void): void {
    const waiter = this.#waiters.shift();
    if (!waiter) return this.#kept.push({ event, taken });
    taken();
    waiter.resolve({ value: event, done: false });
  }

  /** Nothing more comes. What is kept can still be read; then the error is thrown, once, if there is one. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = { error };
    this.#left(this);
    const [first, ...others] = this.#waiters.splice(0);
    if (first) void this.#finish().then(first.resolve, first.reject);
    for (const waiter of others) waiter.resolve(DONE);
  }

  async next(): Promise<IteratorResult<MessageEvent, undefined>> {
    const kept = this.#kept.shift();
    if (kept) {
      kept.taken();
      return { value: kept.event, done: false };
    }
    if (this.#end) return this.#finish();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Called when a loop is left early. */
  async return(): Promise<IteratorResult<MessageEvent, undefined>> {
    this.end();
    for (const { taken } of this.#kept) taken();
    this.#kept.clear();
    this.#end = { error: undefined };
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #finish(): Promise<IteratorResult<MessageEvent, undefined>> {
    const error = this.#end?.error;
    this.#end = { error: undefined };
    if (error) throw error;
    return DONE;
  }
}
