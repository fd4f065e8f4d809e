/**
 * The links that outgoing sockets share. Sockets to one relay go by one WebSocket, as a connection to a relay costs
 * time, and each channel has a flow control of its own. A link goes when nobody has used it for a moment.
 */

import type { WebSocketConstructor } from "../options.js";
import { Channel, type ChannelUser } from "./channel.js";
import { TunnelError } from "./error.js";
import { Link, type LinkUser } from "./link.js";
import { type RelayMessage, isCount } from "./wire.js";

/** Sockets of one link. A relay allows a party 256 channels by default. */
const MOST_SOCKETS = 100;
/** Milliseconds for which a link stays that nobody uses. */
const LINGER = 1000;

export interface Outgoing extends ChannelUser {
  readonly server: number;
  readonly port: number;
  readonly connected: (channel: Channel) => void;
  readonly failed: (error: TunnelError) => void;
}

const known = new WeakMap<WebSocketConstructor, Map<string, Set<SharedLink>>>();

/** Asks for a channel. @returns What gives it up before it is there. */
export function connect(url: string, Constructor: WebSocketConstructor, outgoing: Outgoing): () => void {
  let urls = known.get(Constructor);
  if (!urls) known.set(Constructor, (urls = new Map()));
  let links = urls.get(url);
  if (!links) urls.set(url, (links = new Set()));
  let link: SharedLink | undefined;
  for (const each of links) if (each.size < MOST_SOCKETS) link = each;
  return (link ?? new SharedLink(url, Constructor, links)).connect(outgoing);
}

/** A socket of a link, and its channel once there is one. */
interface Use {
  readonly outgoing: Outgoing;
  channel?: Channel;
  givenUp?: boolean;
}

class SharedLink {
  readonly #link: Link;
  readonly #links: Set<SharedLink>;
  readonly #uses = new Set<Use>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, Constructor: WebSocketConstructor, links: Set<SharedLink>) {
    this.#links = links;
    links.add(this);
    const user: LinkUser = {
      welcome: () => this.#uses.forEach((use) => this.#ask(use)),
      event: ({ type, code, message }: RelayMessage) => {
        if (type === "error") console.warn(`The relay at ${url} complains: ${message} (${code})`);
      },
      ended: (error) => this.#ended(error),
    };
    this.#link = new Link(url, Constructor, user);
  }

  get size(): number {
    return this.#uses.size;
  }

  connect(outgoing: Outgoing): () => void {
    clearTimeout(this.#timer);
    const use: Use = { outgoing };
    this.#uses.add(use);
    if (this.#link.limits) this.#ask(use);
    return () => {
      use.givenUp = true;
      if (!this.#link.limits) this.#release(use);
    };
  }

  #ask(use: Use): void {
    const { server, port } = use.outgoing;
    this.#link.request({ type: "connect", server, port }, (answer) => {
      const { limits } = this.#link;
      if (answer instanceof TunnelError) {
        this.#release(use);
        if (!use.givenUp) use.outgoing.failed(answer);
      } else if (use.givenUp || !limits || !isCount(answer.channel)) {
        if (isCount(answer.channel)) this.#link.tell({ type: "close", channel: answer.channel });
        this.#release(use);
      } else {
        const user: ChannelUser = {
          data: use.outgoing.data,
          finished: use.outgoing.finished,
          ended: (ending) => {
            this.#release(use);
            use.outgoing.ended(ending);
          },
        };
        use.channel = new Channel(answer.channel, { limits, keeps: false, user, link: this.#link });
        use.outgoing.connected(use.channel);
      }
    });
  }

  #release(use: Use): void {
    this.#uses.delete(use);
    if (this.#uses.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#links.delete(this);
      this.#link.close();
    }, LINGER);
  }

  #ended(error: TunnelError): void {
    this.#links.delete(this);
    for (const use of [...this.#uses]) {
      if (use.channel) use.channel.end({ code: error.code, error });
      else if (!use.givenUp) use.outgoing.failed(error);
    }
    clearTimeout(this.#timer);
  }
}
