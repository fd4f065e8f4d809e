/**
 * One end of a WebRTC data channel, with the face of simple-peer and over the platform's own `RTCPeerConnection`. It
 * speaks to the other end by signals, which somebody else carries; of the server it knows nothing.
 */

import { Emitter } from "./emitter.js";
import { BootstrapError } from "./error.js";

/** An offer or an answer. */
export interface DescriptionSignal {
  readonly type: "offer" | "answer";
  readonly sdp: string;
}

/** An address at which the peer may be reached. */
export interface CandidateSignal {
  readonly candidate: {
    readonly candidate: string;
    readonly sdpMLineIndex: number | null;
    readonly sdpMid: string | null;
  };
}

/** What simple-peer sends too, of all versions. */
export type Signal = DescriptionSignal | CandidateSignal;

/** As those of simple-peer. */
export interface PeerOptions {
  /** Whether this end makes the offer. `BootstrapClient` sets it: who asks does, who answers does not. */
  readonly initiator?: boolean;
  /** Whether addresses are sent as they are found, which is faster, or with the description. On by default. */
  readonly trickle?: boolean;
  /** For `RTCPeerConnection`. By default there are no STUN and TURN servers: nobody else is asked for anything. */
  readonly config?: RTCConfiguration;
  /** The data channel's label, at the initiator. */
  readonly channelName?: string;
  readonly channelConfig?: RTCDataChannelInit;
  readonly offerOptions?: RTCOfferOptions;
  readonly answerOptions?: RTCAnswerOptions;
  /** Changes the own descriptions before they are used. */
  readonly sdpTransform?: (sdp: string) => string;
  /** Without trickle: most milliseconds to wait for all addresses; 5000 by default. */
  readonly iceCompleteTimeout?: number;
  /** What makes the connection, where the platform has nothing: such as the npm package `@roamhq/wrtc` in Node. */
  readonly wrtc?: { readonly RTCPeerConnection: unknown };
}

export interface BootstrapPeerEvents {
  /** To be carried to the other end's `signal`. */
  signal: [signal: Signal];
  /** From now on data can be sent. */
  connect: [];
  /** Text as a string, bytes as an `Uint8Array`. */
  data: [data: string | Uint8Array];
  /** `close` follows. */
  error: [error: Error];
  /** It is over; told once. */
  close: [];
}

/** Addresses that may come before the description that they belong to. A browser finds some dozens. */
const MOST_EARLY_CANDIDATES = 256;

/** As simple-peer's. */
const ICE_COMPLETE_TIMEOUT = 5000;

export class BootstrapPeer extends Emitter<BootstrapPeerEvents> {
  readonly initiator: boolean;

  readonly #options: PeerOptions;
  readonly #connection: RTCPeerConnection;
  #channel: RTCDataChannel | undefined;
  #connected = false;
  #destroyed = false;
  /** What is to be done one after the other, as it came. */
  #steps: Promise<unknown> = Promise.resolve();
  /** Addresses of the other end that wait for its description. */
  #early: RTCIceCandidateInit[] = [];
  /** Own addresses that wait until the own description is told. */
  #held: CandidateSignal[] | undefined = [];

