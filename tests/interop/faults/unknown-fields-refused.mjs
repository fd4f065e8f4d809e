// Refuses a message with a field that it does not know, as a proxy of this version may well do by mistake.
import { malformed } from '../node-proxy/codes.mjs';
import { checks } from '../node-proxy/messages.mjs';

export const breaks = 'L-30';
checks.unknownFields = (type, message) => {
  if (message.$unknowns?.length) throw malformed('an unknown field');
};
