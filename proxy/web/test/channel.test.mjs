// The channel's socket as a WebSocket, against a proxy that the test plays.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { NetworkWebSocket, NetworkWebSocketError } from "../dist/network-web-sockets.mjs";
import { FakeWebSocket, made, settle } from "./fake-websocket.mjs";
import { broadcast, connect, opened, options } from "./open-channel.mjs";

beforeEach(() => made.splice(0));

describe("the face of a WebSocket", () => {
  it("is an EventTarget with WebSocket's constants and attributes", () => {
    const socket = new NetworkWebSocket("chat", options);
    assert.ok(socket instanceof EventTarget);
    for (const [value, name] of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].entries()) {
      assert.equal(NetworkWebSocket[name], value);
      assert.equal(socket[name], value);
    }
    assert.equal(socket.url, "ws://localhost:9009/chat");
    assert.equal(socket.readyState, NetworkWebSocket.CONNECTING);
    assert.equal(socket.protocol, "");
    assert.equal(socket.extensions, "");
    assert.equal(socket.bufferedAmount, 0);
    assert.equal(socket.binaryType, "blob");
    assert.equal(socket.id, "");
    assert.deepEqual(socket.peers, []);
    for (const type of ["open", "message", "error", "close", "connect", "disconnect", "status", "reconnecting"]) {
      assert.equal(socket[`on${type}`], null, type);
    }
  });

  it("offers subprotocols and tells which one was taken", () => {
    for (const args of [
      ["v1"],
      [["v1"]],
      [["v1"], options],
      [{ ...options, protocols: "v1" }],
      [{ ...options, protocols: ["v1"] }],
    ]) {
      globalThis.WebSocket = FakeWebSocket;
      try {
        const socket = new NetworkWebSocket("chat", ...args);
        assert.deepEqual(made.at(-1).protocols, ["v1"]);
        made.at(-1).accept("v1");
        assert.equal(socket.protocol, "v1");
      } finally {
        delete globalThis.WebSocket;
      }
    }
    for (const wrong of [["a", "a"], [""], ["a b"], ["ä"]]) {
      assert.throws(() => new NetworkWebSocket("chat", wrong, options), { name: "SyntaxError" }, JSON.stringify(wrong));
    }
  });

  it("takes the buffered amount from the connection", () => {
    const { socket, wire } = opened();
    wire.bufferedAmount = 7;
    assert.equal(socket.bufferedAmount, 7);
  });

  it("opens: ready state, then event, handlers in the order they were set", async () => {
    const socket = new NetworkWebSocket("chat", options);
    const log = [];
    socket.addEventListener("open", () => log.push("listener 1"));
    socket.onopen = () => log.push("replaced");
    socket.addEventListener("open", () => log.push("listener 2"));
    socket.onopen = function (event) {
      log.push("handler");
      assert.equal(this, socket);
      assert.equal(event.target, socket);
      assert.equal(socket.readyState, 1);
    };
    made[0].accept();
    assert.deepEqual(log, ["listener 1", "handler", "listener 2"]);
    socket.onopen = null;
    assert.equal(socket.onopen, null);
    socket.onopen = "not a function";
    assert.equal(socket.onopen, null);
  });

  it("has a promise for open", async () => {
    const socket = new NetworkWebSocket("chat", options);
    setImmediate(() => made[0].accept());
    assert.equal(await socket.opened, socket);
  });

  it("needs a WebSocket", () => {
    assert.equal(globalThis.WebSocket, undefined);
    assert.throws(() => new NetworkWebSocket("chat"), { name: "TypeError", message: /option WebSocket/ });
  });
});

describe("names", () => {
  it("are checked before any connection", () => {
    const wrong = ["", "a b", "a/b", "ä", "a%20b", "x".repeat(256), "a\n", ".", "..", undefined, null, {}].filter(
      (name) => name !== null && name !== undefined,
    );
    for (const name of wrong) {
      assert.throws(
        () => new NetworkWebSocket(name, options),
        (error) => error instanceof DOMException && error.name === "SyntaxError",
        String(name),
      );
    }
    assert.equal(made.length, 0);
  });

  it("are not repeated in the words of the exception", () => {
    assert.throws(
      () => new NetworkWebSocket("my secret", options),
      ({ message }) => !message.includes("secret"),
    );
  });

  it("may have all characters that are allowed, as they are", () => {
    for (const name of ["a", "AZaz09+=*._-", "...", "x".repeat(255), 5]) {
      const { url } = new NetworkWebSocket(name, options);
      assert.equal(url, `ws://localhost:9009/${name}`);
      assert.equal(new URL(url).pathname, `/${name}`);
    }
  });
});

describe("sending", () => {
  it("broadcasts any JSON value as it is", () => {
    const { socket, wire } = opened();
    const values = ["text", "", "\u2028\ud800", 0, -1.5, true, false, null, [1, [2]], { a: { b: null } }];
    for (const value of values) socket.send(value);
    assert.deepEqual(
      wire.told,
      values.map((data) => ({ action: "broadcast", data })),
    );
  });

  it("refuses what is not a JSON value, with clear words", () => {
    const { socket, wire } = opened();
    for (const value of [new ArrayBuffer(1), new Uint8Array(1), new DataView(new ArrayBuffer(1)), new Blob(["x"])]) {
      assert.throws(() => socket.send(value), { name: "TypeError", message: /binary/ });
    }
    for (const value of [undefined, () => {}, Symbol("s"), 1n])
      assert.throws(() => socket.send(value), { name: "TypeError" });
    assert.deepEqual(wire.told, []);
  });

  it("throws before open, and is silent after close, as WebSocket does", () => {
    const socket = new NetworkWebSocket("chat", options);
    assert.throws(
      () => socket.send("x"),
      (error) => error instanceof DOMException && error.name === "InvalidStateError",
    );
    made[0].accept();
    socket.close();
    socket.send("x");
    assert.ok(socket.bufferedAmount > 0);
    made[0].end();
    socket.send("x");
    assert.deepEqual(made[0].told, []);
  });
});

