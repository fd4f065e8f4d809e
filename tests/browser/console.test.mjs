// The console in a browser: joining, seeing, sending, filtering, pausing, the picture, and what it says when something is wrong.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PROXY_IS_GONE, closeBrowser, hasText, openPage } from "./harness/browser.mjs";
import { join, joined, openConsole, peers, send, traffic } from "./harness/console-page.mjs";
import { SETTINGS, startLinked, startProxy } from "./harness/proxy.mjs";

after(closeBrowser);

for (const { where, start } of SETTINGS) {
  test(`all three interfaces carry messages between two consoles ${where}`, async (t) => {
    const [first, second] = await start(t);
    const one = await openConsole(t, first);
    const two = await openConsole(t, second);
    const here = first === second;
    for (const kind of ["network", "broadcast", "local"]) {
      for (const page of [one, two]) await join(page, kind, "same");
      if (kind === "network") await peers(two).first().waitFor();
      // Raw relays have no presence; what is sent too early across a link has nobody to go to. So it is sent until it arrives.
      const arrived = traffic(two, "in", `over ${kind}`).first();
      if (kind === "local" && !here) {
        await send(one, "over local");
        await traffic(one, "out", "over local").first().waitFor();
      } else if (kind === "broadcast" && !here) {
        while (!(await arrived.isVisible())) {
          await send(one, "over broadcast");
          await arrived.waitFor({ timeout: 500 }).catch(() => {});
        }
      } else {
        await send(one, `over ${kind}`);
        await arrived.waitFor();
      }
      if (kind !== "network") assert.equal(await traffic(two, "in", "over network").count(), 1, "kinds don't mix under one name");
    }
    // What comes on another channel afterwards shows that nothing else came before.
    await one.locator('#channels [data-key="network/same"] .channel').click();
    await send(one, "last");
    await traffic(two, "in", "last").waitFor();
    assert.equal(await traffic(two, "in", "over local").count(), here ? 1 : 0);
  });
}

test("peers come and go live, and one alone can be written to, by keyboard too", async (t) => {
  const proxy = await startProxy(t);
  const [one, two, three] = [await openConsole(t, proxy), await openConsole(t, proxy), await openConsole(t, proxy)];
  for (const page of [one, two, three]) await join(page, "network", "chat");
  await hasText(one, "#peers-count", "2 peers in chat");
  const id = (await two.locator("#you code").textContent()) ?? "";
  await one.getByRole("listbox", { name: "Send to" }).focus();
  do await one.keyboard.press("ArrowDown");
  while (!(await one.locator("#send-to").textContent())?.includes(id));
  await send(one, '{"for":["you","alone"]}');
  await traffic(two, "in", '{"for":["you","alone"]}').waitFor();
  await one.getByRole("button", { name: "to everyone instead" }).click();
  await send(one, "to all");
  await traffic(three, "in", "to all").waitFor();
  assert.equal(await traffic(three, "in", "alone").count(), 0);

  await two.getByRole("listbox", { name: "Messages" }).focus();
  await two.keyboard.press("End");
  while (!(await two.locator("#detail-text").textContent())?.includes("alone")) await two.keyboard.press("ArrowUp");
  assert.equal(await two.locator("#detail-text").textContent(), '{\n  "for": [\n    "you",\n    "alone"\n  ]\n}');

  await three.close();
  await hasText(one, "#peers-count", "1 peer in chat");
  await traffic(one, "left", "left").waitFor();
  await hasText(one, "#announcer", /left chat/);
});

test("traffic is filtered, paused and cleared", async (t) => {
  const proxy = await startProxy(t);
  const [one, two] = [await openConsole(t, proxy), await openConsole(t, proxy)];
  for (const page of [one, two]) {
    await join(page, "network", "first");
    await join(page, "network", "second");
  }
  for (const text of ["apple", "pear"]) await send(two, text);
  await traffic(one, "in", "pear").waitFor();
  await one.getByLabel("Show only what contains").fill("APPLE");
  await hasText(one, "#traffic-foot", /^1 of /);
  await one.getByLabel("Show only what contains").fill("");
  await one.getByLabel("Channel to show").selectOption("network/first");
  assert.equal(await traffic(one, "in", "apple").count(), 0);
  await one.getByLabel("Channel to show").selectOption("");
  await one.getByLabel("Kind of traffic").selectOption("in");
  await hasText(one, "#traffic-foot", /^2 of /);
  await one.getByRole("button", { name: "Pause" }).click();
  await send(two, "plum");
  await hasText(one, "#traffic-foot", "Paused; 1 new since");
  assert.equal(await traffic(one, "in", "plum").count(), 0);
  await one.getByRole("button", { name: "Resume" }).click();
  await traffic(one, "in", "plum").waitFor();
  await one.getByRole("button", { name: "Clear" }).click();
  await hasText(one, "#traffic-foot", /^0 entries/);
});

