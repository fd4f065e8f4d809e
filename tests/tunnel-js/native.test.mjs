// The classes with the program's own ends: a TCP service that a socket of the classes reaches, and a server of the classes
// that a TCP connection reaches.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { afterwards } from "../browser/harness/cleanup.mjs";
import { dial, ending, next, serve } from "./parties.mjs";
import { BINARY, startRelay } from "./relay.mjs";

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Runs `nws tunnel`. @returns The first match in what it says. */
async function tunnel(t, pattern, ...args) {
  const child = spawn(BINARY, ["tunnel", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const gone = once(child, "exit");
  afterwards(t, async () => {
    child.kill("SIGKILL");
    await gone;
  });
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (text) => {
      said += text;
      const match = pattern.exec(said);
      if (match) resolve(match);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    gone.then(() => reject(new Error(`nws tunnel ended:\n${said}`)));
  });
}

describe("with nws tunnel", { timeout: 600_000 }, () => {
  it("a socket of the classes reaches a TCP service, to its end", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    // Answers with the hash of all that came, once the other side has finished.
    const service = createServer({ allowHalfOpen: true }, (socket) => {
      const all = [];
      socket.on("data", (piece) => all.push(piece));
      socket.on("end", () => socket.end(`${hash(Buffer.concat(all))}\n`));
    });
    service.listen(0, "127.0.0.1");
    await once(service, "listening");
    afterwards(t, () => new Promise((done) => service.close(done)));
    const target = `9=127.0.0.1:${service.address().port}`;
    const [, id] = await tunnel(t, /^server: (\d+)$/m, "serve", "--relay", relay.url, "--port", target);
    const socket = await dial(t, relay, id, 9).opened;
    const sent = randomBytes(3_000_000);
    for (let at = 0; at < sent.length; at += 100_000) socket.send(sent.subarray(at, at + 100_000));
    const over = ending(socket);
    socket.finish();
    const answer = [];
    for await (const { data } of socket) answer.push(Buffer.from(data));
    assert.equal(String(Buffer.concat(answer)), `${hash(sent)}\n`);
    assert.equal((await over).code, 1000);
    await assert.rejects(dial(t, relay, id, 10).opened, { code: "refused" });
  });

  it("a TCP connection reaches a server of the classes, to its end", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.listen(80, async (socket) => {
      socket.binaryType = "arraybuffer";
      const all = [];
      for await (const { data } of socket) all.push(Buffer.from(data));
      socket.send(Buffer.concat(all).subarray(0, 1_000_000));
      socket.send("text too");
      socket.finish();
    });
    const args = ["--relay", relay.url, "--server", String(server.serverId), "--port", "80", "--listen", "127.0.0.1:0"];
    const [, port] = await tunnel(t, /^port 80: 127\.0\.0\.1:(\d+)$/m, "connect", ...args);
    const socket = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
    const sent = randomBytes(1_500_000);
    socket.end(sent);
    const got = [];
    for await (const piece of socket) got.push(piece);
    assert.equal(hash(Buffer.concat(got)), hash(Buffer.concat([sent.subarray(0, 1_000_000), Buffer.from("text too")])));
  });

  it("a TCP service that breaks is gone for the socket", { timeout: 120_000 }, async (t) => {
    const relay = await startRelay(t);
    const service = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    service.listen(0, "127.0.0.1");
    await once(service, "listening");
    afterwards(t, () => new Promise((done) => service.close(done)));
    const target = `9=127.0.0.1:${service.address().port}`;
    const [, id] = await tunnel(t, /^server: (\d+)$/m, "serve", "--relay", relay.url, "--port", target);
    const socket = await dial(t, relay, id, 9).opened;
    const over = next(socket, "close");
    socket.send("x");
    const { code, reason } = await over;
    assert.ok(code >= 3000, `${code} ${reason}`);
    assert.match(reason, /broke/);
  });
});
