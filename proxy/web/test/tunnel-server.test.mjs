// A server at a relay: who it lets in, and how it comes back.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ForwardingServerWebSocket, PeerToPeerWebSocket } from "../dist/network-web-sockets-tunnel.mjs";
import { made } from "./fake-websocket.mjs";
import {
  URL as RELAY,
  greet,
  incoming,
  nextWire,
  options,
  registered,
  said,
  task,
  watch,
  wire,
} from "./tunnel-relay.mjs";

const servers = [];
beforeEach(() => made.splice(0));
/** Those that try to come back would keep the process alive. */
afterEach(() => {
  for (const server of servers.splice(0)) void server.close();
  for (const each of made) if (each.readyState < 2) each.end(1006, "", false);
});

async function serving(more) {
  const all = await registered(more);
  servers.push(all.server);
  return all;
}

const asks = (at, channel, port = 80) =>
  at.say({ type: "connected", channel, server: 3, port, address: "192.0.2.7" });

describe("a server", () => {
  it("registers, and has an id and a credential", async () => {
    const { server } = await serving();
    assert.deepEqual([server.serverId, server.credential, server.readyState, server.url], [3, "12345", 1, RELAY]);
    assert.doesNotMatch(JSON.stringify(server), /12345/);
    assert.throws(() => new ForwardingServerWebSocket(), TypeError);
  });

  it("is not there if the relay is not, or refuses", async () => {
    const nobody = ForwardingServerWebSocket.newThrough(RELAY, options);
    wire().end(1006, "", false, "ECONNREFUSED");
    await assert.rejects(nobody, { name: "TunnelError", code: "unreachable", message: /ECONNREFUSED/ });
    const full = ForwardingServerWebSocket.newThrough(RELAY, options);
    greet();
    wire().say({ type: "error", id: said()[0].id, code: "too_many_servers", message: "256 of one address" });
    await assert.rejects(full, { code: "too_many_servers", message: "256 of one address" });
    assert.deepEqual(wire().closedWith, [1000]);
    await assert.rejects(ForwardingServerWebSocket.newThrough("nowhere", options), { name: "SyntaxError" });
  });

  it("accepts who comes to a port that it listens to, and refuses others", async () => {
    const { server, wire: at } = await serving();
    const logs = [];
    const sockets = [];
    server.listen(80, (socket) => {
      assert.equal(socket.readyState, 1, "it can be used at once");
      sockets.push(socket);
      logs.push(watch(socket));
    });
    asks(at, 9);
    at.say({ type: "data", channel: 9, data: "hello" });
    asks(at, 10, 81);
    assert.deepEqual(said(at).map(({ id: _, ...rest }) => rest), [
      { type: "accept", channel: 9 },
      { type: "refuse", channel: 10, reason: "Nothing listens on port 81" },
    ]);
    await task();
    assert.deepEqual(logs, [["open", '"hello"']]);
    const [socket] = sockets;
    assert.deepEqual([socket.port, socket.address, socket.channel, socket.serverId], [80, "192.0.2.7", 9, 3]);
    assert.deepEqual(server.connections, sockets);
    assert.equal(PeerToPeerWebSocket.throughChannel(9, server), socket);
    socket.send(new Uint8Array([1]));
    assert.deepEqual(said(at), [{ binary: 9, bytes: [1] }]);
    server.unlisten(80);
    asks(at, 11);
    assert.equal(said(at)[0].type, "refuse");
    at.say({ type: "disconnected", channel: 9, code: "closed", status: 1000 });
    assert.deepEqual(server.connections, []);
    assert.throws(() => PeerToPeerWebSocket.throughChannel(9, server), { name: "InvalidStateError" });
  });

  it("lets its listener of connections decide, at once or later", async () => {
    const { server, wire: at } = await serving();
    const events = [];
    server.listen(1, () => assert.fail("it was decided already"));
    server.onconnection = (event) => {
      events.push(event);
      if (event.port === 1) event.refuse("not you");
      else if (event.port === 2) event.accept().send("hello");
      else event.preventDefault();
    };
    for (const port of [1, 2, 3, 4, 5]) asks(at, 10 + port, port);
    assert.deepEqual(said(at).map(({ type, channel }) => `${type} ${channel}`), ["refuse 11", "accept 12", "data 12"]);
    assert.deepEqual([events[2].port, events[2].address, events[2].channel], [3, "192.0.2.7", 13]);
    assert.throws(() => events[0].accept(), { name: "InvalidStateError", message: /refused already/ });
    const socket = PeerToPeerWebSocket.throughChannel(13, server);
    assert.equal(events[2].accept(), socket);
    assert.throws(() => events[2].refuse(), { name: "InvalidStateError" });
    assert.throws(() => events[3].refuse("x".repeat(124)), { name: "SyntaxError" });
    events[3].refuse();
    at.say({ type: "disconnected", channel: 15, code: "timeout" });
    assert.throws(() => events[4].accept(), { name: "InvalidStateError", message: /too long/ });
    assert.deepEqual(said(at).map(({ type, channel }) => `${type} ${channel}`), ["accept 13", "refuse 14"]);
  });

  it("learns that a client had left when it was accepted", async () => {
    const { server, wire: at } = await serving();
    const { socket, log } = await incoming(server, at);
    at.say({ type: "error", id: said(at)[0].id, code: "unknown_channel", message: "no such", channel: 9 });
    assert.deepEqual(log, ["open", "error gone", "close 1006 broken (The other party has left)"]);
    assert.equal(socket.readyState, 3);
  });

  it("ends its connections with itself", async () => {
    const { server, wire: at } = await serving();
    const { log } = await incoming(server, at);
    const closes = [];
    server.onclose = ({ code, wasClean }) => closes.push([code, wasClean]);
    said(at);
    const closed = server.close();
    const [{ id, type }] = said(at);
    assert.equal(type, "unregister");
    at.say({ type: "done", id });
    await Promise.all([closed, server.close()]);
    assert.deepEqual(log.at(-1), "close 1001 clean (The server was closed)");
    assert.deepEqual([closes, server.readyState, at.closedWith], [[[1000, true]], 3, [1000]]);
  });

  it("ends when another party is this server", async () => {
    const { server, wire: at } = await serving();
    const { log } = await incoming(server, at);
    const errors = [];
    server.onerror = ({ code }) => errors.push(code);
    at.say({ type: "replaced", server: 3 });
    assert.deepEqual([errors, server.readyState, log.at(-2)], [["replaced"], 3, "error replaced"]);
  });

  it("reports a port listener that throws, and goes on", async (t) => {
    const { server, wire: at } = await serving();
    const thrown = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => thrown.push(error.message));
    t.after(() => listeners.forEach((each) => process.on("uncaughtException", each)));
    server.listen(80, () => {
      throw new Error("oh");
    });
    asks(at, 9);
    await task();
    assert.deepEqual(thrown, ["oh"]);
    assert.equal(server.connections.length, 1);
  });
});

