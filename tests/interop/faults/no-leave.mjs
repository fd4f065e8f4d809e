// Does not say when its last client has left a channel, neither as I nor as R.
import { Initiator } from '../node-proxy/matching/initiator.mjs';
import { Responder } from '../node-proxy/matching/responder.mjs';

export const breaks = 'P-22';
Initiator.prototype.sayLeave = () => {};
Responder.prototype.sayRevoke = () => {};
