// Looks up as many tags as it is offered.
import { Initiator } from '../node-proxy/matching/initiator.mjs';

export const breaks = 'P-20';
Object.defineProperty(Initiator.prototype, 'charge', { get: () => () => 0, set() {} });
