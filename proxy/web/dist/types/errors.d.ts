/** The one kind of error that a socket's own life can bring about. Misuse throws what a `WebSocket` throws. */
/**
 * - `unreachable`: nothing answered at the proxy's address, or it refused;
 * - `permission`: the browser does not let this page reach this machine;
 * - `lost`: the connection was there and broke;
 * - `closed`: the socket was closed before it was open;
 * - `behind`: an iterator was not read in time, and its messages are gone.
 */
export type NetworkWebSocketErrorCode = "unreachable" | "permission" | "lost" | "closed" | "behind";
/** `message` says what happened and what to do about it. */
export declare class NetworkWebSocketError extends Error {
    readonly code: NetworkWebSocketErrorCode;
    readonly name = "NetworkWebSocketError";
    constructor(code: NetworkWebSocketErrorCode, message: string);
}
