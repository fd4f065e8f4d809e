// A connection through a relay, seen from both ends: the page, and the relay.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { PeerToPeerWebSocket, TunnelError } from "../dist/network-web-sockets-tunnel.mjs";
import { made, settle } from "./fake-websocket.mjs";
import { URL as RELAY, binary, greet, options, outgoing, said, task, watch, wire } from "./tunnel-relay.mjs";

beforeEach(() => made.splice(0));
/** Links that are left open would keep the process alive, and be shared with the next test. */
afterEach(() => made.forEach((each) => each.readyState < 2 && each.end(1006, "", false)));

describe("connecting", () => {
  it("asks for the port of the server and opens when it is accepted", async () => {
    const socket = PeerToPeerWebSocket.toPort("80", "3", "http://relay.example:8087", options);
    const log = watch(socket);
    assert.equal(socket.readyState, socket.CONNECTING);
    assert.equal(socket.url, RELAY);
    assert.deepEqual([socket.port, socket.serverId, socket.channel], [80, 3, undefined]);
    assert.equal(wire().url, RELAY);
    assert.deepEqual(wire().protocols, ["nws-relay-1"]);
    assert.throws(() => socket.send("x"), { name: "InvalidStateError" });
    wire().accept("nws-relay-1");
    assert.deepEqual(said(), [], "nothing before the relay's first word");
    wire().say({ type: "welcome", window: 100, message_bytes: 1000, grace_ms: 1 });
    const [request] = said();
    assert.deepEqual(request, { type: "connect", server: 3, port: 80, id: request.id });
    wire().say({ type: "connected", id: request.id, channel: 7 });
    assert.equal(await socket.opened, socket);
    assert.deepEqual([socket.readyState, socket.channel], [1, 7]);
    assert.deepEqual(log, ["open"]);
  });

  it("sockets to one relay share a connection; those to another do not", async () => {
    const sockets = [1, 2].map((port) => PeerToPeerWebSocket.toPort(port, 3, RELAY, options));
    assert.equal(made.length, 1);
    PeerToPeerWebSocket.toPort(1, 3, "ws://other.example/", options);
    assert.equal(made.length, 2);
    const [at] = made;
    greet(at);
    const requests = said(at);
    assert.deepEqual(requests.map(({ port }) => port), [1, 2]);
    at.say({ type: "connected", id: requests[1].id, channel: 2 });
    at.say({ type: "connected", id: requests[0].id, channel: 1 });
    await task();
    const logs = sockets.map(watch);
    at.say({ type: "data", channel: 2, data: "two" });
    at.say({ type: "data", channel: 1, data: "one" });
    at.say({ type: "data", channel: 5, data: "nobody's" });
    assert.deepEqual(logs, [['"one"'], ['"two"']]);
  });

  it("is told why it was refused", async () => {
    const socket = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    const log = watch(socket);
    greet();
    wire().say({ type: "error", id: said()[0].id, code: "refused", message: "not today" });
    await assert.rejects(socket.opened, { name: "TunnelError", code: "refused", message: "not today" });
    assert.deepEqual(log, ["error refused", "close 1006 broken (not today)"]);
    assert.equal(socket.readyState, socket.CLOSED);
  });

  it("says in words that there is no relay, or none that speaks this", async () => {
    const nobody = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    wire().end(1006, "", false, "ECONNREFUSED");
    await assert.rejects(nobody.opened, { code: "unreachable", message: /ECONNREFUSED.*nws relay/ });
    const other = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    wire().accept();
    wire().say({ action: "status" });
    await assert.rejects(other.opened, { code: "unreachable", message: /does not speak nws-relay-1/ });
    class Refuses {
      constructor() {
        throw new DOMException("insecure", "SecurityError");
      }
    }
    const insecure = PeerToPeerWebSocket.toPort(80, 3, RELAY, { WebSocket: Refuses });
    await assert.rejects(insecure.opened, { code: "unreachable", message: /insecure/ });
  });

  it("refuses addresses, ids and ports that are none", () => {
    for (const url of ["", "relay", "ftp://relay/", "ws://relay/#x"])
      assert.throws(() => PeerToPeerWebSocket.toPort(80, 3, url, options), { name: "SyntaxError" }, url);
    for (const port of [-1, 65536, 1.5, "", "x", null])
      assert.throws(() => PeerToPeerWebSocket.toPort(port, 3, RELAY, options), RangeError, String(port));
    for (const id of [-1, 2 ** 53, "3x"])
      assert.throws(() => PeerToPeerWebSocket.toPort(80, id, RELAY, options), RangeError, String(id));
    assert.throws(() => new PeerToPeerWebSocket(), TypeError);
    assert.equal(made.length, 0);
  });

  it("can be given up before it is open, and gives back the channel that comes too late", async () => {
    const socket = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    const log = watch(socket);
    greet();
    const [{ id }] = said();
    socket.close();
    assert.equal(socket.readyState, 2);
    await assert.rejects(socket.opened, { code: "closed" });
    assert.deepEqual(log, ["error closed", "close 1006 broken (The socket was closed before it was open)"]);
    wire().say({ type: "connected", id, channel: 7 });
    assert.deepEqual(said(), [{ type: "close", channel: 7 }]);
  });

  it("misses nothing that comes together with the opening", async () => {
    const socket = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    greet();
    wire().say({ type: "connected", id: said()[0].id, channel: 7 });
    wire().say({ type: "data", channel: 7, data: "early" });
    wire().say({ type: "disconnected", channel: 7, code: "closed" });
    await socket.opened;
    const log = watch(socket);
    await task();
    assert.deepEqual(log, ['"early"', "close 1005 clean"]);
  });
});

