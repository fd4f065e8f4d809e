/** What bootstrapping needs of a peer: `BootstrapPeer` has it, and so has simple-peer. */

export interface PeerLike {
  /** `signal`, `connect`, `error` and `close` are listened to. */
  on(event: any, listener: (...details: any[]) => void): unknown;
  signal(signal: any): void;
  destroy(error?: any): unknown;
}

/** The constructor of a peer. It is given the caller's `peerOpts`, with `initiator` set. */
export type PeerConstructor<Peer> = new (options: any) => Peer;
