// Pictures of the console and the examples, in both themes and at a phone's width, for people to look at: node
// screenshots.mjs [FOLDER]. They are taken of real proxies, of which one links over TCP.

import { mkdir } from "node:fs/promises";
import { join as path } from "node:path";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { closeBrowser, hasText, openPage } from "./harness/browser.mjs";
import { join, openConsole, send, traffic } from "./harness/console-page.mjs";
import { startProxy } from "./harness/proxy.mjs";

const folder = process.argv[2] ?? fileURLToPath(new URL("../out/screenshots", import.meta.url));
const LOOKS = [
  { look: "light", width: 1360, height: 820 },
  { look: "dark", width: 1360, height: 820, scheme: "dark" },
  { look: "phone-light", width: 360, height: 740 },
  { look: "phone-dark", width: 360, height: 740, scheme: "dark" },
];

/** Stands for a test: what is begun ends at the end. */
const ends = [];
const t = /** @type {any} */ ({ after: (end) => ends.push(end) });

function client(proxy, channel) {
  return new Promise((done) => {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/${channel}`);
    socket.on("open", () => done(socket));
  });
}

async function consoles(first, others) {
  const peers = [];
  for (const [at, proxy] of others.entries()) {
    for (let count = 0; count < 3 + 2 * at; count += 1) peers.push(await client(proxy, "chat"));
    peers.push(await client(proxy, "example-canvas"), await client(proxy, "broadcast/sensors"));
  }
  peers.push(await client(first, "chat"), await client(first, "local/build"), await client(first, "example-canvas"));
  for (const { look, ...view } of LOOKS) {
    const page = await openConsole(t, first, view);
    await join(page, "broadcast", "sensors");
    await join(page, "local", "build");
    await join(page, "network", "chat");
    await hasText(page, "#peers-count", "9 peers");
    await send(page, "hello, all");
    const say = (at, data) => peers[at].send(JSON.stringify({ action: "broadcast", data }));
    say(0, { move: [3, 4], who: "anna", ok: true, tags: ["blue", null] });
    say(6, "and hello to you");
    peers[4].send('{"lux":420}');
    await traffic(page, "in", "and hello").waitFor();
    await page.locator("#peers [role=option]").nth(2).click();
    await send(page, '{"only": "for you"}');
    say(1, { temperature: 21.5, unit: "°C", place: "kitchen" });
    await traffic(page, "in", "kitchen").waitFor();
    await traffic(page, "in", "anna").click();
    await page.locator("#picture .on-edge", { hasText: /TCP[\d.]+ ms/ }).waitFor();
    await page.screenshot({ path: path(folder, `console-${look}.png`), fullPage: true });
    await page.context().close();
  }
  for (const peer of peers) peer.terminate();
}

const ACTS = {
  index: async () => {},
  async chat(page) {
    await page.getByLabel("Message").fill("Does this reach everyone?");
    await page.getByLabel("Message").press("Enter");
    await page.locator("#people button").nth(1).click();
    await page.getByLabel("Message").fill("and this only you");
    await page.getByLabel("Message").press("Enter");
  },
  async pubsub(page) {
    if (await page.locator("#log-in").isVisible()) await page.getByLabel("Your name").fill("Anna");
    if (await page.locator("#log-in").isVisible()) await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("button", { name: "Add a thing" }).click();
    await page.getByLabel("Headline").fill("Rain from the west");
    await page.getByLabel("Headline").press("Enter");
  },
  async webrtc(page) {
    await page.getByRole("button", { name: "Join with camera" }).click();
    await page.waitForFunction(() => [...document.querySelectorAll("video")].filter((video) => video.currentTime > 0.5).length > 1);
  },
  async canvas(page) {
    await page.locator("#glass").scrollIntoViewIfNeeded();
    const box = await page.locator("#glass").boundingBox();
    const top = Math.max(box.y, 60);
    await page.mouse.move(box.x + 20, top + 60);
    await page.mouse.down();
    for (let step = 0; step < 80; step += 1) {
      await page.mouse.move(box.x + 20 + (step * (box.width - 60)) / 80, top + 60 + (1 + Math.sin(step / 6)) * Math.min(70, box.height / 6));
    }
    await page.mouse.up();
    if (await page.locator("#dismiss").isHidden()) await page.getByRole("button", { name: "Add 10 robots" }).click();
    await hasText(page, "#rate", /1\d pointers/);
  },
};

async function examples(proxy) {
  for (const [name, act] of Object.entries(ACTS)) {
    const url = `${proxy.origin}/examples/${name === "index" ? "" : `${name}/`}`;
    const company = await openPage(t, url);
    if (name === "webrtc") await company.getByRole("button", { name: "Join with camera" }).click();
    for (const { look, ...view } of LOOKS) {
      const page = await openPage(t, url, view);
      if (name !== "index" && name !== "webrtc") await hasText(page, "#state", /here/);
      if (name === "chat") await page.locator("#people button").nth(1).waitFor();
      await act(page);
      await page.screenshot({ path: path(folder, `${name}-${look}.png`), fullPage: true });
      await page.context().close();
    }
    await company.context().close();
  }
}

await mkdir(folder, { recursive: true });
try {
  const first = await startProxy(t);
  const others = [
    await startProxy(t, "--peer", `127.0.0.1:${first.linkPort}`),
    await startProxy(t, "--peer", `127.0.0.1:${first.linkPort}`, "--transport", "tcp"),
  ];
  await consoles(first, others);
  await examples(first);
  console.log(folder);
} finally {
  for (const end of ends) await end().catch(() => {});
  await closeBrowser();
}
