/** How long to wait before connecting again: longer each time, and never all at the same moment. */
export interface ReconnectOptions {
    /** Milliseconds before the first try; 500 by default. */
    readonly minDelay?: number;
    /** Most milliseconds before a try; 30,000 by default. */
    readonly maxDelay?: number;
    /** By how much the wait grows with each try; 2 by default. */
    readonly factor?: number;
    /** Which part of the wait is left to chance, 0 to 1; 0.5 by default. */
    readonly jitter?: number;
}
/** The wait in milliseconds before the try with this number, counted from 0. */
export type Backoff = (attempt: number) => number;
/**
 * @returns `undefined` if there is to be no reconnection.
 * @throws {RangeError} if the numbers make no sense.
 */
export declare function backoff(options: boolean | ReconnectOptions | undefined): Backoff | undefined;
