/**
 * A connection through a relay, with the face of a WebSocket. It brings what comes to the page, at the page's pace, and
 * keeps the ready state; how a channel counts and where its link is, it does not know.
 */
import { type Handler, type Listener, type ReadyState } from "../socket-face.js";
import { TunnelErrorEvent } from "./error.js";
import { type TunnelOptions } from "./options.js";
import type { ForwardingServerWebSocket } from "./server.js";
export interface PeerToPeerWebSocketEventMap {
    open: Event;
    message: MessageEvent;
    /** The other end sends nothing more; it still receives. */
    finished: Event;
    error: TunnelErrorEvent;
    close: CloseEvent;
}
/** What a socket is: the one of a client, or one of a server's. */
export interface SocketAbout {
    readonly url: string;
    readonly serverId: number;
    readonly port: number;
    readonly address: string | undefined;
}
export interface PeerToPeerWebSocket {
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSING: 2;
    readonly CLOSED: 3;
    onopen: Handler<this, Event>;
    onmessage: Handler<this, MessageEvent>;
    onfinished: Handler<this, Event>;
    onerror: Handler<this, TunnelErrorEvent>;
    onclose: Handler<this, CloseEvent>;
    addEventListener<Type extends keyof PeerToPeerWebSocketEventMap>(type: Type, listener: Listener<this, PeerToPeerWebSocketEventMap[Type]>, options?: boolean | AddEventListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}
export declare class PeerToPeerWebSocket extends EventTarget {
    #private;
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;
    /** The relay's address. */
    readonly url: string;
    readonly serverId: number;
    readonly port: number;
    /** The address from which a client came to the relay; `undefined` on the client's own socket. */
    readonly address: string | undefined;
    /** No subprotocols and extensions are agreed from end to end. */
    readonly protocol = "";
    readonly extensions = "";
    /** Sockets come from `toPort`, `throughChannel`, and a server. */
    private constructor();
    /**
     * A connection to a port of a server, by the relay at `url`.
     *
     * @throws {DOMException} `SyntaxError` for an address that is none.
     * @throws {RangeError} for a port or an id that is none.
     */
    static toPort(port: number | string, serverId: number | string, url: string | URL, options?: TunnelOptions): PeerToPeerWebSocket;
    /**
     * The socket to the client of a channel, which is accepted if it was not yet.
     *
     * @throws {DOMException} `InvalidStateError` if the server has no such channel, or not any more.
     */
    static throughChannel(channel: number, server: ForwardingServerWebSocket): PeerToPeerWebSocket;
    get readyState(): ReadyState;
    /** The number of the channel at the relay, once there is one. */
    get channel(): number | undefined;
    /** Bytes of data that are not on their way yet: for want of credit, or in the WebSocket to the relay. */
    get bufferedAmount(): number;
    get binaryType(): BinaryType;
    set binaryType(type: BinaryType);
    /** Fulfilled with this socket when it is open, rejected with a `TunnelError` when it ends before. */
    get opened(): Promise<this>;
    get paused(): boolean;
    /**
     * Sends text, or bytes.
     *
     * @throws {DOMException} `InvalidStateError` before the `open` event, and after `finish`.
     * @throws {TunnelError} `too_large` for more than the relay takes in one message.
     */
    send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
    /** Says that nothing more is sent here. What the other end sends still comes. */
    finish(): void;
    /** Holds back messages and the end, until `resume`. Once the relay's window is full, the other end waits. */
    pause(): void;
    resume(): void;
    /** Closes it after what was sent. The arguments are those of `WebSocket`. */
    close(code?: number, reason?: string): void;
    /**
     * The messages from now on, until the socket is closed or the other end has finished. What is not read is not consumed:
     * the other end waits. Leaving the loop does not close the socket. Ends with an error if the socket ends with one.
     */
    [Symbol.asyncIterator](): AsyncIterableIterator<MessageEvent, undefined>;
}
