// One end of a data channel: its signals, its events, its end.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { BootstrapPeer } from "../dist/network-web-sockets-bootstrap.mjs";
import { connections, wrtc } from "./fake-rtc.mjs";
import { settle } from "./fake-websocket.mjs";

beforeEach(() => connections.splice(0));

/** A peer, its connection, and all that happens to it. */
function made(options = {}) {
  const peer = new BootstrapPeer({ wrtc, ...options });
  const log = [];
  const signals = [];
  peer.on("signal", (signal) => signals.push(signal));
  peer.on("connect", () => log.push("connect"));
  peer.on("data", (data) => log.push(data));
  peer.on("error", ({ code, message }) => log.push(`error ${code} ${message}`));
  peer.on("close", () => log.push("close"));
  return { peer, connection: connections.at(-1), log, signals };
}
const candidate = (text) => ({ candidate: { candidate: text, sdpMLineIndex: 0, sdpMid: "0" } });

describe("the initiator", () => {
  it("offers at once, tells addresses as they are found, and connects when the channel opens", async () => {
    const { peer, connection, log, signals } = made({
      initiator: true,
      config: { iceServers: [] },
      channelName: "mine",
      channelConfig: { ordered: false },
      offerOptions: { iceRestart: true },
    });
    assert.deepEqual(connection.config, { iceServers: [] });
    assert.deepEqual([connection.channel.label, connection.channel.options], ["mine", { ordered: false }]);
    await settle();
    const sdp = 'offer\r\na=ice-options:trickle\r\n{"iceRestart":true}';
    assert.deepEqual(signals, [{ type: "offer", sdp }, candidate("candidate:first")]);
    connection.find("candidate:second");
    connection.find("");
    connection.find(null);
    assert.deepEqual(signals.slice(2), [candidate("candidate:second")]);

    peer.signal(candidate("candidate:early"));
    peer.signal(JSON.stringify({ type: "answer", sdp: "theirs" }));
    peer.signal({ type: "candidate", ...candidate("candidate:late") });
    await settle();
    assert.deepEqual(connection.remoteDescription, { type: "answer", sdp: "theirs" });
    assert.deepEqual(connection.candidates, ["candidate:early", "candidate:late"]);

    assert.throws(() => peer.send("early"), { name: "InvalidStateError" });
    assert.equal(peer.connected, false);
    connection.channel.open();
    assert.deepEqual([peer.connected, peer.initiator, log], [true, true, ["connect"]]);
    peer.send("text");
    assert.deepEqual(connection.channel.sent, ["text"]);
    connection.channel.bufferedAmount = 4;
    assert.equal(peer.bufferedAmount, 4);
    connection.channel.say("text");
    connection.channel.say(new Uint8Array([1, 2]).buffer);
    assert.deepEqual(log.slice(1), ["text", new Uint8Array([1, 2])]);
  });

  it("offers again when it is asked to, and never answers", async () => {
    const { peer, connection, signals } = made({ initiator: true });
    peer.signal({ type: "renegotiate", renegotiate: true });
    peer.signal({ type: "offer", sdp: "theirs" });
    await settle();
    assert.equal(signals.filter(({ type }) => type === "offer").length, 2);
    assert.equal(connection.remoteDescription, null);
  });

  it("without trickle says all at once", async (t) => {
    const { connection, signals } = made({ initiator: true, trickle: false, sdpTransform: (sdp) => `${sdp}!` });
    await settle();
    assert.deepEqual(signals, []);
    connection.gathered();
    await settle();
    assert.deepEqual(signals, [{ type: "offer", sdp: "offer\r\nnull! and all addresses" }]);

    t.mock.timers.enable({ apis: ["setTimeout"] });
    const slow = made({ initiator: true, trickle: false, iceCompleteTimeout: 700 });
    await settle();
    t.mock.timers.tick(699);
    await settle();
    assert.deepEqual(slow.signals, []);
    t.mock.timers.tick(1);
    await settle();
    assert.equal(slow.signals.length, 1);
  });
});

