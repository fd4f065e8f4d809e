// The examples in the documents, computed anew from what the text beside them says.

import assert from "node:assert/strict";
import { createHash, createHmac, hkdfSync } from "node:crypto";
import test from "node:test";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { read } from "./documents.mjs";

const schema = async (name) =>
  (await protobuf.load(fileURLToPath(new URL(`../../spec/proto/nws/v1/${name}.proto`, import.meta.url)))).lookup(
    "nws.v1",
  );

/** The one place where a document has this; its first group. */
function only(path, pattern) {
  const found = [...read(path).matchAll(new RegExp(pattern, "g"))];
  assert.equal(found.length, 1, `${path}: ${pattern}`);
  return found[0][1];
}

const bytes = (hex) => Buffer.from(hex.replace(/\s+/g, ""), "hex");
const lp = (...all) =>
  Buffer.concat(all.flatMap((one) => [Buffer.from([one.length >> 8, one.length & 255]), Buffer.from(one)]));
const sha512 = (data) => createHash("sha512").update(data).digest();

/** A frame: its length, and one message of this type in all that follows. */
function message(type, frame) {
  assert.equal(frame[0], frame.length - 1);
  const decoded = type.decode(frame.subarray(1));
  assert.deepEqual(Buffer.from(type.encode(decoded).finish()), frame.subarray(1));
  return decoded;
}

test("the text form of an id", () => {
  const text = only("spec/00-terms.md", /`07 07 … 07` are `([a-z2-7]+)`/);
  const digits = "abcdefghijklmnopqrstuvwxyz234567";
  const bits = [...text].map((digit) => digits.indexOf(digit).toString(2).padStart(5, "0")).join("");
  assert.equal(bits, "00000111".repeat(16) + "00");
});

test("the frame of a Ping", async () => {
  const { ping } = message(
    (await schema("control")).Control,
    bytes(only("spec/02-links.md", /nonce 5 is `([0-9a-f ]+)`/)),
  );
  assert.equal(Number(ping.nonce), 5);
});

test("the frame of a Broadcast without data", async () => {
  const frame = bytes(only("spec/04-membership.md", /\n(14 2a 12 [0-9a-f ]+)\n/));
  const { broadcast } = message((await schema("data")).Data, frame);
  assert.deepEqual(Buffer.from(broadcast.source), Buffer.alloc(16, 9));
  assert.equal(broadcast.kind, 0);
  assert.equal(broadcast.data.length, 0);
});

const MATCHING = "spec/03-matching.md";
const secret = only(MATCHING, /\nL, no network key +([0-9a-f]{64})\n/);

test("the secret of a link", () => {
  const ekm = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
  const info = lp("nws/1 link", sha512("hello of I"), sha512("hello of R"));
  assert.equal(info.length, Number(only(MATCHING, /lp\(H_R\) +(\d+) bytes/)));
  const derive = (key) => Buffer.from(hkdfSync("sha512", ekm, key, info, 32)).toString("hex");
  assert.equal(derive(""), secret);
  assert.equal(derive(Buffer.alloc(32, 0x42)), only(MATCHING, /\nL, network key 42 42 … 42 +([0-9a-f]{64})\n/));
  assert.equal(derive(Buffer.alloc(32)), secret, "a key of zeros gives the same as none");
});

test("the input of a channel", () => {
  const shown = only(MATCHING, /\ninput of network channel "chat" +([\s\S]*?)\n```/).replace("(no network key)", "");
  assert.deepEqual(bytes(shown), lp("nws/1 channel", bytes(secret), "network", "chat"));
});

test("the secrets of a channel", () => {
  const shown = [
    ...read(MATCHING).matchAll(
      /\ny +([0-9a-f]+)\n +([0-9a-f]+)\n((?:(?:tag_R|tag_I|channel_id|channel_key) +[0-9a-f]+\n){4})/g,
    ),
  ];
  assert.equal(shown.length, 2);
  for (const [, head, tail, rest] of shown) {
    const prk = createHmac("sha512", bytes(secret))
      .update(bytes(head + tail))
      .digest();
    const info = Buffer.from("nws/1 channel secrets");
    assert.equal(info.length, 21);
    const first = createHmac("sha512", prk)
      .update(info)
      .update(Buffer.from([1]))
      .digest();
    const second = createHmac("sha512", prk)
      .update(first)
      .update(info)
      .update(Buffer.from([2]))
      .digest();
    const okm = Buffer.concat([first, second]).subarray(0, 72);
    const values = rest
      .trim()
      .split("\n")
      .map((line) => line.split(/ +/)[1]);
    assert.equal(values.join(""), okm.toString("hex"));
  }
});
