//! Links to other proxies, and what joins them to the channels here.
//!
//! [`Mesh::start`] keeps one link to each proxy that discovery finds or the user named, whatever transports carry them,
//! and runs on each link: Hello, private matching of the channels that both ends hold, one data lane each way for each of those,
//! liveness, and goodbyes. Which link to dial and which to keep is decided in `nws-membership`, what a channel does with a lane in
//! `nws-hub`; here is what ties them to the network.
//!
//! | task | owner | what for |
//! |---|---|---|
//! | mesh | [`MeshHandle`] | the table of links, the rules about them |
//! | one for each listener | mesh | accepts links |
//! | one for each link | mesh | dial, handshake, session |
//! | control lane, in and out; lanes to accept | link | |
//! | one for each data lane | link | between the transport and the hub |
//!
//! What is said on data lanes passes through none of the others' queues.

mod activity;
mod actor;
mod budget;
mod config;
mod control;
mod dial;
mod farewell;
mod handshake;
mod in_common;
mod lane_in;
mod lane_out;
mod life;
mod mesh;
mod over;
mod peer;
mod rounds;
mod session;
mod status;

pub use config::{
    DEFAULT_DRAIN_PATIENCE, DEFAULT_FALLBACK_AFTER, DEFAULT_LANE_STALL, DEFAULT_MAX_HANDSHAKES, DEFAULT_MAX_LINKS,
    MeshConfig,
};
pub use mesh::{Mesh, MeshHandle, Port};
pub use peer::{BadPeer, FixedPeer};
pub use status::{LinkStatus, MeshFigures, MeshStatus};
