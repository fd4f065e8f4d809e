// A WebRTC connection whose other end is the test: `connections` lists those that were made, newest last.

export const connections = [];

export class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  sent = [];
  closed = false;
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;

  constructor(label, options) {
    this.label = label;
    this.options = options;
  }

  send(data) {
    this.sent.push(data);
  }

  close() {
    this.closed = true;
  }

  // --- the other end ---

  open() {
    this.readyState = "open";
    this.onopen?.(new Event("open"));
  }

  say(data) {
    this.onmessage?.({ data });
  }

  end() {
    this.readyState = "closed";
    this.onclose?.(new Event("close"));
  }
}

export class FakeRTCPeerConnection {
  iceConnectionState = "new";
  connectionState = "new";
  iceGatheringState = "new";
  localDescription = null;
  remoteDescription = null;
  channel = undefined;
  candidates = [];
  closed = false;
  ondatachannel = null;
  onicecandidate = null;
  oniceconnectionstatechange = null;
  onconnectionstatechange = null;
  onicegatheringstatechange = null;

  constructor(config) {
    this.config = config;
    connections.push(this);
  }

  createDataChannel(label, options) {
    return (this.channel = new FakeChannel(label, options));
  }

  async createOffer(options) {
    return { type: "offer", sdp: `offer\r\na=ice-options:trickle\r\n${JSON.stringify(options ?? null)}` };
  }

  async createAnswer() {
    return { type: "answer", sdp: "answer" };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
    // Sooner than the promise, as it may be.
    this.find("candidate:first");
  }

  async setRemoteDescription(description) {
    if (description.sdp === "bad") throw new Error("no sense in it");
    this.remoteDescription = description;
  }

  async addIceCandidate({ candidate }) {
    if (!this.remoteDescription) throw new Error("too early");
    if (candidate === "bad") throw new Error("no address");
    this.candidates.push(candidate);
  }

  close() {
    this.closed = true;
    this.connectionState = "closed";
  }

  // --- the other end ---

  find(candidate) {
    this.onicecandidate?.({ candidate: candidate && { candidate, sdpMLineIndex: 0, sdpMid: "0", foundation: "1" } });
  }

  gathered() {
    this.iceGatheringState = "complete";
    this.localDescription = { ...this.localDescription, sdp: `${this.localDescription.sdp} and all addresses` };
    this.onicegatheringstatechange?.(new Event("icegatheringstatechange"));
  }

  /** The other end's data channel comes in. */
  offered(readyState = "connecting") {
    this.channel = new FakeChannel("theirs");
    this.channel.readyState = readyState;
    this.ondatachannel?.({ channel: this.channel });
    return this.channel;
  }

  state(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.(new Event("connectionstatechange"));
  }
}

export const wrtc = { RTCPeerConnection: FakeRTCPeerConnection };
