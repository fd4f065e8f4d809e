/**
 * Brings one peer to its connection: carries its signals over a WebSocket to the server, which is closed as soon as it
 * is not needed any more. What is in the signals it does not know.
 */

import type { WebSocketConstructor } from "../options.js";
import { BootstrapError } from "./error.js";
import type { PeerLike } from "./peer-like.js";
import { NOTICES, readNotice, readRequest, requestText } from "./request.js";

export interface HandshakePlan<Peer> {
  /** The server's address for joiners. */
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly peer: Peer;
  /** Who is answered; the first request is for whoever the root finds. */
  readonly destination: string | null;
  readonly timeout: number;
  /** Told once: how the handshake ended. */
  readonly done: (error: BootstrapError | null) => void;
}

export class Handshake<Peer extends PeerLike> {
  readonly peer: Peer;
  /** When it ended. */
  over: number | undefined;

  readonly #plan: HandshakePlan<Peer>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #socket: WebSocket | undefined;
  #socketOver = false;
  #peerOver = false;
  /** What waits until the socket is open: the signals of one peer. */
  #waiting: string[] = [];
  #rank = 0;
  /** Who answers, by its word that came first. Nobody else is listened to. */
  #other: string | undefined;

  constructor(plan: HandshakePlan<Peer>) {
    const { peer, destination, timeout } = plan;
    this.peer = peer;
    this.#plan = plan;
    this.#other = destination ?? undefined;
    this.#timer = setTimeout(() => this.#end(this.#late()), timeout);
    peer.on("signal", (signal) => this.#say(signal));
    peer.on("connect", () => this.#end(null));
    peer.on("error", (error: Error) =>
      this.#end(error instanceof BootstrapError ? error : new BootstrapError("lost", error.message)),
    );
    peer.on("close", () => {
      this.#peerOver = true;
      this.#end(new BootstrapError("closed", "The peer was destroyed before it was connected"));
    });
    // Who asks needs it in any case. Who is asked opens it for an answer, so that nonsense costs no connection.
    if (destination === null) this.#open();
  }

  /** Hands a signal to the peer, if it can still take one. */
  signal(signal: unknown): void {
    if (this.#peerOver) return;
    try {
      this.peer.signal(signal);
    } catch (error) {
      // simple-peer throws for what it does not know.
      this.#end(new BootstrapError("signal", `The handshake failed: ${(error as Error).message}`));
    }
  }

  /** Gives it up, unless it is over. */
  close(): void {
    this.#end(new BootstrapError("closed", "The client was closed before the peer was connected"));
  }

  #open(): void {
    const { url, WebSocket: Constructor } = this.#plan;
    let cause: string | undefined;
    let wasOpen = false;
    let socket: WebSocket;
    try {
      socket = new Constructor(url, [NOTICES]) as WebSocket;
    } catch (error) {
      // Such as a page on https that may not connect without TLS.
      const { message } = error as Error;
      queueMicrotask(() => this.#end(unreachable(url, message)));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      wasOpen = true;
      for (const text of this.#waiting.splice(0)) socket.send(text);
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onerror = (event) => {
      // Browsers say nothing here; the package `ws` does.
      cause = (event as ErrorEvent).message || cause;
    };
    socket.onclose = ({ code, reason }) => {
      this.#socketOver = true;
      if (!wasOpen) return this.#end(unreachable(url, cause));
      // Once both have said what they had to, they may find each other without the server.
      if (this.#plan.destination === null && this.#other === undefined) {
        const why = reason || (code === 1005 ? "its time for joiners is over" : `code ${code}`);
        this.#end(new BootstrapError("lost", `The server closed the connection before anybody answered (${why})`));
      }
    };
  }

  #say(signal: unknown): void {
    // What a connection finds out later than the server's end is for nobody; the time-out watches over the rest.
    if (this.over !== undefined || this.#socketOver) return;
    const text = requestText(this.#plan.destination, signal, this.#rank++);
    if (!this.#socket) this.#open();
    if (this.#socket?.readyState === 1) this.#socket.send(text);
    else this.#waiting.push(text);
  }

  #hear(text: unknown): void {
    const request = readRequest(text);
    if (request) {
      if (request.origin !== (this.#other ??= request.origin)) return;
      return this.signal(request.signal);
    }
    // Of all that is sent only the first is needed: addresses may come too late for one that is connected already.
    const notice = readNotice(text);
    if (notice?.rank === 0)
      this.#end(new BootstrapError("undelivered", `The server can't reach who should answer: ${notice.message}`));
  }

  #late(): BootstrapError {
    const seconds = this.#plan.timeout / 1000;
    const words =
      this.#other === undefined
        ? `Nobody answered within ${seconds} s: is a root there?`
        : `No connection to the peer within ${seconds} s`;
    return new BootstrapError("timeout", words);
  }

  #end(error: BootstrapError | null): void {
    if (this.over !== undefined) return;
    this.over = Date.now();
    clearTimeout(this.#timer);
    this.#waiting = [];
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // The package `ws` would throw it, if nobody listened.
      socket.onerror = () => {};
      socket.close();
    }
    if (error && !this.#peerOver) this.peer.destroy(error);
    this.#plan.done(error);
  }
}

/** What is told when no connection came about. A browser does not say why, so that no page can look around. */
export function unreachable(address: string, cause: string | undefined): BootstrapError {
  const said = cause ? ` (${cause})` : "";
  return new BootstrapError("unreachable", `The bootstrap server at ${address} is not there, or refuses${said}`);
}
