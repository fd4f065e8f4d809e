/**
 * The raw relays: real WebSockets, of which each gets what any other sends, as it was. No ids, no presence, and no
 * reconnection: who wants those opens a `NetworkWebSocket`.
 */

import { proxyAddress } from "./address.js";
import { channelName } from "./channel-name.js";
import { type RawSocketOptions, settle, webSocketConstructor } from "./options.js";

type Second = string | readonly string[] | RawSocketOptions;
type Relay = "local" | "broadcast";

/** Node before version 22 has no WebSocket to extend; there one must be passed, and is returned as it is. */
const Base = globalThis.WebSocket ?? (class {} as unknown as typeof WebSocket);

class RawWebSocket extends Base {
  constructor(relay: Relay, name: string, second: Second | undefined, third: RawSocketOptions | undefined) {
    const { options, protocols } = settle(second, third);
    const url = `${proxyAddress(options.proxy)}/${relay}/${channelName(name)}`;
    const Constructor = webSocketConstructor(options);
    if (Constructor !== (Base as unknown)) return new Constructor(url, protocols) as RawWebSocket;
    super(url, protocols);
  }
}

/** A WebSocket to everybody who opened the same name on this machine. */
export class LocalWebSocket extends RawWebSocket {
  constructor(name: string, protocolsOrOptions?: Second, options?: RawSocketOptions) {
    super("local", name, protocolsOrOptions, options);
  }
}

/** A WebSocket to everybody who opened the same name on this machine or on the network. */
export class BroadcastWebSocket extends RawWebSocket {
  constructor(name: string, protocolsOrOptions?: Second, options?: RawSocketOptions) {
    super("broadcast", name, protocolsOrOptions, options);
  }
}
