// spec/proto: what the documents say of fields is about these, and each has a comment of its own.

import assert from "node:assert/strict";
import test from "node:test";
import protobuf from "protobufjs";
import { documents, files, read } from "./documents.mjs";

const schemas = files().filter((path) => path.startsWith("spec/proto/") && path.endsWith(".proto"));
const parsed = schemas.map((path) => {
  const root = new protobuf.Root();
  protobuf.parse(read(path), root, { keepCase: true, alternateCommentMode: true });
  return { path, package: root.lookup("nws.v1") };
});

/** Everything that has a name in a schema: messages, enums, their fields and values. */
function* named(path, namespace) {
  for (const one of namespace.nestedArray) {
    yield { where: `${path}: ${one.name}`, comment: one.comment };
    for (const field of one.fieldsArray ?? [])
      yield { where: `${path}: ${one.name}.${field.name}`, comment: field.comment };
    for (const value of Object.keys(one.values ?? {}))
      yield { where: `${path}: ${one.name}.${value}`, comment: one.comments[value] };
  }
}

test("there are two schemas", () => {
  assert.deepEqual(schemas.map((path) => path.split("/").at(-1)).sort(), ["control.proto", "data.proto"]);
});

for (const { path, package: names } of parsed) {
  test(`everything in ${path} has a comment`, () => {
    const bare = [...named(path, names)].filter(({ comment }) => !comment).map(({ where }) => where);
    assert.deepEqual(bare, []);
  });
}

/** The first column of tables of fields, such as `Query.seq`; several with commas between. */
const described = documents
  .flatMap((path) => read(path).split("\n"))
  .filter((line) => /^\| `[A-Z]\w+\.\w+`/.test(line))
  .flatMap((line) => [...line.split("|")[1].matchAll(/`(\w+\.\w+)`/g)].map(([, name]) => name));

test("the documents describe each field of each message", () => {
  const fields = parsed.flatMap(({ package: names }) =>
    names.nestedArray.flatMap((one) =>
      (one.fieldsArray ?? []).filter((field) => !field.partOf).map(({ name }) => `${one.name}.${name}`),
    ),
  );
  // The table of Hello has its fields alone.
  const hello = [
    ...read("spec/02-links.md").matchAll(/^\| `([a-z_]+)` \| (?:repeated )?(?:uint32|bytes|string) \|/gm),
  ].map(([, name]) => name);
  const known = new Set([...described, ...hello.flatMap((name) => [`Hello.${name}`, `Goodbye.${name}`])]);
  assert.deepEqual(
    fields.filter((field) => !known.has(field)),
    [],
  );
});

test("the documents describe no field that is not there", () => {
  const fields = new Set(
    parsed.flatMap(({ package: names }) =>
      names.nestedArray.flatMap((one) => (one.fieldsArray ?? []).map(({ name }) => `${one.name}.${name}`)),
    ),
  );
  assert.deepEqual(
    described.filter((field) => !fields.has(field)),
    [],
  );
});