describe("the other end", () => {
  it("answers an offer and takes the channel", async () => {
    const { peer, connection, log, signals } = made();
    await settle();
    assert.deepEqual(signals, []);
    peer.signal({ type: "offer", sdp: "theirs" });
    await settle();
    assert.deepEqual(signals, [{ type: "answer", sdp: "answer" }, candidate("candidate:first")]);
    connection.offered().open();
    assert.deepEqual(log, ["connect"]);
  });

  it("takes a channel that is open already, and data that comes before anybody was told", async () => {
    for (const early of [true, false]) {
      const { connection, log } = made();
      const channel = connection.offered("open");
      if (early) channel.say("early");
      await settle();
      assert.deepEqual(log, early ? ["connect", "early"] : ["connect"]);
    }
  });

  it("ignores what it does not know and addresses that are none", async () => {
    const { peer, connection, log } = made();
    for (const signal of [
      null,
      5,
      "not json",
      "null",
      [],
      {},
      { type: "answer", sdp: "x" },
      { type: "rollback", sdp: "" },
      { type: "offer", sdp: 5 },
      { candidate: 5 },
      { candidate: null },
      { transceiverRequest: { kind: "video" } },
      { renegotiate: true },
    ])
      peer.signal(signal);
    peer.signal({ type: "offer", sdp: "theirs" });
    peer.signal(candidate("bad"));
    peer.signal(candidate("good"));
    await settle();
    assert.deepEqual([connection.candidates, log], [["good"], []]);
  });

  it("keeps only so many addresses for a description that does not come", async () => {
    const { peer, log } = made();
    for (let at = 0; at < 256; at += 1) peer.signal(candidate(`${at}`));
    await settle();
    assert.deepEqual(log, []);
    peer.signal(candidate("one more"));
    await settle();
    assert.deepEqual(log, ["error signal The handshake failed: too many addresses before the description", "close"]);
  });
});

describe("the end", () => {
  it("comes by a description that makes no sense", async () => {
    const { peer, connection, log } = made();
    peer.signal({ type: "offer", sdp: "bad" });
    await settle();
    assert.deepEqual(log, ["error signal The handshake failed: no sense in it", "close"]);
    assert.deepEqual([peer.destroyed, connection.closed], [true, true]);
  });

  it("comes by the other end, by a connection that fails, and by destroy, and is told once", async () => {
    for (const [end, expected] of [
      [({ connection }) => connection.channel.end(), ["connect", "close"]],
      [({ connection }) => connection.state("closed"), ["connect", "close"]],
      [
        ({ connection }) => connection.state("failed"),
        ["connect", "error lost The peer can't be reached any more", "close"],
      ],
      [({ peer }) => peer.destroy(), ["connect", "close"]],
      [({ peer }) => peer.destroy(new RangeError("why")), ["connect", "error undefined why", "close"]],
    ]) {
      const all = made({ initiator: true });
      await settle();
      all.connection.channel.open();
      all.connection.state("disconnected");
      end(all);
      all.peer.destroy(new Error("again"));
      all.connection.channel.end();
      all.connection.state("failed");
      await settle();
      assert.deepEqual(all.log, expected);
      assert.deepEqual([all.peer.connected, all.peer.destroyed, all.connection.channel.closed], [false, true, true]);
      assert.throws(() => all.peer.send("late"), { name: "InvalidStateError" });
      all.peer.signal({ type: "answer", sdp: "late" });
      await settle();
      assert.equal(all.connection.remoteDescription, null);
    }
  });

  it("says what helps when no way is found", async () => {
    const { connection, log } = made({ initiator: true });
    connection.state("failed");
    await settle();
    assert.match(log[0], /^error lost No way .* STUN/);
  });

  it("in the middle of an offer stops the offer", async () => {
    const { peer, connection, log, signals } = made({ initiator: true });
    peer.destroy();
    await settle();
    assert.deepEqual([signals, log, connection.localDescription], [[], ["close"], null]);
  });
});

describe("listeners", () => {
  it("are told in order, once if so wanted, and not after off", async () => {
    const { peer, connection } = made({ initiator: true });
    const log = [];
    const one = (data) => log.push(`one ${data}`);
    assert.equal(
      peer.on("data", one).once("data", (data) => log.push(`once ${data}`)),
      peer,
    );
    peer.on("data", function (data) {
      assert.equal(this, peer);
      log.push(`last ${data}`);
    });
    connection.channel.open();
    connection.channel.say("a");
    peer.off("data", one);
    peer.off("data", () => {});
    connection.channel.say("b");
    assert.deepEqual(log, ["one a", "once a", "last a", "last b"]);
  });

  it("need not be there for an error", async () => {
    const peer = new BootstrapPeer({ wrtc });
    peer.destroy(new Error("nobody minds"));
    await settle();
    assert.equal(peer.destroyed, true);
  });
});

it("a platform without WebRTC must be given one", () => {
  assert.throws(() => new BootstrapPeer(), { name: "TypeError", message: /peerOpts\.wrtc/ });
});
