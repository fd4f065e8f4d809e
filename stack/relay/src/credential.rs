//! What proves that a party may be a certain server, and the relay's own secret for administration. Neither is ever shown.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The digits of 2^128 - 1.
const MAX_DIGITS: usize = 39;

/// 128 bits, known to the relay and to whoever registered.
pub(crate) struct Credential(Zeroizing<[u8; 16]>);

impl Credential {
    pub(crate) fn new(bits: [u8; 16]) -> Self {
        Self(Zeroizing::new(bits))
    }

    /// As decimal digits.
    pub(crate) fn digits(&self) -> String {
        u128::from_be_bytes(*self.0).to_string()
    }

    /// Takes as long whatever the guess has in common with it.
    pub(crate) fn matches(&self, guess: &str) -> bool {
        let fits = guess.len() <= MAX_DIGITS && guess.bytes().all(|byte| byte.is_ascii_digit());
        let guess = guess.parse::<u128>().ok().filter(|_| fits);
        let same = self.0.ct_eq(&guess.unwrap_or_default().to_be_bytes());
        bool::from(same) & guess.is_some()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Who knows it may administer the relay. `Debug` does not show it.
#[derive(Clone, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(Zeroizing<String>);

/// Why a text can't be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret is empty; leave it out for a relay that nobody administers")]
#[non_exhaustive]
pub struct BadSecret;

/// Under this many bytes a secret can be guessed by trying. A guess.
const SHORT_BYTES: usize = 16;

impl Secret {
    /// Takes any text but the empty one.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(text: impl Into<String>) -> Result<Self, BadSecret> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() { Err(BadSecret) } else { Ok(Self(text)) }
    }

    /// Whether it is short enough to be guessed by trying.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.len() < SHORT_BYTES
    }

    /// Takes as long whatever the guess has in common with the secret, its length included.
    pub(crate) fn matches(&self, guess: &str) -> bool {
        Sha256::digest(guess).ct_eq(&Sha256::digest(self.0.as_str())).into()
    }
}

impl TryFrom<String> for Secret {
    type Error = BadSecret;

    fn try_from(text: String) -> Result<Self, BadSecret> {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    /// 128 bits as digits; nothing else matches.
    #[test]
    fn only_the_credential_itself_matches() {
        for bits in [[1; 16], [128; 16], [255; 16]] {
            let credential = Credential::new(bits);
            let digits = credential.digits();
            assert!(credential.matches(&digits) && digits.len() <= 39);
            for guess in
                ["", "-1", "+1", "1e5", "99999", " 1", &format!("{digits}0"), &format!("{}{digits}", "0".repeat(40))]
            {
                assert!(!credential.matches(guess), "{guess}");
            }
            assert_eq!(format!("{credential:?}"), "Credential(…)");
        }
        // A number of 64 bits, as a program of JavaScript makes it.
        let bits = 0x1234_5678_9abc_def0_1234_5678_9abc_def1_u128;
        let rounded = format!("{}", bits as f64);
        assert!(!Credential::new(bits.to_be_bytes()).matches(&rounded));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("s3cret").unwrap();
        assert!(secret.matches("s3cret") && !secret.matches("s3cre") && !secret.matches(""));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(Secret::new("").unwrap_err(), BadSecret);
    }
}
