// The relay's side of a connection that is not one: what it says, what it was told, and sockets in a certain state.

import { ForwardingServerWebSocket, PeerToPeerWebSocket } from "../dist/network-web-sockets-tunnel.mjs";
import { FakeWebSocket, made } from "./fake-websocket.mjs";

export const URL = "ws://relay.example:8087/";
export const options = { WebSocket: FakeWebSocket };
export const WELCOME = { type: "welcome", window: 100, message_bytes: 1000, grace_ms: 5000 };

/** The newest connection. */
export const wire = () => made.at(-1);

/** What the relay was told since it was last asked, binary frames as their channel and bytes. */
export function said(at = wire()) {
  return at.sent.splice(0).map((frame) => {
    if (typeof frame === "string") return JSON.parse(frame);
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    return { binary: Number(view.getBigUint64(0)), bytes: [...frame.subarray(8)] };
  });
}

/** A binary frame of the relay. */
export function binary(channel, ...bytes) {
  const frame = new Uint8Array(8 + bytes.length);
  new DataView(frame.buffer).setBigUint64(0, BigInt(channel));
  frame.set(bytes, 8);
  return frame.buffer;
}

export function greet(at = wire(), more = {}) {
  at.accept("nws-relay-1");
  at.say({ ...WELCOME, ...more });
}

/** Everything that happens to a socket, as one line each. */
export function watch(socket) {
  const log = [];
  socket.addEventListener("open", () => log.push("open"));
  socket.addEventListener("finished", () => log.push("finished"));
  socket.addEventListener("message", ({ data }) =>
    log.push(typeof data === "string" ? `"${data}"` : data instanceof ArrayBuffer ? [...new Uint8Array(data)] : data),
  );
  socket.addEventListener("error", ({ code }) => log.push(`error ${code}`));
  socket.addEventListener("close", ({ code, reason, wasClean }) =>
    log.push(`close ${code} ${wasClean ? "clean" : "broken"}${reason && ` (${reason})`}`),
  );
  return log;
}

/** Until what was done has come to its listeners: the task after `open` is one. */
export const task = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** An outgoing socket that is open, on channel 7. */
export async function outgoing(more = {}) {
  const socket = PeerToPeerWebSocket.toPort(80, 3, URL, options);
  const log = watch(socket);
  const at = wire();
  greet(at, more);
  const [{ id }] = said(at);
  at.say({ type: "connected", id, channel: 7 });
  await task();
  return { socket, log, wire: at };
}

/** A server, with id 3. */
export async function registered(more = {}) {
  const server = ForwardingServerWebSocket.newThrough(URL, { ...options, resume: { minDelay: 1, maxDelay: 2 }, ...more });
  const at = wire();
  greet(at);
  const [{ id }] = said(at);
  at.say({ type: "registered", id, server: 3, credential: "12345" });
  return { server: await server, wire: at };
}

/** A client that was accepted by a server. */
export async function incoming(server, at, channel = 9, port = 80) {
  let log;
  server.listen(port, (socket) => (log = watch(socket)));
  at.say({ type: "connected", channel, server: 3, port, address: "127.0.0.1" });
  server.unlisten(port);
  await task();
  return { socket: PeerToPeerWebSocket.throughChannel(channel, server), log };
}

/** The connection that is made after the present one. */
export async function nextWire(at) {
  while (wire() === at) await task();
  return wire();
}
