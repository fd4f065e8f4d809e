//! Multicast DNS discovery between hosts of the laboratory, through the same code as in the proxy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod finder;
mod finding;
mod flood;
mod losing;
mod strangers;
mod visibility;
