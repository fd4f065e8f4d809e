//! What the tests across programs and hosts share: a laboratory of hosts in network namespaces, the real `nws` binary and a WebSocket
//! client as processes, and a relay that makes a network worse. The tests themselves are in `tests/tests`.
//!
//! | module | gives |
//! |---|---|
//! | [`netns`] | hosts joined by a bridge, out of reach of the machine's own network |
//! | [`isolation`] | the guard in front of everything that speaks multicast DNS |
//! | [`program`] | a process whose lines can be waited for, and that never outlives its test |
//! | [`proxy`] | the `nws` binary, here or on a host |
//! | [`client`] | a WebSocket client, here or on a host |
//! | [`loopback`] | addresses on which nobody listens yet |
//! | [`bulk`] | a WebSocket client on loopback that moves gigabytes |
//! | [`fault`] | delay, jitter, loss, reordering, a narrow link, stalls and cuts, for TCP and UDP |
//!
//! Everything here is for tests, so it stops with words at the first surprise instead of returning errors.

pub mod bulk;
pub mod client;
pub mod fault;
pub mod isolation;
pub mod loopback;
pub mod netns;
pub mod program;
pub mod proxy;
