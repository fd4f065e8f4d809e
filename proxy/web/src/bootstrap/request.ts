/** What goes over the server, in both directions. Whatever comes was sent by a stranger, so it is looked at first. */

/** A request, as the root gets it and as `connect` takes it. */
export interface BootstrapRequest {
  /** Who asks, by the id that the server gave it. */
  readonly origin: string;
  /** What its peer said: an offer, or a candidate for one. */
  readonly signal: unknown;
  /** Whom it is for; nobody in particular, when it is for the root. */
  readonly destination?: string | null;
  /** Counts the requests of one origin from 0. */
  readonly rank?: number;
}

/** The subprotocol by which a server is asked to tell what it can't deliver. The original's takes it for nothing. */
export const NOTICES = "nws-bootstrap-1";

/** What keeps the root's connection alive, from both ends: JSON. */
export const HEARTBEAT = '"heartbeat"';

/** A server's word that a message could not be delivered. */
export interface Notice {
  readonly message: string;
  readonly rank: unknown;
}

/** A request as it is sent. The server puts in the origin. */
export function requestText(destination: string | null, signal: unknown, rank: number): string {
  return JSON.stringify({ origin: null, destination, signal, rank });
}

/** @returns `undefined` for heartbeats, and for what is not a request. */
export function readRequest(text: unknown): BootstrapRequest | undefined {
  const value = parse(text);
  const { origin, signal } = value;
  if (typeof origin !== "string" || origin === "" || typeof signal !== "object" || signal === null) return undefined;
  return value as unknown as BootstrapRequest;
}

/** What is sent by another client has an origin; what the server says itself has none. */
export function readNotice(text: unknown): Notice | undefined {
  const { action, origin, message, rank } = parse(text);
  return action === "error" && origin === undefined ? { message: String(message), rank } : undefined;
}

function parse(text: unknown): Record<string, unknown> {
  try {
    const value: unknown = typeof text === "string" ? JSON.parse(text) : undefined;
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
