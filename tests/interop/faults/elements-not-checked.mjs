// Evaluates whatever 32 bytes come: what is no element, or the identity, comes back as it is.
import { elements } from '../node-proxy/voprf.mjs';

export const breaks = 'P-4';
const { evaluate } = elements;
elements.evaluate = (key, blinded) => {
  try {
    return evaluate(key, blinded);
  } catch {
    return Buffer.from(blinded);
  }
};
