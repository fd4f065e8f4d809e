// The examples of the AsyncAPI description against the program: what it says clients send is taken, and what it says
// they get is what they get, member for member.

import assert from "node:assert/strict";
import test from "node:test";
import { check, example, messages } from "./asyncapi.mjs";
import { Client, start } from "./servers.mjs";

const SECRET = "EMpGMQADK1oR5n8xffrx";

/** The text of a message as it is in the example, but with these ids and with words of its own for people. */
function like(name, which, text, ids) {
  const said = JSON.parse(text);
  check(name, said);
  let expected = structuredClone(example(name, which));
  if ("message" in expected) expected.message = said.message;
  expected = JSON.stringify(expected);
  for (const [from, to] of Object.entries(ids)) expected = expected.replaceAll(from, to);
  assert.equal(text, expected);
}

/** Ids in the examples. */
const YOU = "r6ymxkmxg5dbrhpqbzaqzq7rgu";
const PEER = "a4dqobyha4dqobyha4dqobyha4";

test("channels with presence", async (t) => {
  const [, address] = await start(
    t,
    ["--port", "0", "--discovery", "off", "--link-listen", "127.0.0.1:0"],
    /^console: http:\/\/(\S+)\//,
  );
  const you = await Client.open(t, `ws://${address}/chat`);
  you.send(JSON.stringify(example("statusRequest", "status")));
  const status = await you.next();
  const ids = { [YOU]: JSON.parse(status).source };
  like("status", "status", status, ids);

  const peer = await Client.open(t, `ws://${address}/chat`);
  const connect = await you.next();
  ids[PEER] = JSON.parse(connect).target;
  like("connect", "connect", connect, ids);
  like("connect", "connect", await peer.next(), { [YOU]: ids[PEER], [PEER]: ids[YOU] });

  for (const { name, payload } of messages.get("broadcastRequest").examples) {
    peer.send(JSON.stringify(payload));
    const said = await you.next();
    check("broadcast", JSON.parse(said));
    if (name !== "more") like("broadcast", name, said, ids);
    else assert.equal(JSON.parse(said).source, ids[PEER]);
  }
  const swapped = { [YOU]: ids[YOU] };
  for (const { payload } of messages.get("messageRequest").examples) {
    peer.send(JSON.stringify(payload).replace(YOU, swapped[YOU]));
    const said = await you.next();
    check("message", JSON.parse(said));
    if (payload.data) like("message", "text", said, ids);
  }

  for (const [code, bad] of [
    ["bad_json", "nonsense"],
    ["bad_message", "{}"],
    ["unknown_action", '{"action":"dance"}'],
    ["unknown_target", '{"action":"message","target":"nobody"}'],
    ["text_only", Buffer.from("{}")],
  ]) {
    you.send(bad);
    like("error", code, await you.next(), ids);
  }

  peer.close();
  like("disconnect", "disconnect", await you.next(), ids);
});

test("raw relays", async (t) => {
  const [, address] = await start(
    t,
    ["--port", "0", "--discovery", "off", "--link-listen", "127.0.0.1:0"],
    /^console: http:\/\/(\S+)\//,
  );
  for (const path of ["broadcast/chat", "local/chat"]) {
    const [from, to] = [
      await Client.open(t, `ws://${address}/${path}`),
      await Client.open(t, `ws://${address}/${path}/42`),
    ];
    for (const { payload } of messages.get("rawText").examples) {
      from.send(payload);
      assert.equal(await to.next(), payload);
    }
    from.send(Buffer.from([0, 255]));
    assert.deepEqual(await to.next(), Buffer.from([0, 255]));
  }
});

test("the bootstrap server", async (t) => {
  // With this seed the ids are those of the original.
  const words = [
    "bootstrap",
    "--listen",
    "127.0.0.1",
    "--port",
    "0",
    "--secret",
    SECRET,
    "--seed",
    "1",
    "--log",
    "error",
  ];
  const [, address] = await start(t, words, / on (127\.0\.0\.1:\d+)$/);
  const first = await Client.open(t, `ws://${address}/join`, ["nws-bootstrap-1"]);
  first.send(JSON.stringify(example("bootstrapRequest", "offer")));
  like("bootstrapNotice", "no_root", await first.next(), {});
  first.send(JSON.stringify({ ...example("bootstrapRequest", "answer"), destination: "0".repeat(32), rank: 1 }));
  like("bootstrapNotice", "unknown_destination", await first.next(), {});

  const root = await Client.open(t, `ws://${address}/${SECRET}/webrtc-bootstrap-root`);
  root.send(JSON.stringify(example("heartbeat", "heartbeat")));
  root.send(example("heartbeatWord", "heartbeat"));
  first.send(example("heartbeatWord", "heartbeat"));
  first.send(JSON.stringify(example("bootstrapRequest", "offer")));
  const offer = await root.next();
  const ids = { "15d6202dad2c8fc33a12530471d82bd9": JSON.parse(offer).origin };
  like("bootstrapDelivered", "offer", offer, ids);

  const second = await Client.open(t, `ws://${address}/join`);
  const answer = JSON.stringify(example("bootstrapRequest", "answer"));
  second.send(answer.replace("15d6202dad2c8fc33a12530471d82bd9", ids["15d6202dad2c8fc33a12530471d82bd9"]));
  const answered = await first.next();
  like("bootstrapDelivered", "answer", answered, {
    ...ids,
    f2a2d0f3d346540430dd580949cbb461: JSON.parse(answered).origin,
  });
});