describe("data", () => {
  it("goes out as text and bytes, in order, and Blobs in their turn", async () => {
    const { socket, wire: at } = await outgoing();
    const bytes = new Uint8Array([9, 1, 2, 9]);
    socket.send("text \ud800 ü");
    socket.send(bytes.subarray(1, 3));
    bytes.fill(0);
    socket.send(new Blob([new Uint8Array([3, 4])]));
    socket.send(new Uint8Array([5]).buffer);
    socket.send(12);
    assert.equal(socket.bufferedAmount, 2 + 1 + 2);
    while (at.sent.length < 5) await task();
    assert.deepEqual(said(at), [
      { type: "data", channel: 7, data: "text \ufffd ü" },
      { binary: 7, bytes: [1, 2] },
      { binary: 7, bytes: [3, 4] },
      { binary: 7, bytes: [5] },
      { type: "data", channel: 7, data: "12" },
    ]);
    assert.equal(socket.bufferedAmount, 0);
  });

  it("comes in as binaryType says", async () => {
    const { socket, log, wire: at } = await outgoing();
    log.splice(0);
    assert.equal(socket.binaryType, "blob");
    at.raw(binary(7, 1, 2));
    assert.ok(log[0] instanceof Blob);
    assert.deepEqual([...new Uint8Array(await log[0].arrayBuffer())], [1, 2]);
    socket.binaryType = "nonsense";
    assert.equal(socket.binaryType, "blob");
    socket.binaryType = "arraybuffer";
    at.raw(binary(7));
    at.raw(binary(7, 255));
    at.raw(binary(8, 1));
    at.raw(new ArrayBuffer(7));
    at.raw("no JSON");
    at.raw('{"type":"of tomorrow"}');
    at.say({ type: "data", channel: 7, data: "" });
    assert.deepEqual(log.slice(1), [[], [255], '""']);
  });

  it("waits for credit, and bufferedAmount says so", async () => {
    const { socket, wire: at } = await outgoing();
    // 100 bytes of credit; each costs 16 more than it has.
    for (const each of ["a".repeat(50), "b".repeat(50), "c", "d".repeat(10)]) socket.send(each);
    assert.deepEqual(said(at).map(({ data }) => data[0]), ["a", "b"], "the second costs more than what is left");
    assert.equal(socket.bufferedAmount, 11);
    at.say({ type: "consumed", channel: 7, bytes: 32 });
    assert.deepEqual(said(at), [], "none yet: 100 + 32 - 132");
    at.say({ type: "consumed", channel: 7, bytes: 33 });
    assert.deepEqual(said(at).map(({ data }) => data), ["c"]);
    at.say({ type: "consumed", channel: 7, bytes: 20 });
    assert.equal(socket.bufferedAmount, 10, "it never goes back");
    at.bufferedAmount = 1;
    at.say({ type: "consumed", channel: 7, bytes: 149 });
    assert.deepEqual(said(at).map(({ data }) => data[0]), ["d"]);
    assert.equal(socket.bufferedAmount, 10, "what is in the connection's buffer counts too");
    at.bufferedAmount = 0;
    assert.equal(socket.bufferedAmount, 0);
  });

  it("finish needs no credit but its turn; then nothing can be sent", async () => {
    const { socket, log, wire: at } = await outgoing();
    socket.send("x".repeat(100));
    socket.send("y");
    socket.finish();
    assert.deepEqual(said(at).length, 1);
    at.say({ type: "consumed", channel: 7, bytes: 116 });
    assert.deepEqual(said(at).map(({ type }) => type), ["data", "finish"]);
    assert.throws(() => socket.send("z"), { name: "InvalidStateError" });
    at.say({ type: "data", channel: 7, data: "still here" });
    at.say({ type: "finished", channel: 7 });
    at.say({ type: "disconnected", channel: 7, code: "finished" });
    assert.deepEqual(log.slice(1), ['"still here"', "finished", "close 1000 clean"]);
  });

  it("throws for more than the relay takes, before anything goes out", async () => {
    const { socket, wire: at } = await outgoing();
    for (const large of ["x".repeat(1000), "\u0001".repeat(200), new Uint8Array(993), new Blob(["x".repeat(993)])])
      assert.throws(() => socket.send(large), (error) => error instanceof TunnelError && error.code === "too_large");
    socket.send("x".repeat(900));
    assert.equal(said(at).length, 1);
  });
});

