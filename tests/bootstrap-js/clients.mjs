// The clients that meet each other: the original's with the simple-peer that it brings, ours, and ours with the
// simple-peer of today. All with the same WebRTC for Node.

import { createRequire } from "node:module";
import { BootstrapClient } from "../../proxy/web/dist/network-web-sockets-bootstrap.mjs";

const require = createRequire(import.meta.url);
const OriginalClient = require("webrtc-bootstrap");
const SimplePeer = require("simple-peer");
const WebSocket = require("ws");
const wrtc = require("@roamhq/wrtc");

// The original's time-outs run on after success, and would keep the process for half a minute.
const { setTimeout } = globalThis;
globalThis.setTimeout = (act, milliseconds, ...more) => {
  const timer = setTimeout(act, milliseconds, ...more);
  return milliseconds === 30_000 ? timer.unref() : timer;
};

// The threads of this WebRTC crash a process that ends by itself, but not one that exits.
process.on("beforeExit", () => process.exit());

export const makers = {
  original: (host) => new OriginalClient(host),
  ours: (host) => new BootstrapClient(host, { WebSocket }),
  "ours with simple-peer": (host) => new BootstrapClient(host, { WebSocket, SimplePeer }),
};
export const names = Object.keys(makers);

/** Only addresses of this machine, and nobody else is asked. */
export const peerOpts = { wrtc, config: { iceServers: [] } };

/** What an event says next, or the error that comes instead. */
export const next = (peer, event) =>
  new Promise((resolve, reject) => {
    peer.once(event, resolve);
    peer.once("error", reject);
  });

/** Becomes the root. Gives what `root` returned when the server has agreed. */
export const root = (client, secret, onRequest) =>
  new Promise((resolve, reject) => {
    const told = client.root(secret, onRequest, (error) =>
      queueMicrotask(() => (error ? reject(error) : resolve(told))),
    );
  });

/** As the original's own example does: requests of one origin to one peer, each of which is answered. */
export function answerer(client, made, more = {}) {
  const newcomers = {};
  return (request) => {
    if (newcomers[request.origin]) return newcomers[request.origin].signal(request.signal);
    newcomers[request.origin] = client.connect(request, { peerOpts: { ...peerOpts, ...more } });
    made(newcomers[request.origin], request);
  };
}
