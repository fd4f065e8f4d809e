/**
 * Whether a page may and can reach the proxy, and what to tell when it does not. A `WebSocket` says nothing about why it
 * failed; what is found out here beside it is all there is.
 *
 * Chromium asks its user before a page from elsewhere may reach this machine: for `fetch` since version 142, for
 * `WebSocket` since 147. So such a page fetches `/health` first, which brings the question up everywhere.
 */

import { isLoopback } from "./address.js";
import { NetworkWebSocketError } from "./errors.js";

/** What was found out before connecting. */
export interface Reach {
  readonly answered: boolean;
  /** What the user has allowed, where the browser has that permission and says so. */
  readonly permission: PermissionState | undefined;
}

const onWeb = () => /^https?:$/.test(globalThis.location?.protocol);

/** Whether the browser may ask its user before this page can reach `proxy`. */
export function mustAsk(proxy: string): boolean {
  return onWeb() && !isLoopback(location.hostname) && isLoopback(new URL(proxy).hostname);
}

/** Reaches for the proxy once, which makes the browser ask. Never rejects; waits as long as the user does. */
export async function ask(proxy: string): Promise<Reach> {
  const answered = await fetch(`${proxy.replace(/^ws/, "http")}/health`, {
    mode: "no-cors",
    cache: "no-store",
    credentials: "omit",
  }).then(
    () => true,
    () => false,
  );
  // The permission's name now, and the one before it was split.
  const permission = (await permitted("loopback-network")) ?? (await permitted("local-network-access"));
  return { answered, permission };
}

async function permitted(name: string): Promise<PermissionState | undefined> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    return undefined;
  }
}

/** Why there is no connection. `cause` is what the WebSocket itself said, if anything. */
export function explain(proxy: string, reach: Reach | undefined, cause: string | undefined): NetworkWebSocketError {
  const because = cause ? ` (${cause})` : "";
  if (reach && !reach.answered) {
    if (!globalThis.isSecureContext) {
      return new NetworkWebSocketError(
        "permission",
        `This page came by plain http, so the browser may keep it from the proxy at ${proxy}. ` +
          `Serve it by https, or let the proxy serve it: nws --www FOLDER${because}`,
      );
    }
    if (reach.permission && reach.permission !== "granted") {
      return new NetworkWebSocketError(
        "permission",
        `The browser does not let this page reach the proxy at ${proxy}. Allow it when the browser asks, or in its settings ` +
          `for this site ("Apps on device" or "Local network access"), and reload${because}`,
      );
    }
  }
  if (reach?.answered) {
    return new NetworkWebSocketError(
      "unreachable",
      `${proxy} answers, but opens no channel: is it the proxy (nws), does it allow this page's origin, and has it room?${because}`,
    );
  }
  return new NetworkWebSocketError(
    "unreachable",
    `No proxy answers at ${proxy}. Start it on this machine: nws. Or set the option "proxy" to where it is` +
      (onWeb() ? `. A Content-Security-Policy of this page must list ${proxy} in connect-src` : "") +
      (reach && proxy.startsWith("ws:") ? ". Safari lets https pages reach wss: only" : "") +
      because,
  );
}
