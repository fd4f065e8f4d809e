//! What the fuzz targets do, on a stable compiler: with their committed inputs, and with changes to these.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

#[path = "fuzz_entry/client_json.rs"]
mod client_json;
#[path = "fuzz_entry/frame_codec.rs"]
mod frame_codec;
#[path = "fuzz_entry/matching_messages.rs"]
mod matching_messages;
#[path = "fuzz_entry/relay_json.rs"]
mod relay_json;
#[path = "fuzz_entry/wire_decode.rs"]
mod wire_decode;

use proptest::{prelude::*, sample::Index};
use std::{fs, path::Path};

/// The committed inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no inputs");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One step away from an input.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, Index),
    Splice(Index, Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<(Index, u8)>().prop_map(|(at, byte)| Self::Set(at, byte)),
            (any::<Index>(), prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            any::<(Index, Index)>().prop_map(|(from, to)| Self::Cut(from, to)),
            any::<(Index, Index)>().prop_map(|(other, at)| Self::Splice(other, at)),
        ]
    }

    fn apply(&self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let places = input.len() + 1;
        match self {
            Self::Set(at, byte) => {
                if let Some(place) = input.get_mut(at.index(places)) {
                    *place = *byte;
                }
            }
            Self::Insert(at, bytes) => drop(input.splice(at.index(places)..at.index(places), bytes.iter().copied())),
            Self::Cut(from, to) => {
                let (from, to) = (from.index(places), to.index(places));
                input.drain(from.min(to)..from.max(to));
            }
            Self::Splice(other, at) => {
                let other = other.get(corpus);
                input.truncate(at.index(places));
                input.extend_from_slice(&other[at.index(other.len() + 1)..]);
            }
        }
    }
}

macro_rules! targets {
    ($($target:ident: $cases:literal),*) => {$(
        #[test]
        fn $target() {
            let corpus = corpus(stringify!($target));
            corpus.iter().for_each(|input| $target::run(input));
            let strategy = (any::<Index>(), prop::collection::vec(Change::any(), 1..5));
            let config = ProptestConfig { cases: $cases, failure_persistence: None, ..ProptestConfig::default() };
            proptest!(config, |((at, changes) in strategy)| {
                let mut input = at.get(&corpus).clone();
                changes.iter().for_each(|change| change.apply(&mut input, &corpus));
                $target::run(&input);
            });
        }
    )*};
}

// Matching does group operations, so it gets fewer cases.
targets!(frame_codec: 5_000, wire_decode: 5_000, client_json: 5_000, relay_json: 5_000, matching_messages: 100);
