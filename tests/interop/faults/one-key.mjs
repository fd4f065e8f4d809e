// Uses the key of its first link on all others too.
import { Responder } from '../node-proxy/matching/responder.mjs';

export const breaks = 'P-1';
let first;
Object.defineProperty(Responder.prototype, 'key', { get: () => first, set: (key) => (first ??= key) });
