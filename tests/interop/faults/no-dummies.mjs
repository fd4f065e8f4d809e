// Sends lists that have as many entries as there is something to say.
import { lists } from '../node-proxy/matching/padding.mjs';

export const breaks = 'P-12';
lists.paddedSize = (count) => count;
