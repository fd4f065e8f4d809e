// The AsyncAPI description is valid by its own linter, its examples by its schemas, and it says what the documents say.

import assert from "node:assert/strict";
import test from "node:test";
import { check, codes, diagnostics, document, messages } from "./asyncapi.mjs";
import { read } from "./documents.mjs";

/** What the linter says, and why that is so. */
const EXPLAINED = {
  "asyncapi-latest-version": "3.0.0 is what generators and viewers read; 3.1.0 has nothing that is used here",
};

test("the linter has nothing to say that is not explained", () => {
  assert.ok(document);
  const said = diagnostics.map(({ code, path, message }) => ({ code, where: path.join("."), message }));
  assert.deepEqual(
    said.filter(({ code }) => !(code in EXPLAINED)),
    [],
  );
  const codesSaid = new Set(said.map(({ code }) => code));
  assert.deepEqual(
    Object.keys(EXPLAINED).filter((code) => !codesSaid.has(code)),
    [],
    "explained, but not said any more",
  );
});

test("every message but raw bytes has examples, and they are what its schema says", () => {
  for (const [name, { contentType, examples }] of messages) {
    if (contentType !== "application/octet-stream") assert.ok(examples.length > 0, `${name} has no example`);
    for (const { name: which, payload } of examples) {
      assert.ok(which, `an example of ${name} has no name`);
      check(name, payload);
    }
  }
});

test("every message travels, and every channel has operations", () => {
  const travels = new Set();
  for (const operation of document.operations().all()) {
    for (const message of operation.messages().all()) travels.add(message.id());
    for (const message of operation.reply()?.messages().all() ?? []) travels.add(message.id());
  }
  for (const channel of document.channels().all()) {
    assert.ok(channel.operations().all().length > 0, channel.id());
    for (const message of channel.messages().all())
      assert.ok(travels.has(message.id()), `${message.id()} of ${channel.id()} is in no operation`);
  }
});

/** The codes in the first column of the table that follows a title. */
function table(path, title) {
  const text = read(path);
  const rows = text
    .slice(text.indexOf(`\n${title}\n`))
    .split(/\n#+ /)[1]
    .split("\n");
  return rows.flatMap((line) =>
    /^\| `/.test(line) ? [...line.split("|")[1].matchAll(/`(\w+)`/g)].map(([, code]) => code) : [],
  );
}

for (const [schema, path, title, others] of [
  ["Error", "spec/05-client.md", "### Errors", []],
  ["RelayError", "spec/06-relay.md", "## 5. Errors", []],
  ["RelayDisconnected", "spec/06-relay.md", "## 4. The life of a channel", []],
  [
    "BootstrapNotice",
    "spec/07-bootstrap.md",
    "## 6. nws-bootstrap-1",
    ["action", "code", "message", "destination", "rank"],
  ],
]) {
  test(`the codes of ${schema} are those of ${path}`, () => {
    const documented = table(path, title).filter((code) => !others.includes(code));
    assert.deepEqual([...codes(schema)].sort(), documented.sort());
  });
}

test("schemas tell messages from others", () => {
  const peer = "r6ymxkmxg5dbrhpqbzaqzq7rgu";
  for (const [name, bad] of [
    ["broadcastRequest", { action: "message" }],
    ["broadcastRequest", {}],
    ["messageRequest", { action: "message" }],
    ["messageRequest", { action: "message", target: 5 }],
    ["connect", { action: "connect", source: peer }],
    ["connect", { action: "connect", source: peer, target: peer.toUpperCase() }],
    ["status", { action: "status", source: peer, target: `${peer}a` }],
    ["error", { action: "error", code: "unknown_target", message: "" }],
    ["bootstrapRequest", { signal: 5 }],
    ["bootstrapRequest", { signal: {}, destination: "nobody" }],
    ["bootstrapDelivered", { signal: {}, destination: null }],
    ["bootstrapNotice", { action: "error", code: "gone", message: "", origin: "0".repeat(32) }],
    ["heartbeat", "heart"],
    ["relayRegister", { type: "register" }],
    ["relayRegister", { type: "ping", id: 1 }],
    ["relayConnect", { type: "connect", id: 1, server: 3, port: 65536 }],
    ["relayClose", { type: "close", channel: 7, status: 1001 }],
    ["relayData", { type: "data", channel: 7, data: 5 }],
    ["relayDisconnected", { type: "disconnected", channel: 7 }],
  ])
    assert.throws(() => check(name, bad), `${name} takes ${JSON.stringify(bad)}`);
});
