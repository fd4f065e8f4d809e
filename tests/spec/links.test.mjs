// Every link within this repository leads somewhere, and so does every word of one section about another.

import assert from "node:assert/strict";
import test from "node:test";
import { documents, files, headings, isFile, isThere, links, markdown, read, sentences } from "./documents.mjs";

/** What has a section of this number as its title: `8.1` is `### 8.1 Hello`. */
const section = (path, number) =>
  headings(path).find(({ text }) => text.startsWith(`${number} `) || text.startsWith(`${number}. `));

/** The number of the section that a heading begins, or is in. */
function numberOf(path, heading) {
  const before = headings(path).filter(({ line }) => line <= heading.line);
  return before
    .map(({ text }) => /^(\d+(?:\.\d+)?)\b/.exec(text)?.[1])
    .filter(Boolean)
    .at(-1);
}

test("there are documents to check", () => {
  assert.deepEqual(
    documents.map((path) => path.slice("spec/".length, "spec/00".length)),
    ["00", "01", "02", "03", "04", "05", "06", "07"],
  );
  assert.ok(markdown.includes("README.md") && markdown.includes("ARCHITECTURE.md"));
});

for (const path of markdown) {
  test(`links of ${path}`, () => {
    for (const { text, target, anchor, line } of links(path)) {
      const where = `${path}:${line}: [${text}] leads to ${target}`;
      assert.ok(isThere(target), `${where}, which is not there`);
      if (anchor === undefined) continue;
      assert.ok(target.endsWith(".md"), `${where}, which has no anchors`);
      const found = headings(target).find((heading) => heading.anchor === anchor);
      assert.ok(found, `${where}#${anchor}, which is not there`);
      // The anchor of a section, or of a part of it that has no number.
      const [, number] = /^(?:\d\d,? )?sections? (\d+(?:\.\d+)?)\b/.exec(text) ?? [];
      if (number) assert.equal(numberOf(target, found), number, `${where}, section "${found.text}"`);
    }
  });
}

for (const path of documents) {
  test(`sections that ${path} names`, () => {
    for (const { text, line } of sentences(path)) {
      // Those of other documents come with a link, and those of RFCs and the like with their name.
      const own = text.replace(
        /(?:RFC \d+|RFC 9497|\b0\d,?)(?: \([^)]*\))? sections? [\d.]+(?: (?:and|to) [\d.]+)?/g,
        "",
      );
      for (const [, list] of own.matchAll(/\bsections? (\d+(?:\.\d+)?(?:(?:, | and | to | or )\d+(?:\.\d+)?)*)/g))
        for (const number of list.split(/, | and | to | or /))
          assert.ok(section(path, number), `${path}:${line}: there is no section ${number}: ${text}`);
    }
  });

  test(`the sections of ${path} are numbered without gaps`, () => {
    const numbers = headings(path)
      .map(({ text }) => /^(\d+)\. /.exec(text)?.[1])
      .filter(Boolean);
    assert.deepEqual(
      numbers,
      numbers.map((_, at) => String(at + 1)),
    );
  });

  test(`the head of ${path}`, () => {
    const [title] = headings(path);
    assert.equal(title.text.slice(0, 3), `${path.slice(5, 7)} `);
    const rows = read(path)
      .split("\n")
      .filter((line) => /^\| (Document|Version|Status|Needs|Defines) \|/.test(line));
    const names = rows.map((row) => row.split("|")[1].trim());
    for (const name of ["Document", "Version", "Status", "Defines"]) assert.ok(names.includes(name), `no ${name}`);
    assert.ok(read("spec/README.md").includes(`](${path.slice(5)})`), "the index does not have it");
  });
}

test("what code and schema cite of spec/ is there", () => {
  let cited = 0;
  const missing = [];
  for (const path of files().filter(
    (file) => /\.(rs|proto|toml|m?js|ts|ya?ml|json)$/.test(file) || file === "tests/run",
  )) {
    // These tests have parts of names in them.
    if (path.startsWith("tests/spec/")) continue;
    for (const [, file, number] of read(path).matchAll(/\b(spec\/[\w./-]*\w)(?:`?,? section (\d+(?:\.\d+)?))?/g)) {
      cited += 1;
      const at = `${path} cites ${file}`;
      if (!isThere(file)) missing.push(at);
      else if (number && !(isFile(file) && section(file, number))) missing.push(`${at} section ${number}`);
    }
    // "03 section 4", with which comments name a document that the file speaks of anyhow.
    for (const [whole, document, number] of read(path).matchAll(/(?<![\w.-])(0[0-7]),? section (\d+(?:\.\d+)?)/g)) {
      const file = documents.find((one) => one.startsWith(`spec/${document}-`));
      if (!file || !section(file, number)) missing.push(`${path} cites ${whole}`);
    }
  }
  assert.ok(cited > 0);
  assert.deepEqual(missing, []);
});
