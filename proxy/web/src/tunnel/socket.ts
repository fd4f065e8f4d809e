/**
 * A connection through a relay, with the face of a WebSocket. It brings what comes to the page, at the page's pace, and
 * keeps the ready state; how a channel counts and where its link is, it does not know.
 */

import { type CloseDetails, closeEvent } from "../events.js";
import { checkClose, mustHaveBeenOpen } from "../outgoing.js";
import { webSocketConstructor } from "../options.js";
import { type Handler, type Listener, type ReadyState, defineHandlers } from "../socket-face.js";
import type { Channel, ChannelUser, Ending } from "./channel.js";
import { howItEnded } from "./endings.js";
import { TunnelError, TunnelErrorEvent } from "./error.js";
import { Fifo } from "./fifo.js";
import { type TunnelOptions, portNumber, relayAddress, serverNumber } from "./options.js";
import { connect } from "./outgoing.js";
import { Reader } from "./reader.js";
import type { ForwardingServerWebSocket } from "./server.js";

export interface PeerToPeerWebSocketEventMap {
  open: Event;
  message: MessageEvent;
  /** The other end sends nothing more; it still receives. */
  finished: Event;
  error: TunnelErrorEvent;
  close: CloseEvent;
}

/** What a socket is: the one of a client, or one of a server's. */
export interface SocketAbout {
  readonly url: string;
  readonly serverId: number;
  readonly port: number;
  readonly address: string | undefined;
}

type Data = string | ArrayBuffer;

export interface PeerToPeerWebSocket {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  onopen: Handler<this, Event>;
  onmessage: Handler<this, MessageEvent>;
  onfinished: Handler<this, Event>;
  onerror: Handler<this, TunnelErrorEvent>;
  onclose: Handler<this, CloseEvent>;

