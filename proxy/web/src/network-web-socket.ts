/**
 * The socket to a channel: connects to the proxy, keeps the list of peers, and turns the proxy's JSON into events. What
 * the events look like is the business of `socket-face`, why a connection failed that of `reach`.
 */

import { proxyAddress } from "./address.js";
import { channelName } from "./channel-name.js";
import { NetworkWebSocketError } from "./errors.js";
import {
  type CloseDetails,
  NetworkErrorEvent,
  NetworkMessageEvent,
  type PeerEvent,
  type ReconnectingEvent,
  type StatusEvent,
} from "./events.js";
import { type ProxyMessage, isId, readMessage } from "./incoming.js";
import { type NetworkWebSocketOptions, type WebSocketConstructor, settle, webSocketConstructor } from "./options.js";
import { checkClose, mustHaveBeenOpen, toJson } from "./outgoing.js";
import { NetworkPeerSocket, PEER_GONE } from "./peer-socket.js";
import { type Reach, ask, explain, mustAsk } from "./reach.js";
import { type Backoff, backoff } from "./reconnect.js";
import { type Handler, type SocketControl, type SocketEventMap, SocketFace, defineHandlers } from "./socket-face.js";

/** Most characters that wait for an iterator: room for a few of the largest messages a proxy takes by default. */
const ITERATOR_BUFFER = 16 * 1024 * 1024;

export interface NetworkWebSocketEventMap extends SocketEventMap {
  connect: PeerEvent;
  disconnect: PeerEvent;
  status: StatusEvent;
  reconnecting: ReconnectingEvent;
}

interface Member {
  readonly peer: NetworkPeerSocket;
  readonly control: SocketControl;
}

export interface NetworkWebSocket extends SocketFace<NetworkWebSocketEventMap> {
  onconnect: Handler<this, PeerEvent>;
  ondisconnect: Handler<this, PeerEvent>;
  onstatus: Handler<this, StatusEvent>;
  onreconnecting: Handler<this, ReconnectingEvent>;
}

export class NetworkWebSocket extends SocketFace<NetworkWebSocketEventMap> {
  /** `ws://` or `wss://`, the proxy's address, and the channel's name. */
  readonly url: string;
  /** The peers that are there now: always the same array, which changes. */
  readonly peers: NetworkPeerSocket[] = [];

  readonly #control: SocketControl;
  readonly #proxy: string;
  readonly #protocols: string[];
  readonly #WebSocket: WebSocketConstructor;
  readonly #backoff: Backoff | undefined;
  readonly #queueLimit: number;

  /** The connection now, or the last one. */
  #connection: WebSocket | undefined;
  /** Whether an end of `#connection` is still to come. */
  #connected = false;
  /** Whether it was open, and since when in milliseconds. */
  #openSince: number | undefined;
  /** Counts what is begun, so that what was waited for in vain is known as such. */
  #turn = 0;
  #attempt = 0;
  #delay = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  #id = "";
  /** Who is there by the proxy's word, those included that were closed here. */
  readonly #members = new Map<string, Member>();
  /** Those who were announced and are not open yet. */
  #arriving: Member[] = [];
  #warned = false;

  /**
   * @param name The channel's name: 1 to 255 of the characters `A-Z a-z 0-9 + = * . _ -`.
   * @throws {DOMException} `SyntaxError` for a name, subprotocol or proxy address that is not allowed.
   */
  constructor(
    name: string,
    protocolsOrOptions?: string | readonly string[] | NetworkWebSocketOptions,
    options?: NetworkWebSocketOptions,
  ) {
    const checked = channelName(name);
    const { options: settled, protocols } = settle(protocolsOrOptions, options);
    const queueLimit = settled.iteratorBuffer ?? ITERATOR_BUFFER;
    let control!: SocketControl;
    super(queueLimit, (handed) => (control = handed));
    this.#control = control;
    this.#queueLimit = queueLimit;
    this.#proxy = proxyAddress(settled.proxy);
    this.#protocols = protocols;
    this.#WebSocket = webSocketConstructor(settled);
    this.#backoff = backoff(settled.reconnect);
    this.url = `${this.#proxy}/${checked}`;
    this.#begin();
  }

