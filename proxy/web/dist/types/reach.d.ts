/**
 * Whether a page may and can reach the proxy, and what to tell when it does not. A `WebSocket` says nothing about why it
 * failed; what is found out here beside it is all there is.
 *
 * Chromium asks its user before a page from elsewhere may reach this machine: for `fetch` since version 142, for
 * `WebSocket` since 147. So such a page fetches `/health` first, which brings the question up everywhere.
 */
import { NetworkWebSocketError } from "./errors.js";
/** What was found out before connecting. */
export interface Reach {
    readonly answered: boolean;
    /** What the user has allowed, where the browser has that permission and says so. */
    readonly permission: PermissionState | undefined;
}
/** Whether the browser may ask its user before this page can reach `proxy`. */
export declare function mustAsk(proxy: string): boolean;
/** Reaches for the proxy once, which makes the browser ask. Never rejects; waits as long as the user does. */
export declare function ask(proxy: string): Promise<Reach>;
/** Why there is no connection. `cause` is what the WebSocket itself said, if anything. */
export declare function explain(proxy: string, reach: Reach | undefined, cause: string | undefined): NetworkWebSocketError;
