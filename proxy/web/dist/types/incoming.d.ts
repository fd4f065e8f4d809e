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
export declare function readMessage(text: unknown): ProxyMessage | undefined;
/** Whether a member is the id of a client. */
export declare function isId(member: unknown): member is string;
