/** What may be sent, and with which words a socket may be closed. The same checks for all sockets, before anything goes out. */
/**
 * @returns `value` as JSON text.
 * @throws {TypeError} if there is none.
 */
export declare function toJson(value: unknown): string;
/** @throws {DOMException} `InvalidStateError`, as `WebSocket` does. */
export declare function mustHaveBeenOpen(readyState: number): void;
/**
 * Checks the arguments of `close`.
 *
 * @throws {DOMException} `InvalidAccessError` or `SyntaxError`, as `WebSocket` does.
 */
export declare function checkClose(code: number | undefined, reason: string | undefined): void;
