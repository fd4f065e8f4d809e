/**
 * Brings one peer to its connection: carries its signals over a WebSocket to the server, which is closed as soon as it
 * is not needed any more. What is in the signals it does not know.
 */
import type { WebSocketConstructor } from "../options.js";
import { BootstrapError } from "./error.js";
import type { PeerLike } from "./peer-like.js";
export interface HandshakePlan<Peer> {
    /** The server's address for joiners. */
    readonly url: string;
    readonly WebSocket: WebSocketConstructor;
    readonly peer: Peer;
    /** Who is answered; the first request is for whoever the root finds. */
    readonly destination: string | null;
    readonly timeout: number;
    /** Told once: how the handshake ended. */
    readonly done: (error: BootstrapError | null) => void;
}
export declare class Handshake<Peer extends PeerLike> {
    #private;
    readonly peer: Peer;
    /** When it ended. */
    over: number | undefined;
    constructor(plan: HandshakePlan<Peer>);
    /** Hands a signal to the peer, if it can still take one. */
    signal(signal: unknown): void;
    /** Gives it up, unless it is over. */
    close(): void;
}
/** What is told when no connection came about. A browser does not say why, so that no page can look around. */
export declare function unreachable(address: string, cause: string | undefined): BootstrapError;
