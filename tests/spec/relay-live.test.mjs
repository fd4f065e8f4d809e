// The relay's part of the AsyncAPI description against the program: one channel, from its beginning to its end, in each
// dialect; every request is the example with the numbers of this run, and every answer has the example's members.

import assert from "node:assert/strict";
import test from "node:test";
import { check, example } from "./asyncapi.mjs";
import { Client, start } from "./servers.mjs";

const SECRET = "EMpGMQADK1oR5n8xffrx";

async function relay(t, ...words) {
  const [, address] = await start(
    t,
    ["relay", "--listen", "127.0.0.1", "--port", "0", "--log", "error", ...words],
    /(127\.0\.0\.1:\d+)/,
  );
  return `ws://${address}/`;
}

/** A party of nws-relay-1, past its welcome. */
async function party(t, url) {
  const client = await Client.open(t, url, ["nws-relay-1"]);
  await like(client, "relayWelcome", "welcome");
  return client;
}

/** Sends an example with these members instead of its own. */
function ask(client, name, which, members = {}) {
  const request = { ...example(name, which), ...members };
  check(name, request);
  client.send(JSON.stringify(request));
}

/** The next message has the members of the example in their order, and these values. */
async function like(client, name, which, members = {}) {
  const said = JSON.parse(await client.next());
  check(name, said);
  const expected = example(name, which);
  assert.deepEqual(Object.keys(said), Object.keys(expected), JSON.stringify(said));
  assert.equal(said.type, expected.type);
  for (const [member, value] of Object.entries(members)) assert.deepEqual(said[member], value, JSON.stringify(said));
  return said;
}

test("nws-relay-1", async (t) => {
  const url = await relay(t);
  const server = await party(t, url);
  ask(server, "relayPing", "ping");
  await like(server, "relayPong", "pong", { id: 3 });
  ask(server, "relayRegister", "register");
  const registered = await like(server, "relayRegistered", "registered", { id: 1 });

  const client = await party(t, url);
  ask(client, "relayConnect", "connect", { server: registered.server + 1 });
  await like(client, "relayError", "unknown_server", { id: 1, code: "unknown_server" });
  client.send("nonsense");
  await like(client, "relayError", "bad_json", { code: "bad_json" });
  const connect = async () => {
    ask(client, "relayConnect", "connect", { server: registered.server });
    const { channel } = await like(server, "relayConnected", "connected", {
      server: registered.server,
      address: "127.0.0.1",
    });
    return channel;
  };

  const refused = await connect();
  ask(server, "relayRefuse", "refuse", { channel: refused });
  assert.equal(JSON.parse(await client.next()).code, "refused");

  const channel = await connect();
  ask(server, "relayAccept", "answered", { channel });
  await like(server, "relayDone", "done", { id: 2 });
  await like(client, "relayConnectAnswer", "connected", { id: 1, channel });
  ask(client, "relayData", "data", { channel });
  await like(server, "relayData", "data", { channel, data: "hello" });
  ask(server, "relayConsumed", "consumed", { channel, bytes: "hello".length + 16 });
  await like(client, "relayConsumed", "consumed", { channel, bytes: "hello".length + 16 });
  const bytes = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 255]);
  bytes.writeBigUInt64BE(BigInt(channel));
  server.send(bytes);
  assert.deepEqual(await client.next(), bytes);

  // The server's party goes, and another one is the server in its place.
  const next = await party(t, url);
  const progress = [{ channel, received: 1, consumed: "hello".length + 16 }];
  const { server: id, credential } = registered;
  ask(next, "relayResume", "resume", { server: id, credential, channels: progress });
  await like(next, "relayResumed", "resumed", { id: 1, server: id });
  await like(server, "relayReplaced", "replaced", { server: id });

  ask(client, "relayFinish", "finish", { channel });
  await like(next, "relayFinished", "finished", { channel });
  ask(client, "relayClose", "why", { channel });
  await like(next, "relayDisconnected", "closed", { channel, code: "closed", status: 4001, reason: "bye" });

  ask(client, "relayConnect", "connect", { server: id });
  const { channel: last } = await like(next, "relayConnected", "connected");
  ask(next, "relayAccept", "accept", { channel: last });
  await like(client, "relayConnectAnswer", "connected", { channel: last });
  ask(next, "relayUnregister", "unregister");
  await like(next, "relayDone", "done", { id: 2 });
  await like(client, "relayDisconnected", "gone", { channel: last });
});

test("the first dialect", async (t) => {
  const url = await relay(t, "--secret", SECRET);
  const [server, client] = [await Client.open(t, url), await Client.open(t, url)];
  /** An example with these parameters: what the relay says, which is its value last but one. */
  const instruct = async (from, which, parameters) => {
    const request = { ...example("relayInstruction", which), parameters };
    check("relayInstruction", request);
    from.send(JSON.stringify(request));
    for (const word of ["received command", "evaluating added instruction"]) {
      const said = await from.next();
      check("relaySays", said);
      assert.equal(said, `server: ${word} '${request.instruction}'`);
    }
    const value = await from.next();
    check("relayValue", value);
    check("relaySays", await from.next());
    return value;
  };

  for (const [which, answer] of [
    ["add_initialize", example("relaySays", "adding")],
    ["add_other", /^server: rejected instruction 'eval': /],
  ]) {
    const request = { ...example("relayAddInstruction", which), credential: SECRET };
    check("relayAddInstruction", request);
    assert.throws(() => check("relayInstruction", request), which);
    server.send(JSON.stringify(request));
    assert.equal(await server.next(), "server: received command 'add instruction'");
    const said = await server.next();
    check("relaySays", said);
    assert.match(said, answer instanceof RegExp ? answer : new RegExp(`^${answer}$`));
  }

  const [id, credential] = (await instruct(server, "create", [])).split(" ");
  check("relayResume", { ...example("relayResume", "resume"), credential });
  assert.equal(await instruct(server, "install", [Number(id), credential]), "1");
  assert.equal(await instruct(client, "connect", [Number(id), 80]), "1");
  const connected = await server.next();
  check("relayClientConnected", connected);
  const [channel, port] = connected.slice("connected:atPort:for: ".length).split("|");
  assert.equal(port, "80");
  assert.equal(await instruct(client, "to_server", [Number(id), "hello"]), "1");
  const from = await server.next();
  check("relayFrom", from);
  assert.equal(from, `from:data: ${channel}|hello`);
  assert.equal(await instruct(client, "to_server_on", [Number(id), "on it", Number(channel)]), "1");
  assert.equal(await server.next(), `from:data: ${channel}|on it`);
  assert.equal(await instruct(server, "to_client", [Number(channel), "hi"]), "1");
  assert.equal(await client.next(), `from:data: ${id}|hi`);

  client.send(JSON.stringify({ instruction: "eval", parameters: [] }));
  assert.equal(await client.next(), "server: received command 'eval'");
  assert.equal(await client.next(), example("relaySays", "rejected"));
});
