//! Finding tags without telling by the time it takes how near a wrong one came.
//!
//! A tag of the other end is looked up among many, so comparing it with each in constant time would cost the product
//! of both counts. Instead tags are kept under a hash with a key that never leaves this index: whoever chooses
//! tags cannot choose hashes, so the order of the search says nothing about the tags in it. The tag itself is
//! compared last, in constant time.

use crate::wire::Tag;
use rand_core::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

type Slot = [u8; 16];

/// Values under tags.
pub(super) struct TagIndex<V> {
    key: Zeroizing<[u8; 32]>,
    entries: BTreeMap<Slot, (Tag, V)>,
}

impl<V> TagIndex<V> {
    pub(super) fn new(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(key.as_mut_slice());
        Self { key, entries: BTreeMap::new() }
    }

    /// Key and tag have fixed lengths and the hash is never shown, so a plain prefix is a good key.
    fn slot(&self, tag: &Tag) -> Slot {
        let hash = Sha512::new_with_prefix(self.key.as_slice()).chain_update(tag).finalize();
        let mut slot = Slot::default();
        slot.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        slot
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, tag: &Tag) -> Option<&V> {
        self.entries.get(&self.slot(tag)).filter(|(known, _)| known.ct_eq(tag).into()).map(|(_, value)| value)
    }

    /// Puts a value under a tag; gives back what was there.
    pub(super) fn insert(&mut self, tag: Tag, value: V) -> Option<V> {
        self.entries.insert(self.slot(&tag), (tag, value)).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, tag: &Tag) -> Option<V> {
        self.entries.remove(&self.slot(tag)).map(|(_, value)| value)
    }
}
