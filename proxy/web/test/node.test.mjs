// The library in Node, with the package `ws`, against a small gateway over real sockets.

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { BroadcastWebSocket, NetworkWebSocket } from "../dist/network-web-sockets.mjs";

/** What a proxy does for one channel, and for raw relays. */
async function gateway(t, port = 0) {
  const server = new WebSocketServer({ host: "127.0.0.1", port });
  await once(server, "listening");
  const clients = new Map();
  let last = 0;
  server.on("connection", (socket, { url }) => {
    if (url.startsWith("/broadcast/")) {
      socket.on("message", (data, binary) =>
        server.clients.forEach((other) => other !== socket && other.send(data, { binary })),
      );
      return;
    }
    const id = `peer${(last += 1)}`;
    const say = (to, message) => to.send(JSON.stringify(message));
    for (const [other, at] of clients) {
      say(at, { action: "connect", source: other, target: id });
      say(socket, { action: "connect", source: id, target: other });
    }
    clients.set(id, socket);
    socket.on("message", (text) => {
      const { action, target, data } = JSON.parse(text);
      if (action === "status") say(socket, { action, source: id, target: id });
      if (action === "message") say(clients.get(target), { action, source: id, target, data });
      if (action === "broadcast")
        for (const [other, at] of clients) if (other !== id) say(at, { action, source: id, data });
    });
    socket.on("close", () => {
      clients.delete(id);
      for (const [other, at] of clients) say(at, { action: "disconnect", source: other, target: id });
    });
  });
  const stop = async () => {
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  t.after(stop);
  return { proxy: `ws://127.0.0.1:${server.address().port}`, port: server.address().port, stop };
}

const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

describe("in Node with ws", { timeout: 20_000 }, () => {
  it("joins, broadcasts, sends to one, and leaves", async (t) => {
    const { proxy } = await gateway(t);
    const alice = await new NetworkWebSocket("chat", { proxy, WebSocket }).opened;
    if (!alice.id) await next(alice, "status");
    assert.equal(alice.id, "peer1");
    const came = next(alice, "connect");
    const bob = new NetworkWebSocket("chat", { proxy, WebSocket });
    const toAlice = (await next(bob, "connect")).detail.target;
    const toBob = (await came).detail.target;
    await Promise.all([toAlice.opened, toBob.opened]);
    assert.equal(toAlice.id, alice.id);
    assert.equal(toBob.id, bob.id);

    const all = next(bob, "message");
    alice.send({ to: "all" });
    const { data, senderId } = await all;
    assert.deepEqual([data, senderId], [{ to: "all" }, alice.id]);

    const one = next(toBob, "message");
    toAlice.send("to you");
    assert.equal((await one).data, "to you");

    const gone = next(alice, "disconnect");
    const closed = next(bob, "close");
    bob.close(1000, "bye");
    assert.equal((await gone).detail.target, toBob);
    assert.equal(toBob.readyState, 3);
    const { code, wasClean } = await closed;
    assert.deepEqual([code, wasClean], [1000, true]);
    assert.equal(toAlice.readyState, 3);
    alice.close();
    await next(alice, "close");
  });

  it("is told that there is no proxy", async (t) => {
    const { proxy, stop } = await gateway(t);
    await stop();
    await assert.rejects(new NetworkWebSocket("chat", { proxy, WebSocket }).opened, {
      code: "unreachable",
      message: /ECONNREFUSED/,
    });
  });

  it("comes back when the proxy does", async (t) => {
    const { proxy, port, stop } = await gateway(t);
    const socket = new NetworkWebSocket("chat", { proxy, WebSocket, reconnect: { minDelay: 10, maxDelay: 50 } });
    await socket.opened;
    const again = next(socket, "reconnecting");
    await stop();
    await again;
    assert.equal(socket.readyState, 0);
    await gateway(t, port);
    await socket.opened;
    assert.equal(socket.readyState, 1);
    socket.close();
    await next(socket, "close");
  });

  it("relays raw text and bytes", async (t) => {
    const { proxy } = await gateway(t);
    const [one, two] = [1, 2].map(() => new BroadcastWebSocket("raw", { proxy, WebSocket }));
    two.binaryType = "arraybuffer";
    await Promise.all([next(one, "open"), next(two, "open")]);
    const got = [];
    const both = new Promise((resolve) => (two.onmessage = ({ data }) => got.push(data) === 2 && resolve()));
    one.send("text");
    one.send(new Uint8Array([1, 2]));
    await both;
    assert.equal(got[0], "text");
    assert.deepEqual(new Uint8Array(got[1]), new Uint8Array([1, 2]));
    for (const socket of [one, two]) {
      socket.close();
      await next(socket, "close");
    }
  });
});
