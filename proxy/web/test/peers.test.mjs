// Peers, and whatever else the proxy says.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { NetworkErrorEvent, NetworkMessageEvent } from "../dist/network-web-sockets.mjs";
import { made, settle } from "./fake-websocket.mjs";
import { broadcast, connect, direct, disconnect, opened } from "./open-channel.mjs";

beforeEach(() => made.splice(0));

describe("peers", () => {
  it("connect on the root, then open on the peer", async () => {
    const { socket, wire } = opened();
    const log = [];
    socket.onconnect = (event) => {
      assert.ok(event instanceof CustomEvent);
      const peer = event.detail.target;
      assert.equal(peer.readyState, 0);
      assert.deepEqual(socket.peers, [peer]);
      assert.equal(socket.id, "me");
      assert.throws(() => peer.send("x"), { name: "InvalidStateError" });
      log.push("connect");
      peer.onopen = () => {
        log.push(`open ${peer.readyState}`);
        peer.send({ hello: 1 });
      };
    };
    wire.say(connect("p"));
    assert.deepEqual(log, ["connect"]);
    await settle();
    assert.deepEqual(log, ["connect", "open 1"]);
    assert.deepEqual(wire.told, [{ action: "message", target: "p", data: { hello: 1 } }]);
    assert.equal(await socket.peers[0].opened, socket.peers[0]);
  });

  it("open for those who wait for connect by a promise too", async () => {
    const { socket, wire } = opened();
    setImmediate(() => wire.say(connect("p")));
    const event = await new Promise((resolve) => socket.addEventListener("connect", resolve, { once: true }));
    const peer = event.detail.target;
    await new Promise((resolve) => (peer.onopen = resolve));
  });

  it("open before the next thing the proxy says, even in the same turn", () => {
    const { wire, log } = opened();
    for (const message of [
      connect("p"),
      direct("p", 1),
      broadcast("p", 2),
      connect("q"),
      disconnect("q"),
      disconnect("p"),
    ])
      wire.say(message);
    assert.deepEqual(log, [
      "root connect p",
      "p open",
      "p message p 1",
      "root message p 2",
      "root connect q",
      "q open",
      "q close",
      "root disconnect q",
      "p close",
      "root disconnect p",
    ]);
  });

  it("open before the end, if the end comes at once", () => {
    const { wire, log } = opened();
    wire.say(connect("p"));
    wire.end(1001, "going away");
    assert.deepEqual(log, ["root connect p", "p open", "p close", "root disconnect p", "root close"]);
  });

  it("have the face of a WebSocket", async () => {
    const { socket, wire } = opened();
    wire.say(connect("p"));
    const [peer] = socket.peers;
    assert.ok(peer instanceof EventTarget);
    assert.equal(peer.OPEN, 1);
    assert.equal(peer.id, "p");
    assert.equal(peer.url, "ws://localhost:9009/chat#p");
    assert.equal(peer.binaryType, "blob");
    assert.equal(peer.protocol, "");
    assert.equal(peer.extensions, "");
    wire.bufferedAmount = 3;
    assert.equal(peer.bufferedAmount, 3);
  });

  it("get direct messages, the root gets broadcasts, both with the sender's id", async () => {
    const { socket, wire, log } = opened();
    wire.say(connect("p"));
    wire.say(connect("q"));
    await settle();
    log.splice(0);
    let event;
    socket.onmessage = (message) => (event = message);
    wire.say(broadcast("q", { any: ["value"] }));
    wire.say(direct("p", "to you"));
    assert.deepEqual(log, ['root message q {"any":["value"]}', 'p message p "to you"']);
    assert.ok(event instanceof MessageEvent);
    assert.ok(event instanceof NetworkMessageEvent);
    assert.equal(event.origin, "ws://localhost:9009");
    wire.raw('{"action":"broadcast","source":"q"}');
    assert.equal(event.data, null);
  });

  it("that leave: close on the peer, disconnect on the root, gone from peers", async () => {
    const { socket, wire, log } = opened();
    const { peers } = socket;
    wire.say(connect("p"));
    wire.say(connect("q"));
    await settle();
    const [peer] = peers;
    log.splice(0);
    let event;
    peer.onclose = (close) => (event = close);
    wire.say(disconnect("p"));
    assert.deepEqual(log, ["p close", "root disconnect p"]);
    assert.deepEqual([event.code, event.wasClean], [3000, true]);
    assert.equal(peer.readyState, 3);
    assert.equal(socket.peers, peers);
    assert.deepEqual(
      peers.map(({ id }) => id),
      ["q"],
    );
    peer.send("into the void");
    assert.deepEqual(wire.told, []);
    wire.say(connect("p"));
    assert.notEqual(peers[1], peer);
  });

  it("can be closed from here, once", async () => {
    const { socket, wire, log } = opened();
    wire.say(connect("p"));
    await settle();
    const [peer] = socket.peers;
    log.splice(0);
    assert.throws(() => peer.close(1001), { name: "InvalidAccessError" });
    let event;
    peer.onclose = (close) => (event = close);
    peer.close(4000, "enough");
    assert.equal(peer.readyState, 2);
    peer.close();
    peer.send("nothing");
    await settle();
    assert.deepEqual([event.code, event.reason, event.wasClean], [4000, "enough", true]);
    assert.deepEqual(socket.peers, []);
    wire.say(direct("p", "too late"));
    wire.say(broadcast("p", "to all"));
    wire.say(disconnect("p"));
    assert.deepEqual(log, ["p close", "root disconnect p", 'root message p "to all"']);
    assert.deepEqual(wire.told, []);
    assert.equal(socket.readyState, 1);
  });

  it("that are closed at connect never open", async () => {
    const { socket, wire, log } = opened();
    socket.onconnect = ({ detail }) => detail.target.close();
    wire.say(connect("p"));
    const rejected = assert.rejects(new Promise((_, no) => socket.peers[0].opened.catch(no)), { code: "closed" });
    await settle();
    await rejected;
    assert.deepEqual(log, ["root connect p", "p close", "root disconnect p"]);
  });

  it("survive a list that a page has replaced", async () => {
    const { socket, wire, log } = opened();
    wire.say(connect("p"));
    await settle();
    socket.peers = [];
    wire.say(disconnect("p"));
    assert.deepEqual(log.slice(-2), ["p close", "root disconnect p"]);
  });
});

