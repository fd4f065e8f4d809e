/** The ES module. */

import { loadedFrom } from "./address.js";

export * from "./core.js";

loadedFrom(import.meta.url);
