/**
 * One reader's place in the stream of a socket's messages, for `for await`. What it has not taken is not consumed, so the
 * other end has to wait; that is why nothing here is bounded, and no message skipped.
 */
export declare class Reader implements AsyncIterableIterator<MessageEvent, undefined> {
    #private;
    constructor(left: (reader: Reader) => void);
    push(event: MessageEvent, taken: () => void): void;
    /** Nothing more comes. What is kept can still be read; then the error is thrown, once, if there is one. */
    end(error?: Error): void;
    next(): Promise<IteratorResult<MessageEvent, undefined>>;
    /** Called when a loop is left early. */
    return(): Promise<IteratorResult<MessageEvent, undefined>>;
    [Symbol.asyncIterator](): this;
}