test("the picture shows both proxies, the link's transport and round trip, and the channels in common", async (t) => {
  const [first, second] = await startLinked(t);
  const one = await openConsole(t, first, { width: 1000 });
  const two = await openConsole(t, second, { complaints: PROXY_IS_GONE });
  for (const page of [one, two]) await join(page, "network", "chat");
  await join(one, "local", "mine");
  await one.locator("#picture .node .number", { hasText: /^1$/ }).waitFor();
  await one.locator("#picture .on-edge", { hasText: /QUIC[\d.]+ ms/ }).waitFor();
  await one.locator("#picture .channel", { hasText: "chat" }).locator(".peer").nth(1).waitFor();
  assert.equal(await one.locator("#picture .channel", { hasText: "chat" }).locator(".peer.here").count(), 1);
  await one.getByRole("img", { name: /1 link: .* over QUIC .* 1 channel in common/ }).waitFor();
  await one.getByText("Links as a table").click();
  await hasText(one, "#links-rows tr", "127.0.0.1:");
  await second.stop();
  await one.locator("#picture text", { hasText: "no other proxy is linked" }).waitFor();
  await hasText(one, "#troubles", "No other proxy is linked");
});

test("a proxy that is killed and started again: said in words, then joined again", async (t) => {
  const proxy = await startProxy(t);
  const one = await openConsole(t, proxy, { complaints: PROXY_IS_GONE });
  const two = await openPage(t, `${proxy.origin}/console`, { complaints: PROXY_IS_GONE });
  for (const page of [one, two]) {
    await join(page, "network", "chat");
    await join(page, "broadcast", "chat");
  }
  await proxy.kill();
  for (const page of [one, two]) {
    await hasText(page, "#troubles", `The proxy at localhost:${proxy.port} does not answer.`);
    await hasText(page, "#troubles", "Start it on this machine: nws.");
    await hasText(page, "#picture", "no answer");
    await page.locator('#channels li[data-key="network/chat"][data-state=waiting]').waitFor();
  }
  await proxy.start();
  for (const page of [one, two]) {
    await joined(page, "network", "chat");
    await joined(page, "broadcast", "chat");
    await page.getByText("does not answer").waitFor({ state: "detached" });
  }
  await send(one, "again, raw");
  await traffic(two, "in", "again, raw").waitFor();
  await one.locator('#channels [data-key="network/chat"] .channel').click();
  await hasText(one, "#peers-count", "1 peer in chat");
  await send(one, "again");
  await traffic(two, "in", "again").first().waitFor();
});

test("a name that is not allowed is refused in words; a reload keeps the channels", async (t) => {
  const proxy = await startProxy(t);
  const page = await openConsole(t, proxy);
  await page.getByLabel("Name").fill("not allowed");
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await hasText(page, "#join-fault", "A channel's name has 1 to 255 of the characters");
  await join(page, "network", "kept");
  await join(page, "local", "kept");
  await page.reload();
  await joined(page, "network", "kept");
  await joined(page, "local", "kept");
  await page.getByRole("button", { name: "Leave local channel kept" }).click();
  assert.equal(await page.locator("#channels li").count(), 1);
});

test("both themes, the toggle, a phone's width, and a name for every control", async (t) => {
  const proxy = await startProxy(t);
  const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await openConsole(t, proxy, { scheme: "light" });
  const dark = await openConsole(t, proxy, { scheme: "dark", width: 360, height: 740 });
  assert.notEqual(await paper(light), await paper(dark));
  await light.getByRole("button", { name: "Theme: Auto" }).click();
  await light.getByRole("button", { name: "Theme: Light" }).click();
  assert.equal(await paper(light), await paper(dark));
  await light.reload();
  assert.equal(await paper(light), await paper(dark), "the choice is kept");

  await join(dark, "network", "x".repeat(200));
  await send(dark, "y".repeat(500));
  await traffic(dark, "out", "yyy").click();
  assert.equal(await dark.evaluate(() => document.documentElement.scrollWidth), 360);
  const nameless = await dark.evaluate(() =>
    [...document.querySelectorAll("button, input, select, textarea, [role=listbox]")]
      .filter((control) => !control.getAttribute("aria-label") && !control.textContent?.trim() && !(/** @type {HTMLInputElement} */ (control).labels?.length))
      .map((control) => control.outerHTML),
  );
  assert.deepEqual(nameless, []);
});