describe("what is received", () => {
  const texts = (at, ...list) => list.forEach((data) => at.say({ type: "data", channel: 7, data }));

  it("is consumed when it was brought to the page, told for each half of the window", async () => {
    const { wire: at } = await outgoing();
    texts(at, "x".repeat(33));
    assert.deepEqual(said(at), [], "49 of 50");
    texts(at, "");
    assert.deepEqual(said(at), [{ type: "consumed", channel: 7, bytes: 65 }]);
    texts(at, "x".repeat(33));
    assert.deepEqual(said(at), []);
  });

  it("counts bytes of UTF-8, and 16", async () => {
    const { wire: at } = await outgoing();
    texts(at, "é".repeat(17));
    assert.deepEqual(said(at), [{ type: "consumed", channel: 7, bytes: 50 }]);
    at.raw(binary(7, ...new Array(33).fill(1)));
    assert.deepEqual(said(at), []);
    at.raw(binary(7));
    assert.deepEqual(said(at), [{ type: "consumed", channel: 7, bytes: 115 }]);
  });

  it("is not while the page has paused; the end waits too", async () => {
    const { socket, log, wire: at } = await outgoing();
    log.splice(0);
    socket.pause();
    assert.equal(socket.paused, true);
    texts(at, "x".repeat(60), "y");
    at.say({ type: "disconnected", channel: 7, code: "closed", status: 3000, reason: "enough" });
    assert.deepEqual([log, said(at), socket.readyState], [[], [], 2]);
    socket.onmessage = () => socket.pause();
    socket.resume();
    assert.deepEqual(log, [`"${"x".repeat(60)}"`]);
    socket.onmessage = null;
    socket.resume();
    assert.deepEqual(log.slice(1), ['"y"', "close 3000 clean (enough)"]);
    assert.equal(socket.readyState, 3);
  });

  it("is not while a loop has not taken it", async () => {
    const { socket, wire: at } = await outgoing();
    const slow = socket[Symbol.asyncIterator]();
    const got = [];
    const fast = (async () => {
      for await (const { data } of socket) got.push(data[0]);
    })();
    texts(at, "a".repeat(84), "b".repeat(84));
    await task();
    assert.deepEqual(got, ["a", "b"]);
    assert.deepEqual(said(at), [], "the slow one has taken none");
    assert.equal((await slow.next()).value.data[0], "a");
    assert.deepEqual(said(at), [{ type: "consumed", channel: 7, bytes: 100 }]);
    await slow.return();
    assert.deepEqual(said(at), [{ type: "consumed", channel: 7, bytes: 200 }]);
    at.say({ type: "finished", channel: 7 });
    await fast;
    assert.equal(socket.readyState, 1, "a loop that ends does not close");
  });

  it("ends loops with the error that ended the socket", async () => {
    const { socket, wire: at } = await outgoing();
    const loop = socket[Symbol.asyncIterator]();
    texts(at, "last");
    at.say({ type: "disconnected", channel: 7, code: "gone" });
    assert.equal((await loop.next()).value.data, "last");
    await assert.rejects(loop.next(), { code: "gone" });
    assert.deepEqual(await loop.next(), { value: undefined, done: true });
  });
});

