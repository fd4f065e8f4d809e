/** What a socket can be told beside its channel's name. */

import type { ReconnectOptions } from "./reconnect.js";

/** Anything that makes WebSockets: the platform's own, or that of the npm package `ws`. */
export interface WebSocketConstructor {
  new (url: string, protocols?: string[]): object;
}

export interface RawSocketOptions {
  /** Subprotocols to offer. */
  readonly protocols?: string | readonly string[];
  /** The proxy's address, such as `ws://localhost:9009`. */
  readonly proxy?: string | URL;
  /** What makes the connection; by default the platform's `WebSocket`. Node has one from version 22. */
  readonly WebSocket?: WebSocketConstructor;
}

export interface NetworkWebSocketOptions extends RawSocketOptions {
  /** Connect and join again, with growing waits, whenever the connection is lost or can't be had. Off by default. */
  readonly reconnect?: boolean | ReconnectOptions;
  /** Most characters of messages that wait for an iterator to be read; 16 Mi by default. */
  readonly iteratorBuffer?: number;
}

/** RFC 9110, 5.6.2: what a subprotocol is made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The two forms of the arguments as one. */
export function settle<Options extends RawSocketOptions>(
  second: string | readonly string[] | Options | undefined,
  third: Options | undefined,
): { options: Partial<Options>; protocols: string[] } {
  const plain = typeof second === "string" || Array.isArray(second);
  const options: Partial<Options> = (plain ? third : (third ?? (second as Options | undefined))) ?? {};
  const given = (plain ? (second as string | readonly string[]) : options.protocols) ?? [];
  const protocols = typeof given === "string" ? [given] : [...given];
  for (const [at, name] of protocols.entries()) {
    if (!TOKEN.test(name) || protocols.indexOf(name) < at) {
      throw new DOMException("A subprotocol is wrong, or is there twice", "SyntaxError");
    }
  }
  return { options, protocols };
}

/** @throws {TypeError} if there is none. */
export function webSocketConstructor(options: Partial<RawSocketOptions>): WebSocketConstructor {
  const found = options.WebSocket ?? globalThis.WebSocket;
  if (!found) {
    throw new TypeError(
      'There is no WebSocket here: pass one, such as that of the npm package "ws", as the option WebSocket',
    );
  }
  return found as WebSocketConstructor;
}
