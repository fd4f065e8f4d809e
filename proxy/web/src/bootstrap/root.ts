/** The root's connection to the server: requests come in, heartbeats go both ways. */

import type { WebSocketConstructor } from "../options.js";
import { BootstrapError } from "./error.js";
import { unreachable } from "./handshake.js";
import { type BootstrapRequest, HEARTBEAT, readRequest } from "./request.js";

/** Milliseconds between heartbeats: as the server's. */
const HEARTBEAT_EVERY = 15_000;

/** After so many silent intervals a server that sends heartbeats is gone. A guess. */
const MOST_SILENT = 3;

export interface RootPlan {
  /** With the secret: not to be repeated. */
  readonly url: string;
  /** The same without it. */
  readonly address: string;
  readonly WebSocket: WebSocketConstructor;
  readonly onRequest: (request: BootstrapRequest) => void;
  /** Told once: whether the connection came about. */
  readonly opened: (error: BootstrapError | null) => void;
}

export class BootstrapRoot {
  /** When it is over: the error, or `undefined` if `close` was called here. */
  readonly closed: Promise<BootstrapError | undefined>;

  readonly #close: () => void;

  /** @internal */
  constructor({ url, address, WebSocket: Constructor, onRequest, opened }: RootPlan) {
    let wasOpen = false;
    let cause: string | undefined;
    let socket: WebSocket | undefined;
    let beat: ReturnType<typeof setInterval> | undefined;
    /** Intervals since the server was last heard, once it has sent a heartbeat. */
    let silent: number | undefined;
    let resolve: ((error: BootstrapError | undefined) => void) | undefined;
    this.closed = new Promise((yes) => (resolve = yes));

    const end = (error?: BootstrapError) => {
      if (!resolve) return;
      clearInterval(beat);
      if (socket) {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.onerror = () => {};
        socket.close();
      }
      resolve(error);
      resolve = undefined;
      if (!wasOpen) opened(error ?? new BootstrapError("closed", "The root was closed before it was connected"));
    };
    this.#close = () => end();

    try {
      socket = new Constructor(url, []) as WebSocket;
    } catch {
      // What it says has the address, and that has the secret.
      queueMicrotask(() => end(unreachable(address, undefined)));
      return;
    }
    socket.onopen = () => {
      wasOpen = true;
      beat = setInterval(() => {
        if (silent !== undefined && ++silent > MOST_SILENT)
          end(new BootstrapError("lost", `The bootstrap server at ${address} has fallen silent`));
        else socket.send(HEARTBEAT);
      }, HEARTBEAT_EVERY);
      opened(null);
    };
    socket.onmessage = ({ data }) => {
      if (data === HEARTBEAT || silent !== undefined) silent = 0;
      const request = readRequest(data);
      if (request) onRequest(request);
    };
    socket.onerror = (event) => {
      cause = (event as ErrorEvent).message || cause;
    };
    socket.onclose = ({ code, reason }) => {
      const why = reason || `code ${code}`;
      end(
        wasOpen
          ? new BootstrapError("lost", `The bootstrap server at ${address} closed the root's connection (${why})`)
          : unreachable(address, `${cause ? `${cause}; ` : ""}is the secret right?`),
      );
    };
  }

  /** Leaves: no more requests come. The peers that were connected stay so. */
  close(): void {
    this.#close();
  }
}
