// One joined raw relay, `/local/…` or `/broadcast/…`: text and bytes as they are, nobody has an id. The library's raw
// sockets don't come back by themselves, so that is done here.

import { BroadcastWebSocket, LocalWebSocket } from "/network-web-sockets.mjs";

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 2000;
/** Bytes of a binary message that are shown. */
const SHOWN_BYTES = 64;

export class RawChannel {
  /** @type {"joining" | "joined" | "waiting" | "left"} */
  state = "joining";
  fault = "";
  /** Raw relays have no presence: always empty. @type {Map<string, never>} */
  peers = new Map();
  id = "";

  #host;
  #socket;
  #wait = FIRST_WAIT_MS;
  #timer = 0;

  /**
   * @param {"local" | "broadcast"} kind
   * @param {string} name
   * @param {import("./channel-set.js").ChannelHost} host
   * @throws {DOMException} for a name that is not allowed, before anything is connected.
   */
  constructor(kind, name, host) {
    this.kind = kind;
    this.name = name;
    this.#host = host;
    this.#socket = this.#connect();
  }

  /** @param {string} data */
  send(data) {
    if (this.#socket.readyState !== 1) throw new Error("The channel is not connected now");
    this.#socket.send(data);
  }

  leave() {
    clearTimeout(this.#timer);
    this.state = "left";
    this.#socket.close();
    this.#host.changed(this, "left");
  }

  #connect() {
    const Relay = this.kind === "local" ? LocalWebSocket : BroadcastWebSocket;
    const socket = new Relay(this.name, { proxy: location.origin });
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.state = "joined";
      this.fault = "";
      this.#wait = FIRST_WAIT_MS;
      this.#host.changed(this, "joined");
    };
    socket.onmessage = ({ data }) => {
      const raw = typeof data === "string" ? data : hex(data);
      this.#host.traffic(this, { direction: "in", raw, binary: raw !== data });
    };
    socket.onclose = ({ code, reason }) => {
      if (this.state === "left") return;
      const lost = this.state === "joined";
      this.state = "waiting";
      this.fault = reason || (lost ? `The connection was closed (${code})` : "The proxy does not open this channel, or does not answer");
      this.#host.changed(this, lost ? "lost" : "waiting");
      this.#timer = setTimeout(() => (this.#socket = this.#connect()), this.#wait);
      this.#wait = Math.min(LONGEST_WAIT_MS, this.#wait * 1.6);
    };
    return socket;
  }
}

/** @param {ArrayBuffer} buffer */
function hex(buffer) {
  const bytes = [...new Uint8Array(buffer, 0, Math.min(SHOWN_BYTES, buffer.byteLength))];
  const more = buffer.byteLength > SHOWN_BYTES ? " …" : "";
  return `${buffer.byteLength} bytes: ${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}${more}`;
}
