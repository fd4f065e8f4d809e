/** The one kind of error that bootstrapping can bring about. Misuse throws what the web platform throws. */
/**
 * - `unreachable`: nothing answered at the server's address, or it refused: a wrong secret, or too many are there;
 * - `undelivered`: the server is there, but who should answer is not;
 * - `timeout`: nobody answered, or no way to the other peer was found, in time;
 * - `lost`: the server's connection broke, or the other peer's did;
 * - `closed`: it was given up on this side;
 * - `signal`: what the other side said to make the connection can't be used.
 */
export type BootstrapErrorCode = "unreachable" | "undelivered" | "timeout" | "lost" | "closed" | "signal";
/** `message` says what happened and what to do about it. It never has the secret. */
export declare class BootstrapError extends Error {
    readonly code: BootstrapErrorCode;
    readonly name = "BootstrapError";
    constructor(code: BootstrapErrorCode, message: string);
}
