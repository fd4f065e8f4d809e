//! The program from outside: what it says, what it refuses and with which exit code, how it starts and ends.
//! Nothing here uses multicast, and everything listens on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod beside;
mod bootstrap;
mod client;
mod life;
mod open_files;
mod pages;
mod precedence;
mod process;
mod refusals;
mod relay;
mod secrets;
mod tls;
mod tunnel;
