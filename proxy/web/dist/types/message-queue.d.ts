/**
 * One reader's place in the stream of a socket's messages, for `for await`. A WebSocket can't be told to wait, so what
 * the reader has not taken yet is kept, up to a limit; a reader that falls behind it gets an error, not a gap.
 */
import type { NetworkMessageEvent } from "./events.js";
export declare class MessageQueue implements AsyncIterableIterator<NetworkMessageEvent, undefined> {
    #private;
    /** Most characters of JSON that are kept. */
    private readonly limit;
    private readonly left;
    constructor(
    /** Most characters of JSON that are kept. */
    limit: number, left: (queue: MessageQueue) => void);
    push(event: NetworkMessageEvent, length: number): void;
    /** Nothing more comes. What is kept can still be read; then the error is thrown, once, if there is one. */
    end(error?: Error): void;
    next(): Promise<IteratorResult<NetworkMessageEvent, undefined>>;
    /** Called when a loop is left early. */
    return(): Promise<IteratorResult<NetworkMessageEvent, undefined>>;
    [Symbol.asyncIterator](): this;
}
