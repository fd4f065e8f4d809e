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
/** Tells where this library was loaded from. */
export declare function loadedFrom(url: string | undefined): void;
/** Whether a host, as `URL.hostname` has it, is this machine. */
export declare function isLoopback(hostname: string): boolean;
/**
 * The proxy's address as `ws://host:port` or `wss://host:port/path`, without a slash at the end.
 *
 * @throws {DOMException} `SyntaxError` if the address that was given is not one.
 */
export declare function proxyAddress(given?: string | URL): string;
