/**
 * The socket to a channel: connects to the proxy, keeps the list of peers, and turns the proxy's JSON into events. What
 * the events look like is the business of `socket-face`, why a connection failed that of `reach`.
 */
import { type PeerEvent, type ReconnectingEvent, type StatusEvent } from "./events.js";
import { type NetworkWebSocketOptions } from "./options.js";
import { NetworkPeerSocket } from "./peer-socket.js";
import { type Handler, type SocketEventMap, SocketFace } from "./socket-face.js";
export interface NetworkWebSocketEventMap extends SocketEventMap {
    connect: PeerEvent;
    disconnect: PeerEvent;
    status: StatusEvent;
    reconnecting: ReconnectingEvent;
}
export interface NetworkWebSocket extends SocketFace<NetworkWebSocketEventMap> {
    onconnect: Handler<this, PeerEvent>;
    ondisconnect: Handler<this, PeerEvent>;
    onstatus: Handler<this, StatusEvent>;
    onreconnecting: Handler<this, ReconnectingEvent>;
}
export declare class NetworkWebSocket extends SocketFace<NetworkWebSocketEventMap> {
    #private;
    /** `ws://` or `wss://`, the proxy's address, and the channel's name. */
    readonly url: string;
    /** The peers that are there now: always the same array, which changes. */
    readonly peers: NetworkPeerSocket[];
    /**
     * @param name The channel's name: 1 to 255 of the characters `A-Z a-z 0-9 + = * . _ -`.
     * @throws {DOMException} `SyntaxError` for a name, subprotocol or proxy address that is not allowed.
     */
    constructor(name: string, protocolsOrOptions?: string | readonly string[] | NetworkWebSocketOptions, options?: NetworkWebSocketOptions);
    /** This client's id in the channel, as its peers see it; empty until the proxy has told it. */
    get id(): string;
    get protocol(): string;
    get extensions(): string;
    get bufferedAmount(): number;
    /**
     * Sends any JSON value to all peers.
     *
     * @throws {TypeError} if it is not a JSON value.
     * @throws {DOMException} `InvalidStateError` before the `open` event, and while the socket connects again.
     */
    send(data: unknown): void;
    /** Leaves the channel, for good. The arguments are those of `WebSocket`. */
    close(code?: number, reason?: string): void;
}
