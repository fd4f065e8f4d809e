/**
 * What a channel's socket and a peer's socket have in common: the face of a WebSocket. It keeps the ready state, the
 * event handlers, the promise for "open" and the iterators, and knows nothing of a connection. Its owner moves it by the
 * `SocketControl` that the constructor hands out once, so that nobody else can.
 */
import { NetworkWebSocketError } from "./errors.js";
import { type CloseDetails, type NetworkErrorEvent, type NetworkMessageEvent } from "./events.js";
export type ReadyState = 0 | 1 | 2 | 3;
/** A function that is called for an event, or an object with such a method, or nothing. */
export type Listener<This, E> = ((this: This, event: E) => unknown) | {
    handleEvent(event: E): unknown;
} | null;
/** What can be assigned to `onopen` and the like. */
export type Handler<This, E> = ((this: This, event: E) => unknown) | null;
export interface SocketEventMap {
    open: Event;
    message: NetworkMessageEvent;
    error: NetworkErrorEvent;
    close: CloseEvent;
}
/** How the owner of a `SocketFace` moves it. */
export interface SocketControl {
    readonly state: (next: ReadyState) => void;
    readonly open: () => void;
    readonly message: (event: NetworkMessageEvent, length: number) => void;
    /** The end: `opened` and iterators fail with `error`, or are told that it was closed. */
    readonly close: (details: CloseDetails, error?: NetworkWebSocketError) => void;
}
export interface SocketFace<Events extends SocketEventMap> {
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSING: 2;
    readonly CLOSED: 3;
    onopen: Handler<this, Events["open"]>;
    onmessage: Handler<this, Events["message"]>;
    onerror: Handler<this, Events["error"]>;
    onclose: Handler<this, Events["close"]>;
    addEventListener<Type extends keyof Events & string>(type: Type, listener: Listener<this, Events[Type]>, options?: boolean | AddEventListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
    removeEventListener<Type extends keyof Events & string>(type: Type, listener: Listener<this, Events[Type]>, options?: boolean | EventListenerOptions): void;
    removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}
export declare abstract class SocketFace<Events extends SocketEventMap> extends EventTarget {
    #private;
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;
    /** Kept for those who set it. Messages are JSON, so it changes nothing. */
    binaryType: BinaryType;
    get readyState(): ReadyState;
    /**
     * Fulfilled with this socket when it is open, rejected with a `NetworkWebSocketError` when it is closed before. While a
     * socket connects again it is a new promise, for that time.
     */
    get opened(): Promise<this>;
    /**
     * The messages from now on, until the socket is closed. Leaving the loop does not close it. Ends with an error if
     * the socket ends with one, or if more than `iteratorBuffer` characters wait to be read.
     */
    [Symbol.asyncIterator](): AsyncIterableIterator<Events["message"]>;
}
/** Gives `prototype` the attributes `on<type>`, which work as those of the web platform do. */
export declare function defineHandlers(prototype: EventTarget, types: readonly string[]): void;
