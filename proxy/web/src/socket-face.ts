/**
 * What a channel's socket and a peer's socket have in common: the face of a WebSocket. It keeps the ready state, the
 * event handlers, the promise for "open" and the iterators, and knows nothing of a connection. Its owner moves it by the
 * `SocketControl` that the constructor hands out once, so that nobody else can.
 */

import { NetworkWebSocketError } from "./errors.js";
import { type CloseDetails, type NetworkErrorEvent, type NetworkMessageEvent, closeEvent } from "./events.js";
import { MessageQueue } from "./message-queue.js";

export type ReadyState = 0 | 1 | 2 | 3;

/** A function that is called for an event, or an object with such a method, or nothing. */
export type Listener<This, E> = ((this: This, event: E) => unknown) | { handleEvent(event: E): unknown } | null;
/** What can be assigned to `onopen` and the like. */
export type Handler<This, E> = ((this: This, event: E) => unknown) | null;

export interface SocketEventMap {
  open: Event;
  message: NetworkMessageEvent;
  error: NetworkErrorEvent;
  close: CloseEvent;
}

/** How the owner of a `SocketFace` moves it. */
export interface SocketControl {
  readonly state: (next: ReadyState) => void;
  readonly open: () => void;
  readonly message: (event: NetworkMessageEvent, length: number) => void;
  /** The end: `opened` and iterators fail with `error`, or are told that it was closed. */
  readonly close: (details: CloseDetails, error?: NetworkWebSocketError) => void;
}

interface Opening {
  readonly promise: Promise<unknown>;
  readonly resolve: (socket: unknown) => void;
  readonly reject: (error: Error) => void;
}

function opening(): Opening {
  let resolve!: Opening["resolve"];
  let reject!: Opening["reject"];
  const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
  // Who does not use the promise is told by events, not by an unhandled rejection.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

export interface SocketFace<Events extends SocketEventMap> {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  onopen: Handler<this, Events["open"]>;
  onmessage: Handler<this, Events["message"]>;
  onerror: Handler<this, Events["error"]>;
  onclose: Handler<this, Events["close"]>;

  addEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: Listener<this, Events[Type]>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: Listener<this, Events[Type]>,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

export abstract class SocketFace<Events extends SocketEventMap> extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  /** Kept for those who set it. Messages are JSON, so it changes nothing. */
  binaryType: BinaryType = "blob";

  #state: ReadyState = 0;
  #opening = opening();
  readonly #queues = new Set<MessageQueue>();
  readonly #queueLimit: number;

  /** @internal */
  protected constructor(queueLimit: number, owner: (control: SocketControl) => void) {
    super();
    this.#queueLimit = queueLimit;
    owner({
      state: (next) => {
        // A socket that connects again has another opening ahead.
        if (next === 0 && this.#state !== 0) this.#opening = opening();
        this.#state = next;
      },
      open: () => {
        this.#state = 1;
        this.#opening.resolve(this);
        this.dispatchEvent(new Event("open"));
      },
      message: (event, length) => {
        for (const queue of this.#queues) queue.push(event, length);
        this.dispatchEvent(event);
      },
      close: (details, error) => {
        this.#state = 3;
        this.#opening.reject(error ?? new NetworkWebSocketError("closed", "The socket was closed before it was open"));
        for (const queue of this.#queues) queue.end(error);
        this.dispatchEvent(closeEvent(details));
      },
    });
  }

  get readyState(): ReadyState {
    return this.#state;
  }

  /**
   * Fulfilled with this socket when it is open, rejected with a `NetworkWebSocketError` when it is closed before. While a
   * socket connects again it is a new promise, for that time.
   */
  get opened(): Promise<this> {
    return this.#opening.promise as Promise<this>;
  }

  /**
   * The messages from now on, until the socket is closed. Leaving the loop does not close it. Ends with an error if
   * the socket ends with one, or if more than `iteratorBuffer` characters wait to be read.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Events["message"]> {
    const queue = new MessageQueue(this.#queueLimit, (left) => this.#queues.delete(left));
    this.#queues.add(queue);
    if (this.#state === 3) queue.end();
    return queue;
  }
}

for (const [value, name] of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].entries()) {
  Object.defineProperty(SocketFace.prototype, name, { value, enumerable: true });
}

type AnyHandler = (this: unknown, event: Event) => unknown;

/** Gives `prototype` the attributes `on<type>`, which work as those of the web platform do. */
export function defineHandlers(prototype: EventTarget, types: readonly string[]): void {
  for (const type of types) {
    const handlers = new WeakMap<EventTarget, { current: AnyHandler | null }>();
    Object.defineProperty(prototype, `on${type}`, {
      enumerable: true,
      configurable: true,
      get(this: EventTarget) {
        return handlers.get(this)?.current ?? null;
      },
      set(this: EventTarget, value: unknown) {
        const current = typeof value === "function" ? (value as AnyHandler) : null;
        const known = handlers.get(this);
        if (known) {
          known.current = current;
        } else if (current) {
          // It keeps the place in the order of listeners that the first one had.
          const handler = { current: current as AnyHandler | null };
          handlers.set(this, handler);
          this.addEventListener(type, (event) => handler.current?.call(this, event));
        }
      },
    });
  }
}

defineHandlers(SocketFace.prototype, ["open", "message", "error", "close"]);