  /** This client's id in the channel, as its peers see it; empty until the proxy has told it. */
  get id(): string {
    return this.#id;
  }

  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  get extensions(): string {
    return this.#connection?.extensions ?? "";
  }

  get bufferedAmount(): number {
    return this.#connection?.bufferedAmount ?? 0;
  }

  /**
   * Sends any JSON value to all peers.
   *
   * @throws {TypeError} if it is not a JSON value.
   * @throws {DOMException} `InvalidStateError` before the `open` event, and while the socket connects again.
   */
  send(data: unknown): void {
    const json = toJson(data);
    mustHaveBeenOpen(this.readyState);
    this.#connection?.send(`{"action":"broadcast","data":${json}}`);
  }

  /** Leaves the channel, for good. The arguments are those of `WebSocket`. */
  close(code?: number, reason?: string): void {
    checkClose(code, reason);
    if (this.readyState > 1) return;
    this.#control.state(2);
    if (this.#connected) {
      if (code === undefined) this.#connection?.close();
      else this.#connection?.close(code, reason);
      return;
    }
    // Nothing is there to be closed: it is asked for, or waited for.
    this.#turn += 1;
    clearTimeout(this.#timer);
    // 1005 is what a WebSocket reports when no code was given.
    queueMicrotask(() => this.#control.close({ code: code ?? 1005, reason: reason ?? "", wasClean: true }));
  }

  #begin(): void {
    if (!mustAsk(this.#proxy)) return this.#connect(undefined);
    const turn = ++this.#turn;
    void ask(this.#proxy).then((reach) => {
      if (turn === this.#turn) this.#connect(reach);
    });
  }

  #connect(reach: Reach | undefined): void {
    let cause: string | undefined;
    const failed: CloseDetails = { code: 1006, reason: "", wasClean: false };
    let connection: WebSocket;
    try {
      connection = new this.#WebSocket(this.url, this.#protocols) as WebSocket;
    } catch (error) {
      // Such as a page on https that may not connect without TLS. Told by events, as every other failure is.
      const turn = ++this.#turn;
      queueMicrotask(() => {
        if (turn === this.#turn) this.#ended(failed, reach, (error as Error).message);
      });
      return;
    }
    this.#connection = connection;
    this.#connected = true;
    connection.onopen = () => {
      this.#openSince = Date.now();
      // A client that is alone learns its id by nothing else.
      connection.send('{"action":"status"}');
      this.#control.open();
    };
    connection.onmessage = (event) => this.#receive(event.data, event.origin ?? "");
    connection.onerror = (event) => {
      // Browsers say nothing here; the package `ws` does.
      cause = (event as ErrorEvent).message || cause;
    };
    connection.onclose = ({ code, reason, wasClean }) => {
      this.#connected = false;
      this.#ended({ code, reason, wasClean }, reach, cause);
    };
  }

  #receive(text: unknown, origin: string): void {
    // As a WebSocket does: nothing more after `close` was called.
    if (this.readyState !== 1) return;
    this.#open();
    const message = readMessage(text);
    if (!message || !this.#understand(message, origin, (text as string).length)) this.#warn();
  }

  /** @returns Whether it made sense. */
  #understand(message: ProxyMessage, origin: string, length: number): boolean {
    const { action, source, target, data } = message;
    switch (action) {
      case "connect":
        if (!isId(target) || this.#members.has(target)) return false;
        if (isId(source)) this.#id = source;
        this.#arrive(target);
        return true;
      case "disconnect": {
        if (!isId(target)) return false;
        const member = this.#members.get(target);
        this.#members.delete(target);
        if (member) this.#leave(member, { code: PEER_GONE, reason: "The peer is gone", wasClean: true });
        return true;
      }
      case "broadcast":
        if (!isId(source)) return false;
        this.#control.message(new NetworkMessageEvent(data, source, origin), length);
        return true;
      case "message": {
        const member = isId(source) ? this.#members.get(source) : undefined;
        // To one that was closed here it comes too late; from one that was never announced it can't come.
        if (member?.peer.readyState === 1)
          member.control.message(new NetworkMessageEvent(data, source as string, origin), length);
        return !!member;
      }
      case "status":
        if (!isId(source)) return false;
        this.#id = source;
        this.dispatchEvent(new CustomEvent("status", { detail: { id: source } }));
        return true;
      case "error":
        this.#complain(message);
        return true;
      default:
        return false;
    }
  }

  /** Something that was sent could not be done. */
  #complain({ code, message, target }: ProxyMessage): void {
    const about = isId(target) ? target : undefined;
    const event = () => new NetworkErrorEvent(String(code ?? "error"), String(message ?? ""), about);
    this.dispatchEvent(event());
    if (about !== undefined) this.#members.get(about)?.peer.dispatchEvent(event());
  }

  #arrive(id: string): void {
    const turn: { member?: Member } = {};
    let control!: SocketControl;
    const peer = new NetworkPeerSocket(
      id,
      {
        channel: this,
        queueLimit: this.#queueLimit,
        send: (json) => this.#connection?.send(`{"action":"message","target":${JSON.stringify(id)},"data":${json}}`),
        leave: (code, reason) => turn.member && this.#leave(turn.member, { code, reason, wasClean: true }),
      },
      (handed) => (control = handed),
    );
    const member: Member = (turn.member = { peer, control });
    this.#members.set(id, member);
    this.#arriving.push(member);
    this.peers.push(peer);
    this.#tell("connect", peer);
    // Open comes after everything that listens to `connect`, those included that wait for a promise, and before
    // whatever the proxy says next.
    queueMicrotask(() => this.#open());
  }

  #open(): void {
    for (const { peer, control } of this.#arriving.splice(0)) {
      if (peer.readyState === 0) control.open();
    }
  }

  #leave({ peer, control }: Member, details: CloseDetails): void {
    if (peer.readyState === 3) return;
    const at = this.peers.indexOf(peer);
    if (at >= 0) this.peers.splice(at, 1);
    control.close(details);
    this.#tell("disconnect", peer);
  }

