// The client at its server: what it says there and when, and how handshakes end.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { BootstrapClient, BootstrapPeer } from "../dist/network-web-sockets-bootstrap.mjs";
import { connections, wrtc } from "./fake-rtc.mjs";
import { FakeWebSocket, made, settle } from "./fake-websocket.mjs";

const options = { WebSocket: FakeWebSocket };
const peerOpts = { wrtc };

beforeEach(() => {
  made.splice(0);
  connections.splice(0);
});

/** Those that were made: closed after each test, as one with a root would keep the process alive. */
const clients = [];
function client(more = {}) {
  clients.push(new BootstrapClient("localhost:5000", { ...options, ...more }));
  return clients.at(-1);
}
afterEach(() => clients.splice(0).forEach((each) => each.close()));

const offer = (origin, sdp = "offer") => ({ origin, destination: null, signal: { type: "offer", sdp }, rank: 0 });
const answer = (origin, sdp = "answer") => ({ origin, destination: "me", signal: { type: "answer", sdp }, rank: 0 });
const found = (origin, candidate = "candidate:1") => ({
  origin,
  destination: null,
  signal: { candidate: { candidate } },
});
const said = (socket) => socket.sent.map((text) => JSON.parse(text));

/** A peer that is asked for, its connections, and how its handshake ends. */
function asking(more = {}, settings = {}) {
  const log = [];
  const bootstrap = client(settings);
  const peer = bootstrap.connect(null, {
    peerOpts,
    cb: (error, told) => log.push(error ? `${error.code}: ${error.message}` : "connected", told === peer),
    ...more,
  });
  peer.on("error", (error) => log.push(`error ${error.code}`));
  peer.on("close", () => log.push("close"));
  return { bootstrap, peer, socket: made.at(-1), connection: connections.at(-1), log };
}

