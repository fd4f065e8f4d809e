/** What may be sent, and with which words a socket may be closed. The same checks for all sockets, before anything goes out. */

/**
 * @returns `value` as JSON text.
 * @throws {TypeError} if there is none.
 */
export function toJson(value: unknown): string {
  const binary =
    value instanceof ArrayBuffer || ArrayBuffer.isView(value) || (typeof Blob !== "undefined" && value instanceof Blob);
  const text = binary ? undefined : JSON.stringify(value);
  if (text === undefined) {
    throw new TypeError(
      binary
        ? "Channels carry JSON, not binary data: send text (base64), or use BroadcastWebSocket"
        : `Channels carry JSON values; there is none for ${typeof value}`,
    );
  }
  return text;
}

/** @throws {DOMException} `InvalidStateError`, as `WebSocket` does. */
export function mustHaveBeenOpen(readyState: number): void {
  if (readyState === 0) {
    throw new DOMException("The socket is not open yet: wait for its open event", "InvalidStateError");
  }
}

/**
 * Checks the arguments of `close`.
 *
 * @throws {DOMException} `InvalidAccessError` or `SyntaxError`, as `WebSocket` does.
 */
export function checkClose(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(`A close code is 1000 or 3000 to 4999, not ${code}`, "InvalidAccessError");
  }
  // RFC 6455, 5.5: a control frame has room for 125 bytes, two of which are the code.
  if (reason !== undefined && new TextEncoder().encode(reason).length > 123) {
    throw new DOMException("A reason for closing has at most 123 bytes", "SyntaxError");
  }
}