  /** @throws {TypeError} if the platform has no WebRTC and none was given. */
  constructor(options: PeerOptions = {}) {
    super();
    this.#options = options;
    this.initiator = options.initiator ?? false;
    const RTCPeerConnection = (options.wrtc?.RTCPeerConnection ?? globalThis.RTCPeerConnection) as
      typeof globalThis.RTCPeerConnection | undefined;
    if (!RTCPeerConnection) {
      throw new TypeError(
        'There is no WebRTC here: pass one, such as the npm package "@roamhq/wrtc", as the option peerOpts.wrtc',
      );
    }
    const connection = (this.#connection = new RTCPeerConnection(options.config));
    connection.onicecandidate = ({ candidate }) => this.#found(candidate);
    connection.oniceconnectionstatechange = () => this.#changed(connection.iceConnectionState);
    connection.onconnectionstatechange = () => this.#changed(connection.connectionState);
    if (this.initiator) {
      this.#use(connection.createDataChannel(options.channelName ?? "nws-bootstrap", options.channelConfig));
      this.#step(() => this.#describe("offer"));
    } else {
      connection.ondatachannel = ({ channel }) => this.#channel ?? this.#use(channel);
    }
  }

  /** Whether data can be sent. */
  get connected(): boolean {
    return this.#connected && !this.#destroyed;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Bytes that wait to be sent. Who sends much looks at it. */
  get bufferedAmount(): number {
    return this.#channel?.bufferedAmount ?? 0;
  }

  /**
   * Takes what the other end's `signal` event said, or that as JSON text. What this library doesn't know is ignored;
   * after the end, everything is.
   */
  signal(signal: unknown): void {
    if (this.#destroyed) return;
    let known = signal as Partial<DescriptionSignal & CandidateSignal> & { renegotiate?: unknown };
    try {
      if (typeof signal === "string") known = JSON.parse(signal);
    } catch {
      known = {};
    }
    const { candidate, type, sdp, renegotiate } = known ?? {};
    if (typeof candidate?.candidate === "string") this.#candidate(candidate);
    // The initiator offers and the other answers, whatever else they are told.
    else if (typeof sdp === "string" && type === (this.initiator ? "answer" : "offer"))
      this.#step(() => this.#accept({ type, sdp }));
    else if (renegotiate && this.initiator) this.#step(() => this.#describe("offer"));
  }

  /**
   * Sends text as text and bytes as bytes.
   *
   * @throws {DOMException} `InvalidStateError` before the `connect` event and after `close`.
   */
  send(data: string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob): void {
    if (!this.#channel || !this.connected) {
      throw new DOMException("The peer is not connected: wait for its connect event", "InvalidStateError");
    }
    this.#channel.send(data as string);
  }

  /** Ends the connection, for both; what waits to be sent is lost. With an error, `error` is told before `close`. */
  destroy(error?: Error): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    const connection = this.#connection;
    for (const name of ["icecandidate", "iceconnectionstatechange", "connectionstatechange", "datachannel"] as const)
      connection[`on${name}`] = null;
    if (this.#channel) {
      this.#channel.onopen = this.#channel.onmessage = this.#channel.onclose = this.#channel.onerror = null;
      this.#channel.close();
    }
    connection.close();
    this.#early = [];
    queueMicrotask(() => {
      try {
        if (error) this.emit("error", error);
      } finally {
        this.emit("close");
      }
    });
    return this;
  }

  #step(step: () => Promise<void>): void {
    this.#steps = this.#steps
      .then(() => (this.#destroyed ? undefined : step()))
      .catch((error: Error) => this.destroy(new BootstrapError("signal", `The handshake failed: ${error.message}`)));
  }

  async #describe(type: "offer" | "answer"): Promise<void> {
    const { offerOptions, answerOptions, sdpTransform, trickle = true } = this.#options;
    const connection = this.#connection;
    const made = await (type === "offer"
      ? connection.createOffer(offerOptions)
      : connection.createAnswer(answerOptions));
    let sdp = made.sdp ?? "";
    if (!trickle) sdp = sdp.replace(/a=ice-options:trickle\s+/g, "");
    if (sdpTransform) sdp = sdpTransform(sdp);
    if (this.#destroyed) return;
    await connection.setLocalDescription({ type, sdp });
    if (!trickle) {
      await gathered(connection, this.#options.iceCompleteTimeout ?? ICE_COMPLETE_TIMEOUT);
      sdp = connection.localDescription?.sdp ?? sdp;
    }
    if (this.#destroyed) return;
    this.emit("signal", { type, sdp });
    const held = this.#held ?? [];
    this.#held = undefined;
    if (trickle) for (const signal of held) this.emit("signal", signal);
  }

  async #accept(description: DescriptionSignal): Promise<void> {
    await this.#connection.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await this.#add(candidate);
    if (description.type === "offer" && !this.#destroyed) await this.#describe("answer");
  }

  /** One of the other end's. */
  #candidate(candidate: RTCIceCandidateInit): void {
    this.#step(async () => {
      if (this.#connection.remoteDescription) return this.#add(candidate);
      if (this.#early.length >= MOST_EARLY_CANDIDATES) throw new Error("too many addresses before the description");
      this.#early.push(candidate);
    });
  }

  /** An address that can't be used is one less. Whether those that are left do, the connection tells. */
  async #add(candidate: RTCIceCandidateInit): Promise<void> {
    await this.#connection.addIceCandidate(candidate).catch(() => {});
  }

  /** One of this end's. The last one is empty, or not there at all. */
  #found(found: RTCIceCandidate | null): void {
    if (!found?.candidate || this.#options.trickle === false) return;
    const { candidate, sdpMLineIndex, sdpMid } = found;
    const signal = { candidate: { candidate, sdpMLineIndex, sdpMid } };
    if (this.#held) this.#held.push(signal);
    else this.emit("signal", signal);
  }

  #changed(state: string): void {
    if (state === "closed") this.destroy();
    if (state !== "failed") return;
    const what = this.#connected
      ? "The peer can't be reached any more"
      : "No way to the peer was found; between networks a STUN or TURN server is needed, in peerOpts.config.iceServers";
    this.destroy(new BootstrapError("lost", what));
  }

  #use(channel: RTCDataChannel): void {
    this.#channel = channel;
    channel.binaryType = "arraybuffer";
    channel.onopen = () => this.#opened();
    channel.onmessage = ({ data }) => {
      this.#opened();
      this.emit("data", typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    };
    channel.onclose = () => this.destroy();
    // `close` or a failed connection follows, which says no less.
    channel.onerror = () => {};
    // One that the other end made may be open already; nobody can have listened to its event.
    if (channel.readyState === "open") queueMicrotask(() => this.#opened());
  }

  #opened(): void {
    if (this.#connected || this.#destroyed) return;
    this.#connected = true;
    this.emit("connect");
  }
}

/** Waits until all own addresses are known, at most that long. */
function gathered(connection: RTCPeerConnection, milliseconds: number): Promise<void> {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      connection.onicegatheringstatechange = null;
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    connection.onicegatheringstatechange = () => {
      if (/complete|closed/.test(connection.iceGatheringState)) done();
    };
  });
}
