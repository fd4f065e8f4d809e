// Command lines in the documents: each flag of `nws` that a reader may copy is one that the program has.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { visit } from "unist-util-visit";
import { markdown, tree } from "./documents.mjs";
import { BINARY } from "./servers.mjs";

/** The words of each command line that begins `nws`, in a block or between backticks; comments are left out. */
function commands(path) {
  const found = [];
  const add = (text, line) => {
    const joined = text.replace(/\\\n/g, " ");
    for (const one of joined.split("\n")) {
      const [command] = one.split(/\s#\s/);
      const words = command.trim().split(/\s+/);
      const at = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
      if (words[at] === "nws") found.push({ words: words.slice(at + 1), line });
    }
  };
  visit(tree(path), "code", (node) => {
    if (["sh", "console", null].includes(node.lang ?? null)) add(node.value.replace(/^\$ /gm, ""), node.position.start.line);
  });
  visit(tree(path), "inlineCode", (node) => add(node.value, node.position.start.line));
  return found;
}

const helps = new Map();

/** What a program of this one says of itself: `tunnel serve`, or nothing for the proxy. */
function help(program) {
  if (!helps.has(program)) helps.set(program, execFileSync(BINARY, [...program.split(" ").filter(Boolean), "--help"], { encoding: "utf8" }));
  return helps.get(program);
}

/** The words that choose a program: those of the list of `nws --help` and of that program's own. */
function programOf(words) {
  const chosen = [];
  for (const word of words) {
    if (!/^[a-z]+$/.test(word) || !new RegExp(`^ +(nws )?${[...chosen, word].join(" ")}\\s|^ +${word} `, "m").test(help(chosen.join(" ")))) break;
    chosen.push(word);
  }
  return chosen.join(" ");
}

test("the programs in the command lines are found", () => {
  const named = new Set(commands("README.md").map(({ words }) => programOf(words)));
  for (const program of ["", "bootstrap", "relay", "tunnel serve", "tunnel connect", "conformance"]) assert.ok(named.has(program), program);
});

for (const path of markdown) {
  const all = commands(path);
  if (all.length === 0) continue;
  test(`command lines of ${path}`, () => {
    for (const { words, line } of all) {
      const program = programOf(words);
      for (const flag of words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.split("=")[0]))
        assert.match(help(program), new RegExp(`(^|[\\s,])${flag}\\b`, "m"), `${path}:${line}: nws ${program} has no ${flag}`);
    }
  });
}
