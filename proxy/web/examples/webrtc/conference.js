// A video conference: the channel tells who is there and carries what two browsers must agree on, to one another alone.
// Pictures and sound then go directly from browser to browser, encrypted, without the channel.

import { NetworkWebSocket } from "/network-web-sockets.mjs";

export class Conference extends EventTarget {
  /** @type {Map<string, Call>} */
  calls = new Map();

  /** Enters the conference of that name with the camera's and microphone's stream. */
  constructor(room, stream) {
    super();
    this.channel = new NetworkWebSocket(room, { reconnect: true });
    this.channel.onconnect = ({ detail: { target: peer } }) => {
      // Each two have one polite side: it gives way when both make an offer at the same time.
      const call = new Call(peer, stream, this.channel.id < peer.id);
      this.calls.set(peer.id, call);
      this.dispatchEvent(new CustomEvent("call", { detail: call }));
    };
    this.channel.ondisconnect = ({ detail: { target: peer } }) => {
      const call = this.calls.get(peer.id);
      this.calls.delete(peer.id);
      call?.end();
    };
  }

  leave() {
    this.channel.close();
  }
}

/** One call to one peer, by the pattern of "perfect negotiation". */
export class Call extends EventTarget {
  #offering = false;
  #ignoring = false;

  constructor(peer, stream, polite) {
    super();
    this.id = peer.id;
    // Hosts of one local network need no help to find each other: no STUN, no TURN.
    const connection = (this.connection = new RTCPeerConnection());
    for (const track of stream.getTracks()) connection.addTrack(track, stream);
    for (const kind of ["audio", "video"]) {
      // Who only watches has nothing to send, and asks for what the other has.
      if (!stream.getTracks().some((track) => track.kind === kind)) connection.addTransceiver(kind, { direction: "recvonly" });
    }

    connection.ontrack = ({ streams: [remote] }) => this.dispatchEvent(new CustomEvent("stream", { detail: remote }));
    connection.onicecandidate = ({ candidate }) => peer.readyState === 1 && peer.send({ candidate });
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "failed") connection.restartIce();
      this.dispatchEvent(new CustomEvent("state", { detail: connection.connectionState }));
    };
    connection.onnegotiationneeded = async () => {
      // Both come here at once at the start. So the first offer is left to one side; later either may make one.
      if (polite && !connection.remoteDescription) return;
      this.#offering = true;
      try {
        await connection.setLocalDescription();
        peer.send({ description: connection.localDescription });
      } catch (error) {
        console.warn("No offer could be made", error);
      } finally {
        this.#offering = false;
      }
    };
    peer.onmessage = ({ data }) => this.#signalled(peer, polite, data);
  }

  async #signalled(peer, polite, { description, candidate } = {}) {
    const { connection } = this;
    // Candidates of an offer that is ignored fit nothing.
    const ofIgnored = this.#ignoring;
    try {
      if (description) {
        const collision = description.type === "offer" && (this.#offering || connection.signalingState !== "stable");
        this.#ignoring = collision && !polite;
        if (this.#ignoring) return;
        await connection.setRemoteDescription(description);
        if (description.type !== "offer") return;
        await connection.setLocalDescription();
        peer.send({ description: connection.localDescription });
      } else if (candidate !== undefined) {
        await connection.addIceCandidate(candidate ?? undefined);
      }
    } catch (error) {
      if (!ofIgnored) console.warn("What the peer signalled can't be used", error);
    }
  }

  end() {
    this.connection.close();
    this.dispatchEvent(new CustomEvent("end"));
  }
}
