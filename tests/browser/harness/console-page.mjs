// The console, as its user handles it.

import { openPage } from "./browser.mjs";

export async function openConsole(t, proxy, options) {
  return openPage(t, `${proxy.origin}/`, options);
}

/** Joins a channel and waits until it is joined. */
export async function join(page, kind, name) {
  await page.locator(`input[name=kind][value=${kind}]`).check();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await joined(page, kind, name);
}

export async function joined(page, kind, name) {
  await page.locator(`#channels li[data-key="${kind}/${name}"][data-state=joined]`).waitFor();
}

/** Sends from the form to whomever it is set to. */
export async function send(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

/** The rows of traffic of that direction which have this text. */
export function traffic(page, direction, text) {
  return page.locator(`#traffic [role=option][data-direction=${direction}]:not([hidden])`).filter({ hasText: text });
}

/** The peers in the list, without "Everyone". */
export function peers(page) {
  return page.locator("#peers [role=option]:not([hidden]) .mono");
}
