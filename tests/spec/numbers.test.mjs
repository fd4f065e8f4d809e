// The rules of spec/00-terms.md section 1: each MUST has a number, each number is one requirement's for ever.

import assert from "node:assert/strict";
import test from "node:test";
import { documents, files, read, sentences } from "./documents.mjs";

const LETTERS = { "00": "T", "01": "D", "02": "L", "03": "P", "04": "M", "05": "C", "06": "R", "07": "B" };

/** Numbers whose requirements were withdrawn. Nothing else may have them again. */
const WITHDRAWN = [];

/** `[X-n]` in a document, with backquotes; and in code, in quotes of any kind too. */
const NUMBER = /`\[([A-Z])-(\d+)\]`/g;
const CITED = /["'`[]([TDLPMCRB])-(\d{1,3})["'`\]]/g;

/** What looks like a number of 03; and what tests use as a number that there is not. */
const CURVES = ["P-256", "P-384", "P-521"];
const NONE = /^[A-Z]-(0|999)$/;

/** The requirements of a document: each MUST with the number that stands before it in the same sentence. */
function requirements(path) {
  const found = [];
  for (const { text, line } of sentences(path)) {
    const numbers = [...text.matchAll(NUMBER)];
    for (const must of text.matchAll(/\b(?<!["`])MUST\b/g)) {
      const before = numbers.filter((number) => number.index < must.index).at(-1);
      found.push({ number: before && `${before[1]}-${before[2]}`, text, line });
    }
  }
  return found;
}

/** Where 00 says what the words mean, they require nothing. */
const defines = (path, text) =>
  path === "spec/00-terms.md" && /^(The key words MUST|Each MUST and MUST NOT has a number)/.test(text);

const all = new Map();

for (const path of documents) {
  const letter = LETTERS[path.slice(5, 7)];
  const found = requirements(path).filter(({ text }) => !defines(path, text));
  for (const { number } of found) if (number) all.set(number, path);

  test(`each MUST of ${path} has a number`, () => {
    assert.ok(found.length > 0);
    const bare = found.filter(({ number }) => number === undefined);
    assert.deepEqual(
      bare.map(({ line, text }) => `${path}:${line}: ${text}`),
      [],
    );
  });

  test(`the numbers of ${path} are its own, in one sentence each`, () => {
    const sentenceOf = new Map();
    for (const { number, text, line } of found) {
      assert.equal(number?.[0], letter, `${path}:${line}: ${text}`);
      assert.equal(sentenceOf.get(number) ?? text, text, `${number} is there twice`);
      sentenceOf.set(number, text);
    }
  });

  test(`the numbers of ${path} have no gaps`, () => {
    const taken = new Set(found.map(({ number }) => number).concat(WITHDRAWN));
    const last = Math.max(
      ...[...taken].filter((number) => number?.[0] === letter).map((number) => Number(number.slice(2))),
    );
    const missing = Array.from({ length: last }, (_, at) => `${letter}-${at + 1}`).filter(
      (number) => !taken.has(number),
    );
    assert.deepEqual(missing, [], "numbers without a MUST behind them");
  });
}

test("nothing that was withdrawn is back", () => {
  assert.deepEqual(
    WITHDRAWN.filter((number) => all.has(number)),
    [],
  );
});

test("every number that is cited is there", () => {
  const cited = files().filter(
    (path) => /\.(md|rs|proto|m?js|ts|json|ya?ml|toml)$/.test(path) && !path.endsWith("package-lock.json"),
  );
  const missing = [];
  for (const path of cited)
    for (const [whole, letter, number] of read(path).matchAll(CITED)) {
      const name = `${letter}-${number}`;
      if (!CURVES.includes(name) && !NONE.test(name) && !all.has(name)) missing.push(`${path} cites ${whole}`);
    }
  assert.deepEqual(missing, []);
});
