//! Every derivation of private matching, byte for byte as the link protocol has it. Knows no message and no state.
//!
//! `lp(x)` is the length of x as two bytes, big-endian, then x.

use crate::{
    channel::{ChannelKey, NetworkKey},
    ids::ChannelId,
    wire::Tag,
};
use hkdf::Hkdf;
use rand_core::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const LINK_LABEL: &[u8] = b"nws/1 link";
const CHANNEL_LABEL: &[u8] = b"nws/1 channel";
const DUMMY_LABEL: &[u8] = b"nws/1 dummy";
const SECRETS_LABEL: &[u8] = b"nws/1 channel secrets";

/// Appends `lp(bytes)`. Everything that comes here is shorter than 64 KiB: names are at most 255 bytes.
fn put_lp(dst: &mut Vec<u8>, bytes: &[u8]) {
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    dst.extend_from_slice(&length.to_be_bytes());
    dst.extend_from_slice(bytes);
}

/// `L`: what both ends of one link know, and nobody else, if they have the same network key and nobody sits between.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LinkSecret([u8; 32]);

impl LinkSecret {
    /// Derives it. `ekm` is the TLS exporter's output (RFC 8446 section 7.5) for the link; `hello_i` and `hello_r` are
    /// the first frames of the initiator and of the responder, without length prefix.
    #[must_use]
    pub fn derive(network_key: &NetworkKey, ekm: &[u8; 32], hello_i: &[u8], hello_r: &[u8]) -> Self {
        let mut info = Vec::with_capacity(2 + LINK_LABEL.len() + 2 * (2 + 64));
        put_lp(&mut info, LINK_LABEL);
        put_lp(&mut info, &Sha512::digest(hello_i));
        put_lp(&mut info, &Sha512::digest(hello_r));
        // An empty salt is the same as none (RFC 5869 section 2.2).
        let mut secret = Self([0; 32]);
        Hkdf::<Sha512>::new(Some(network_key.reveal()), ekm)
            .expand(&info, &mut secret.0)
            .expect("HKDF-SHA512 gives up to 16,320 bytes");
        secret
    }

    /// The bytes. Not for logs.
    #[must_use]
    pub const fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// The OPRF input that stands for a channel on this link; `None` for a kind that never leaves the machine.
    #[must_use]
    pub fn channel_input(&self, key: &ChannelKey) -> Option<Zeroizing<Vec<u8>>> {
        let kind = key.kind.matching_label()?.as_bytes();
        let name = key.name.reveal().as_bytes();
        let length = 8 + CHANNEL_LABEL.len() + self.0.len() + kind.len() + name.len();
        let mut input = Zeroizing::new(Vec::with_capacity(length));
        put_lp(&mut input, CHANNEL_LABEL);
        put_lp(&mut input, &self.0);
        put_lp(&mut input, kind);
        put_lp(&mut input, name);
        Some(input)
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

/// The OPRF input of a dummy: like none of any channel, and like no other dummy.
#[must_use]
pub fn dummy_input(rng: &mut (impl CryptoRng + RngCore)) -> Zeroizing<Vec<u8>> {
    let mut random = Zeroizing::new([0; 32]);
    rng.fill_bytes(random.as_mut_slice());
    let mut input = Zeroizing::new(Vec::with_capacity(4 + DUMMY_LABEL.len() + random.len()));
    put_lp(&mut input, DUMMY_LABEL);
    put_lp(&mut input, random.as_slice());
    input
}

/// What both ends of a link derive for a channel that they both know.
#[derive(Clone)]
pub struct Secrets {
    /// What the responder shows of it.
    pub tag_r: Tag,
    /// What the initiator shows of it.
    pub tag_i: Tag,
    /// What data lanes call it.
    pub channel_id: ChannelId,
    /// For payloads sealed from end to end.
    pub channel_key: ChannelSecret,
}

impl Secrets {
    /// Derives them from the OPRF's output.
    #[must_use]
    pub fn derive(secret: &LinkSecret, y: &[u8; 64]) -> Self {
        let mut okm = Zeroizing::new([0; 72]);
        Hkdf::<Sha512>::new(Some(&secret.0), y)
            .expand(SECRETS_LABEL, okm.as_mut_slice())
            .expect("HKDF-SHA512 gives up to 16,320 bytes");
        let mut rest = okm.as_slice();
        Self {
            tag_r: take(&mut rest),
            tag_i: take(&mut rest),
            channel_id: ChannelId::from_bytes(take(&mut rest)),
            channel_key: ChannelSecret(take(&mut rest)),
        }
    }
}

/// Cuts the first `N` bytes off. The four cuts above are 72 bytes together.
fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (first, rest) = bytes.split_first_chunk().expect("cut within 72 bytes");
    *bytes = rest;
    *first
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.tag_r.zeroize();
        self.tag_i.zeroize();
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// A key for one channel on one link, `channel_key` of the link protocol. Nothing is sealed with it in this version.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ChannelSecret([u8; 32]);

impl ChannelSecret {
    /// The bytes. Not for logs.
    #[must_use]
    pub const fn reveal(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for ChannelSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ChannelSecret {}

impl fmt::Debug for ChannelSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelSecret(…)")
    }
}
