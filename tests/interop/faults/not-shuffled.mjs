// Sends what is real first, and the dummies after it.
import { lists } from '../node-proxy/matching/padding.mjs';

export const breaks = 'P-16';
lists.shuffle = (list) => list;
