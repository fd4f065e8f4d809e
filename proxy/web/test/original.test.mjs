// Pages as they were written for the original library, in sloppy classic scripts, find everything they used.

import assert from "node:assert/strict";
import vm from "node:vm";
import { describe, it } from "node:test";
import { made, settle } from "./fake-websocket.mjs";
import { page } from "./page.mjs";

/** Runs a page's script and gives its globals and the other end of its connection. */
function run(script) {
  const { window } = page("http://localhost:9009/");
  window.log = [];
  vm.runInContext(script, window);
  return { window, wire: made[0], log: window.log };
}
const heard = (window) => [...window.log];

describe("pages of the original", () => {
  it("the tour of the interface", async () => {
    const { window, wire } = run(`
      var ws = new NetworkWebSocket("myChannelName");
      ws.onopen = function () { log.push("open"); ws.send("to all"); };
      ws.onmessage = function (event) { log.push("broadcast " + event.data); };
      ws.onconnect = function (event) {
        var peerWS = event.detail.target;
        peerWS.onopen = function () {
          peerWS.onmessage = function (event) { log.push("direct from " + peerWS.id + ": " + event.data); };
          peerWS.send("to you");
        };
        peerWS.onclose = function () { log.push("closed"); };
      };
      ws.ondisconnect = function (event) { log.push("gone " + event.detail.target.id); };
    `);
    wire.accept();
    wire.say({ action: "connect", source: "1", target: "2" });
    await settle();
    wire.say({ action: "message", source: "2", target: "1", data: "psst" });
    wire.say({ action: "broadcast", source: "2", data: "hello" });
    wire.say({ action: "disconnect", source: "1", target: "2" });
    assert.deepEqual(heard(window), ["open", "direct from 2: psst", "broadcast hello", "closed", "gone 2"]);
    assert.deepEqual(wire.told, [
      { action: "broadcast", data: "to all" },
      { action: "message", target: "2", data: "to you" },
    ]);
  });

  it("a hub that queues until open, on any of the three classes", () => {
    for (const name of ["NetworkWebSocket", "LocalWebSocket", "BroadcastWebSocket"]) {
      const { window, wire } = run(`
        var hub = { ws: new ${name}("hub"), queue: [] };
        hub.publish = function (message) {
          if (this.ws.readyState != 1) this.queue.push(message); else this.ws.send(message);
        };
        hub.ws.onmessage = function (event) { log.push(JSON.parse(event.data).topic); };
        hub.ws.onopen = function () { log.push("open"); while (hub.queue.length) hub.ws.send(hub.queue.shift()); };
        hub.publish(JSON.stringify({ topic: "login" }));
      `);
      if (name === "NetworkWebSocket") {
        wire.accept();
        wire.say({ action: "broadcast", source: "2", data: '{"topic":"logout"}' });
        assert.deepEqual(wire.told, [{ action: "broadcast", data: '{"topic":"login"}' }]);
      } else {
        wire.accept();
        wire.raw('{"topic":"logout"}');
        assert.deepEqual(wire.sent, ['{"topic":"login"}']);
      }
      assert.deepEqual(heard(window), ["open", "logout"]);
    }
  });

  it("a console that picks peers by id, empties the list and closes", async () => {
    const { window, wire } = run(`
      var socket = new NetworkWebSocket("adhocservice");
      socket.addEventListener("close", function () { log.push("close " + socket.readyState + " " + socket.peers.length); });
      function sendTo(id) {
        for (var i = 0; i < socket.peers.length; i++) if (socket.peers[i].id == id) socket.peers[i].send("private");
      }
      function leave() { if (socket.readyState <= 1) { socket.peers = []; socket.close(); } }
    `);
    wire.accept();
    for (const id of ["2", "3"]) wire.say({ action: "connect", source: "1", target: id });
    await settle();
    window.sendTo("3");
    assert.deepEqual(wire.told, [{ action: "message", target: "3", data: "private" }]);
    window.leave();
    wire.end(1005);
    assert.deepEqual(heard(window), ["close 3 0"]);
  });
});
