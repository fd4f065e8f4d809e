/** A client asks for a port. Whoever listens decides; what accepting and refusing mean is the server's business. */

import type { PeerToPeerWebSocket } from "./socket.js";

interface Asked {
  readonly channel: number;
  readonly port: number;
  readonly address: string;
  readonly accept: () => PeerToPeerWebSocket;
  readonly refuse: (reason: string | undefined) => void;
}

/** Most bytes of a reason, as in a WebSocket's close. */
const MOST_REASON = 123;

/**
 * If no listener decides, the server accepts if `listen` was called for the port, and refuses otherwise. Who wants to
 * decide later calls `preventDefault`; the relay waits for 10 seconds, by default.
 */
export class ConnectionEvent extends Event {
  readonly #asked: Asked;
  #socket: PeerToPeerWebSocket | undefined;
  #state: "asked" | "decided" | "expired" = "asked";

  /** @internal */
  constructor(asked: Asked) {
    super("connection", { cancelable: true });
    this.#asked = asked;
  }

  /** The number of the connection at the relay. */
  get channel(): number {
    return this.#asked.channel;
  }

  get port(): number {
    return this.#asked.port;
  }

  /** The address from which the client came to the relay. */
  get address(): string {
    return this.#asked.address;
  }

  /** Whether it was accepted or refused. */
  get decided(): boolean {
    return this.#state === "decided";
  }

  /**
   * Takes the client. @returns The socket, the same each time.
   *
   * @throws {DOMException} `InvalidStateError` if it was refused, or the client has left, or the relay has given up.
   */
  accept(): PeerToPeerWebSocket {
    if (this.#socket) return this.#socket;
    this.#decide();
    return (this.#socket = this.#asked.accept());
  }

  /**
   * Sends the client away. It is told the reason: at most 123 bytes.
   *
   * @throws {DOMException} `SyntaxError` for a longer reason; `InvalidStateError` as `accept`.
   */
  refuse(reason?: string): void {
    if (reason !== undefined && new TextEncoder().encode(reason).length > MOST_REASON) {
      throw new DOMException(`A reason has at most ${MOST_REASON} bytes`, "SyntaxError");
    }
    this.#decide();
    this.#asked.refuse(reason);
  }

  /** @internal Nobody waits for a decision any more. */
  expire(): void {
    if (this.#state === "asked") this.#state = "expired";
  }

  #decide(): void {
    if (this.#state !== "asked") {
      const why = this.#state === "decided" ? "was refused already" : "has left, or waited too long";
      throw new DOMException(`The client of channel ${this.channel} ${why}`, "InvalidStateError");
    }
    this.#state = "decided";
  }
}
