//! The ids that travel on the wire: opaque bytes with one text form.

use data_encoding::{BASE32_NOPAD, Encoding};
use rand_core::{CryptoRng, RngCore};
use std::{fmt, str::FromStr, sync::LazyLock};

/// Lower-case base32 without padding: unambiguous in speech, safe in JSON, in URLs and as a DNS label.
static TEXT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = BASE32_NOPAD.specification();
    spec.symbols = "abcdefghijklmnopqrstuvwxyz234567".to_owned();
    spec.encoding().unwrap_or(BASE32_NOPAD)
});

/// Characters in the text form of a 16-byte id.
pub const ID_TEXT_BYTES: usize = 26;

/// A text or byte string that is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct BadId;

/// The text form of a 16-byte id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdText([u8; ID_TEXT_BYTES]);

impl std::ops::Deref for IdText {
    type Target = str;
    fn deref(&self) -> &str {
        // Made of the alphabet above only, so this is never the default.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

macro_rules! id16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Draws a new id.
            pub fn random(rng: &mut (impl CryptoRng + RngCore)) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes as they travel.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl $name {
            /// The text form, without an allocation.
            #[must_use]
            pub fn text(&self) -> IdText {
                let mut text = [0; ID_TEXT_BYTES];
                TEXT.encode_mut(&self.0, &mut text);
                IdText(text)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = BadId;
            fn try_from(bytes: &[u8]) -> Result<Self, BadId> {
                bytes.try_into().map(Self).map_err(|_| BadId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                if text.len() != ID_TEXT_BYTES {
                    return Err(BadId);
                }
                let mut bytes = [0; 16];
                let written = TEXT.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| BadId)?;
                if written == 16 { Ok(Self(bytes)) } else { Err(BadId) }
            }
        }
    };
}

id16! {
    /// A member of a channel, wherever it is. Drawn anew each time a client joins.
    PeerId
}
id16! {
    /// One run of a proxy. Its text form is also the proxy's instance name in discovery.
    InstanceId
}

/// Names a matched channel on one link; derived by private matching, different on each link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId([u8; 8]);

impl ChannelId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they travel.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for ChannelId {
    type Error = BadId;
    fn try_from(bytes: &[u8]) -> Result<Self, BadId> {
        bytes.try_into().map(Self).map_err(|_| BadId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

    #[test]
    fn text_form_is_a_dns_label_and_reads_back() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..100 {
            let id = PeerId::random(&mut rng);
            let text = id.to_string();
            assert_eq!(text.len(), ID_TEXT_BYTES);
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b)));
            assert_eq!(text.parse(), Ok(id));
        }
    }

    #[test]
    fn wrong_lengths_and_characters_are_refused() {
        for text in ["", "a", &"a".repeat(25), &"a".repeat(27), &"A".repeat(26), &"1".repeat(26), &"b".repeat(26)] {
            assert_eq!(text.parse::<InstanceId>(), Err(BadId), "{text}");
        }
        assert!(PeerId::try_from([0; 15].as_slice()).is_err());
        assert!(ChannelId::try_from([0; 9].as_slice()).is_err());
    }
}
