/**
 * One WebSocket to a relay: asks and gets answers, and gives each channel what is for it. What a channel does with it, and
 * whether the link is a server's or that of clients, it does not know.
 */

import type { CloseDetails } from "../events.js";
import type { WebSocketConstructor } from "../options.js";
import type { Channel } from "./channel.js";
import { TunnelError } from "./error.js";
import { type RelayMessage, SUBPROTOCOL, isCount, readBinary, readMessage } from "./wire.js";

/** Milliseconds until the relay must have said its first word. */
const WELCOME_IN = 20_000;
/** After so many milliseconds without a word of the relay it is asked for one. A page can't send pings. */
const ASK_AFTER = 30_000;
/** And so many milliseconds later the connection is taken for dead. */
const ANSWER_IN = 20_000;

/** What the relay told at the start. */
export interface Limits {
  /** Bytes of credit of each direction of a channel. */
  readonly window: number;
  /** Most bytes of a message to the relay. */
  readonly messageBytes: number;
  /** For so many milliseconds a server's place is kept. */
  readonly graceMs: number;
}

export interface LinkUser {
  /** The relay is there: requests can be sent from now on. */
  readonly welcome: (limits: Limits) => void;
  /** What is neither an answer nor for a channel. */
  readonly event: (message: RelayMessage) => void;
  /** The link is gone, or never came about. Not told after `close`. Requests that wait are not answered any more. */
  readonly ended: (error: TunnelError, details: CloseDetails) => void;
}

type Answered = (answer: RelayMessage | TunnelError) => void;

export class Link {
  /** The channels whose data come here. */
  readonly channels = new Map<number, Channel>();
  limits: Limits | undefined;

  readonly #url: string;
  readonly #user: LinkUser;
  readonly #asked = new Map<number, Answered>();
  #socket: WebSocket | undefined;
  #lastId = 0;
  #written = 0;
  #heard = 0;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, Constructor: WebSocketConstructor, user: LinkUser) {
    this.#url = url;
    this.#user = user;
    let cause: string | undefined;
    let socket: WebSocket;
    try {
      socket = new Constructor(url, [SUBPROTOCOL]) as WebSocket;
    } catch (error) {
      // Such as a page on https that may not connect without TLS. Told as every other failure is.
      queueMicrotask(() => this.#end(undefined, (error as Error).message));
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onerror = (event) => {
      // Browsers say nothing here; the package `ws` does.
      cause = (event as ErrorEvent).message || cause;
    };
    socket.onclose = ({ code, reason, wasClean }) => this.#end({ code, reason, wasClean }, cause);
    this.#timer = setTimeout(() => this.#end(undefined, "it did not answer in time"), WELCOME_IN);
  }

  /** Asks; `answered` is told in the order in which the relay answers, before anything that comes after it. */
  request(request: RelayMessage, answered: Answered): void {
    const id = ++this.#lastId;
    this.#asked.set(id, answered);
    this.write(JSON.stringify({ ...request, id }));
  }

  /** Says something whose answer is of no interest. */
  tell(message: RelayMessage): void {
    this.write(JSON.stringify(message));
  }

  /** @returns The place in all that was written after which the frame has left this program, for `waits`. */
  write(frame: string | Uint8Array<ArrayBuffer>): number {
    if (!this.#over) this.#socket?.send(frame);
    return (this.#written += frame.length);
  }

  /** Whether what was written up to this place is still in the socket. Text that is not ASCII may seem so for too long. */
  waits(place: number): boolean {
    return !this.#over && place > this.#written - (this.#socket?.bufferedAmount ?? 0);
  }

  close(): void {
    this.#forget();
    this.#socket?.close(1000);
  }

  #hear(data: unknown): void {
    this.#heard = Date.now();
    if (typeof data !== "string") {
      const read = data instanceof ArrayBuffer ? readBinary(data) : undefined;
      if (read) this.channels.get(read.channel)?.take(read.payload, read.payload.byteLength);
      return;
    }
    const message = readMessage(data);
    if (!this.limits) return this.#welcome(message);
    // What can't be read, or is of a type that is not known, is from a newer relay.
    if (message) this.#understand(message);
  }

  #welcome(message: RelayMessage | undefined): void {
    const { type, window, message_bytes: messageBytes, grace_ms: graceMs } = message ?? { type: "" };
    if (type !== "welcome" || !isCount(window) || !isCount(messageBytes) || !isCount(graceMs)) {
      return this.#end(undefined, `what answers there does not speak ${SUBPROTOCOL}`);
    }
    this.limits = { window, messageBytes, graceMs };
    this.#watch(false);
    this.#user.welcome(this.limits);
  }

  #understand(message: RelayMessage): void {
    const { type, id } = message;
    const answered = isCount(id) ? this.#asked.get(id) : undefined;
    if (answered) {
      this.#asked.delete(id as number);
      return answered(
        type === "error" ? new TunnelError(String(message.code ?? "error"), String(message.message ?? "")) : message,
      );
    }
    const channel = this.channels.get(message.channel as number);
    switch (type) {
      case "data":
        if (typeof message.data === "string") channel?.take(message.data);
        return;
      case "consumed":
        if (isCount(message.bytes)) channel?.consumedThere(message.bytes);
        return;
      case "finished":
        return channel?.finishedThere();
      case "disconnected":
        if (!channel) break;
        return channel.end({
          code: String(message.code ?? "gone"),
          ...(isCount(message.status) ? { status: message.status } : {}),
          ...(typeof message.reason === "string" ? { reason: message.reason } : {}),
        });
      case "error":
        // What was on its way when a channel ended; `disconnected` says how it did.
        if (isCount(message.channel)) return;
    }
    this.#user.event(message);
  }

  /** Looks after a while whether the relay is still heard. */
  #watch(asked: boolean): void {
    const since = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        if (this.#heard > since) return this.#watch(false);
        if (asked) return this.#end(undefined, "it does not answer any more");
        this.request({ type: "ping" }, () => {});
        this.#watch(true);
      },
      asked ? ANSWER_IN : ASK_AFTER,
    );
  }

  #end(details: CloseDetails | undefined, cause: string | undefined): void {
    if (this.#over) return;
    this.#forget();
    if (!details) this.#socket?.close();
    const told = details ?? { code: 1006, reason: "", wasClean: false };
    const said = told.reason || cause || (told.code === 1006 ? "" : `code ${told.code}`);
    this.#user.ended(
      this.limits
        ? new TunnelError("lost", `The connection to the relay at ${this.#url} was lost${said && ` (${said})`}`)
        : unreachable(this.#url, said),
      told,
    );
  }

  #forget(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#asked.clear();
    const socket = this.#socket;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    // The package `ws` would throw it, if nobody listened.
    socket.onerror = () => {};
  }
}

/** A browser does not say why nothing came about, so that no page can look around. */
function unreachable(url: string, said: string): TunnelError {
  const onWeb = /^https?:$/.test(globalThis.location?.protocol);
  return new TunnelError(
    "unreachable",
    `No relay at ${url}${said && ` (${said})`}. Start one there: nws relay` +
      (onWeb ? `. A Content-Security-Policy of this page must list ${new URL(url).origin} in connect-src` : "") +
      (onWeb && url.startsWith("ws:") && location.protocol === "https:" ? ". From https pages use wss:" : ""),
  );
}
