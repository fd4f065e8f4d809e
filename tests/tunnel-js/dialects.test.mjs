// Parties of the first dialect and the classes, with each other.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configure, join } from "./first-dialect.mjs";
import { dial, drained, ending, messages, next, serve } from "./parties.mjs";
import { SECRET, startRelay } from "./relay.mjs";

const value = ([, , value]) => value;

describe("the first dialect", { timeout: 600_000 }, () => {
  it("configures the relay as it did in 2017", { timeout: 90_000 }, async (t) => {
    const relay = await startRelay(t);
    const answers = await configure(t, relay, SECRET, "§");
    assert.deepEqual(answers.slice(0, 3), [
      ["server: received command 'add instruction'", "server: adding instruction 'initialize'"],
      [
        "server: received command 'initialize'",
        "server: evaluating added instruction 'initialize'",
        "server: initialized tunnel relay",
      ],
      ["server: received command 'add instruction'", "server: adding instruction 'create server credential'"],
    ]);
    assert.equal(answers.length, 7);
    assert.deepEqual(answers.at(-1)[1], "server: adding instruction 'forward to server'");
  });

  it("its client talks to a server of the classes", { timeout: 90_000 }, async (t) => {
    const relay = await startRelay(t);
    await configure(t, relay, SECRET, "§");
    const server = await serve(t, relay);
    const came = new Promise((resolve) => server.listen(1337, resolve));
    const client = await join(t, relay);
    assert.deepEqual(await client.instruct("connect to server", [String(server.serverId), 1337]), [
      "server: received command 'connect to server'",
      "server: evaluating added instruction 'connect to server'",
      "1",
      "server: connected client",
    ]);
    const socket = await came;
    assert.deepEqual([socket.port, socket.address], [1337, "127.0.0.1"]);
    const heard = messages(socket, 3);
    for (const data of ["hello server", "§ and ü", 5])
      assert.equal(value(await client.instruct("forward to server", [server.serverId, data])), "1");
    assert.deepEqual(await heard, ["hello server", "§ and ü", "5"]);
    for (const data of ["hello client", "§|ü", ""]) {
      socket.send(data);
      assert.equal(await client.next(), `from:data: ${server.serverId}§${data}`);
    }
    const gone = ending(socket);
    client.close();
    assert.equal((await gone).code, 1006);
  });

  it("is refused as by a server that is not there", { timeout: 90_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    server.onconnection = (event) => event.refuse("not you");
    const client = await join(t, relay);
    const [, , answer] = await client.instruct("connect to server", [server.serverId, 80]);
    assert.equal(answer, "0");
  });

  it("bytes can't reach it: the connection ends with words", { timeout: 90_000 }, async (t) => {
    const relay = await startRelay(t);
    const server = await serve(t, relay);
    const came = new Promise((resolve) => server.listen(80, resolve));
    const client = await join(t, relay);
    assert.equal(value(await client.instruct("connect to server", [server.serverId, 80])), "1");
    const socket = await came;
    await socket.opened;
    const end = Promise.all([next(socket, "error"), ending(socket)]);
    socket.send(new Uint8Array([1]));
    const [{ code }, details] = await end;
    assert.deepEqual([code, details.code], ["text_only", 1003]);
  });

  it("its server talks to clients of the classes", { timeout: 90_000 }, async (t) => {
    const relay = await startRelay(t);
    await configure(t, relay, SECRET, "§");
    const server = await join(t, relay);
    const [id, credential] = value(await server.instruct("create server credential", [])).split(" ");
    const away = dial(t, relay, id);
    await assert.rejects(away.opened, ({ code }) => ["unknown_server", "server_away"].includes(code));
    assert.equal(value(await server.instruct("install server", [id, "99999"])), "0");
    assert.equal(value(await server.instruct("install server", [id, credential])), "1");
    const sockets = await Promise.all([80, 8080].map((port) => dial(t, relay, id, port).opened));
    const channels = [];
    for (let at = 0; at < 2; at += 1) {
      const [, channel, port, address] = /^connected:atPort:for: (\d+)§(\d+)§(.*)$/.exec(await server.next());
      assert.equal(address, "::ffff:127.0.0.1");
      channels[Number(port)] = channel;
    }
    for (const socket of sockets) {
      assert.equal(String(socket.channel), channels[socket.port]);
      socket.send(`from ${socket.port}`);
      assert.equal(await server.next(), `from:data: ${socket.channel}§from ${socket.port}`);
      const answered = messages(socket, 1);
      assert.equal(value(await server.instruct("forward to client", [socket.channel, `to ${socket.port}`])), "1");
      assert.deepEqual(await answered, [`to ${socket.port}`]);
    }
    // More than the window, so that the relay gives credit for it.
    const large = "x".repeat(60_000);
    for (let n = 0; n < 20; n += 1) sockets[0].send(`${n} ${large}`);
    for (let n = 0; n < 20; n += 1) assert.ok((await server.next()).startsWith(`from:data: ${sockets[0].channel}§${n} x`));
    await drained(sockets[0]);
    sockets[1].close(1000);
    await ending(sockets[1]);
    const [, , answer] = await server.instruct("forward to client", [channels[8080], "too late"]);
    assert.equal(answer, "0");
  });
});
