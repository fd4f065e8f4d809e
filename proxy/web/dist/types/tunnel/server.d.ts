/**
 * A server at a relay: it is registered, told of clients, and comes back when its connection is lost, without its clients
 * noticing. What is said on its connections is the business of their sockets.
 */
import { type Handler, type Listener, type ReadyState } from "../socket-face.js";
import { ConnectionEvent } from "./connection.js";
import { TunnelErrorEvent } from "./error.js";
import { type ServerOptions } from "./options.js";
import { PeerToPeerWebSocket } from "./socket.js";
export type PortListener = (socket: PeerToPeerWebSocket) => void;
/** The connection to the relay is lost and will be tried again. Clients stay connected, and what is sent to them waits. */
export type LostEvent = CustomEvent<{
    readonly code: number;
    readonly reason: string;
}>;
/** The server is back. */
export type ResumeEvent = CustomEvent<{
    /** Milliseconds for which it was away. */
    readonly away: number;
}>;
export interface ForwardingServerWebSocketEventMap {
    connection: ConnectionEvent;
    lost: LostEvent;
    resume: ResumeEvent;
    error: TunnelErrorEvent;
    close: CloseEvent;
}
export interface ForwardingServerWebSocket {
    onconnection: Handler<this, ConnectionEvent>;
    onlost: Handler<this, LostEvent>;
    onresume: Handler<this, ResumeEvent>;
    onerror: Handler<this, TunnelErrorEvent>;
    onclose: Handler<this, CloseEvent>;
    addEventListener<Type extends keyof ForwardingServerWebSocketEventMap>(type: Type, listener: Listener<this, ForwardingServerWebSocketEventMap[Type]>, options?: boolean | AddEventListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
export declare class ForwardingServerWebSocket extends EventTarget {
    #private;
    /** The relay's address. */
    readonly url: string;
    /**
     * Registers a new server at the relay.
     *
     * @throws {DOMException} `SyntaxError` for an address that is none.
     * @throws {TunnelError} if the relay is not there or refuses.
     */
    static newThrough(url: string | URL, options?: ServerOptions): Promise<ForwardingServerWebSocket>;
    private constructor();
    /** 1 while the relay has this server, 0 while it is away, 3 when it is over. */
    get readyState(): ReadyState;
    /** What clients name, with the relay's address and a port. */
    get serverId(): number;
    /** What proves that this is the server. Keep it as a secret; the option `as` takes it. */
    get credential(): string;
    /** The sockets of the clients that are connected now. */
    get connections(): PeerToPeerWebSocket[];
    /** Accepts whoever connects to this port, unless a listener of `connection` decided otherwise. One for each port. */
    listen(port: number | string, listener: PortListener): this;
    /** Refuses this port from now on. Who is connected stays so. */
    unlisten(port: number | string): this;
    /** Ends the server, and with it all its connections. Fulfilled when the relay knows. */
    close(): Promise<void>;
}
