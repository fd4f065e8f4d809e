// The declarations of the bootstrap client, as a user of the package meets them. Compiled, never run.

import {
  BootstrapClient,
  BootstrapError,
  BootstrapPeer,
  type BootstrapRequest,
  type PeerLike,
} from "network-web-sockets/bootstrap";
import * as ws from "ws";

const bootstrap = new BootstrapClient("localhost:5000", { secure: true, WebSocket: ws.WebSocket });
const newcomers: Record<string, BootstrapPeer> = {};

const root = bootstrap.root(
  "secret",
  (request: BootstrapRequest) => {
    const known = newcomers[request.origin];
    if (known) return known.signal(request.signal);
    const newcomer = bootstrap.connect(request);
    newcomers[request.origin] = newcomer;
    newcomer.on("data", (data) => newcomer.send(typeof data === "string" ? "pong" : new Uint8Array(data.length)));
  },
  (error) => console.log(error?.code, error?.message),
);
void root.closed.then((error) => error instanceof BootstrapError && console.log(error.code));
root.close();

const peer: BootstrapPeer = bootstrap.connect(null, {
  peerOpts: { trickle: false, config: { iceServers: [{ urls: "stun:stun.example.org" }] }, wrtc: { RTCPeerConnection } },
  timeout: 1000,
  cb: (error, made) => console.log(error?.code === "undelivered", made.connected, made.destroyed, made.initiator),
});
peer.on("connect", () => peer.send("ping")).once("close", () => console.log(peer.bufferedAmount));
peer.on("error", ({ message }) => console.log(message)).off("data", console.log);
peer.on("signal", (signal) => console.log("sdp" in signal ? signal.type : signal.candidate.candidate));
// @ts-expect-error -- no such event
peer.on("stream", console.log);
// @ts-expect-error -- no such word
bootstrap.connect(null, { timeuot: 5 });
bootstrap.close();

/** As simple-peer is. */
declare class SimplePeer implements PeerLike {
  constructor(options?: { initiator?: boolean; stream?: MediaStream });
  on(event: string, listener: (...details: any[]) => void): this;
  signal(signal: string | object): void;
  destroy(error?: Error): this;
  readonly streams: MediaStream[];
}
const other = new BootstrapClient("localhost:5000", { SimplePeer });
const streams: MediaStream[] = other.connect(null, { cb: (_, made) => console.log(made.streams) }).streams;
console.log(streams, bootstrap.host, bootstrap.secure);
