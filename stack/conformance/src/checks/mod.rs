//! The checks, by what they are about.

mod budgets;
mod client;
mod departures;
mod dialled;
mod duplicates;
mod frames;
mod handshake;
mod hello;
mod http;
mod lane_faults;
mod lanes;
mod liveness;
mod matching;
mod members;
mod offers;
mod pace;
mod relayed;
mod responder;
mod turns;
mod websocket;
mod yamux;

use crate::check::Check;

/// All checks, in the order of the report.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    let tables: [&'static [Check]; 21] = [
        handshake::CHECKS,
        dialled::CHECKS,
        yamux::CHECKS,
        frames::CHECKS,
        hello::CHECKS,
        duplicates::CHECKS,
        liveness::CHECKS,
        matching::CHECKS,
        offers::CHECKS,
        responder::CHECKS,
        turns::CHECKS,
        budgets::CHECKS,
        lanes::CHECKS,
        lane_faults::CHECKS,
        members::CHECKS,
        departures::CHECKS,
        relayed::CHECKS,
        pace::CHECKS,
        client::CHECKS,
        http::CHECKS,
        websocket::CHECKS,
    ];
    tables.into_iter().flatten()
}
