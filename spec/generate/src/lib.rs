//! The test vectors of the specification, `spec/vectors/*.json`, made from the pure crates. `cargo run -p
//! nws-spec-vectors` writes them; `tests/fresh.rs` fails when what is committed differs.
//!
//! What must come of a case is written down here as the documents say it, and compared with what the crates do: where
//! the two differ, no file is written. Nothing here knows a socket, a clock or true randomness.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it reads nothing from outside, and stops at the first surprise"
)]

mod client;
mod control;
mod data;
mod derivations;
mod dialogues;
mod file;
mod frames;
mod ids;
mod json;
mod membership;
mod multiples;
mod names;
mod oprf;
mod voprf;

/// Every file: its name within `spec/vectors`, and its text.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    [
        frames::file(),
        control::file(),
        data::file(),
        derivations::file(),
        voprf::file(),
        client::file(),
        names::file(),
        ids::file(),
        dialogues::file(),
        membership::file(),
    ]
    .into_iter()
    .map(file::File::render)
    .collect()
}
