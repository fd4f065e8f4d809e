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
/** The two forms of the arguments as one. */
export declare function settle<Options extends RawSocketOptions>(second: string | readonly string[] | Options | undefined, third: Options | undefined): {
    options: Partial<Options>;
    protocols: string[];
};
/** @throws {TypeError} if there is none. */
export declare function webSocketConstructor(options: Partial<RawSocketOptions>): WebSocketConstructor;
