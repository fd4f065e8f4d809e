// The three interfaces of the proxy, in the words that the console uses.

/** @typedef {"network" | "broadcast" | "local"} Kind */

/** @type {Readonly<Record<Kind, { label: string, path: string, reach: string }>>} */
export const KINDS = {
  network: { label: "network", path: "/", reach: "Peers on this machine and on the network; you see them come and go and can send to one alone." },
  broadcast: { label: "broadcast", path: "/broadcast/", reach: "A raw relay on this machine and on the network: all get what one sends, as it is. No presence." },
  local: { label: "local", path: "/local/", reach: "A raw relay on this machine only. No presence." },
};

/** @param {Kind} kind @param {string} name */
export function channelKey(kind, name) {
  return `${kind}/${name}`;
}
