/**
 * A server at a relay: it is registered, told of clients, and comes back when its connection is lost, without its clients
 * noticing. What is said on its connections is the business of their sockets.
 */

import { type CloseDetails, closeEvent } from "../events.js";
import { type WebSocketConstructor, webSocketConstructor } from "../options.js";
import { type Backoff, backoff } from "../reconnect.js";
import { type Handler, type Listener, type ReadyState, defineHandlers } from "../socket-face.js";
import { Channel } from "./channel.js";
import { ConnectionEvent } from "./connection.js";
import { TunnelError, TunnelErrorEvent } from "./error.js";
import { type Limits, Link } from "./link.js";
import { type ServerOptions, portNumber, relayAddress, serverNumber } from "./options.js";
import { PeerToPeerWebSocket } from "./socket.js";
import { type RelayMessage, isCount } from "./wire.js";

/** The first tries to come back follow quickly: clients wait, and the relay counts the time. */
const TRIES = { minDelay: 200, maxDelay: 5000 };
/** Milliseconds in which a relay notices that a connection is gone. */
const NOTICED_IN = 60_000;

export type PortListener = (socket: PeerToPeerWebSocket) => void;

/** The connection to the relay is lost and will be tried again. Clients stay connected, and what is sent to them waits. */
export type LostEvent = CustomEvent<{ readonly code: number; readonly reason: string }>;
/** The server is back. */
export type ResumeEvent = CustomEvent<{
  /** Milliseconds for which it was away. */
  readonly away: number;
}>;

export interface ForwardingServerWebSocketEventMap {
  connection: ConnectionEvent;
  lost: LostEvent;
  resume: ResumeEvent;
  error: TunnelErrorEvent;
  close: CloseEvent;
}

export interface ForwardingServerWebSocket {
  onconnection: Handler<this, ConnectionEvent>;
  onlost: Handler<this, LostEvent>;
  onresume: Handler<this, ResumeEvent>;
  onerror: Handler<this, TunnelErrorEvent>;
  onclose: Handler<this, CloseEvent>;

