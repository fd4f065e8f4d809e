// A channel that is open, and what the proxy says in it.

import { NetworkWebSocket } from "../dist/network-web-sockets.mjs";
import { FakeWebSocket, made } from "./fake-websocket.mjs";

export const options = { WebSocket: FakeWebSocket };
export const connect = (peer) => ({ action: "connect", source: "me", target: peer });
export const disconnect = (peer) => ({ action: "disconnect", source: "me", target: peer });
export const broadcast = (source, data) => ({ action: "broadcast", source, data });
export const direct = (source, data) => ({ action: "message", source, target: "me", data });

/** A socket that is open, the other end of its connection, and all that happens to it from now on. */
export function opened(more = {}) {
  const socket = new NetworkWebSocket("chat", { ...options, ...more });
  const wire = made.at(-1);
  wire.accept();
  const log = [];
  for (const type of ["open", "error", "close", "status", "reconnecting"])
    socket.addEventListener(type, () => log.push(`root ${type}`));
  socket.addEventListener("message", ({ senderId, data }) =>
    log.push(`root message ${senderId} ${JSON.stringify(data)}`),
  );
  for (const type of ["connect", "disconnect"]) {
    socket.addEventListener(type, ({ detail: { target: peer } }) => {
      log.push(`root ${type} ${peer.id}`);
      if (type === "disconnect") return;
      for (const each of ["open", "error", "close"]) peer.addEventListener(each, () => log.push(`${peer.id} ${each}`));
      peer.addEventListener("message", ({ senderId, data }) =>
        log.push(`${peer.id} message ${senderId} ${JSON.stringify(data)}`),
      );
    });
  }
  return { socket, wire, log };
}
