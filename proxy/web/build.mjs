// Makes what is published and what the proxy serves. `dist/` is committed, so that building the proxy needs no Node;
// `--check` says whether it is what the sources make.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");

/**
 * One line for each file that is made. A module (`esm`) exports, a script (`iife`) sets globals.
 *
 * @type {readonly { entry: string, out: string, format: "esm" | "iife" }[]}
 */
const bundles = [
  { entry: "src/index.ts", out: "network-web-sockets.mjs", format: "esm" },
  { entry: "src/global.ts", out: "network-web-sockets.js", format: "iife" },
  { entry: "src/bootstrap/index.ts", out: "network-web-sockets-bootstrap.mjs", format: "esm" },
  { entry: "src/tunnel/index.ts", out: "network-web-sockets-tunnel.mjs", format: "esm" },
];

/** @param {string} folder */
async function make(folder) {
  for (const { entry, out, format } of bundles) {
    const { outputFiles } = await build({
      absWorkingDir: here,
      entryPoints: [entry],
      // Source maps name the sources relative to this file, so it must be the same wherever it is written.
      outfile: join(dist, out),
      write: false,
      bundle: true,
      minify: true,
      format,
      target: "es2022",
      charset: "utf8",
      legalComments: "none",
      sourcemap: "linked",
      banner: { js: "/* network-web-sockets, MIT licence */" },
    });
    await mkdir(folder, { recursive: true });
    for (const file of outputFiles) await writeFile(join(folder, relative(dist, file.path)), file.contents);
  }
  await types(join(folder, "types"));
}

/** @param {string} folder */
async function types(folder) {
  const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));
  await promisify(execFile)(process.execPath, [tsc, "-p", here, "--outDir", folder]).catch((error) => {
    throw new Error(`tsc failed:\n${error.stdout}${error.stderr}`);
  });
}

/**
 * The files of a folder and its folders, by their paths there.
 *
 * @param {string} folder
 */
async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return new Map(
    await Promise.all(
      paths.sort().map(async (path) => /** @type {const} */ ([path, await readFile(join(folder, path), "utf8")])),
    ),
  );
}

async function check() {
  const fresh = await mkdtemp(join(tmpdir(), "network-web-sockets-"));
  try {
    await make(fresh);
    const [made, kept] = await Promise.all([files(fresh), files(dist).catch(() => new Map())]);
    const stale = [...new Set([...made.keys(), ...kept.keys()])].filter((path) => made.get(path) !== kept.get(path));
    if (stale.length > 0) {
      console.error(`dist/ is not what the sources make; run "npm run build". These differ:\n  ${stale.join("\n  ")}`);
      process.exitCode = 1;
    }
  } finally {
    await rm(fresh, { recursive: true });
  }
}

if (process.argv.includes("--check")) {
  await check();
} else {
  await rm(dist, { recursive: true, force: true });
  await make(dist);
}
