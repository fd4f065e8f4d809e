/** The ES module. */
export * from "./core.js";
