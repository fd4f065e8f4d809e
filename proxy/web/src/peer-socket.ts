/** The socket to one peer: what is sent here reaches that peer alone, and what comes here came from it, for us alone. */

import { checkClose, mustHaveBeenOpen, toJson } from "./outgoing.js";
import { type SocketControl, type SocketEventMap, SocketFace } from "./socket-face.js";

/** What a peer's socket needs of the channel's. */
export interface PeerHost {
  readonly channel: {
    readonly url: string;
    readonly protocol: string;
    readonly extensions: string;
    readonly bufferedAmount: number;
  };
  readonly queueLimit: number;
  /** Sends JSON text to the peer. */
  readonly send: (json: string) => void;
  /** Ends the peer's socket, from this side. */
  readonly leave: (code: number, reason: string) => void;
}

/** How a peer's socket is closed when the peer is gone. */
export const PEER_GONE = 3000;
/** How it is closed when `close` is called on it without a code. */
const CLOSED_HERE = 3001;

export class NetworkPeerSocket extends SocketFace<SocketEventMap> {
  readonly #host: PeerHost;
  readonly #control: SocketControl;

  /** @internal */
  constructor(
    /** The peer's id, as in `senderId` of its messages. */
    readonly id: string,
    host: PeerHost,
    owner: (control: SocketControl) => void,
  ) {
    let control!: SocketControl;
    super(host.queueLimit, (handed) => owner((control = handed)));
    this.#host = host;
    this.#control = control;
  }

  get url(): string {
    return `${this.#host.channel.url}#${this.id}`;
  }

  get protocol(): string {
    return this.#host.channel.protocol;
  }

  get extensions(): string {
    return this.#host.channel.extensions;
  }

  /** That of the channel: all share one connection. */
  get bufferedAmount(): number {
    return this.#host.channel.bufferedAmount;
  }

  /**
   * Sends any JSON value to this peer alone.
   *
   * @throws {TypeError} if it is not a JSON value.
   * @throws {DOMException} `InvalidStateError` before the `open` event.
   */
  send(data: unknown): void {
    const json = toJson(data);
    mustHaveBeenOpen(this.readyState);
    if (this.readyState === 1) this.#host.send(json);
  }

  /**
   * Ends the direct conversation on this side: nothing more comes here, and the peer is no longer in `peers`. The
   * peer itself is not told, and its broadcasts still arrive.
   */
  close(code?: number, reason?: string): void {
    checkClose(code, reason);
    if (this.readyState > 1) return;
    this.#control.state(2);
    queueMicrotask(() => this.#host.leave(code ?? CLOSED_HERE, reason ?? ""));
  }
}
