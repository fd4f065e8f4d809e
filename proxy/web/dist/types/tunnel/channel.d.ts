/**
 * One end of a channel: what waits to be sent, credit in both directions, and what a server must keep until the other
 * end has it, so that nothing is lost when the link is another. It counts as section 7 and 8 of `spec/06-relay.md`
 * say, and knows nothing of events.
 */
import { TunnelError } from "./error.js";
import type { Limits, Link } from "./link.js";
/** How a channel ended: a word of the relay, or of this library. */
export interface Ending {
    readonly code: string;
    readonly status?: number;
    readonly reason?: string;
    /** Whether it was closed here. */
    readonly here?: boolean;
    /** What to say, if there is more to it than the word. */
    readonly error?: TunnelError;
}
export interface ChannelUser {
    readonly data: (data: string | ArrayBuffer, cost: number) => void;
    /** The other end sends nothing more. */
    readonly finished: () => void;
    readonly ended: (ending: Ending) => void;
}
export declare class Channel {
    #private;
    readonly number: number;
    constructor(number: number, { limits, keeps, user, link }: {
        limits: Limits;
        keeps: boolean;
        user: ChannelUser;
        link: Link | undefined;
    });
    /** Bytes of data that are not on their way yet, for want of credit or in the socket. */
    get bufferedAmount(): number;
    /** @throws {TunnelError} `too_large`. */
    send(data: string | ArrayBuffer | ArrayBufferView | Blob): void;
    /** Nothing more is sent. */
    finish(): void;
    /** Ends it once all that waits has been sent. */
    close(status: number | undefined, reason: string | undefined): void;
    /** Items that cost so much are done with, and may come again. */
    done(cost: number): void;
    take(data: string | ArrayBuffer, bytes?: number): void;
    consumedThere(bytes: number): void;
    finishedThere(): void;
    end(ending: Ending): void;
    /** The link is gone, and there will be another. */
    detach(): void;
    /** What a server says of it when it resumes. */
    get state(): {
        channel: number;
        received: number;
        consumed: number;
    };
    /** There is a link again. The relay has received so many items, and the other end has consumed so many bytes. */
    attach(link: Link, received: number, consumed: number): void;
    /** It is not known to the relay any more, which is as it should be if it was to be closed. */
    missing(): void;
}
