// The real thing, as a child process on loopback, and WebSocket clients of it that nobody here wrote.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";

/** The program. */
export const BINARY = process.env.NWS_BIN ?? fileURLToPath(new URL("../../target/debug/nws", import.meta.url));
const DEADLINE_MS = 60_000;

/** Starts `nws` with these words, and gives the first line of its output that the pattern fits. */
export async function start(t, words, pattern) {
  const child = spawn(BINARY, words, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH } });
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  child.once("error", (error) => (log += `${error.message}: set NWS_BIN, or run cargo build -p nws`));
  // Nothing outlives the tests, also when one of them fails.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  t.after(async () => {
    process.off("exit", kill);
    if (child.exitCode === null && child.kill("SIGTERM")) await once(child, "exit");
  });
  const timer = setTimeout(kill, DEADLINE_MS);
  let found;
  for await (const line of createInterface({ input: child.stdout })) {
    found ??= pattern.exec(line);
    if (line === "ready") break;
  }
  clearTimeout(timer);
  if (!found) throw new Error(`nws ${words.join(" ")} did not start: ${log}`);
  child.stdout.resume();
  return found;
}

/** A client: what it gets waits until it is asked for. */
export class Client {
  #socket;
  #waiting = [];
  #wake;

  static async open(t, url, protocols = []) {
    const client = new Client();
    client.#socket = new WebSocket(url, protocols, { perMessageDeflate: false, handshakeTimeout: DEADLINE_MS });
    client.#socket.on("message", (data, binary) => client.#put(binary ? data : data.toString()));
    t.after(() => client.#socket.terminate());
    await once(client.#socket, "open");
    return client;
  }

  send(data) {
    this.#socket.send(data);
  }

  close() {
    this.#socket.close();
  }

  /** The next message: a text, or the bytes of a binary one. */
  async next() {
    if (this.#waiting.length === 0)
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("nothing came")), DEADLINE_MS);
        this.#wake = () => resolve(clearTimeout(timer));
      });
    return this.#waiting.shift();
  }

  #put(message) {
    this.#waiting.push(message);
    this.#wake?.();
  }
}
