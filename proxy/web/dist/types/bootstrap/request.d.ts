/** What goes over the server, in both directions. Whatever comes was sent by a stranger, so it is looked at first. */
/** A request, as the root gets it and as `connect` takes it. */
export interface BootstrapRequest {
    /** Who asks, by the id that the server gave it. */
    readonly origin: string;
    /** What its peer said: an offer, or a candidate for one. */
    readonly signal: unknown;
    /** Whom it is for; nobody in particular, when it is for the root. */
    readonly destination?: string | null;
    /** Counts the requests of one origin from 0. */
    readonly rank?: number;
}
/** The subprotocol by which a server is asked to tell what it can't deliver. The original's takes it for nothing. */
export declare const NOTICES = "nws-bootstrap-1";
/** What keeps the root's connection alive, from both ends: JSON. */
export declare const HEARTBEAT = "\"heartbeat\"";
/** A server's word that a message could not be delivered. */
export interface Notice {
    readonly message: string;
    readonly rank: unknown;
}
/** A request as it is sent. The server puts in the origin. */
export declare function requestText(destination: string | null, signal: unknown, rank: number): string;
/** @returns `undefined` for heartbeats, and for what is not a request. */
export declare function readRequest(text: unknown): BootstrapRequest | undefined;
/** What is sent by another client has an origin; what the server says itself has none. */
export declare function readNotice(text: unknown): Notice | undefined;
