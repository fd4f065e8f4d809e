//! The oblivious function of RFC 9497 in both roles, for the player; by the `voprf` crate.

use crate::verdict::{Trouble, failed};
use rand_core::OsRng;
use voprf::{BlindedElement, EvaluationElement, OprfClient, OprfServer, Ristretto255};

/// An element as it travels.
pub(crate) type Element = [u8; 32];

/// One input under its blind.
#[derive(Debug)]
pub(crate) struct Blinded {
    input: Vec<u8>,
    state: OprfClient<Ristretto255>,
    pub(crate) element: Element,
}

impl Blinded {
    pub(crate) fn new(input: &[u8]) -> Self {
        let blinded = OprfClient::blind(input, &mut OsRng).expect("inputs are neither empty nor long");
        Self { input: input.to_vec(), state: blinded.state, element: blinded.message.serialize().into() }
    }

    /// `y`.
    pub(crate) fn finalize(&self, evaluated: &Element) -> Result<[u8; 64], Trouble> {
        let element = EvaluationElement::<Ristretto255>::deserialize(evaluated)
            .map_err(|_| failed("each evaluated element is canonical and not the identity", "one is not"))?;
        let output = self.state.finalize(&self.input, &element).expect("the input was good when it was blinded");
        Ok(output.into())
    }
}

/// R's key.
#[derive(Debug)]
pub(crate) struct Key(OprfServer<Ristretto255>);

impl Key {
    pub(crate) fn random() -> Self {
        Self(OprfServer::new(&mut OsRng).expect("a key is drawn"))
    }

    /// Evaluates what the target blinded.
    pub(crate) fn evaluate_blinded(&self, element: &Element) -> Result<Element, Trouble> {
        let blinded = BlindedElement::<Ristretto255>::deserialize(element)
            .map_err(|_| failed("each blinded element is canonical and not the identity", "one is not"))?;
        Ok(self.0.blind_evaluate(&blinded).serialize().into())
    }

    pub(crate) fn evaluate(&self, input: &[u8]) -> [u8; 64] {
        self.0.evaluate(input).expect("no input is known that hashes to the identity").into()
    }
}
