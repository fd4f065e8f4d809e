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
export function backoff(options: boolean | ReconnectOptions | undefined): Backoff | undefined {
  if (!options) return undefined;
  const { minDelay = 500, maxDelay = 30_000, factor = 2, jitter = 0.5 } = options === true ? {} : options;
  if (!(minDelay > 0 && maxDelay >= minDelay && factor >= 1 && jitter >= 0 && jitter <= 1)) {
    throw new RangeError("reconnect: 0 < minDelay <= maxDelay, factor >= 1, and jitter from 0 to 1");
  }
  return (attempt) => Math.round(Math.min(maxDelay, minDelay * factor ** attempt) * (1 - jitter * Math.random()));
}
