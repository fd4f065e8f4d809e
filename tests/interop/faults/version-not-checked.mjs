// Takes every version of the link protocol for its own.
import { checks } from '../node-proxy/messages.mjs';

export const breaks = 'L-32';
checks.version = () => {};
