/** What the library offers, whichever way it is loaded. */

export type { NetworkWebSocketErrorCode } from "./errors.js";
export { NetworkWebSocketError } from "./errors.js";
export type { CloseDetails, PeerEvent, ReconnectingEvent, StatusEvent } from "./events.js";
export { NetworkErrorEvent, NetworkMessageEvent } from "./events.js";
export type { NetworkWebSocketEventMap } from "./network-web-socket.js";
export { NetworkWebSocket } from "./network-web-socket.js";
export type { NetworkWebSocketOptions, RawSocketOptions, WebSocketConstructor } from "./options.js";
export type { NetworkPeerSocket } from "./peer-socket.js";
export { BroadcastWebSocket, LocalWebSocket } from "./raw-sockets.js";
export type { ReconnectOptions } from "./reconnect.js";
export type { Handler, Listener, ReadyState, SocketEventMap, SocketFace } from "./socket-face.js";