describe("closing", () => {
  it("follows what was sent, with the words of a WebSocket, and is over when the relay says so", async () => {
    const { socket, log, wire: at } = await outgoing();
    socket.send("x".repeat(100));
    socket.send("y");
    socket.close(3001, "enough");
    assert.equal(socket.readyState, 2);
    assert.equal(said(at).length, 1);
    at.say({ type: "data", channel: 7, data: "z".repeat(40) });
    at.say({ type: "consumed", channel: 7, bytes: 116 });
    const [consumed, data, close] = said(at);
    assert.deepEqual([consumed.type, data.data], ["consumed", "y"]);
    assert.deepEqual(close, { type: "close", channel: 7, status: 3001, reason: "enough", id: close.id });
    assert.deepEqual(log, ["open"], "what comes after close is not brought to the page");
    at.say({ type: "done", id: close.id });
    assert.deepEqual(log.slice(1), ["close 3001 clean (enough)"]);
    socket.send("too late");
    socket.close();
    assert.deepEqual(said(at), []);
  });

  it("checks its arguments as a WebSocket does", async () => {
    const { socket } = await outgoing();
    assert.throws(() => socket.close(1001), { name: "InvalidAccessError" });
    assert.throws(() => socket.close(1000, "x".repeat(124)), { name: "SyntaxError" });
    assert.equal(socket.readyState, 1);
  });

  for (const [message, expected] of [
    [{ code: "closed", status: 4000, reason: "bye" }, ["close 4000 clean (bye)"]],
    [{ code: "closed" }, ["close 1005 clean"]],
    [{ code: "gone" }, ["error gone", "close 1006 broken (The other party has left)"]],
    [{ code: "shutdown" }, ["close 1001 clean (The relay was stopped)"]],
    [{ code: "text_only" }, ["error text_only", "close 1003 broken (The other end takes text only, and was sent binary data)"]],
    [{ code: "of tomorrow" }, ["error of tomorrow", "close 1006 broken (The relay ended it (of tomorrow))"]],
  ]) {
    it(`is told by the relay: ${message.code}`, async () => {
      const { log, wire: at } = await outgoing();
      at.say({ type: "disconnected", channel: 7, ...message });
      at.say({ type: "disconnected", channel: 7, ...message });
      assert.deepEqual(log.slice(1), expected);
    });
  }

  it("comes with the end of the connection, to all that share it", async () => {
    const first = await outgoing();
    const socket = PeerToPeerWebSocket.toPort(81, 3, RELAY, options);
    const log = watch(socket);
    first.wire.end(1013, "slow consumer", true);
    await assert.rejects(socket.opened, { code: "lost" });
    const words = `The connection to the relay at ${RELAY} was lost (slow consumer)`;
    assert.deepEqual(first.log.slice(1), ["error lost", `close 1006 broken (${words})`]);
    assert.deepEqual(log, ["error lost", `close 1006 broken (${words})`]);
    PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    assert.equal(made.length, 2, "the next one gets another");
  });

  it("leaves the relay when nobody uses the connection for a second", { timeout: 10_000 }, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const socket = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    const at = wire();
    greet(at);
    at.say({ type: "connected", id: said(at)[0].id, channel: 7 });
    await socket.opened;
    socket.close();
    at.say({ type: "done", id: said(at)[0].id });
    while (socket.readyState !== 3) await settle();
    t.mock.timers.tick(900);
    assert.equal(at.closedWith, undefined);
    t.mock.timers.tick(200);
    assert.deepEqual(at.closedWith, [1000]);
  });

  it("does not wait for ever for one that takes nothing", { timeout: 10_000 }, async (t) => {
    const { socket, log, wire: at } = await outgoing();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    socket.send("x".repeat(100));
    socket.send("y");
    socket.close(1000);
    said(at);
    t.mock.timers.tick(30_000);
    assert.deepEqual(said(at), [{ type: "close", channel: 7, status: 4000 }]);
    assert.match(log.slice(1).join(), /^error stuck,close 1006 broken/);
    // The connection's own timer is a real one, and ends with it.
    t.mock.timers.reset();
  });
});

describe("a relay that falls silent", () => {
  it("is asked, and given up when it does not answer", { timeout: 10_000 }, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const socket = PeerToPeerWebSocket.toPort(80, 3, RELAY, options);
    const at = wire();
    greet(at);
    at.say({ type: "connected", id: said(at)[0].id, channel: 7 });
    await socket.opened;
    t.mock.timers.tick(30_000);
    const [ping] = said(at);
    assert.equal(ping.type, "ping");
    t.mock.timers.tick(1);
    at.say({ type: "pong", id: ping.id });
    t.mock.timers.tick(20_000);
    assert.equal(socket.readyState, 1);
    t.mock.timers.tick(30_000);
    assert.equal(said(at)[0].type, "ping");
    t.mock.timers.tick(20_000);
    assert.equal(at.readyState, 2);
    while (socket.readyState !== 3) await settle();
  });
});

it("the module is under 9 KB, minified and gzipped", async (t) => {
  const content = await readFile(new URL("../dist/network-web-sockets-tunnel.mjs", import.meta.url));
  const { length } = gzipSync(content, { level: 9 });
  t.diagnostic(`${length} bytes gzipped, ${content.length} minified`);
  assert.ok(length < 9000, `${length} bytes`);
});