describe("what the proxy says besides", () => {
  it("tells the id", () => {
    const { socket, wire } = opened();
    assert.deepEqual(wire.sent, ['{"action":"status"}']);
    let detail;
    socket.onstatus = (event) => ({ detail } = event);
    wire.say({ action: "status", source: "me", target: "me" });
    assert.equal(socket.id, "me");
    assert.deepEqual(detail, { id: "me" });
  });

  it("errors go to the socket, and to the peer they are about; nothing closes", async () => {
    const { socket, wire } = opened();
    wire.say(connect("p"));
    await settle();
    const errors = [];
    socket.onerror = (event) => errors.push(event);
    socket.peers[0].onerror = (event) => errors.push(event);
    wire.say({ action: "error", code: "unknown_target", message: "nobody has this id", target: "p" });
    wire.say({ action: "error", code: "unknown_target", message: "nobody has this id", target: "stranger" });
    wire.say({ action: "error", code: "bad_json", message: "not JSON", future: 1 });
    assert.deepEqual(
      errors.map(({ code, message, targetId, target }) => [code, message, targetId, target === socket]),
      [
        ["unknown_target", "nobody has this id", "p", true],
        ["unknown_target", "nobody has this id", "p", false],
        ["unknown_target", "nobody has this id", "stranger", true],
        ["bad_json", "not JSON", undefined, true],
      ],
    );
    assert.ok(errors[0] instanceof NetworkErrorEvent);
    assert.equal(socket.readyState, 1);
    assert.equal(socket.peers[0].readyState, 1);
  });

  it("is ignored when it makes no sense, with one warning a socket that names no channel", (t) => {
    const warn = t.mock.method(console, "warn", () => {});
    const { wire, log } = opened();
    wire.say(connect("p"));
    for (const raw of [
      "junk",
      "",
      "null",
      "[]",
      "5",
      '"text"',
      "{}",
      '{"action":7}',
      '{"action":"dance"}',
      new ArrayBuffer(2),
      new Blob(["{}"]),
      Buffer.from('{"action":"x"}'),
    ])
      wire.raw(raw);
    for (const message of [
      { action: "connect" },
      { action: "connect", source: "me", target: 5 },
      { action: "connect", source: "me", target: "" },
      { ...connect("p") },
      { action: "disconnect" },
      { action: "broadcast", data: 1 },
      { action: "message", data: 1 },
      direct("stranger", 1),
      { action: "status" },
    ]) {
      wire.say(message);
    }
    wire.say(disconnect("stranger"));
    assert.deepEqual(log, ["root connect p", "p open"]);
    assert.equal(warn.mock.callCount(), 1);
    assert.match(warn.mock.calls[0].arguments[0], /ignored/);
    assert.doesNotMatch(warn.mock.calls[0].arguments[0], /chat/);
    opened().wire.raw("junk");
    assert.equal(warn.mock.callCount(), 2);
  });

  it("with members that are not known yet is understood", (t) => {
    const warn = t.mock.method(console, "warn", () => {});
    const { wire, log } = opened();
    wire.say({ ...broadcast("p", 1), future: true });
    assert.deepEqual(log, ["root message p 1"]);
    assert.equal(warn.mock.callCount(), 0);
  });
});
