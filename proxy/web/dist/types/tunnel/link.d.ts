/**
 * One WebSocket to a relay: asks and gets answers, and gives each channel what is for it. What a channel does with it, and
 * whether the link is a server's or that of clients, it does not know.
 */
import type { CloseDetails } from "../events.js";
import type { WebSocketConstructor } from "../options.js";
import type { Channel } from "./channel.js";
import { TunnelError } from "./error.js";
import { type RelayMessage } from "./wire.js";
/** What the relay told at the start. */
export interface Limits {
    /** Bytes of credit of each direction of a channel. */
    readonly window: number;
    /** Most bytes of a message to the relay. */
    readonly messageBytes: number;
    /** For so many milliseconds a server's place is kept. */
    readonly graceMs: number;
}
export interface LinkUser {
    /** The relay is there: requests can be sent from now on. */
    readonly welcome: (limits: Limits) => void;
    /** What is neither an answer nor for a channel. */
    readonly event: (message: RelayMessage) => void;
    /** The link is gone, or never came about. Not told after `close`. Requests that wait are not answered any more. */
    readonly ended: (error: TunnelError, details: CloseDetails) => void;
}
type Answered = (answer: RelayMessage | TunnelError) => void;
export declare class Link {
    #private;
    /** The channels whose data come here. */
    readonly channels: Map<number, Channel>;
    limits: Limits | undefined;
    constructor(url: string, Constructor: WebSocketConstructor, user: LinkUser);
    /** Asks; `answered` is told in the order in which the relay answers, before anything that comes after it. */
    request(request: RelayMessage, answered: Answered): void;
    /** Says something whose answer is of no interest. */
    tell(message: RelayMessage): void;
    /** @returns The place in all that was written after which the frame has left this program, for `waits`. */
    write(frame: string | Uint8Array<ArrayBuffer>): number;
    /** Whether what was written up to this place is still in the socket. Text that is not ASCII may seem so for too long. */
    waits(place: number): boolean;
    close(): void;
}
export {};
