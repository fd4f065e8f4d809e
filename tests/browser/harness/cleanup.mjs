// What a test started ends with it, the last first: pages before the proxies that they talk to.

/** @type {WeakMap<object, (() => unknown)[]>} */
const stacks = new WeakMap();

/** @param {import("node:test").TestContext} t @param {() => unknown} end */
export function afterwards(t, end) {
  const stack = stacks.get(t);
  if (stack) return void stack.push(end);
  const own = [end];
  stacks.set(t, own);
  t.after(async () => {
    const faults = [];
    for (const each of own.reverse()) await Promise.resolve(each()).catch((error) => faults.push(error));
    if (faults.length) throw faults[0];
  });
}
