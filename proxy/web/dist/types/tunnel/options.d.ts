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
    readonly as?: {
        readonly serverId: number | string;
        readonly credential: string;
    };
}
/**
 * The relay's address, with `ws:` or `wss:`.
 *
 * @throws {DOMException} `SyntaxError` if it is none.
 */
export declare function relayAddress(given: string | URL): string;
/** @throws {RangeError} if it is no port. */
export declare function portNumber(given: number | string): number;
/** @throws {RangeError} if it can't be the id of a server. */
export declare function serverNumber(given: number | string): number;
