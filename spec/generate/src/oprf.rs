//! RFC 9497 with fixed blinds and keys, so that each step shows; by the crate that the protocol uses too. What the
//! protocol makes of it is compared with this in `dialogues.rs` and in the protocol's own tests.

use rand_core::{CryptoRng, Error, RngCore};
use voprf::{BlindedElement, EvaluationElement, OprfClient, OprfServer, Ristretto255};

/// The seed and the info from which the key of RFC 9497 appendix A.1.1 follows.
pub(crate) const RFC_SEED: [u8; 32] = [0xa3; 32];
pub(crate) const RFC_INFO: &[u8] = b"test key";

/// Gives one scalar: scalars are drawn as 64 bytes, little-endian, and reduced.
struct Fixed<'a>(&'a [u8]);

impl RngCore for Fixed<'_> {
    fn next_u32(&mut self) -> u32 {
        unreachable!("scalars are drawn as bytes")
    }
    fn next_u64(&mut self) -> u64 {
        unreachable!("scalars are drawn as bytes")
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
        dest[..self.0.len()].copy_from_slice(self.0);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Fixed<'_> {}

/// I's side: an input under a blind.
pub(crate) struct Blind {
    client: OprfClient<Ristretto255>,
    pub(crate) element: [u8; 32],
}

impl Blind {
    /// `scalar` has 32 bytes, or 64 that are reduced.
    pub(crate) fn new(input: &[u8], scalar: &[u8]) -> Self {
        let result = OprfClient::blind(input, &mut Fixed(scalar)).unwrap();
        Self { client: result.state, element: result.message.serialize().into() }
    }

    /// The blind, reduced.
    pub(crate) fn scalar(&self) -> [u8; 32] {
        self.client.serialize().into()
    }

    pub(crate) fn finalize(&self, input: &[u8], evaluated: &[u8; 32]) -> [u8; 64] {
        self.client.finalize(input, &EvaluationElement::deserialize(evaluated).unwrap()).unwrap().into()
    }
}

/// What an input is hashed to: the blinded element for a blind of one.
pub(crate) fn input_element(input: &[u8]) -> [u8; 32] {
    Blind::new(input, &[1]).element
}

/// R's side.
pub(crate) struct Key(OprfServer<Ristretto255>);

impl Key {
    /// `DeriveKeyPair` of RFC 9497 section 3.2.1.
    pub(crate) fn derived(seed: &[u8], info: &[u8]) -> Self {
        Self(OprfServer::new_from_seed(seed, info).unwrap())
    }

    pub(crate) fn scalar(&self) -> [u8; 32] {
        self.0.serialize().into()
    }

    /// `None` for what is no element that may be evaluated.
    pub(crate) fn blind_evaluate(&self, element: &[u8; 32]) -> Option<[u8; 32]> {
        let element = BlindedElement::deserialize(element).ok()?;
        Some(self.0.blind_evaluate(&element).serialize().into())
    }

    pub(crate) fn evaluate(&self, input: &[u8]) -> [u8; 64] {
        self.0.evaluate(input).unwrap().into()
    }
}

/// Whether I takes it for an evaluated element.
pub(crate) fn is_evaluated(element: &[u8; 32]) -> bool {
    EvaluationElement::<Ristretto255>::deserialize(element).is_ok()
}
