// Clients of a server that is not there, closed and forgotten with each test of a file that uses them, and what others say.

import { afterEach, beforeEach } from "node:test";
import { BootstrapClient } from "../dist/network-web-sockets-bootstrap.mjs";
import { connections, wrtc } from "./fake-rtc.mjs";
import { FakeWebSocket, made } from "./fake-websocket.mjs";

export const options = { WebSocket: FakeWebSocket };
export const peerOpts = { wrtc };

beforeEach(() => {
  made.splice(0);
  connections.splice(0);
});

/** Those that were made: closed after each test, as one with a root would keep the process alive. */
const clients = [];
export function client(more = {}) {
  clients.push(new BootstrapClient("localhost:5000", { ...options, ...more }));
  return clients.at(-1);
}
afterEach(() => clients.splice(0).forEach((each) => each.close()));

export const offer = (origin, sdp = "offer") => ({ origin, destination: null, signal: { type: "offer", sdp }, rank: 0 });
export const answer = (origin, sdp = "answer") => ({
  origin,
  destination: "me",
  signal: { type: "answer", sdp },
  rank: 0,
});
export const found = (origin, candidate = "candidate:1") => ({
  origin,
  destination: null,
  signal: { candidate: { candidate } },
});
export const said = (socket) => socket.sent.map((text) => JSON.parse(text));
