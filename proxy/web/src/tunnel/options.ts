/** Where a relay is, and what a server or socket can be told beside it. */

import type { WebSocketConstructor } from "../options.js";
import type { ReconnectOptions } from "../reconnect.js";

export interface TunnelOptions {
  /** What makes the connection; by default the platform's `WebSocket`. Node has one from version 22. */
  readonly WebSocket?: WebSocketConstructor;
}

export interface ServerOptions extends TunnelOptions {
  /** How long to wait before each try to come back; `false` for no try. */
  readonly resume?: boolean | ReconnectOptions;
  /**
   * For so many milliseconds it is tried to come back. By default the relay's grace time and a minute, which the relay may
   * need to notice that the connection is gone.
   */
  readonly giveUpAfter?: number;
  /** Be this server again, after a reload of the page, instead of a new one. Its clients of before are disconnected. */
  readonly as?: { readonly serverId: number | string; readonly credential: string };
}

const MOST_PORT = 65_535;

/**
 * The relay's address, with `ws:` or `wss:`.
 *
 * @throws {DOMException} `SyntaxError` if it is none.
 */
export function relayAddress(given: string | URL): string {
  let url: URL | undefined;
  try {
    url = new URL(given);
  } catch {
    // Said below, as for any other that is none.
  }
  if (!url || !/^(ws|http)s?:$/.test(url.protocol) || url.hash) {
    throw new DOMException(`The relay's address must be like ws://localhost:8087/, not "${given}"`, "SyntaxError");
  }
  return url.href.replace(/^http/, "ws");
}

/** @throws {RangeError} if it is no port. */
export function portNumber(given: number | string): number {
  const port = wholeNumber(given);
  if (port === undefined || port > MOST_PORT) throw new RangeError(`A port is 0 to ${MOST_PORT}, not ${given}`);
  return port;
}

/** @throws {RangeError} if it can't be the id of a server. */
export function serverNumber(given: number | string): number {
  const id = wholeNumber(given);
  if (id === undefined) throw new RangeError(`The id of a server is a whole number, not ${given}`);
  return id;
}

/** Numbers may come from a form. */
function wholeNumber(given: number | string): number | undefined {
  const number = typeof given === "string" && /^\d+$/.test(given) ? Number(given) : given;
  return Number.isSafeInteger(number) && (number as number) >= 0 ? (number as number) : undefined;
}
