// The declarations, as a user of the package meets them. Compiled, never run.

import {
  BroadcastWebSocket,
  LocalWebSocket,
  type NetworkErrorEvent,
  type NetworkMessageEvent,
  type NetworkPeerSocket,
  NetworkWebSocket,
  NetworkWebSocketError,
} from "network-web-sockets";
import "network-web-sockets/global";
import * as ws from "ws";

const socket = new NetworkWebSocket("chat", ["v1"], {
  proxy: new URL("ws://localhost:9009"),
  reconnect: { minDelay: 100, jitter: 0.2 },
  iteratorBuffer: 1024,
});
new NetworkWebSocket("chat");
new NetworkWebSocket("chat", "v1");
new NetworkWebSocket("chat", { reconnect: true, WebSocket: ws.WebSocket });
new NetworkWebSocket("chat", { WebSocket });
// @ts-expect-error -- a channel has a name
new NetworkWebSocket();
// @ts-expect-error -- a word that is not an option
new NetworkWebSocket("chat", { reconect: true });

socket.onopen = function (event: Event) {
  this.send({ any: "value" });
  event.preventDefault();
};
socket.onmessage = ({ data, senderId }: NetworkMessageEvent) => console.log(data.anything, senderId.length);
socket.onerror = ({ code, message, targetId }: NetworkErrorEvent) => console.log(code, message, targetId?.length);
socket.onclose = ({ code, reason, wasClean }) => console.log(code.toFixed(), reason.length, wasClean === true);
socket.onconnect = ({ detail: { target } }) => {
  const peer: NetworkPeerSocket = target;
  peer.onopen = () => peer.send("hello");
  peer.onmessage = (event) => console.log(event.senderId === peer.id);
  peer.close(3000, "enough");
};
socket.ondisconnect = null;
socket.addEventListener("disconnect", ({ detail }) => console.log(detail.target.id), { once: true });
socket.addEventListener("reconnecting", ({ detail: { attempt, delay } }) => console.log(attempt + delay));
socket.addEventListener("status", function () {
  console.log(this.id);
});
socket.addEventListener("a word of one's own", (event: Event) => console.log(event.type));
// @ts-expect-error -- a handler is a function
socket.onconnect = 5;
const target: EventTarget = socket;
const state: 0 | 1 | 2 | 3 = socket.readyState;
const open: 1 = NetworkWebSocket.OPEN;
console.log(
  target,
  state === socket.CLOSED,
  open,
  socket.peers.map(({ id }) => id),
  socket.binaryType,
);

async function read(): Promise<void> {
  try {
    const opened: NetworkWebSocket = await socket.opened;
    for await (const { data, senderId } of opened) console.log(data, senderId.length);
  } catch (error) {
    if (error instanceof NetworkWebSocketError && error.code === "permission") console.log(error.message);
  }
}

const local: WebSocket = new LocalWebSocket("service");
const broadcast: WebSocket = new BroadcastWebSocket("service", "v1", { proxy: "http://localhost:1" });
const byGlobal = new globalThis.NetworkWebSocket("chat");
console.log(read(), local, broadcast, byGlobal.peers.length);
