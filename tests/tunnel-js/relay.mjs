// A real relay as a child process on loopback, which ends with the test that started it; and a line to it that can be cut.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterwards } from "../browser/harness/cleanup.mjs";

export const BINARY = process.env.NWS_BIN ?? fileURLToPath(new URL("../../target/debug/nws", import.meta.url));
const START_MS = 60_000;
export const SECRET = "a-secret-that-the-relay-and-its-configurator-share";

export class Relay {
  #child;
  #args;

  /** @param {string[]} args */
  constructor(args) {
    this.#args = args;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/`;
  }

  async start() {
    const args = ["relay", "--listen", "127.0.0.1", "--port", String(this.port ?? 0), ...this.#args];
    const child = (this.#child = spawn(BINARY, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NWS_RELAY_SECRET: SECRET },
    }));
    let log = "";
    child.stderr.on("data", (text) => (log += text));
    const deadline = setTimeout(() => child.kill("SIGKILL"), START_MS);
    const failed = once(child, "error").then(([error]) => {
      throw new Error(`${BINARY} can't be started (set NWS_BIN, or run cargo build -p nws): ${error.message}`);
    });
    failed.catch(() => {});
    const ready = (async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        const port = /:(\d+)\b/.exec(line)?.[1];
        if (port) return void (this.port = Number(port));
      }
      throw new Error(`The relay ended before it was ready:\n${log}`);
    })();
    try {
      await Promise.race([ready, failed]);
    } finally {
      clearTimeout(deadline);
    }
    child.stdout.resume();
    return this;
  }

  /** Ends it without a word to anybody, as a crash would. */
  async kill() {
    await this.#end("SIGKILL");
  }

  async stop() {
    await this.#end("SIGTERM");
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

/** @param {import("node:test").TestContext} t @param {string[]} args */
export async function startRelay(t, ...args) {
  const relay = new Relay(args);
  afterwards(t, () => relay.kill());
  return relay.start();
}

/** Passes on what comes to the relay, until it is cut. */
export class Line {
  #server;
  #pairs = new Set();
  #open = true;
  #passed = 0;
  #awaited = [];

  async start(relay) {
    this.#server = createServer((near) => {
      if (!this.#open) return near.destroy();
      const far = connect(relay.port, "127.0.0.1");
      const pair = [near, far];
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [far, near]]) {
        from.setNoDelay(true);
        from.on("error", () => {});
        from.on("data", ({ length }) => this.#pass(length));
        from.on("close", () => {
          to.destroy();
          this.#pairs.delete(pair);
        });
        from.pipe(to);
      }
    });
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url() {
    return `ws://127.0.0.1:${this.#server.address().port}/`;
  }

  #pass(bytes) {
    this.#passed += bytes;
    const isDue = ({ at }) => at <= this.#passed;
    const due = this.#awaited.filter(isDue);
    this.#awaited = this.#awaited.filter((each) => !isDue(each));
    for (const { resolve } of due) resolve();
  }

  /** So many more bytes have passed, of all connections in both directions. */
  passed(bytes) {
    return new Promise((resolve) => this.#awaited.push({ at: this.#passed + bytes, resolve }));
  }

  /** Ends all connections without a word. What is under way is lost. */
  cut() {
    for (const pair of this.#pairs) for (const end of pair) end.resetAndDestroy();
  }

  /** Whether new connections are taken. */
  set open(open) {
    this.#open = open;
  }

  async stop() {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }
}

/** @param {import("node:test").TestContext} t */
export async function startLine(t, relay) {
  const line = await new Line().start(relay);
  afterwards(t, () => line.stop());
  return line;
}
