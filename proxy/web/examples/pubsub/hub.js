// A small hub over a channel: publish to topics, subscribe to topics, and topics whose last value is kept. There is no
// server that keeps it: those who are there hand it to whoever comes.

export class Hub {
  #channel;
  #subscribers = new Set();
  /** The last publication of each kept topic. */
  #kept = new Map();
  #author = crypto.randomUUID();
  #clock = 0;

  /** `channel` is a NetworkWebSocket. */
  constructor(channel) {
    this.#channel = channel;
    channel.addEventListener("connect", ({ detail: { target: peer } }) => {
      peer.addEventListener("open", () => this.#kept.size && peer.send([...this.#kept.values()]));
      peer.addEventListener("message", ({ data }) => Array.isArray(data) && data.forEach((each) => this.#take(each)));
    });
    channel.addEventListener("message", ({ data }) => this.#take(data));
  }

  /**
   * Calls `receive(value, topic)` for what is published from now on, and at once for what is kept.
   * `news/*` is every topic that begins with `news/`. Returns a function that ends it.
   */
  subscribe(pattern, receive) {
    const matches = (topic) => (pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern);
    const subscriber = { matches, receive };
    this.#subscribers.add(subscriber);
    for (const { topic, value } of this.#kept.values()) if (matches(topic)) receive(value, topic);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Publishes any JSON value. With `keep`, whoever comes later gets it too, until another value takes its place. */
  publish(topic, value, { keep = false } = {}) {
    const publication = { topic, value, keep, clock: this.#clock + 1, author: this.#author };
    // What is kept can wait for a connection: the others get it as we get theirs.
    if (!keep || this.#channel.readyState === 1) this.#channel.send(publication);
    this.#take(publication);
  }

  #take(publication) {
    const { topic, value, keep, clock, author } = publication ?? {};
    if (typeof topic !== "string" || !Number.isSafeInteger(clock)) return;
    // A clock of Lamport's: what came after is newer, and everybody decides a draw in the same way.
    this.#clock = Math.max(this.#clock, clock);
    if (keep) {
      const known = this.#kept.get(topic);
      if (known && (known.clock > clock || (known.clock === clock && known.author >= author))) return;
      this.#kept.set(topic, publication);
    }
    for (const { matches, receive } of this.#subscribers) if (matches(topic)) receive(value, topic);
  }
}
