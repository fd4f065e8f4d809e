// Chromium, one for each test file, with a fresh profile. Whatever a page complains of fails its test.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { afterwards } from "./cleanup.mjs";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
  "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
  // Calls between pages of one machine, also where it has no other network; and no multicast for their addresses.
  "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
];
/** For whatever a page is waited for. */
const PATIENCE_MS = 60_000;

let browser;

async function launched() {
  return (browser ??= await chromium.launch({ executablePath: EXECUTABLE, args: ARGS }));
}

/** A browser of its own, with further flags. @param {import("node:test").TestContext} t @param {string[]} args */
export async function launchOwn(t, ...args) {
  const own = await chromium.launch({ executablePath: EXECUTABLE, args: [...ARGS, ...args] });
  afterwards(t, () => own.close());
  return own;
}

/** To be called after the last test of a file. */
export async function closeBrowser() {
  await browser?.close();
}

/**
 * A page in a window of its own, which shares nothing with others.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} url
 * @param {{ complaints?: RegExp, width?: number, height?: number, scheme?: "light" | "dark" }} [options] `complaints` are expected.
 */
export async function openPage(t, url, { complaints, width = 1280, height = 900, scheme = "light" } = {}) {
  const context = await (await launched()).newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const found = [];
  page.on("pageerror", (error) => !complaints?.test(error.message) && found.push(error.stack || String(error)));
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type()) || complaints?.test(message.text())) return;
    found.push(`${message.type()}: ${message.text()}`);
  });
  afterwards(t, async () => {
    await context.close();
    assert.deepEqual(found, [], `${url} complained`);
  });
  await page.goto(url);
  return page;
}

/** What a browser writes when the proxy is not there. */
export const PROXY_IS_GONE = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|WebSocket connection to .* failed|Failed to load resource/;

/** Waits until an element has this text. @param {import("playwright-core").Page} page */
export async function hasText(page, selector, text) {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}
