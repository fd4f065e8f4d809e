/**
 * The way to peers, by a bootstrap server: the one of `nws bootstrap`, or that of the npm package `webrtc-bootstrap`.
 * What its users call is what that package's users called.
 */
import { type WebSocketConstructor } from "../options.js";
import type { BootstrapError } from "./error.js";
import { BootstrapPeer, type PeerOptions } from "./peer.js";
import type { PeerConstructor, PeerLike } from "./peer-like.js";
import type { BootstrapRequest } from "./request.js";
import { BootstrapRoot } from "./root.js";
export interface BootstrapOptions<Peer extends PeerLike = BootstrapPeer> {
    /** Whether by `wss:`. Pages on https need it, for servers that are not on this machine. Off by default. */
    readonly secure?: boolean;
    /** What peers are made of, such as the npm package simple-peer; `BootstrapPeer` by default. */
    readonly SimplePeer?: PeerConstructor<Peer>;
    /** What makes the connections to the server; by default the platform's. Node has one from version 22. */
    readonly WebSocket?: WebSocketConstructor;
}
export interface ConnectOptions<Peer = BootstrapPeer> {
    /** For the peer's constructor. */
    readonly peerOpts?: PeerOptions & {
        readonly [more: string]: unknown;
    };
    /** Told once: the peer is connected, or it came to nothing and is destroyed. */
    readonly cb?: (error: BootstrapError | null, peer: Peer) => void;
    /** Most milliseconds until the peer is connected; 30,000 by default. */
    readonly timeout?: number;
}
export declare class BootstrapClient<Peer extends PeerLike = BootstrapPeer> {
    #private;
    readonly host: string;
    readonly secure: boolean;
    /**
     * @param host Hostname or address of the server, and its port: `localhost:5000`.
     * @throws {DOMException} `SyntaxError` if it is no such thing.
     */
    constructor(host: string, options?: BootstrapOptions<Peer>);
    /**
     * Takes the root's place at the server, from whoever has it.
     *
     * @param onRequest Told every request: whoever answers it calls `connect` with it, here or elsewhere.
     * @param cb Told once whether the connection came about.
     * @throws {DOMException} `SyntaxError` for a secret that no address can hold.
     */
    root(secret: string, onRequest: (request: BootstrapRequest) => void, cb?: (error: BootstrapError | null) => void): BootstrapRoot;
    /**
     * Without a request: asks the root for a peer. With one: answers it. Further requests of an origin go to the peer
     * that answered the first, which is returned again; their options are not looked at.
     */
    connect(request?: BootstrapRequest | null, options?: ConnectOptions<Peer>): Peer;
    /** Leaves the root's place and gives up what is not connected yet. Peers that are connected stay so. */
    close(): void;
}
