/**
 * The way to peers, by a bootstrap server: the one of `nws bootstrap`, or that of the npm package `webrtc-bootstrap`.
 * What its users call is what that package's users called.
 */

import { type WebSocketConstructor, webSocketConstructor } from "../options.js";
import type { BootstrapError } from "./error.js";
import { Handshake } from "./handshake.js";
import { BootstrapPeer, type PeerOptions } from "./peer.js";
import type { PeerConstructor, PeerLike } from "./peer-like.js";
import type { BootstrapRequest } from "./request.js";
import { BootstrapRoot } from "./root.js";

/** As long as the server gives a joiner. */
const TIMEOUT = 30_000;

/** For so many milliseconds after a handshake its late requests are known. Twice what a server gives a joiner. */
const REMEMBERED = 60_000;

/** A host, with what a server in front of the server may want: a path. */
const HOST = /^(?!.*\/\/)[^\s/?#@]+(\/[^\s?#@]*)?$/;

/** What a path can have as it is: RFC 3986's `pchar`, but for percent-encoding. The server takes no other. */
const SECRET = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,256}$/;

export interface BootstrapOptions<Peer extends PeerLike = BootstrapPeer> {
  /** Whether by `wss:`. Pages on https need it, for servers that are not on this machine. Off by default. */
  readonly secure?: boolean;
  /** What peers are made of, such as the npm package simple-peer; `BootstrapPeer` by default. */
  readonly SimplePeer?: PeerConstructor<Peer>;
  /** What makes the connections to the server; by default the platform's. Node has one from version 22. */
  readonly WebSocket?: WebSocketConstructor;
}

export interface ConnectOptions<Peer = BootstrapPeer> {
  /** For the peer's constructor. */
  readonly peerOpts?: PeerOptions & { readonly [more: string]: unknown };
  /** Told once: the peer is connected, or it came to nothing and is destroyed. */
  readonly cb?: (error: BootstrapError | null, peer: Peer) => void;
  /** Most milliseconds until the peer is connected; 30,000 by default. */
  readonly timeout?: number;
}

export class BootstrapClient<Peer extends PeerLike = BootstrapPeer> {
  readonly host: string;
  readonly secure: boolean;

  readonly #address: string;
  readonly #Peer: PeerConstructor<Peer>;
  readonly #WebSocket: WebSocketConstructor;
  readonly #roots = new Set<BootstrapRoot>();
  readonly #asking = new Set<Handshake<Peer>>();
  /** Who was answered, by origin: oldest first. */
  readonly #answered = new Map<string, Handshake<Peer>>();

  /**
   * @param host Hostname or address of the server, and its port: `localhost:5000`.
   * @throws {DOMException} `SyntaxError` if it is no such thing.
   */
  constructor(host: string, options: BootstrapOptions<Peer> = {}) {
    this.host = host;
    this.secure = options.secure ?? false;
    this.#address = `${this.secure ? "wss" : "ws"}://${host.replace(/\/+$/, "")}`;
    if (!HOST.test(host) || !isUrl(this.#address)) {
      throw new DOMException(`The server must be like localhost:5000, not "${host}"`, "SyntaxError");
    }
    this.#Peer = options.SimplePeer ?? (BootstrapPeer as unknown as PeerConstructor<Peer>);
    this.#WebSocket = webSocketConstructor(options);
  }

  /**
   * Takes the root's place at the server, from whoever has it.
   *
   * @param onRequest Told every request: whoever answers it calls `connect` with it, here or elsewhere.
   * @param cb Told once whether the connection came about.
   * @throws {DOMException} `SyntaxError` for a secret that no address can hold.
   */
  root(
    secret: string,
    onRequest: (request: BootstrapRequest) => void,
    cb?: (error: BootstrapError | null) => void,
  ): BootstrapRoot {
    if (!SECRET.test(secret) || secret === "." || secret === "..") {
      throw new DOMException(
        "A secret has 1 to 256 letters, digits and - . _ ~ ! $ & ' ( ) * + , ; = : @",
        "SyntaxError",
      );
    }
    const root = new BootstrapRoot({
      url: `${this.#address}/${secret}/webrtc-bootstrap-root`,
      address: this.#address,
      WebSocket: this.#WebSocket,
      onRequest,
      opened: (error) => cb?.(error),
    });
    this.#roots.add(root);
    void root.closed.then(() => this.#roots.delete(root));
    return root;
  }

  /**
   * Without a request: asks the root for a peer. With one: answers it. Further requests of an origin go to the peer
   * that answered the first, which is returned again; their options are not looked at.
   */
  connect(request?: BootstrapRequest | null, options: ConnectOptions<Peer> = {}): Peer {
    if (!request) return this.#begin(null, options).peer;
    this.#forget();
    let handshake = this.#answered.get(request.origin);
    if (!handshake) {
      handshake = this.#begin(request.origin, options);
      this.#answered.set(request.origin, handshake);
    }
    handshake.signal(request.signal);
    return handshake.peer;
  }

  /** Leaves the root's place and gives up what is not connected yet. Peers that are connected stay so. */
  close(): void {
    for (const root of this.#roots) root.close();
    for (const handshake of this.#asking) handshake.close();
  }

  #begin(destination: string | null, { peerOpts, cb, timeout = TIMEOUT }: ConnectOptions<Peer>): Handshake<Peer> {
    const peer = new this.#Peer({ ...peerOpts, initiator: destination === null });
    const handshake: Handshake<Peer> = new Handshake({
      url: `${this.#address}/join`,
      WebSocket: this.#WebSocket,
      peer,
      destination,
      timeout,
      done: (error) => {
        this.#asking.delete(handshake);
        cb?.(error, peer);
      },
    });
    this.#asking.add(handshake);
    return handshake;
  }

  #forget(): void {
    const before = Date.now() - REMEMBERED;
    for (const [origin, { over }] of this.#answered) {
      // Those after it began later.
      if (over === undefined || over >= before) return;
      this.#answered.delete(origin);
    }
  }
}

function isUrl(text: string): boolean {
  try {
    return !!new URL(text);
  } catch {
    return false;
  }
}
