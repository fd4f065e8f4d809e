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

/** Accepts who connects to a port. @returns What gives the next of them, who may be there already. */
export function arrivals(server, port) {
  const come = [];
  const awaited = [];
  server.listen(port, (socket) => {
    const first = awaited.shift();
    if (first) first(socket);
    else come.push(socket);
  });
  return () => (come.length ? Promise.resolve(come.shift()) : new Promise((resolve) => awaited.push(resolve)));
}

/** Lets everything else have its turn. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Nothing of what was sent waits any more: there is no event of that, as for a `WebSocket`. */
export async function drained(socket) {
  const deadline = Date.now() + 60_000;
  while (socket.bufferedAmount > 0) {
    if (Date.now() > deadline) throw new Error(`${socket.bufferedAmount} bytes wait for ever`);
    await turn();
  }
}
