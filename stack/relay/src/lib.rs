//! A relay through which a page or a program becomes a server with many ports, and others connect to it knowing the
//! relay's address, the server's id and a port: `spec/06-relay.md`. Parties speak the subprotocol `nws-relay-1`, or the
//! six instructions of the first relay; both meet at one core.
//!
//! The relay knows nothing of what is said through it, and opens no connection by itself.
//!
//! ```no_run
//! use nws_relay::Relay;
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let relay = Relay::builder().port(8087).bind()?;
//! println!("ws://{}/", relay.local_addr());
//! relay.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod builder;
mod close;
mod config;
mod core;
mod counters;
mod credential;
mod limits;
mod rate;
mod relay;
mod script;
mod session;
mod shared;
mod site;

pub use builder::{Builder, StartError};
pub use config::{ConfigError, RelayConfig};
pub use counters::Figures;
pub use credential::{BadSecret, Secret};
pub use limits::Limits;
pub use nws_listen::{SettingsError, TlsError};
pub use relay::{Handle, Relay};
