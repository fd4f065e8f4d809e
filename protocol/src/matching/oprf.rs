//! The oblivious pseudorandom function: RFC 9497, mode OPRF (0x00), ristretto255-SHA512, by the `voprf` crate. Here
//! elements are bytes outside and checked inside; what they stand for is not known here.

use super::MatchFault;
use rand_core::{CryptoRng, RngCore};
use std::fmt;
use voprf::{BlindedElement, EvaluationElement, OprfClient, OprfServer, Ristretto255};
use zeroize::Zeroizing;

/// A group element as it travels.
pub(super) type Element = [u8; 32];

/// What the function gives for an input: `y`.
pub(super) type Output = [u8; 64];

/// The initiator's side of one evaluation: the input, and the blind that hid it.
pub(super) struct Blinded {
    input: Zeroizing<Vec<u8>>,
    blind: OprfClient<Ristretto255>,
}

impl Blinded {
    /// Hides an input under a fresh blind. One hash to the group, one multiplication.
    pub(super) fn new(input: Zeroizing<Vec<u8>>, rng: &mut (impl CryptoRng + RngCore)) -> (Self, Element) {
        let blinded = OprfClient::blind(&input, rng).expect("an input is never empty, nor longer than 64 KiB");
        (Self { input, blind: blinded.state }, blinded.message.serialize().into())
    }

    /// Takes the blind off. One inversion of a scalar, one multiplication.
    pub(super) fn finalize(&self, evaluated: &Evaluated) -> Zeroizing<Output> {
        let output = self.blind.finalize(&self.input, &evaluated.0).expect("the input was good when it was blinded");
        Zeroizing::new(output.into())
    }
}

impl fmt::Debug for Blinded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinded(…)")
    }
}

/// An evaluated element that was checked.
pub(super) struct Evaluated(EvaluationElement<Ristretto255>);

impl Evaluated {
    /// Checks an element of the other end. One square root.
    pub(super) fn check(element: &Element) -> Result<Self, MatchFault> {
        EvaluationElement::deserialize(element).map(Self).map_err(|_| MatchFault::BadElement)
    }
}

/// The responder's key, fresh on each link.
pub(super) struct Key(OprfServer<Ristretto255>);

impl Key {
    /// Draws a key.
    pub(super) fn random(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self(OprfServer::new(rng).expect("256 hashes are not all zero"))
    }

    /// A given key, for the vectors of the RFC.
    #[cfg(test)]
    pub(super) fn derived(seed: &[u8], info: &[u8]) -> Self {
        Self(OprfServer::new_from_seed(seed, info).expect("short inputs"))
    }

    /// Checks a blinded element of the other end and evaluates it. One square root, one multiplication.
    pub(super) fn evaluate_blinded(&self, blinded: &Element) -> Result<Element, MatchFault> {
        let blinded = BlindedElement::deserialize(blinded).map_err(|_| MatchFault::BadElement)?;
        Ok(self.0.blind_evaluate(&blinded).serialize().into())
    }

    /// What the function gives for an input of our own. One hash to the group, one multiplication.
    pub(super) fn evaluate(&self, input: &[u8]) -> Zeroizing<Output> {
        let output = self.0.evaluate(input).expect("no input is known that hashes to the identity");
        Zeroizing::new(output.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
