// What the proxy says of itself, asked for once a second while somebody looks. That it does not answer is a state like
// any other.

const INTERVAL_MS = 1000;
/** A proxy on this machine that takes longer than this is as good as gone. */
const PATIENCE_MS = 4000;

/**
 * @typedef {{ instance: string, transport: string, role: string, address: string, rtt_us: number | null, up_ms: number,
 *   channels_in_common: number, draining: boolean }} Link
 * @typedef {{ kind: import("./channel-kinds.js").Kind, name: string, clients: number, peers: number }} OpenChannel
 * @typedef {{ version: string, instance: string, uptime_ms: number, port: number, clients: number,
 *   discovery: { state: "visible" | "starting" | "not_visible" | "failed" | "off", words: string },
 *   known_proxies: number, links: Link[], channels: OpenChannel[] }} Status
 */

export class StatusWatch {
  /** The last answer, while the proxy answers. @type {Status | undefined} */
  status;
  /** @type {"asking" | "there" | "gone" | "refused"} */
  state = "asking";
  #changed;
  #timer = 0;
  #asking = false;

  /** @param {(watch: StatusWatch) => void} changed Called after every answer, and when there is none. */
  constructor(changed) {
    this.#changed = changed;
    document.addEventListener("visibilitychange", () => this.soon());
    this.soon();
  }

  /** Asks now, and not only when it is time. */
  soon() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    void this.#ask();
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const answer = await fetch("/api/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      this.status = answer.ok ? await answer.json() : undefined;
      this.state = answer.ok ? "there" : "refused";
    } catch {
      this.status = undefined;
      this.state = "gone";
    }
    this.#asking = false;
    this.#changed(this);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.soon(), INTERVAL_MS);
  }
}
