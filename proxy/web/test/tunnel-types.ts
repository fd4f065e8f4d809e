// The declarations of the tunnel's classes, as a user of the package meets them. Compiled, never run.

import {
  type ConnectionEvent,
  ForwardingServerWebSocket,
  PeerToPeerWebSocket,
  TunnelError,
  type TunnelErrorEvent,
} from "network-web-sockets/tunnel";
import * as ws from "ws";

const url = "ws://localhost:8087";
const server: ForwardingServerWebSocket = await ForwardingServerWebSocket.newThrough(url, {
  WebSocket: ws.WebSocket,
  resume: { minDelay: 100 },
  giveUpAfter: 5000,
});
server.listen(80, (socket: PeerToPeerWebSocket) => socket.send(`hello, ${socket.address}`)).listen("81", console.log);
server.onconnection = ({ port, address, channel, decided, accept, refuse }: ConnectionEvent) =>
  console.log(port + 1, address.length, channel, decided, accept, refuse);
server.addEventListener("connection", (event) => {
  event.preventDefault();
  if (event.address === "192.0.2.1") event.refuse("not you");
  else event.accept().send("welcome");
});
server.onlost = ({ detail: { code, reason } }) => console.log(code.toFixed(), reason.length);
server.onresume = ({ detail: { away } }) => console.log(away.toFixed());
server.onerror = ({ code, message }: TunnelErrorEvent) => console.log(code, message);
server.onclose = ({ wasClean }) => console.log(wasClean);
const credential: string = server.credential;
await ForwardingServerWebSocket.newThrough(new URL(url), { as: { serverId: server.serverId, credential } });
const incoming: PeerToPeerWebSocket[] = server.connections;
await server.unlisten(80).close();
// @ts-expect-error -- it is made by newThrough
new ForwardingServerWebSocket(url);
// @ts-expect-error -- a word that is not an option
await ForwardingServerWebSocket.newThrough(url, { resumes: true });

const socket: PeerToPeerWebSocket = PeerToPeerWebSocket.toPort(80, server.serverId, url, { WebSocket });
PeerToPeerWebSocket.throughChannel(7, server).close(3000, "enough");
// @ts-expect-error -- it is made by toPort
new PeerToPeerWebSocket({});
socket.binaryType = "arraybuffer";
socket.onopen = function () {
  this.send("text");
  this.send(new Uint8Array(2));
  this.send(new ArrayBuffer(2));
  this.send(new Blob(["x"]));
};
// @ts-expect-error -- not a number
socket.send(5);
socket.onmessage = ({ data, origin }: MessageEvent) => console.log(data, origin);
socket.onfinished = () => socket.finish();
socket.onerror = ({ code }) => console.log(code);
socket.onclose = ({ code, reason, wasClean }) => console.log(code.toFixed(), reason, wasClean === true);
socket.addEventListener("message", ({ data }) => socket.pause() ?? console.log(data), { once: true });
socket.addEventListener("a word of one's own", (event: Event) => console.log(event.type));
// Whatever takes a WebSocket's essential face takes one of these.
const like: Pick<
  WebSocket,
  "send" | "close" | "readyState" | "bufferedAmount" | "binaryType" | "url" | "protocol" | "extensions" | "dispatchEvent"
> = socket;
const open: 1 = PeerToPeerWebSocket.OPEN;
try {
  for await (const { data } of await socket.opened) console.log(data, socket.paused, socket.channel?.toFixed());
} catch (error) {
  if (error instanceof TunnelError && error.code === "refused") console.log(error.message);
}
console.log(incoming, like, open, socket.port, socket.serverId, socket.bufferedAmount, socket.readyState === socket.OPEN);
