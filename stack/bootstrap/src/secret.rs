//! The word that makes a root of a client. It is part of a path, so paths are never logged.

use serde::{Deserialize, Deserializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Longest secret, in bytes. The original's example has 60.
const MAX_BYTES: usize = 256;

/// Under this many bytes a secret can be guessed by trying. A guess.
const SHORT_BYTES: usize = 16;

/// The secret of the root. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a text can't be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret has 1 to {MAX_BYTES} letters, digits and characters of - . _ ~ ! $ & ' ( ) * + , ; = : @, \
     as it is part of an address"
)]
#[non_exhaustive]
pub struct BadSecret;

impl Secret {
    /// Takes a secret that can be a segment of a path as it is: of RFC 3986's `pchar`, what is not percent-encoded.
    ///
    /// # Errors
    /// [`BadSecret`] when it can't.
    pub fn new(text: impl Into<String>) -> Result<Self, BadSecret> {
        let text = Zeroizing::new(text.into());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
        let fits = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        // A client's address parser removes these two from a path.
        if fits && *text != "." && *text != ".." { Ok(Self(text)) } else { Err(BadSecret) }
    }

    /// Whether it is short enough to be guessed by trying.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.0.len() < SHORT_BYTES
    }

    /// The text itself. Not for logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes as long whatever the guess has in common with the secret, its length included.
    pub(crate) fn matches(&self, guess: &str) -> bool {
        Sha256::digest(guess).ct_eq(&Sha256::digest(self.0.as_str())).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn only_the_secret_matches() {
        let secret = Secret::new("s3cret").unwrap();
        assert!(secret.matches("s3cret"));
        for guess in ["", "s3cre", "s3cret ", "S3CRET", "s3crets"] {
            assert!(!secret.matches(guess), "{guess}");
        }
    }

    #[test]
    fn it_must_be_a_segment_of_a_path_and_is_never_shown() {
        for bad in ["", "a/b", "a b", "a%20b", "a?", "a#", "é", ".", "..", &"a".repeat(257)] {
            assert_eq!(Secret::new(bad).unwrap_err(), BadSecret, "{bad}");
        }
        let secret = Secret::new("EMpGMQADK1oR5n8xffrxYHeCO0RmW42Z46ZcGwTVO5WBzkXBHC6btGt1WBG4").unwrap();
        assert!(!secret.is_short());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
