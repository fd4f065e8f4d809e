/** The events that are more than a plain `Event`. */
import type { NetworkPeerSocket } from "./peer-socket.js";
/** A message: to all on the `NetworkWebSocket`, to this client alone on the peer's socket. */
export declare class NetworkMessageEvent extends MessageEvent<any> {
    /** The id of the peer that sent it. */
    readonly senderId: string;
    constructor(data: unknown, 
    /** The id of the peer that sent it. */
    senderId: string, origin: string);
}
/**
 * Something went wrong: the proxy could not be reached or was lost (`close` or `reconnecting` follows), or the proxy
 * did not like something that was sent (nothing follows; the socket lives on).
 */
export declare class NetworkErrorEvent extends Event {
    /** A stable word: one of `NetworkWebSocketErrorCode`, or the proxy's own, such as `unknown_target`. */
    readonly code: string;
    /** What happened and what to do, for people. */
    readonly message: string;
    /** The peer that it is about, if it is about one. */
    readonly targetId?: string | undefined;
    constructor(
    /** A stable word: one of `NetworkWebSocketErrorCode`, or the proxy's own, such as `unknown_target`. */
    code: string, 
    /** What happened and what to do, for people. */
    message: string, 
    /** The peer that it is about, if it is about one. */
    targetId?: string | undefined);
}
/** A peer came (`connect`) or went (`disconnect`). */
export type PeerEvent = CustomEvent<{
    readonly target: NetworkPeerSocket;
}>;
/** The proxy has told this client's id, as `NetworkWebSocket.id` has it. */
export type StatusEvent = CustomEvent<{
    readonly id: string;
}>;
/** The connection is gone and will be tried again. */
export type ReconnectingEvent = CustomEvent<{
    /** 0 for the first try since the connection was there. */
    readonly attempt: number;
    /** Milliseconds until then. */
    readonly delay: number;
    /** How the connection ended, as in a `close` event. */
    readonly code: number;
    readonly reason: string;
}>;
export interface CloseDetails {
    readonly code: number;
    readonly reason: string;
    readonly wasClean: boolean;
}
/** A `close` event. */
export declare function closeEvent(details: CloseDetails): Event;
