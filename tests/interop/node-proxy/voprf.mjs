// The function of RFC 9497, mode OPRF, ristretto255-SHA512 (03 section 3). The library does the group; this file says
// what is refused.

import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { Code, LinkFault } from './codes.mjs';

const { oprf } = ristretto255_oprf;

/** A key for one link (P-1). */
export const newKey = () => oprf.generateKeyPair().secretKey;

export const keyFromSeed = (seed, info) => oprf.deriveKeyPair(seed, info).secretKey;

/** `{ blind, blinded }` for an input, with a blind drawn anew (P-2). */
export const blind = (input, random) => oprf.blind(input, random);

/** R's direct evaluation of an input of its own. */
export const evaluateInput = (key, input) => Buffer.from(oprf.evaluate(key, input));

// Behind one object, so that both checks of elements are in one place.
export const elements = {
  /** R: applies the key to a blinded element. */
  evaluate: (key, blinded) => refused(() => Buffer.from(oprf.blindEvaluate(key, blinded))),

  /** I: y from the evaluated element. */
  finalize: (input, blindScalar, evaluated) => refused(() => Buffer.from(oprf.finalize(input, blindScalar, evaluated))),
};

/** P-3, P-4: the library throws for what is not canonical, no element, or the identity. */
function refused(compute) {
  try {
    return compute();
  } catch (error) {
    throw new LinkFault(Code.BadElement, `a bad element: ${error.message}`);
  }
}
