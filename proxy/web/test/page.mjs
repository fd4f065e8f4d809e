// A page to run the classic script in, made of what Node has.

import { readFile } from "node:fs/promises";
import vm from "node:vm";
import { FakeWebSocket, made } from "./fake-websocket.mjs";

const source = await readFile(new URL("../dist/network-web-sockets.js", import.meta.url), "utf8");

/**
 * @param at The page's address.
 * @param more `script` the library's address; `health` answers its fetch; `permission` the states by name; globals.
 */
export function page(at, { script, health = async () => ({}), permission = {}, globals = {} } = {}) {
  made.splice(0);
  const fetched = [];
  const location = new URL(at);
  const context = vm.createContext({
    ...Object.fromEntries(
      [
        "EventTarget",
        "Event",
        "MessageEvent",
        "CustomEvent",
        "DOMException",
        "URL",
        "TextEncoder",
        "Blob",
        "console",
        "setTimeout",
        "clearTimeout",
        "queueMicrotask",
        "ArrayBuffer",
        "TypeError",
      ].map((name) => [name, globalThis[name]]),
    ),
    WebSocket: FakeWebSocket,
    location,
    document: { currentScript: script === undefined ? null : { src: script } },
    isSecureContext:
      location.protocol === "https:" || location.protocol === "file:" || location.hostname === "localhost",
    fetch: (url, options) => {
      fetched.push([url, options]);
      return health();
    },
    navigator: {
      permissions: {
        query: async ({ name }) => {
          if (!(name in permission)) throw new TypeError(`no permission ${name}`);
          return { state: permission[name] };
        },
      },
    },
    ...globals,
  });
  vm.runInContext(source, context);
  return { window: context, fetched };
}
