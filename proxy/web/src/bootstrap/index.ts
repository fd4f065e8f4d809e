/** The ES module for WebRTC bootstrap. It shares nothing with the channels' module but the package. */

export type { BootstrapOptions, ConnectOptions } from "./client.js";
export { BootstrapClient } from "./client.js";
export type { Emitter } from "./emitter.js";
export type { BootstrapErrorCode } from "./error.js";
export { BootstrapError } from "./error.js";
export type { BootstrapPeerEvents, DescriptionSignal, CandidateSignal, PeerOptions, Signal } from "./peer.js";
export { BootstrapPeer } from "./peer.js";
export type { PeerLike } from "./peer-like.js";
export type { BootstrapRequest } from "./request.js";
export type { BootstrapRoot } from "./root.js";
