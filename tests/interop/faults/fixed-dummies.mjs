// Fills up its Accepts with the same tags on each link.
import { randomBytes } from 'node:crypto';
import { Initiator } from '../node-proxy/matching/initiator.mjs';

export const breaks = 'P-15';
Object.defineProperty(Initiator.prototype, 'random', {
  get() {
    this.drawn ??= 0;
    return (size) => (size === 16 ? Buffer.alloc(16, this.drawn++) : randomBytes(size));
  },
  set() {},
});
