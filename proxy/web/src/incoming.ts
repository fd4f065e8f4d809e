/** What the proxy says, read with care: a newer one may say more, and anything may answer at its port. */

/** A message of the proxy. `action` is a string; every other member must be looked at before it is used. */
export interface ProxyMessage {
  readonly action: string;
  readonly source?: unknown;
  readonly target?: unknown;
  readonly data?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

/** @returns `undefined` for what is not a message. */
export function readMessage(text: unknown): ProxyMessage | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof (value as ProxyMessage | null)?.action === "string" ? (value as ProxyMessage) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a member is the id of a client. */
export function isId(member: unknown): member is string {
  return typeof member === "string" && member !== "";
}