  addEventListener<Type extends keyof ForwardingServerWebSocketEventMap>(
    type: Type,
    listener: Listener<this, ForwardingServerWebSocketEventMap[Type]>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

interface Member {
  readonly channel: Channel;
  readonly socket: PeerToPeerWebSocket;
}

export class ForwardingServerWebSocket extends EventTarget {
  /** The relay's address. */
  readonly url: string;

  readonly #WebSocket: WebSocketConstructor;
  readonly #backoff: Backoff | undefined;
  readonly #giveUpAfter: number | undefined;
  /** Told once how the registration ended. */
  readonly #registered: (error?: TunnelError) => void;

  #state: ReadyState = 0;
  #link: Link | undefined;
  #limits: Limits | undefined;
  #serverId = -1;
  #credential = "";

  readonly #ports = new Map<number, PortListener>();
  readonly #members = new Map<number, Member>();
  /** Who asked and was not answered. */
  readonly #asked = new Map<number, ConnectionEvent>();
  /** Who was refused while the relay could not be told. */
  readonly #refused = new Map<number, string | undefined>();

  #lostAt: number | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed: (() => void)[] = [];

  /**
   * Registers a new server at the relay.
   *
   * @throws {DOMException} `SyntaxError` for an address that is none.
   * @throws {TunnelError} if the relay is not there or refuses.
   */
  static async newThrough(url: string | URL, options: ServerOptions = {}): Promise<ForwardingServerWebSocket> {
    return new Promise((resolve, reject) => {
      const server: ForwardingServerWebSocket = new ForwardingServerWebSocket(url, options, (error) =>
        error ? reject(error) : resolve(server),
      );
    });
  }

  private constructor(url: string | URL, options: ServerOptions, registered: (error?: TunnelError) => void) {
    super();
    if (!registered) throw new TypeError("A server is made by ForwardingServerWebSocket.newThrough(url)");
    this.url = relayAddress(url);
    this.#WebSocket = webSocketConstructor(options);
    this.#backoff = backoff(options.resume === true ? TRIES : (options.resume ?? TRIES));
    this.#giveUpAfter = options.giveUpAfter;
    this.#registered = registered;
    if (options.as) {
      this.#serverId = serverNumber(options.as.serverId);
      this.#credential = String(options.as.credential);
    }
    this.#dial();
  }

  /** 1 while the relay has this server, 0 while it is away, 3 when it is over. */
  get readyState(): ReadyState {
    return this.#state;
  }

  /** What clients name, with the relay's address and a port. */
  get serverId(): number {
    return this.#serverId;
  }

  /** What proves that this is the server. Keep it as a secret; the option `as` takes it. */
  get credential(): string {
    return this.#credential;
  }

  /** The sockets of the clients that are connected now. */
  get connections(): PeerToPeerWebSocket[] {
    return [...this.#members.values()].map(({ socket }) => socket);
  }

  /** Accepts whoever connects to this port, unless a listener of `connection` decided otherwise. One for each port. */
  listen(port: number | string, listener: PortListener): this {
    this.#ports.set(portNumber(port), listener);
    return this;
  }

  /** Refuses this port from now on. Who is connected stays so. */
  unlisten(port: number | string): this {
    this.#ports.delete(portNumber(port));
    return this;
  }

  /** Ends the server, and with it all its connections. Fulfilled when the relay knows. */
  async close(): Promise<void> {
    if (this.#state === 3) return;
    const over = new Promise<void>((resolve) => this.#closed.push(resolve));
    if (this.#state === 2) return over;
    const done = () => this.#over(undefined, { code: 1000, reason: "", wasClean: true });
    const there = this.#state === 1;
    this.#state = 2;
    // While it is away there is nobody to tell; the relay forgets it in time.
    if (there && this.#link) this.#link.request({ type: "unregister" }, done);
    else done();
    return over;
  }

  /** @internal For `throughChannel`. */
  through(channel: number): PeerToPeerWebSocket {
    const known = this.#members.get(channel)?.socket ?? this.#asked.get(channel)?.accept();
    if (!known) throw new DOMException(`This server has no channel ${channel}`, "InvalidStateError");
    return known;
  }

  #dial(): void {
    const link: Link = new Link(this.url, this.#WebSocket, {
      welcome: (limits) => {
        this.#limits = limits;
        if (this.#credential) this.#resume(link);
        else this.#register(link);
      },
      event: (message) => this.#hear(message),
      ended: (error, details) => this.#lost(error, details),
    });
    this.#link = link;
  }

  #register(link: Link): void {
    link.request({ type: "register" }, (answer) => {
      const understood = !(answer instanceof TunnelError) && isCount(answer.server);
      if (!understood || typeof answer.credential !== "string") {
        return this.#over(answer instanceof TunnelError ? answer : senseless(this.url), ABNORMAL);
      }
      this.#serverId = answer.server as number;
      this.#credential = answer.credential;
      this.#state = 1;
      this.#registered();
    });
  }

  #resume(link: Link): void {
    const channels = [...this.#members.values()].map(({ channel }) => channel.state);
    const { serverId: server, credential } = this;
    link.request({ type: "resume", server, credential, channels }, (answer) => {
      if (answer instanceof TunnelError) {
        // The relay has ended in between, or it took too long.
        if (answer.code === "bad_credential") return this.#over(answer, ABNORMAL);
        link.close();
        return this.#lost(answer, ABNORMAL);
      }
      const still = new Map<unknown, RelayMessage>();
      if (Array.isArray(answer.channels)) for (const entry of answer.channels) still.set(entry?.channel, entry);
      this.#state = 1;
      this.#attempt = 0;
      for (const { channel } of [...this.#members.values()]) {
        const entry = still.get(channel.number);
        if (isCount(entry?.received) && isCount(entry.consumed)) channel.attach(link, entry.received, entry.consumed);
        else channel.missing();
      }
      if (this.#lostAt === undefined) return this.#registered();
      const away = Date.now() - this.#lostAt;
      this.#lostAt = undefined;
      this.dispatchEvent(new CustomEvent("resume", { detail: { away } }));
    });
  }

  #hear(message: RelayMessage): void {
    const { type, channel, port, address } = message;
    switch (type) {
      case "connected":
        if (isCount(channel) && isCount(port)) this.#ask(channel, port, String(address ?? ""));
        return;
      case "disconnected":
        this.#asked.get(channel as number)?.expire();
        this.#asked.delete(channel as number);
        return;
      case "replaced":
        return this.#over(new TunnelError("replaced", "Another party is this server now"), ABNORMAL);
      case "error":
        this.dispatchEvent(
          new TunnelErrorEvent(new TunnelError(String(message.code ?? "error"), String(message.message ?? ""))),
        );
    }
  }

  #ask(channel: number, port: number, address: string): void {
    if (this.#refused.has(channel)) return this.#refuse(channel, this.#refused.get(channel));
    // Repeated by the relay after a resumption.
    if (this.#asked.has(channel)) return;
    const asked = new ConnectionEvent({
      channel,
      port,
      address,
      accept: () => this.#accept(channel, port, address),
      refuse: (reason) => this.#refuse(channel, reason),
    });
    this.#asked.set(channel, asked);
    this.dispatchEvent(asked);
    if (asked.decided || asked.defaultPrevented) return;
    const listener = this.#ports.get(port);
    if (!listener) return asked.refuse(`Nothing listens on port ${port}`);
    const socket = asked.accept();
    try {
      listener(socket);
    } catch (error) {
      // As for a listener of an event: it is reported, and everything else goes on.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #accept(number: number, port: number, address: string): PeerToPeerWebSocket {
    this.#asked.delete(number);
    const link = this.#state === 1 ? this.#link : undefined;
    const about = { url: this.url, serverId: this.#serverId, port, address };
    let channel!: Channel;
    const socket = PeerToPeerWebSocket.incoming(about, (user) => {
      const ended: typeof user.ended = (ending) => {
        this.#members.delete(number);
        user.ended(ending);
      };
      const limits = this.#limits as Limits;
      return (channel = new Channel(number, { limits, keeps: true, user: { ...user, ended }, link }));
    });
    this.#members.set(number, { channel, socket });
    link?.request({ type: "accept", channel: number }, (answer) => {
      // The client has left, or it took too long.
      if (answer instanceof TunnelError) channel.end({ code: "gone" });
    });
    return socket;
  }

  #refuse(channel: number, reason: string | undefined): void {
    this.#asked.delete(channel);
    if (this.#state === 1) {
      this.#refused.delete(channel);
      this.#link?.tell({ type: "refuse", channel, ...(reason ? { reason } : {}) });
    } else {
      this.#refused.set(channel, reason);
    }
  }

  /** The link is gone, or did not come about. */
  #lost(error: TunnelError, details: CloseDetails): void {
    const limits = this.#limits;
    if (this.#state === 2) return this.#over(undefined, { code: 1000, reason: "", wasClean: true });
    // The first link is not tried twice: who asked for the server may want to do something else.
    if (this.#serverId < 0 || !limits || (this.#state === 0 && this.#lostAt === undefined)) {
      return this.#over(error, details);
    }
    const first = this.#lostAt === undefined;
    this.#lostAt ??= Date.now();
    const patience = this.#giveUpAfter ?? limits.graceMs + NOTICED_IN;
    if (!this.#backoff || Date.now() - this.#lostAt >= patience) return this.#over(error, details);
    this.#state = 0;
    for (const { channel } of this.#members.values()) channel.detach();
    const left = this.#lostAt + patience - Date.now();
    this.#timer = setTimeout(() => this.#dial(), Math.min(this.#backoff(this.#attempt++), left));
    const { code, reason } = details;
    if (first) this.dispatchEvent(new CustomEvent("lost", { detail: { code, reason: reason || error.message } }));
  }

  #over(error: TunnelError | undefined, details: CloseDetails): void {
    if (this.#state === 3) return;
    const wasThere = this.#limits !== undefined && this.#credential !== "" && this.#serverId >= 0;
    this.#state = 3;
    clearTimeout(this.#timer);
    this.#link?.close();
    for (const asked of this.#asked.values()) asked.expire();
    this.#asked.clear();
    this.#refused.clear();
    const ending = error ? { code: error.code, error } : { code: "server_closed" };
    for (const { channel } of [...this.#members.values()]) channel.end(ending);
    this.#registered(error ?? new TunnelError("closed", "The server was closed"));
    for (const done of this.#closed.splice(0)) done();
    if (!wasThere) return;
    if (error) this.dispatchEvent(new TunnelErrorEvent(error));
    this.dispatchEvent(closeEvent({ ...details, reason: details.reason || error?.message || "" }));
  }
}

const ABNORMAL: CloseDetails = { code: 1006, reason: "", wasClean: false };

function senseless(url: string): TunnelError {
  return new TunnelError("unreachable", `The relay at ${url} gives no sensible answer`);
}

defineHandlers(ForwardingServerWebSocket.prototype, ["connection", "lost", "resume", "error", "close"]);
