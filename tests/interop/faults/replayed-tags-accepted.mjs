// Takes offers of tags that are on offer already.
import { TagTable } from '../node-proxy/matching/tags.mjs';

export const breaks = 'P-29';
TagTable.prototype.has = () => false;