describe("closing", () => {
  it("checks its arguments as WebSocket does", () => {
    const { socket, wire } = opened();
    for (const code of [0, 999, 1001, 1005, 2999, 5000, NaN])
      assert.throws(() => socket.close(code), { name: "InvalidAccessError" }, String(code));
    assert.throws(() => socket.close(3000, "é".repeat(62)), { name: "SyntaxError" });
    assert.equal(wire.closedWith, undefined);
    socket.close(3000, "é".repeat(61));
    assert.deepEqual(wire.closedWith, [3000, "é".repeat(61)]);
  });

  it("goes through CLOSING, ends the peers, and tells code and reason", async () => {
    const { socket, wire, log } = opened();
    wire.say(connect("p"));
    await settle();
    const [peer] = socket.peers;
    let event;
    socket.onclose = (close) => (event = close);
    socket.close();
    assert.equal(socket.readyState, 2);
    assert.deepEqual(wire.closedWith, []);
    socket.close();
    wire.say(broadcast("p", "too late"));
    wire.end(1005);
    assert.equal(socket.readyState, 3);
    assert.equal(peer.readyState, 3);
    assert.deepEqual(socket.peers, []);
    assert.deepEqual(log, ["root connect p", "p open", "p close", "root disconnect p", "root close"]);
    assert.equal(event.type, "close");
    assert.equal(event.code, 1005);
    assert.equal(event.wasClean, true);
    assert.equal(event.reason, "");
  });

  it("before open: error, close, and a rejected promise", async () => {
    const socket = new NetworkWebSocket("chat", options);
    const log = [];
    socket.onerror = ({ code }) => log.push(code);
    socket.onclose = ({ code, wasClean }) => log.push(code, wasClean);
    socket.close();
    assert.equal(socket.readyState, 2);
    await assert.rejects(socket.opened, { code: "closed", message: /before it was open/ });
    assert.deepEqual(log, ["closed", 1006, false]);
  });

  it("by the proxy: its code and reason, no error when it was clean", () => {
    const { socket, wire, log } = opened();
    let event;
    socket.onclose = (close) => (event = close);
    wire.end(1013, "this client reads too slowly");
    assert.deepEqual([event.code, event.reason, event.wasClean], [1013, "this client reads too slowly", true]);
    assert.deepEqual(log, ["root close"]);
    socket.close();
    assert.equal(socket.readyState, 3);
  });

  it("when the proxy dies: peers first, then error, then close", async () => {
    const { socket, wire, log } = opened();
    wire.say(connect("p"));
    wire.say(connect("q"));
    await settle();
    log.splice(0);
    const states = [];
    socket.onerror = ({ code, message, error }) => states.push(code, message, error);
    const closes = [];
    socket.peers[0].onclose = ({ code, wasClean }) =>
      closes.push(code, wasClean, socket.readyState, socket.peers.length);
    let event;
    socket.onclose = (close) => (event = close);
    wire.end(1006, "", false);
    assert.deepEqual(log, ["p close", "root disconnect p", "q close", "root disconnect q", "root error", "root close"]);
    assert.deepEqual(closes, [3000, false, 3, 1]);
    assert.equal(states[0], "lost");
    assert.match(states[1], /ws:\/\/localhost:9009 was lost/);
    assert.doesNotMatch(states[1], /chat/);
    assert.deepEqual([event.code, event.wasClean], [1006, false]);
    assert.match(event.reason, /was lost/);
  });
});

describe("no connection", () => {
  it("is told in words: error, close and promise", async () => {
    const socket = new NetworkWebSocket("chat", options);
    const log = [];
    socket.onerror = ({ code, message }) => log.push(code, message);
    socket.onclose = ({ code, reason }) => log.push(code, reason);
    made[0].end(1006, "", false, "connect ECONNREFUSED 127.0.0.1:9009");
    await assert.rejects(socket.opened, (error) => {
      assert.ok(error instanceof NetworkWebSocketError);
      assert.equal(error.code, "unreachable");
      assert.match(error.message, /No proxy answers at ws:\/\/localhost:9009\. Start it on this machine: nws/);
      assert.match(error.message, /ECONNREFUSED/);
      assert.deepEqual(log, ["unreachable", error.message, 1006, error.message]);
      return true;
    });
    assert.equal(socket.readyState, 3);
  });

  it("is the same when the constructor throws", async () => {
    class Throws {
      constructor() {
        throw new DOMException("insecure", "SecurityError");
      }
    }
    const socket = new NetworkWebSocket("chat", { WebSocket: Throws });
    assert.equal(socket.readyState, 0);
    await assert.rejects(socket.opened, { code: "unreachable", message: /\(insecure\)/ });
    const given = new NetworkWebSocket("chat", { WebSocket: Throws });
    given.close();
    await assert.rejects(given.opened, { code: "closed" });
  });

  it("does not make an unhandled rejection", async () => {
    const seen = [];
    const listen = (error) => seen.push(error);
    process.on("unhandledRejection", listen);
    new NetworkWebSocket("chat", options);
    made[0].end(1006, "", false);
    await settle();
    await settle();
    process.off("unhandledRejection", listen);
    assert.deepEqual(seen, []);
  });
});
