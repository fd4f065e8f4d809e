//! Who is in a channel, and which proxies are linked, as pure state machines.
//!
//! [`Roster`] is the membership of one channel at one proxy. [`Neighbours`] decides whom to dial and
//! which of several links to one proxy stays.
//!
//! Nothing here opens a socket, spawns a task, reads a clock or draws randomness: time and
//! randomness are arguments, and maps are ordered, so that a seed replays a run exactly.

pub mod neighbours;
pub mod roster;

pub use neighbours::Neighbours;
pub use roster::{Change, Misbehaved, Roster, Whereabouts};
