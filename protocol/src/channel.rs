//! Channel names and network keys. Both are secrets: whoever knows the name is in the channel. So
//! neither shows itself in `Debug`, and there is no `Display`.

use crate::limits::MAX_CHANNEL_NAME_BYTES;
use std::{fmt, sync::Arc};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The kind of a channel. Channels of different kinds never mix, even under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelKind {
    /// JSON messages with presence, on this machine and across links.
    Network,
    /// A raw relay on this machine and across links.
    Broadcast,
    /// A raw relay on this machine only; never offered to a link.
    Local,
}

impl ChannelKind {
    /// The word that stands for the kind in private matching; `None` for what never leaves the machine.
    #[must_use]
    pub const fn matching_label(self) -> Option<&'static str> {
        match self {
            Self::Network => Some("network"),
            Self::Broadcast => Some("broadcast"),
            Self::Local => None,
        }
    }
}

/// A channel's name: 1 to 255 characters of `A-Z a-z 0-9 + = * . _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

/// Why a text is not a channel name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadChannelName {
    /// Nothing at all.
    #[error("a channel name needs at least one character")]
    Empty,
    /// More than [`MAX_CHANNEL_NAME_BYTES`].
    #[error("a channel name has at most {MAX_CHANNEL_NAME_BYTES} characters")]
    TooLong,
    /// A character outside the set.
    #[error("a channel name may use the characters A-Z a-z 0-9 + = * . _ - and no others")]
    Character,
}

impl ChannelName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, too long, or has a character outside the set.
    pub fn new(text: &str) -> Result<Self, BadChannelName> {
        if text.is_empty() {
            return Err(BadChannelName::Empty);
        }
        if text.len() > MAX_CHANNEL_NAME_BYTES {
            return Err(BadChannelName::TooLong);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=*._-".contains(&b);
        if text.bytes().all(allowed) { Ok(Self(text.into())) } else { Err(BadChannelName::Character) }
    }

    /// The name itself. Not for logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelName(…)")
    }
}

/// What tells one channel from another: its kind and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    /// Which kind of channel.
    pub kind: ChannelKind,
    /// The secret name.
    pub name: ChannelName,
}

/// An optional secret shared by the proxies of one network; proxies with different ones never match.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct NetworkKey(Option<[u8; 32]>);

impl NetworkKey {
    /// A network with this key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(Some(key))
    }

    /// The bytes that salt a link's secret: the key, or nothing.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |key| key.as_slice())
    }
}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "NetworkKey(…)" } else { "NetworkKey(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_names_are_accepted() {
        for name in ["chat", "a", "A+=*._-9", &"n".repeat(255)] {
            assert!(ChannelName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn each_refusal_says_why() {
        assert_eq!(ChannelName::new(""), Err(BadChannelName::Empty));
        assert_eq!(ChannelName::new(&"n".repeat(256)), Err(BadChannelName::TooLong));
        for name in ["a/b", "a b", "é", "a\0", "a%2B", "a?b", "a#b"] {
            assert_eq!(ChannelName::new(name), Err(BadChannelName::Character), "{name}");
        }
    }

    #[test]
    fn debug_shows_no_secret() -> Result<(), BadChannelName> {
        let key = ChannelKey { kind: ChannelKind::Network, name: ChannelName::new("hush")? };
        assert!(!format!("{key:?} {:?}", NetworkKey::new([7; 32])).contains("hush"));
        assert!(!format!("{:?}", NetworkKey::new([7; 32])).contains('7'));
        Ok(())
    }
}
