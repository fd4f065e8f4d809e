/**
 * The raw relays: real WebSockets, of which each gets what any other sends, as it was. No ids, no presence, and no
 * reconnection: who wants those opens a `NetworkWebSocket`.
 */
import { type RawSocketOptions } from "./options.js";
type Second = string | readonly string[] | RawSocketOptions;
type Relay = "local" | "broadcast";
/** Node before version 22 has no WebSocket to extend; there one must be passed, and is returned as it is. */
declare const Base: {
    new (url: string | URL, protocols?: string | string[]): WebSocket;
    prototype: WebSocket;
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSING: 2;
    readonly CLOSED: 3;
};
declare class RawWebSocket extends Base {
    constructor(relay: Relay, name: string, second: Second | undefined, third: RawSocketOptions | undefined);
}
/** A WebSocket to everybody who opened the same name on this machine. */
export declare class LocalWebSocket extends RawWebSocket {
    constructor(name: string, protocolsOrOptions?: Second, options?: RawSocketOptions);
}
/** A WebSocket to everybody who opened the same name on this machine or on the network. */
export declare class BroadcastWebSocket extends RawWebSocket {
    constructor(name: string, protocolsOrOptions?: Second, options?: RawSocketOptions);
}
export {};
