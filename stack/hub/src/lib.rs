//! Channels at one proxy: who is in them, and fan-out.
//!
//! Each channel has a [`Hub`] with bounded logs of encoded frames, which every client and every
//! lane reads at its own pace. When a log would overrun the slowest reader, its senders are held back;
//! nothing is dropped. A reader that holds everyone up for too long is thrown out.
//!
//! The hub knows no socket and no link. The gateway brings clients as [`ClientSeat`]s, the mesh
//! brings lanes as [`LaneIn`] and [`LaneOut`].

mod channels;
mod hub;
mod lane_in;
mod lane_out;
mod limits;
mod log;
mod reader;
mod render;
mod seat;
mod state;
mod take;
mod watch;

pub use channels::{ChannelFigures, Channels, JoinError};
pub use hub::{Hub, LinkId};
pub use lane_in::{LaneFault, LaneIn};
pub use lane_out::{LaneOut, LaneStalled};
pub use limits::HubLimits;
pub use seat::{ClientSeat, Full};
pub use watch::{ChannelChange, ChannelWatch};
