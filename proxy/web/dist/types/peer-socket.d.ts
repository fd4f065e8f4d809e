/** The socket to one peer: what is sent here reaches that peer alone, and what comes here came from it, for us alone. */
import { type SocketEventMap, SocketFace } from "./socket-face.js";
/** What a peer's socket needs of the channel's. */
export interface PeerHost {
    readonly channel: {
        readonly url: string;
        readonly protocol: string;
        readonly extensions: string;
        readonly bufferedAmount: number;
    };
    readonly queueLimit: number;
    /** Sends JSON text to the peer. */
    readonly send: (json: string) => void;
    /** Ends the peer's socket, from this side. */
    readonly leave: (code: number, reason: string) => void;
}
/** How a peer's socket is closed when the peer is gone. */
export declare const PEER_GONE = 3000;
export declare class NetworkPeerSocket extends SocketFace<SocketEventMap> {
    #private;
    /** The peer's id, as in `senderId` of its messages. */
    readonly id: string;
    get url(): string;
    get protocol(): string;
    get extensions(): string;
    /** That of the channel: all share one connection. */
    get bufferedAmount(): number;
    /**
     * Sends any JSON value to this peer alone.
     *
     * @throws {TypeError} if it is not a JSON value.
     * @throws {DOMException} `InvalidStateError` before the `open` event.
     */
    send(data: unknown): void;
    /**
     * Ends the direct conversation on this side: nothing more comes here, and the peer is no longer in `peers`. The
     * peer itself is not told, and its broadcasts still arrive.
     */
    close(code?: number, reason?: string): void;
}
