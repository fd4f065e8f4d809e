// One joined channel with presence. It turns the socket's events into what the console shows, and knows no document.

import { NetworkWebSocket } from "/network-web-sockets.mjs";

/** The waits between tries are short: the proxy is on this machine. */
const RECONNECT = { minDelay: 200, maxDelay: 2000, factor: 1.6, jitter: 0.3 };

export class NetworkChannel {
  kind = /** @type {const} */ ("network");
  /** @type {"joining" | "joined" | "waiting" | "left"} */
  state = "joining";
  /** Why it is not joined. */
  fault = "";
  /** The peers that are there now, by id. @type {Map<string, any>} */
  peers = new Map();

  #socket;
  #host;

  /**
   * @param {string} name
   * @param {import("./channel-set.js").ChannelHost} host
   * @throws {DOMException} for a name that is not allowed, before anything is connected.
   */
  constructor(name, host) {
    this.name = name;
    this.#host = host;
    const socket = (this.#socket = new NetworkWebSocket(name, { proxy: location.origin, reconnect: RECONNECT }));
    socket.onopen = () => {
      this.state = "joined";
      this.fault = "";
      host.changed(this, "joined");
    };
    socket.onstatus = () => host.changed(this, "id");
    socket.onconnect = ({ detail }) => this.#arrived(detail.target);
    socket.ondisconnect = ({ detail }) => {
      // When the connection goes all of them go, which is one thing to tell and not many.
      this.peers.delete(detail.target.id);
      if (socket.readyState === 1) host.traffic(this, { direction: "left", from: detail.target.id });
      host.changed(this, "peers");
    };
    socket.onmessage = ({ data, senderId }) => host.traffic(this, { direction: "in", from: senderId, data });
    socket.onerror = ({ code, message, targetId }) => {
      if (socket.readyState === 1) return host.traffic(this, { direction: "error", to: targetId, note: `${code}: ${message}` });
      this.fault = message;
      if (this.state === "joined") this.state = "waiting";
    };
    socket.onreconnecting = ({ detail }) => {
      const lost = detail.attempt === 0;
      this.state = "waiting";
      this.fault ||= detail.reason || `The connection was closed (${detail.code})`;
      this.peers.clear();
      host.changed(this, lost ? "lost" : "waiting");
    };
    socket.onclose = () => {
      this.state = "left";
      host.changed(this, "left");
    };
  }

  get id() {
    return this.#socket.id;
  }

  /**
   * @param {unknown} data
   * @param {string} [to] A peer's id; without one it goes to all.
   * @throws if it can't be sent now.
   */
  send(data, to) {
    if (to === undefined) return this.#socket.send(data);
    const peer = this.peers.get(to);
    if (!peer) throw new Error("That peer is gone");
    peer.send(data);
  }

  leave() {
    this.#socket.close();
  }

  #arrived(peer) {
    this.peers.set(peer.id, peer);
    peer.onmessage = ({ data }) => this.#host.traffic(this, { direction: "in", from: peer.id, to: this.id, data });
    this.#host.traffic(this, { direction: "came", from: peer.id });
    this.#host.changed(this, "peers");
  }
}
