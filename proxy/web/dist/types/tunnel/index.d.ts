/** The ES module for tunnels by a relay. It shares nothing with the channels' module but the package. */
export { ConnectionEvent } from "./connection.js";
export type { TunnelErrorCode } from "./error.js";
export { TunnelError, TunnelErrorEvent } from "./error.js";
export type { ServerOptions, TunnelOptions } from "./options.js";
export type { ForwardingServerWebSocketEventMap, LostEvent, PortListener, ResumeEvent } from "./server.js";
export { ForwardingServerWebSocket } from "./server.js";
export type { PeerToPeerWebSocketEventMap } from "./socket.js";
export { PeerToPeerWebSocket } from "./socket.js";
