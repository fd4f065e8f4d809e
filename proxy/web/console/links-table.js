// All links of the proxy, in a table.

import { shortId } from "./identity.js";
import { duration, roundTrip } from "./units.js";

/** @param {HTMLElement} body @param {readonly import("./status.js").Link[]} links */
export function showLinks(body, links) {
  while (body.children.length > links.length) body.lastElementChild?.remove();
  while (body.children.length < links.length) {
    const row = document.createElement("tr");
    for (let at = 0; at < 6; at += 1) row.append(document.createElement("td"));
    body.append(row);
  }
  for (const [at, link] of links.entries()) {
    const cells = [
      shortId(link.instance),
      link.transport.toUpperCase() + (link.draining ? ", ending" : ""),
      roundTrip(link.rtt_us),
      String(link.channels_in_common),
      duration(link.up_ms),
      link.address,
    ];
    for (const [column, text] of cells.entries()) {
      const cell = body.children[at].children[column];
      if (cell.textContent !== text) cell.textContent = text;
    }
  }
}
