// Serves the library and the examples as the proxy does, with a policy as strict, and opens pages in Chromium.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Peers of one machine, also where it has no other network; and no multicast for their addresses.
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];
/** For whatever a page is waited for. */
const PATIENCE_MS = 60_000;

/** Why these tests can't run here, if they can't. */
export const missing = existsSync(EXECUTABLE) ? false : `there is no Chromium at ${EXECUTABLE}; set CHROMIUM`;

const web = fileURLToPath(new URL("../../proxy/web/", import.meta.url));
const FOLDERS = { lib: "dist", examples: "examples", console: "console" };
const TYPES = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
  mjs: "text/javascript",
  svg: "image/svg+xml",
};
const EMPTY = '<!doctype html><title>peer</title><link rel="icon" href="data:,">';

async function body(path) {
  if (path === "/") return EMPTY;
  const [, first, ...rest] = path.endsWith("/") ? `${path}index.html`.split("/") : path.split("/");
  if (!FOLDERS[first] || rest.includes("..")) throw new Error("not there");
  return readFile(new URL([FOLDERS[first], ...rest].join("/"), `file://${web}`));
}

/** A web server, and a Chromium with these further words, for as long as `end` is not called. */
export async function open(...words) {
  const server = createServer(async ({ url }, answer) => {
    const { pathname } = new URL(url, "http://localhost");
    try {
      const content = await body(pathname);
      answer.setHeader("Content-Type", TYPES[/\.(\w+)$/.exec(pathname)?.[1] ?? "html"]);
      answer.setHeader(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      answer.end(content);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: [...ARGS, ...words] });

  /** A page that must not complain, but of what `expected` matches. */
  const page = async (t, path, expected) => {
    // Pages that may not use the camera are found by the address of the default route only, and there may be none.
    const context = await browser.newContext({
      viewport: { width: 1100, height: 900 },
      permissions: ["camera", "microphone"],
    });
    const opened = await context.newPage();
    opened.setDefaultTimeout(PATIENCE_MS);
    const complaints = [];
    const complain = (text) => expected?.test(text) || complaints.push(text);
    opened.on("pageerror", (error) => complain(error.stack ?? String(error)));
    opened.on("console", (message) => ["error", "warning"].includes(message.type()) && complain(message.text()));
    t.after(async () => {
      await context.close();
      assert.deepEqual(complaints, []);
    });
    await opened.goto(origin + path);
    return opened;
  };
  const end = async () => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin, page, end };
}
