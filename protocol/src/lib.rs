//! What proxies and clients say to each other, as pure code: wire messages, the
//! frame codec, limits, ids, channel secrets, private matching, the JSON format
//! of clients, and the language of the tunnel relay.
//!
//! Nothing here opens a socket, spawns a task, reads a clock or draws
//! randomness: time and randomness are arguments.

pub mod channel;
pub mod client;
pub mod error;
pub mod frame;
pub mod ids;
pub mod limits;
pub mod matching;
pub mod relay;
pub mod wire;
pub mod wsframe;

pub use channel::{ChannelKey, ChannelKind, ChannelName, NetworkKey};
pub use error::{ClientClose, LinkCode};
pub use ids::{ChannelId, InstanceId, PeerId};
