// A WebSocket whose other end is the test: `made` lists those that were made, newest last.

export const made = [];

export class FakeWebSocket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;

  readyState = 0;
  protocol = "";
  extensions = "";
  bufferedAmount = 0;
  sent = [];
  closedWith = undefined;
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
    made.push(this);
  }

  send(text) {
    if (this.readyState === 0) throw new DOMException("too early", "InvalidStateError");
    if (this.readyState === 1) this.sent.push(text);
    else this.bufferedAmount += text.length;
  }

  close(...args) {
    if (this.readyState > 1) return;
    this.closedWith = args;
    const before = this.readyState;
    this.readyState = 2;
    // As a browser does: a connection that is given up before it was open has failed.
    if (before === 0) queueMicrotask(() => this.end(1006, "", false));
  }

  // --- the other end ---

  accept(protocol = "") {
    this.readyState = 1;
    this.protocol = protocol;
    this.onopen?.(new Event("open"));
  }

  say(message) {
    this.raw(JSON.stringify(message));
  }

  raw(data) {
    this.onmessage?.({ type: "message", data, origin: new URL(this.url).origin });
  }

  end(code = 1000, reason = "", wasClean = true, error = undefined) {
    this.readyState = 3;
    if (!wasClean) this.onerror?.(Object.assign(new Event("error"), error ? { message: error } : {}));
    this.onclose?.({ type: "close", code, reason, wasClean });
  }

  /** What was sent, without the question that the library asks at the start. */
  get told() {
    return this.sent.map((text) => JSON.parse(text)).filter(({ action }) => action !== "status");
  }
}

/** Lets everything run that waits for nothing but its turn. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