  #tell(type: "connect" | "disconnect", target: NetworkPeerSocket): void {
    this.dispatchEvent(new CustomEvent(type, { detail: { target } }));
  }

  /** The connection is gone, or there was none. First the peers end, then it is told, then it is tried again or over. */
  #ended(details: CloseDetails, reach: Reach | undefined, cause: string | undefined): void {
    const asked = this.readyState === 2;
    const lasted = this.#openSince === undefined ? undefined : Date.now() - this.#openSince;
    this.#openSince = undefined;
    this.#open();
    const again = asked ? undefined : this.#backoff;
    this.#control.state(again ? 0 : 3);
    const error = this.#failure(details, asked, lasted !== undefined, reach, cause);
    const reason = details.reason || error?.message || "";

    const members = [...this.#members.values()];
    this.#members.clear();
    this.#id = "";
    for (const member of members)
      this.#leave(member, { ...details, code: PEER_GONE, reason: reason || "The channel was left" });

    if (error) this.dispatchEvent(new NetworkErrorEvent(error.code, error.message));
    if (!again) return this.#control.close({ ...details, reason }, error);
    // A handler may have called `close`.
    if (this.readyState !== 0) return;

    // One that broke again at once has not come back.
    if (lasted !== undefined && lasted >= this.#delay) this.#attempt = 0;
    const attempt = this.#attempt++;
    const delay = (this.#delay = again(attempt));
    this.#timer = setTimeout(() => this.#begin(), delay);
    this.dispatchEvent(new CustomEvent("reconnecting", { detail: { attempt, delay, code: details.code, reason } }));
  }

  #failure(
    { code, reason, wasClean }: CloseDetails,
    asked: boolean,
    wasOpen: boolean,
    reach: Reach | undefined,
    cause: string | undefined,
  ): NetworkWebSocketError | undefined {
    if (wasClean || (asked && wasOpen)) return undefined;
    if (asked) return new NetworkWebSocketError("closed", "The socket was closed before it was open");
    if (!wasOpen) return explain(this.#proxy, reach, cause);
    const said = reason || cause;
    return new NetworkWebSocketError(
      "lost",
      `The connection to the proxy at ${this.#proxy} was lost (${said || `code ${code}`})`,
    );
  }

  #warn(): void {
    if (this.#warned) return;
    this.#warned = true;
    console.warn(
      `NetworkWebSocket: the proxy at ${this.#proxy} sent something that this library doesn't know; it is ignored. Is a newer library to be had?`,
    );
  }
}

defineHandlers(NetworkWebSocket.prototype, ["connect", "disconnect", "status", "reconnecting"]);
