/**
 * One reader's place in the stream of a socket's messages, for `for await`. A WebSocket can't be told to wait, so what
 * the reader has not taken yet is kept, up to a limit; a reader that falls behind it gets an error, not a gap.
 */

import type { NetworkMessageEvent } from "./events.js";
import { NetworkWebSocketError } from "./errors.js";

interface Kept {
  readonly event: NetworkMessageEvent;
  readonly length: number;
  next?: Kept;
}

interface Waiter {
  resolve(result: IteratorResult<NetworkMessageEvent, undefined>): void;
  reject(error: unknown): void;
}

export class MessageQueue implements AsyncIterableIterator<NetworkMessageEvent, undefined> {
  /** A linked list, as taking from the front of a long array is slow. */
  #first: Kept | undefined;
  #last: Kept | undefined;
  #length = 0;
  #waiters: Waiter[] = [];
  /** Set once nothing more comes. */
  #end: { error: Error | undefined } | undefined;

  constructor(
    /** Most characters of JSON that are kept. */
    private readonly limit: number,
    private readonly left: (queue: MessageQueue) => void,
  ) {}

  push(event: NetworkMessageEvent, length: number): void {
    const waiter = this.#waiters.shift();
    if (waiter) {
      waiter.resolve({ value: event, done: false });
    } else if (this.#length + length > this.limit) {
      this.#first = undefined;
      this.end(
        new NetworkWebSocketError("behind", `Messages came faster than they were read: ${this.limit} characters wait`),
      );
    } else {
      this.#length += length;
      const kept: Kept = { event, length };
      if (this.#first && this.#last) this.#last.next = kept;
      else this.#first = kept;
      this.#last = kept;
    }
  }

  /** Nothing more comes. What is kept can still be read; then the error is thrown, once, if there is one. */
  end(error?: Error): void {
    if (this.#end) return;
    this.#end = { error };
    this.left(this);
    const [first, ...others] = this.#waiters.splice(0);
    if (first) void this.#finish().then(first.resolve, first.reject);
    for (const waiter of others) waiter.resolve({ value: undefined, done: true });
  }

  async next(): Promise<IteratorResult<NetworkMessageEvent, undefined>> {
    const kept = this.#first;
    if (kept) {
      this.#first = kept.next;
      this.#length -= kept.length;
      return { value: kept.event, done: false };
    }
    if (this.#end) return this.#finish();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Called when a loop is left early. */
  async return(): Promise<IteratorResult<NetworkMessageEvent, undefined>> {
    this.#first = undefined;
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #finish(): Promise<IteratorResult<NetworkMessageEvent, undefined>> {
    const error = this.#end?.error;
    this.#end = { error: undefined };
    if (error) throw error;
    return { value: undefined, done: true };
  }
}
