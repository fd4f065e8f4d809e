// What is published: its size, and that it is what the sources make.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const file = (path) => new URL(`../${path}`, import.meta.url);

describe("the package", () => {
  for (const name of ["network-web-sockets.mjs", "network-web-sockets.js"]) {
    it(`${name} is under 6 KB, minified and gzipped`, async (t) => {
      const content = await readFile(file(`dist/${name}`));
      const { length } = gzipSync(content, { level: 9 });
      t.diagnostic(`${name}: ${length} bytes gzipped, ${content.length} minified`);
      assert.ok(length < 6000, `${length} bytes`);
    });
  }

  it("is what the sources make", async () => {
    await promisify(execFile)(process.execPath, [file("build.mjs").pathname, "--check"]);
  });

  it("has all files that it names, and names no registry and no place", async () => {
    const { exports, main, types, unpkg, dependencies } = JSON.parse(await readFile(file("package.json"), "utf8"));
    assert.equal(dependencies, undefined);
    const named = [
      main,
      types,
      unpkg,
      ...Object.values(exports).flatMap((each) => (typeof each === "string" ? each : Object.values(each))),
    ];
    for (const path of named) await readFile(file(path));
    const lock = JSON.parse(await readFile(file("package-lock.json"), "utf8"));
    for (const [path, { resolved = "https://registry.npmjs.org/" }] of Object.entries(lock.packages)) {
      assert.ok(resolved.startsWith("https://registry.npmjs.org/"), path);
    }
  });
});
