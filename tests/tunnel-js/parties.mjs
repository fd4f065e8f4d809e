// Servers and clients in Node, and what is waited for.

import { WebSocket } from "ws";
import { ForwardingServerWebSocket, PeerToPeerWebSocket } from "../../proxy/web/dist/network-web-sockets-tunnel.mjs";
import { afterwards } from "../browser/harness/cleanup.mjs";

/** A server that ends with its test. */
export async function serve(t, relay, more = {}) {
  const options = { WebSocket, resume: { minDelay: 20, maxDelay: 100 }, ...more };
  const server = await ForwardingServerWebSocket.newThrough(relay.url, options);
  afterwards(t, () => server.close());
  return server;
}

/** A connection of its own WebSocket if `alone`, that ends with its test. */
export function dial(t, relay, server, port = 80, { alone = false } = {}) {
  const Constructor = alone ? class extends WebSocket {} : WebSocket;
  const socket = PeerToPeerWebSocket.toPort(port, server.serverId ?? server, relay.url, { WebSocket: Constructor });
  socket.binaryType = "arraybuffer";
  afterwards(t, () => socket.close());
  return socket;
}

export const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

/** The data of the next messages. */
export function messages(socket, count) {
  return new Promise((resolve, reject) => {
    const got = [];
    const take = ({ data }) => {
      if (got.push(data) < count) return;
      socket.removeEventListener("message", take);
      resolve(got);
    };
    socket.addEventListener("message", take);
    socket.addEventListener("close", ({ code, reason }) =>
      reject(new Error(`closed (${code} ${reason}) after ${got.length} of ${count} messages`)),
    );
  });
}

/** How it ended. */
export async function ending(socket) {
  const { code, reason, wasClean } = await next(socket, "close");
  return { code, reason, wasClean };
}

/** Sends back what comes, as it is. */
export function echo(socket) {
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
}

/** Waits until something holds; looks after each turn. */
export async function until(holds, what) {
  const deadline = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