  addEventListener<Type extends keyof PeerToPeerWebSocketEventMap>(
    type: Type,
    listener: Listener<this, PeerToPeerWebSocketEventMap[Type]>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

export class PeerToPeerWebSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  /** The relay's address. */
  readonly url: string;
  readonly serverId: number;
  readonly port: number;
  /** The address from which a client came to the relay; `undefined` on the client's own socket. */
  readonly address: string | undefined;
  /** No subprotocols and extensions are agreed from end to end. */
  readonly protocol = "";
  readonly extensions = "";

  #state: ReadyState = 0;
  #binaryType: BinaryType = "blob";
  #channel: Channel | undefined;
  /** Gives up what is not there yet. */
  #giveUp: (() => void) | undefined;
  #finished = false;

  #resolve!: (socket: this) => void;
  #reject!: (error: Error) => void;
  readonly #opened = new Promise<this>((resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]));

  /** What came and was not brought to the page yet. */
  readonly #inbox = new Fifo<{ data: Data; cost: number } | "finished">();
  readonly #readers = new Set<Reader>();
  /** Until the task after `open`, so that who waited for that misses nothing. */
  #held = true;
  #paused = false;
  #delivering = false;
  #ending: Ending | undefined;
  /** The words with which it was closed here. */
  #closedWith: { code: number | undefined; reason: string } | undefined;

  /** Sockets come from `toPort`, `throughChannel`, and a server. */
  private constructor(about: SocketAbout) {
    super();
    if (!about) throw new TypeError("A socket is made by PeerToPeerWebSocket.toPort, or by a server");
    this.url = about.url;
    this.serverId = about.serverId;
    this.port = about.port;
    this.address = about.address;
    // Who does not use the promise is told by events, not by an unhandled rejection.
    this.#opened.catch(() => {});
  }

  /**
   * A connection to a port of a server, by the relay at `url`.
   *
   * @throws {DOMException} `SyntaxError` for an address that is none.
   * @throws {RangeError} for a port or an id that is none.
   */
  static toPort(
    port: number | string,
    serverId: number | string,
    url: string | URL,
    options: TunnelOptions = {},
  ): PeerToPeerWebSocket {
    const about = { url: relayAddress(url), serverId: serverNumber(serverId), port: portNumber(port) };
    const socket = new PeerToPeerWebSocket({ ...about, address: undefined });
    socket.#giveUp = connect(about.url, webSocketConstructor(options), {
      server: about.serverId,
      port: about.port,
      ...socket.#user(),
      connected: (channel) => socket.#open(channel),
      failed: (error) => socket.#ended({ code: error.code, error }),
    });
    return socket;
  }

  /**
   * The socket to the client of a channel, which is accepted if it was not yet.
   *
   * @throws {DOMException} `InvalidStateError` if the server has no such channel, or not any more.
   */
  static throughChannel(channel: number, server: ForwardingServerWebSocket): PeerToPeerWebSocket {
    return server.through(channel);
  }

  /** @internal A server's socket: it is open at once, and says so when the code that runs now is done. */
  static incoming(about: SocketAbout, channel: (user: ChannelUser) => Channel): PeerToPeerWebSocket {
    const socket = new PeerToPeerWebSocket(about);
    socket.#channel = channel(socket.#user());
    socket.#state = 1;
    socket.#resolve(socket);
    queueMicrotask(() => socket.#begin());
    return socket;
  }

  get readyState(): ReadyState {
    // It is over, and the page has yet to see what came before.
    return this.#ending && this.#state === 1 ? 2 : this.#state;
  }

  /** The number of the channel at the relay, once there is one. */
  get channel(): number | undefined {
    return this.#channel?.number;
  }

  /** Bytes of data that are not on their way yet: for want of credit, or in the WebSocket to the relay. */
  get bufferedAmount(): number {
    return this.#channel?.bufferedAmount ?? 0;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  /** Fulfilled with this socket when it is open, rejected with a `TunnelError` when it ends before. */
  get opened(): Promise<this> {
    return this.#opened;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Sends text, or bytes.
   *
   * @throws {DOMException} `InvalidStateError` before the `open` event, and after `finish`.
   * @throws {TunnelError} `too_large` for more than the relay takes in one message.
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void {
    mustHaveBeenOpen(this.#state);
    if (this.#finished) throw new DOMException("Nothing can be sent after finish", "InvalidStateError");
    if (this.readyState !== 1) return;
    const binary = data instanceof ArrayBuffer || ArrayBuffer.isView(data) || data instanceof Blob;
    this.#channel?.send(binary ? data : String(data));
  }

  /** Says that nothing more is sent here. What the other end sends still comes. */
  finish(): void {
    mustHaveBeenOpen(this.#state);
    if (this.#finished || this.readyState !== 1) return;
    this.#finished = true;
    this.#channel?.finish();
  }

  /** Holds back messages and the end, until `resume`. Once the relay's window is full, the other end waits. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  /** Closes it after what was sent. The arguments are those of `WebSocket`. */
  close(code?: number, reason?: string): void {
    checkClose(code, reason);
    if (this.#state > 1) return;
    if (this.#ending) {
      // The other end was faster. What it had said before is of no interest any more.
      this.#inbox.clear();
      return this.resume();
    }
    if (this.#state === 0) {
      this.#state = 2;
      this.#giveUp?.();
      const error = new TunnelError("closed", "The socket was closed before it was open");
      return queueMicrotask(() => this.#ended({ code: error.code, error }));
    }
    this.#state = 2;
    this.#closedWith = { code, reason: reason ?? "" };
    for (let item; (item = this.#inbox.shift()); ) if (item !== "finished") this.#channel?.done(item.cost);
    this.#channel?.close(code, reason);
  }

  /**
   * The messages from now on, until the socket is closed or the other end has finished. What is not read is not consumed:
   * the other end waits. Leaving the loop does not close the socket. Ends with an error if the socket ends with one.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageEvent, undefined> {
    const reader = new Reader((left) => this.#readers.delete(left));
    this.#readers.add(reader);
    if (this.#state === 3) reader.end();
    return reader;
  }

  #user(): ChannelUser {
    return {
      data: (data, cost) => this.#take({ data, cost }),
      finished: () => this.#take("finished"),
      ended: (ending) => this.#ended(ending),
    };
  }

  #open(channel: Channel): void {
    this.#channel = channel;
    this.#state = 1;
    this.#resolve(this);
    this.#begin();
  }

  #begin(): void {
    if (this.#state === 1) this.dispatchEvent(new Event("open"));
    nextTask(() => {
      this.#held = false;
      this.#deliver();
    });
  }

  #take(item: { data: Data; cost: number } | "finished"): void {
    if (this.#state > 1) {
      // As a WebSocket does: nothing more after `close`.
      if (item !== "finished") this.#channel?.done(item.cost);
      return;
    }
    this.#inbox.push(item);
    this.#deliver();
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let item; !this.#held && !this.#paused && (item = this.#inbox.shift()); ) {
        if (item === "finished") {
          for (const reader of this.#readers) reader.end();
          this.dispatchEvent(new Event("finished"));
        } else {
          this.#bring(item.data, item.cost);
        }
      }
    } finally {
      this.#delivering = false;
    }
    if (this.#ending && !this.#held && !this.#paused && !this.#inbox.first) this.#close(this.#ending);
  }

  /** A message is consumed when its listeners have had it, and every loop has taken it. */
  #bring(bytes: Data, cost: number): void {
    const data = typeof bytes === "string" || this.#binaryType === "arraybuffer" ? bytes : new Blob([bytes]);
    const event = new MessageEvent("message", { data, origin: new URL(this.url).origin });
    let holders = this.#readers.size + 1;
    const taken = () => {
      holders -= 1;
      if (holders === 0) this.#channel?.done(cost);
    };
    for (const reader of this.#readers) reader.push(event, taken);
    this.dispatchEvent(event);
    taken();
  }

  #ended(ending: Ending): void {
    if (this.#state === 3 || this.#ending) return;
    this.#ending = ending;
    // What was never open, or was closed here, has nothing to bring any more.
    if (this.#state !== 1) this.#close(ending);
    else this.#deliver();
  }

  #close(ending: Ending): void {
    if (this.#state === 3) return;
    const { details, error } = howItEnded(ending);
    this.#state = 3;
    this.#reject(error ?? new TunnelError("closed", "The socket was closed before it was open"));
    for (const reader of this.#readers) reader.end(error);
    if (error) this.dispatchEvent(new TunnelErrorEvent(error));
    this.dispatchEvent(closeEvent(ending.here ? this.#own() : details));
  }

  #own(): CloseDetails {
    // 1005 is what a WebSocket reports when no code was given.
    return { code: this.#closedWith?.code ?? 1005, reason: this.#closedWith?.reason ?? "", wasClean: true };
  }
}

for (const [value, name] of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].entries()) {
  Object.defineProperty(PeerToPeerWebSocket.prototype, name, { value, enumerable: true });
}
defineHandlers(PeerToPeerWebSocket.prototype, ["open", "message", "finished", "error", "close"]);

/** Timers of pages in the background wait for a second; Node's channels are slow to start, and it has something better. */
function nextTask(run: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => void };
  if (setImmediate) return setImmediate(run);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    run();
  };
  port2.postMessage(0);
}
