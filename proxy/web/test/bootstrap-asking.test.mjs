// The client that asks for a peer: what it says at its server and when, and how handshakes end.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BootstrapClient, BootstrapPeer } from "../dist/network-web-sockets-bootstrap.mjs";
import { answer, client, found, options, peerOpts } from "./bootstrap-parties.mjs";
import { connections } from "./fake-rtc.mjs";
import { made, settle } from "./fake-websocket.mjs";

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
