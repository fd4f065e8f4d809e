/**
 * Where the proxy is. Decided from what is known at once, so that a socket can be opened without asking anybody:
 *
 * 1. the option `proxy`,
 * 2. the global variable `NETWORK_WEB_SOCKETS_PROXY`,
 * 3. the origin this library was loaded from, if a proxy serves it from there,
 * 4. the origin of the page, if that is a loopback name with the proxy's usual port,
 * 5. `ws://localhost:9009`.
 *
 * A development server on loopback is not taken for a proxy: that is why 3 and 4 look at the port and the path.
 */

declare global {
  /** The proxy's address for every socket that doesn't get it by option. */
  var NETWORK_WEB_SOCKETS_PROXY: string | undefined;
}

const USUAL_PORT = "9009";
const USUAL = `ws://localhost:${USUAL_PORT}`;
/** Where a proxy serves this library, whatever its port is; last the names that the original library had. */
const SERVED_AS = /^\/((lib\/)?network-web-sockets\.m?js|lib\/(named|network)websockets\.js)$/;
const LOOPBACK = /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/;

let script: URL | undefined;

/** Tells where this library was loaded from. */
export function loadedFrom(url: string | undefined): void {
  script = url ? new URL(url) : undefined;
}

/** Whether a host, as `URL.hostname` has it, is this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/**
 * The proxy's address as `ws://host:port` or `wss://host:port/path`, without a slash at the end.
 *
 * @throws {DOMException} `SyntaxError` if the address that was given is not one.
 */
export function proxyAddress(given?: string | URL): string {
  const named = given ?? globalThis.NETWORK_WEB_SOCKETS_PROXY;
  if (named) return websocketAddress(String(named));
  if (script && isProxy(script, SERVED_AS.test(script.pathname))) return websocketAddress(script.origin);
  const page = globalThis.location;
  return page && isProxy(page, false) ? websocketAddress(page.origin) : USUAL;
}

function isProxy(at: URL | Location, certain: boolean): boolean {
  return /^https?:$/.test(at.protocol) && isLoopback(at.hostname) && (certain || at.port === USUAL_PORT);
}

function websocketAddress(text: string): string {
  const match = /^(?:http|ws)(s?):\/\/[^/?#\s]+/i.exec(text);
  if (!match) {
    throw new DOMException(`The proxy's address must be like ${USUAL}, not "${text}"`, "SyntaxError");
  }
  const url = new URL(text);
  return `ws${match[1]}://${url.host}${url.pathname.replace(/\/+$/, "")}`;
}
