// The client that answers, and whose class of peers it uses for that.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answer, client, found, offer, peerOpts, said } from "./bootstrap-parties.mjs";
import { connections } from "./fake-rtc.mjs";
import { made, settle } from "./fake-websocket.mjs";

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