describe("a server whose connection is lost", () => {
  const events = (server) => {
    const log = [];
    server.onlost = ({ detail }) => log.push(`lost ${detail.code}`);
    server.onresume = ({ detail }) => log.push(`resume ${detail.away >= 0}`);
    server.onerror = ({ code }) => log.push(`error ${code}`);
    server.onclose = ({ code }) => log.push(`close ${code}`);
    return log;
  };

  it("comes back with its credential; what was under way is sent again, and nothing twice", async () => {
    const { server, wire: at } = await serving();
    const log = events(server);
    const { socket, log: heard } = await incoming(server, at);
    const other = await incoming(server, at, 20);
    said(at);
    for (const data of ["1", "2", "3"]) socket.send(data);
    at.say({ type: "consumed", channel: 9, bytes: 17 });
    at.say({ type: "data", channel: 9, data: "x" });
    at.say({ type: "data", channel: 9, data: "y" });
    at.end(1006, "", false);
    assert.deepEqual([log, server.readyState, socket.readyState], [["lost 1006"], 0, 1]);
    socket.send("4");
    other.socket.send(new Uint8Array([7]));
    assert.deepEqual([socket.bufferedAmount, other.socket.bufferedAmount], [1, 1]);

    const again = await nextWire(at);
    greet(again);
    const [{ id, ...resume }] = said(again);
    assert.deepEqual(resume, {
      type: "resume",
      server: 3,
      credential: "12345",
      channels: [
        { channel: 9, received: 2, consumed: 34 },
        { channel: 20, received: 0, consumed: 0 },
      ],
    });
    socket.send("5");
    assert.deepEqual(said(again), []);
    const channels = [
      { channel: 9, received: 2, consumed: 17 },
      { channel: 20, received: 0, consumed: 0 },
    ];
    again.say({ type: "resumed", id, server: 3, channels });
    assert.deepEqual(said(again), [
      { type: "data", channel: 9, data: "3" },
      { type: "data", channel: 9, data: "4" },
      { type: "data", channel: 9, data: "5" },
      { binary: 20, bytes: [7] },
    ]);
    assert.deepEqual([log, server.readyState, socket.bufferedAmount], [["lost 1006", "resume true"], 1, 0]);
    again.say({ type: "data", channel: 9, data: "z" });
    assert.deepEqual(heard.slice(1), ['"x"', '"y"', '"z"']);

    // Once more, with nothing new: what the relay has is not sent again, and counts go on.
    again.end(1006, "", false);
    const third = await nextWire(again);
    greet(third);
    const [{ id: next, channels: known }] = said(third);
    assert.deepEqual(known[0], { channel: 9, received: 3, consumed: 51 });
    third.say({ type: "resumed", id: next, server: 3, channels: [{ channel: 9, received: 5, consumed: 17 }] });
    assert.deepEqual(said(third), []);
    assert.equal(other.log.at(-1), "close 1006 broken (The other party has left)", "it was not there any more");
  });

  it("sends credit that it lost, keeps to the old credit, and holds finish and close in order", async () => {
    const { server, wire: at } = await serving();
    const { socket, log } = await incoming(server, at);
    said(at);
    socket.send("x".repeat(84));
    at.end(1006, "", false);
    socket.send("y");
    socket.finish();
    socket.close(3000, "bye");
    const again = await nextWire(at);
    greet(again);
    const resumed = (wire, received, consumed) => {
      const [{ id }] = said(wire);
      wire.say({ type: "resumed", id, server: 3, channels: [{ channel: 9, received, consumed }] });
    };
    resumed(again, 0, 0);
    assert.deepEqual(said(again).map(({ data }) => data[0]), ["x"], "that is all the credit there is");
    again.say({ type: "consumed", channel: 9, bytes: 100 });
    assert.deepEqual(said(again).map(({ type }) => type), ["data", "finish", "close"]);
    // The close was lost with the connection.
    again.end(1006, "", false);
    const third = await nextWire(again);
    greet(third);
    resumed(third, 2, 100);
    const [finish, close] = said(third);
    assert.deepEqual([finish.type, close.type, close.status, close.reason], ["finish", "close", 3000, "bye"]);
    // And now the answer to it.
    third.end(1006, "", false);
    const fourth = await nextWire(third);
    greet(fourth);
    fourth.say({ type: "resumed", id: said(fourth)[0].id, server: 3, channels: [] });
    assert.equal(log.at(-1), "close 3000 clean (bye)");
  });

  it("decides about who asked before, once", async () => {
    const { server, wire: at } = await serving();
    const asked = [];
    server.onconnection = (event) => {
      event.preventDefault();
      asked.push(event);
    };
    for (const channel of [9, 10, 11]) asks(at, channel);
    at.end(1006, "", false);
    const socket = asked[0].accept();
    asked[1].refuse("no");
    await task();
    socket.send("early");
    const again = await nextWire(at);
    greet(again);
    const [{ id, channels }] = said(again);
    assert.deepEqual(channels, [{ channel: 9, received: 0, consumed: 0 }], "which accepts it");
    again.say({ type: "resumed", id, server: 3, channels: [{ channel: 9, received: 0, consumed: 0 }] });
    for (const channel of [10, 11]) asks(again, channel);
    assert.equal(asked.length, 3, "nobody is told of twice");
    asked[2].accept();
    assert.deepEqual(said(again).map(({ type, channel }) => `${type} ${channel}`), ["data 9", "refuse 10", "accept 11"]);
  });

  it("tries again while the relay is not there, and ends when it does not know it any more", async () => {
    const { server, wire: at } = await serving();
    const log = events(server);
    const { log: heard } = await incoming(server, at);
    at.end(1001, "", true);
    const second = await nextWire(at);
    second.end(1006, "", false);
    const third = await nextWire(second);
    greet(third);
    third.say({ type: "error", id: said(third)[0].id, code: "shutdown", message: "ends" });
    const fourth = await nextWire(third);
    greet(fourth);
    fourth.say({ type: "error", id: said(fourth)[0].id, code: "bad_credential", message: "not known" });
    assert.deepEqual(log, ["lost 1001", "error bad_credential", "close 1006"]);
    assert.deepEqual(heard.slice(1), ["error bad_credential", "close 1006 broken (not known)"]);
    assert.equal(server.readyState, 3);
  });

  it("gives up in time, or at once if it is told so", async () => {
    const { server, wire: at } = await serving({ giveUpAfter: 20 });
    const log = events(server);
    at.end(1006, "", false);
    for (let last = at; server.readyState !== 3; await task()) {
      if (wire() === last) continue;
      last = wire();
      last.end(1006, "", false);
    }
    assert.deepEqual(log, ["lost 1006", "error unreachable", "close 1006"]);

    const none = await serving({ resume: false });
    const short = events(none.server);
    none.wire.end(1006, "", false);
    assert.deepEqual(short, ["error lost", "close 1006"]);
  });

  it("can be closed while it is away", async () => {
    const { server, wire: at } = await serving();
    const log = events(server);
    const { log: heard } = await incoming(server, at);
    at.end(1006, "", false);
    await server.close();
    assert.deepEqual([log, heard.at(-1)], [["lost 1006", "close 1000"], "close 1001 clean (The server was closed)"]);
  });

  it("can be taken up by a page that was loaded anew", async () => {
    const coming = ForwardingServerWebSocket.newThrough(RELAY, { ...options, as: { serverId: "3", credential: "12345" } });
    greet();
    const [{ id, ...resume }] = said();
    assert.deepEqual(resume, { type: "resume", server: 3, credential: "12345", channels: [] });
    wire().say({ type: "resumed", id, server: 3, channels: [] });
    const server = await coming;
    servers.push(server);
    assert.deepEqual([server.serverId, server.readyState], [3, 1]);
    const wrong = ForwardingServerWebSocket.newThrough(RELAY, { ...options, as: { serverId: 3, credential: "1" } });
    greet();
    wire().say({ type: "error", id: said()[0].id, code: "bad_credential", message: "no" });
    await assert.rejects(wrong, { code: "bad_credential" });
  });
});