describe("who asks", () => {
  it("sends its signals to the root, takes the answer, and leaves the server when it is connected", async () => {
    const { peer, socket, connection, log } = asking();
    assert.ok(peer instanceof BootstrapPeer);
    assert.equal(peer.initiator, true);
    assert.equal(socket.url, "ws://localhost:5000/join");
    assert.deepEqual(socket.protocols, ["nws-bootstrap-1"]);
    await settle();
    socket.accept();
    connection.find("candidate:late");
    assert.deepEqual(
      socket.sent.map((text) => text.replace(/offer\\r\\n[^"]*(\\"[^"]*)*/, "…")),
      [
        '{"origin":null,"destination":null,"signal":{"type":"offer","sdp":"…"},"rank":0}',
        '{"origin":null,"destination":null,"signal":{"candidate":{"candidate":"candidate:first","sdpMLineIndex":0,"sdpMid":"0"}},"rank":1}',
        '{"origin":null,"destination":null,"signal":{"candidate":{"candidate":"candidate:late","sdpMLineIndex":0,"sdpMid":"0"}},"rank":2}',
      ],
    );
    socket.say("heartbeat");
    socket.raw("nonsense");
    socket.say(answer("other"));
    socket.say(found("somebody else", "candidate:stray"));
    socket.say(found("other", "candidate:theirs"));
    await settle();
    assert.deepEqual(connection.remoteDescription, { type: "answer", sdp: "answer" });
    assert.deepEqual(connection.candidates, ["candidate:theirs"]);
    assert.deepEqual(log, []);
    connection.channel.open();
    assert.deepEqual(log, ["connected", true]);
    assert.deepEqual(socket.closedWith, []);
    connection.find("candidate:too late");
    assert.equal(socket.sent.length, 3);
    peer.destroy();
    await settle();
    assert.deepEqual(log, ["connected", true, "close"]);
  });

  it("gives up when its time is over", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    for (const [timeout, milliseconds] of [
      [undefined, 30_000],
      [700, 700],
    ]) {
      const { socket, log, peer } = asking(timeout && { timeout });
      socket.accept();
      t.mock.timers.tick(milliseconds - 1);
      assert.deepEqual(log, []);
      t.mock.timers.tick(1);
      await settle();
      assert.match(log[0], /^timeout: Nobody answered within .* s: is a root there\?$/);
      assert.deepEqual(log.slice(1), [true, "error timeout", "close"]);
      assert.deepEqual([peer.destroyed, socket.closedWith], [true, []]);
    }
    const { socket, log } = asking();
    socket.accept();
    socket.say(answer("other"));
    t.mock.timers.tick(30_000);
    assert.match(log[0], /^timeout: No connection to the peer/);
  });

  it("is told that there is no server", async () => {
    const { socket, log } = asking();
    await settle();
    socket.end(1006, "", false, "refused");
    await settle();
    assert.equal(
      log[0],
      "unreachable: The bootstrap server at ws://localhost:5000/join is not there, or refuses (refused)",
    );
    assert.deepEqual(log.slice(1), [true, "error unreachable", "close"]);

    class Forbidden {
      constructor() {
        throw new DOMException("mixed content", "SecurityError");
      }
    }
    const forbidden = asking({}, { WebSocket: Forbidden });
    assert.deepEqual(forbidden.log, []);
    await settle();
    assert.match(forbidden.log[0], /^unreachable: .*mixed content/);
  });

  it("is told at once when the server can't deliver what it asked, by a server that can say so", async () => {
    const { socket, log } = asking();
    socket.accept("nws-bootstrap-1");
    const notice = { action: "error", code: "no_root", message: "no root is connected", destination: null };
    socket.say({ ...notice, rank: 3 });
    socket.say({ ...notice, rank: 0, origin: "another joiner" });
    await settle();
    assert.deepEqual(log, []);
    socket.say({ ...notice, rank: 0 });
    assert.equal(log[0], "undelivered: The server can't reach who should answer: no root is connected");
  });

  it("needs the server until somebody has answered, and no longer", async () => {
    for (const [code, reason, words] of [
      [1005, "", "its time for joiners is over"],
      [1001, "shutting down", "shutting down"],
      [1006, "", "code 1006"],
    ]) {
      const { socket, log } = asking();
      socket.accept();
      socket.end(code, reason);
      assert.equal(log[0], `lost: The server closed the connection before anybody answered (${words})`);
    }
    const { socket, connection, log } = asking();
    await settle();
    socket.accept();
    socket.say(answer("other"));
    await settle();
    socket.end(1005);
    connection.find("candidate:for nobody");
    connection.channel.open();
    assert.deepEqual(log, ["connected", true]);
  });

  it("is told when the peer is destroyed, has no way, or is told nonsense before it is connected", async () => {
    for (const [act, code] of [
      [({ peer }) => peer.destroy(), "closed"],
      [({ bootstrap }) => bootstrap.close(), "closed"],
      [({ connection }) => connection.state("failed"), "lost"],
      [({ socket }) => (socket.accept(), socket.say(answer("other", "bad"))), "signal"],
    ]) {
      const all = asking();
      await settle();
      act(all);
      await settle();
      assert.equal(all.log.find((each) => /:/.test(each)).split(":")[0], code);
      assert.equal(all.log.filter((each) => each === true).length, 1);
      assert.deepEqual(all.socket.closedWith, []);
    }
  });

  it("may be by wss, and at a path", () => {
    for (const [host, secure, url] of [
      ["example.org", true, "wss://example.org/join"],
      ["[::1]:5000", false, "ws://[::1]:5000/join"],
      ["example.org/signals/", true, "wss://example.org/signals/join"],
    ]) {
      const bootstrap = new BootstrapClient(host, { ...options, secure });
      assert.deepEqual([bootstrap.host, bootstrap.secure], [host, secure]);
      bootstrap.connect(undefined, { peerOpts });
      assert.equal(made.at(-1).url, url);
      bootstrap.close();
    }
  });
});

describe("who answers", () => {
  it("has a connection to the server of its own, for the origin, once there is something to say", async () => {
    const bootstrap = client();
    const log = [];
    const peer = bootstrap.connect(offer("them"), { peerOpts, cb: (error, told) => log.push(error, told === peer) });
    assert.equal(peer.initiator, false);
    assert.equal(made.length, 0);
    await settle();
    const [socket] = made;
    assert.equal(socket.url, "ws://localhost:5000/join");
    socket.accept();
    assert.deepEqual(said(socket), [
      { origin: null, destination: "them", signal: { type: "answer", sdp: "answer" }, rank: 0 },
      {
        origin: null,
        destination: "them",
        signal: { candidate: { candidate: "candidate:first", sdpMLineIndex: 0, sdpMid: "0" } },
        rank: 1,
      },
    ]);
    socket.say(found("them", "candidate:straight"));
    socket.say(found("others", "candidate:stray"));
    await settle();
    assert.deepEqual(connections[0].candidates, ["candidate:straight"]);
    connections[0].offered().open();
    assert.deepEqual(log, [null, true]);
    assert.deepEqual(socket.closedWith, []);
  });

  it("is one peer for all requests of an origin", async (t) => {
    t.mock.timers.enable({ apis: ["Date"] });
    const bootstrap = client();
    const one = bootstrap.connect(offer("one"), { peerOpts });
    const two = bootstrap.connect(offer("two"), { peerOpts });
    assert.notEqual(one, two);
    assert.equal(bootstrap.connect(found("one", "candidate:one")), one);
    assert.equal(bootstrap.connect(found("two", "candidate:two")), two);
    await settle();
    assert.deepEqual(
      connections.map(({ candidates }) => candidates),
      [["candidate:one"], ["candidate:two"]],
    );
    // What comes late goes to the same peer, though it is over, and makes no new one.
    connections[0].offered().open();
    one.destroy();
    await settle();
    assert.equal(bootstrap.connect(found("one")), one);
    t.mock.timers.tick(60_000);
    assert.equal(bootstrap.connect(found("one")), one);
    t.mock.timers.tick(1);
    assert.notEqual(bootstrap.connect(offer("one"), { peerOpts }), one);
    // One that is not over is never forgotten.
    assert.equal(bootstrap.connect(found("two")), two);
    bootstrap.close();
  });

  it("makes no connection to the server for nonsense", async () => {
    const bootstrap = client();
    const log = [];
    const cb = (error) => log.push(error.code);
    bootstrap.connect(offer("them", "bad"), { peerOpts, cb });
    bootstrap.connect({ origin: "others", signal: { any: "thing" } }, { peerOpts, cb, timeout: 1 << 30 });
    await settle();
    assert.deepEqual([made.length, log], [0, ["signal"]]);
    bootstrap.close();
    assert.deepEqual(log, ["signal", "closed"]);
  });

  it("is told when who asked is gone", async () => {
    const log = [];
    client().connect(offer("them"), { peerOpts, cb: (error) => log.push(error?.code) });
    await settle();
    made[0].accept("nws-bootstrap-1");
    made[0].say({ action: "error", code: "unknown_destination", message: "nobody", destination: "them", rank: 1 });
    assert.deepEqual(log, []);
    made[0].say({ action: "error", code: "unknown_destination", message: "nobody", destination: "them", rank: 0 });
    assert.deepEqual(log, ["undelivered"]);
  });
});

describe("a class of peers that is passed in", () => {
  class Peer {
    listeners = {};
    signals = [];
    destroyedWith = undefined;
    constructor(options) {
      this.options = options;
    }
    on(event, listener) {
      (this.listeners[event] ??= []).push(listener);
    }
    emit(event, ...details) {
      for (const listener of this.listeners[event] ?? []) listener(...details);
    }
    signal(signal) {
      if (signal.wrong) throw new Error("what is this");
      this.signals.push(signal);
    }
    destroy(error) {
      this.destroyedWith = error;
    }
  }

  it("is made with the options, and used as simple-peer", async () => {
    const bootstrap = client({ SimplePeer: Peer });
    const asked = bootstrap.connect(null, { peerOpts: { stream: "s", initiator: false } });
    assert.deepEqual(asked.options, { stream: "s", initiator: true });
    made[0].accept();
    asked.emit("signal", { any: "thing" });
    assert.deepEqual(said(made[0])[0].signal, { any: "thing" });
    made[0].say(answer("other"));
    assert.deepEqual(asked.signals, [answer("other").signal]);
    asked.emit("connect");
    assert.deepEqual(made[0].closedWith, []);

    const answering = bootstrap.connect(offer("them"));
    assert.deepEqual(answering.options, { initiator: false });
    assert.deepEqual(answering.signals, [offer("them").signal]);
    answering.emit("close");
    bootstrap.connect(found("them"));
    assert.equal(answering.signals.length, 1);
  });

  it("is destroyed when its handshake fails", () => {
    const errors = [];
    const bootstrap = client({ SimplePeer: Peer });
    const peer = bootstrap.connect({ origin: "them", signal: { wrong: true } }, { cb: (error) => errors.push(error) });
    assert.equal(errors[0].code, "signal");
    assert.match(errors[0].message, /what is this/);
    assert.equal(peer.destroyedWith, errors[0]);
  });
});

describe("the root", () => {
  function rooted(secret = "s3cret") {
    const requests = [];
    const told = [];
    const bootstrap = client();
    const root = bootstrap.root(
      secret,
      (request) => requests.push(request),
      (error) => told.push(error),
    );
    return { bootstrap, root, socket: made.at(-1), requests, told };
  }

  it("is told the requests, and nothing else", () => {
    const { socket, requests, told } = rooted();
    assert.equal(socket.url, "ws://localhost:5000/s3cret/webrtc-bootstrap-root");
    assert.deepEqual(told, []);
    socket.accept();
    assert.deepEqual(told, [null]);
    socket.say("heartbeat");
    for (const raw of ["not json", "", "5", "null", "[]", '{"signal":{}}', '{"origin":5,"signal":{}}']) socket.raw(raw);
    for (const signal of [null, 5, "text"]) socket.say({ origin: "them", signal });
    socket.raw(new ArrayBuffer(4));
    assert.deepEqual(requests, []);
    socket.say(offer("them"));
    assert.deepEqual(requests, [offer("them")]);
  });

  it("sends heartbeats, and takes a server for gone that has stopped to", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const { root, socket } = rooted();
    socket.accept();
    t.mock.timers.tick(15_000);
    assert.deepEqual(socket.sent, ['"heartbeat"']);
    // One that never sent any is not missed.
    t.mock.timers.tick(15_000 * 5);
    assert.equal(socket.sent.length, 6);
    socket.say("heartbeat");
    t.mock.timers.tick(15_000 * 3);
    socket.say(offer("them"));
    t.mock.timers.tick(15_000 * 3);
    assert.equal(socket.closedWith, undefined);
    t.mock.timers.tick(15_000);
    assert.deepEqual(socket.closedWith, []);
    assert.equal((await root.closed).code, "lost");
  });

  it("ends by its own wish, by the server's, by another root's, and is told which", async () => {
    const left = rooted();
    left.socket.accept();
    left.root.close();
    assert.equal(await left.root.closed, undefined);
    assert.deepEqual([left.socket.closedWith, left.told], [[], [null]]);

    const replaced = rooted();
    replaced.socket.accept();
    replaced.socket.end(4000, "another root has taken over");
    assert.match((await replaced.root.closed).message, /another root has taken over/);
    assert.deepEqual(replaced.told, [null]);

    const closed = rooted();
    closed.bootstrap.close();
    assert.deepEqual(
      closed.told.map(({ code }) => code),
      ["closed"],
    );
  });

  it("is refused without a word of the secret", async () => {
    const { root, socket, told } = rooted("w.r-o_n~g!");
    socket.end(1006, "", false, "404");
    const error = await root.closed;
    assert.deepEqual(told, [error]);
    assert.equal(error.code, "unreachable");
    assert.equal(
      error.message,
      "The bootstrap server at ws://localhost:5000 is not there, or refuses (404; is the secret right?)",
    );

    class Forbidden {
      constructor(url) {
        throw new SyntaxError(`bad ${url}`);
      }
    }
    const errors = [];
    client({ WebSocket: Forbidden }).root(
      "s3cret",
      () => {},
      (error) => errors.push(error),
    );
    await settle();
    assert.equal(errors[0].code, "unreachable");
    assert.doesNotMatch(errors[0].message, /s3cret/);
  });
});

describe("misuse", () => {
  it("is refused before any connection", () => {
    for (const host of ["", "ws://localhost:5000", "local host", "a?b", "a#b", "me@host", "localhost:x"])
      assert.throws(() => new BootstrapClient(host, options), { name: "SyntaxError" }, host);
    for (const secret of ["", "a/b", "a b", "a%20b", "é", ".", "..", "a".repeat(257)])
      assert.throws(() => client().root(secret, () => {}), { name: "SyntaxError" }, secret);
    assert.throws(() => new BootstrapClient("localhost:5000"), { name: "TypeError", message: /option WebSocket/ });
    assert.throws(() => client().connect(), { name: "TypeError", message: /peerOpts\.wrtc/ });
    assert.equal(made.length, 0);
  });
});

it("is under 5 KB, minified and gzipped", async (t) => {
  const content = await readFile(new URL("../dist/network-web-sockets-bootstrap.mjs", import.meta.url));
  const { length } = gzipSync(content, { level: 9 });
  t.diagnostic(`${length} bytes gzipped, ${content.length} minified`);
  assert.ok(length < 5000, `${length} bytes`);
});
