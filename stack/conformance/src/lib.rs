//! Plays a proxy against a proxy, and holds what that does against the numbered requirements of the documents in `spec/`.
//!
//! It judges by the documents and not by what `nws` happens to do: connections, yamux frames, WebSocket frames and odd messages
//! are made here byte by byte. It shares with `nws` the codec of right messages, and the derivations, which the vectors of the
//! documents test.
//!
//! It doesn't speak multicast DNS, and knows nothing of relays and of WebRTC bootstrap.

mod bytes;
mod check;
mod checks;
mod client;
mod context;
mod dialled;
mod link;
mod oprf;
mod patience;
mod player;
mod reach;
mod report;
#[cfg(test)]
mod requirements;
mod run;
mod spec;
mod tls;
mod verdict;

pub use link::Kind;
pub use report::{Counts, Format, Line, Outcome, Report};
pub use run::{ClientAddress, Options, RunError, Started, start};
