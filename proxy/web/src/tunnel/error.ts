/** The one kind of error that a tunnel can bring about. Misuse throws what a `WebSocket` throws. */

/**
 * This library's own words:
 *
 * - `unreachable`: nothing answered at the relay's address, it refused, or it does not speak `nws-relay-1`;
 * - `lost`: the connection to the relay was there and broke, for good;
 * - `closed`: it was closed on this side before it was open;
 * - `replaced`: another party is this server now;
 * - `too_large`: the relay takes no message of that size;
 * - `stuck`: the other end took nothing any more, and what waited for it was given up;
 * - `unreadable`: a `Blob` that was sent can't be read.
 *
 * The others are the relay's, and a newer one may have more.
 */
export type TunnelErrorCode =
  | "unreachable"
  | "lost"
  | "closed"
  | "replaced"
  | "too_large"
  | "stuck"
  | "unreadable"
  | "unknown_server"
  | "bad_credential"
  | "server_away"
  | "refused"
  | "timeout"
  | "gone"
  | "flow_control"
  | "text_only"
  | "too_many_servers"
  | "too_many_channels"
  | "shutdown"
  | (string & {});

/** `message` says what happened and what to do about it. It never has a credential. */
export class TunnelError extends Error {
  override readonly name = "TunnelError";

  constructor(
    readonly code: TunnelErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Something went wrong. On a socket `close` follows; on a server it does if the server is lost for good. */
export class TunnelErrorEvent extends Event {
  /** A stable word. */
  readonly code: TunnelErrorCode;
  /** What happened and what to do, for people. */
  readonly message: string;

  constructor({ code, message }: TunnelError) {
    super("error");
    this.code = code;
    this.message = message;
  }
}
