//! Clients on real sockets: what they say, what they are told, and how their connections end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod crowd;
mod endings;
mod parties;
mod speech;
