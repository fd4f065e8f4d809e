// The raw relays' classes.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { BroadcastWebSocket, LocalWebSocket } from "../dist/network-web-sockets.mjs";
import { FakeWebSocket, made } from "./fake-websocket.mjs";
import { page } from "./page.mjs";

beforeEach(() => made.splice(0));

describe("LocalWebSocket and BroadcastWebSocket", () => {
  it("are the platform's WebSockets, to their own addresses", () => {
    const { window } = page("https://example.org/");
    for (const [name, path] of [
      ["LocalWebSocket", "local"],
      ["BroadcastWebSocket", "broadcast"],
    ]) {
      const socket = new window[name]("service", ["v1", "v2"]);
      assert.ok(socket instanceof window[name]);
      assert.ok(socket instanceof window.WebSocket);
      assert.equal(made.at(-1), socket);
      assert.equal(socket.url, `ws://localhost:9009/${path}/service`);
      assert.equal(socket.protocols.join(), "v1,v2");
      assert.equal(window[name].OPEN, 1);
      assert.equal(
        new window[name]("service", { proxy: "http://localhost:1" }).url,
        `ws://localhost:1/${path}/service`,
      );
    }
  });

  it("take a WebSocket where the platform has none", () => {
    for (const Class of [LocalWebSocket, BroadcastWebSocket]) {
      assert.throws(() => new Class("service"), { name: "TypeError", message: /option WebSocket/ });
      const socket = new Class("service", "v1", { WebSocket: FakeWebSocket });
      assert.ok(socket instanceof FakeWebSocket);
      assert.deepEqual(socket.protocols, ["v1"]);
    }
  });

  it("check names and subprotocols before any connection", () => {
    for (const Class of [LocalWebSocket, BroadcastWebSocket]) {
      for (const name of ["", "a/b", "..", "é"])
        assert.throws(() => new Class(name, { WebSocket: FakeWebSocket }), { name: "SyntaxError" });
      assert.throws(() => new Class("a", "b c", { WebSocket: FakeWebSocket }), { name: "SyntaxError" });
    }
    assert.equal(made.length, 0);
  });
});
