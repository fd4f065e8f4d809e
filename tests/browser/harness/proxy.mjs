// Real proxies as child processes, on loopback and without multicast. Each ends with the test that started it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { afterwards } from "./cleanup.mjs";

const BINARY = process.env.NWS_BIN ?? fileURLToPath(new URL("../../../target/debug/nws", import.meta.url));
const START_MS = 60_000;

export class Proxy {
  #child;
  #args;

  /** @param {string[]} args */
  constructor(args) {
    this.#args = args;
  }

  /** Where pages find it, such as `http://localhost:40001`. */
  get origin() {
    return `http://localhost:${this.port}`;
  }

  async start() {
    const args = ["--port", String(this.port ?? 0), "--discovery", "off", "--link-listen", `127.0.0.1:${this.linkPort ?? 0}`, ...this.#args];
    const child = (this.#child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] }));
    let log = "";
    child.stderr.on("data", (text) => (log += text));
    const deadline = setTimeout(() => child.kill("SIGKILL"), START_MS);
    const failed = once(child, "error").then(([error]) => {
      throw new Error(`${BINARY} can't be started (set NWS_BIN, or run cargo build -p nws): ${error.message}`);
    });
    const ready = (async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        this.port = Number(/^console: .*:(\d+)\//.exec(line)?.[1] ?? this.port);
        this.linkPort = Number(/^links: quic on \S+:(\d+)/.exec(line)?.[1] ?? this.linkPort);
        if (line === "ready") return;
      }
      throw new Error(`The proxy ended before it was ready:\n${log}`);
    })();
    try {
      await Promise.race([ready, failed]);
    } finally {
      clearTimeout(deadline);
      failed.catch(() => {});
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
export async function startProxy(t, ...args) {
  const proxy = new Proxy(args);
  afterwards(t, () => proxy.stop());
  return proxy.start();
}

/** Two that are linked. @param {import("node:test").TestContext} t */
export async function startLinked(t) {
  const first = await startProxy(t);
  const second = await startProxy(t, "--peer", `127.0.0.1:${first.linkPort}`);
  return [first, second];
}

/** The two settings in which each example must work: where its first page is served, and where its second. */
export const SETTINGS = [
  { where: "on one proxy", start: async (t) => ((proxy) => [proxy, proxy])(await startProxy(t)) },
  { where: "on two linked proxies", start: startLinked },
];
