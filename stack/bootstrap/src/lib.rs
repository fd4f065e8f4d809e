//! A signalling server for WebRTC: joiners bring their requests to one root, and what answers them back,
//! until they have a connection of their own and leave. On the wire it is what the npm package
//! `webrtc-bootstrap` 4.4.1 is, so that its clients need nothing but another address.
//!
//! `ws://HOST:5000/join` is for joiners, `/SECRET/webrtc-bootstrap-root` for the root. The server knows
//! nothing of WebRTC, of channels, or of other servers.
//!
//! ```no_run
//! use nws_bootstrap::Server;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder("EMpGMQADK1oR5n8xffrx").public("./public").bind()?;
//! println!("joiners are welcome at {}", server.local_addr());
//! server.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod builder;
mod close;
mod config;
mod counters;
mod exchange;
mod ids;
mod joiner;
mod json;
mod limits;
mod mailbox;
mod message;
mod public;
mod rate;
mod refusal;
mod root;
mod secret;
mod server;
mod site;
mod socket;

pub use builder::{Builder, StartError};
pub use config::{BootstrapConfig, ConfigError};
pub use counters::Figures;
pub use limits::Limits;
pub use nws_listen::{Ahead, SettingsError, Socket, TlsError};
pub use secret::{BadSecret, Secret};
pub use server::{Handle, Server};

/// What a handler of [`Builder::upgrade`] needs to speak through its [`Socket`].
pub use tokio_tungstenite::tungstenite;
