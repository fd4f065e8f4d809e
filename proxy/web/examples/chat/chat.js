// Everything that makes a chat of a channel. No server keeps it, and nobody has an account.

import { NetworkWebSocket } from "/network-web-sockets.mjs";

export class Chat extends EventTarget {
  /** The names of the others, by the ids of their peers. */
  people = new Map();

  constructor(room, name) {
    super();
    this.name = name;
    this.channel = new NetworkWebSocket(room, { reconnect: true });

    this.channel.onconnect = ({ detail: { target: peer } }) => {
      // Both sides are told of each other, so both say who they are: to the other alone.
      peer.onopen = () => peer.send({ name: this.name });
      peer.onmessage = ({ data }) => this.#heard(peer.id, data, true);
    };
    this.channel.ondisconnect = ({ detail: { target: peer } }) => {
      const name = this.people.get(peer.id);
      this.people.delete(peer.id);
      this.#tell("left", { id: peer.id, name });
    };
    this.channel.onmessage = ({ data, senderId }) => this.#heard(senderId, data, false);
  }

  /** Says something to all, or to one. */
  say(text, to) {
    const peer = this.channel.peers.find(({ id }) => id === to);
    if (to && !peer) throw new Error("That one has left");
    (peer ?? this.channel).send({ text });
  }

  rename(name) {
    this.name = name;
    this.channel.send({ name });
  }

  // Anybody may send anything: take nothing for granted.
  #heard(id, data, alone) {
    if (typeof data?.name === "string") {
      const before = this.people.get(id);
      const name = data.name.trim().slice(0, 40) || "Nameless";
      this.people.set(id, name);
      this.#tell(before ? "renamed" : "came", { id, name, before });
    }
    if (typeof data?.text === "string") {
      this.#tell("said", { id, name: this.people.get(id) ?? "Nameless", text: data.text, alone });
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
