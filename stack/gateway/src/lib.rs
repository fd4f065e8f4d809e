//! The door for clients: HTTP and WebSocket on loopback. It checks who may come in, seats the client
//! in its channel's hub, and from then on moves bytes between the socket and the hub.
//!
//! It never sees a link, another proxy, or a protobuf type.

pub mod frames;

mod access;
mod answer;
mod assets;
mod conditional;
mod door;
mod figures;
mod folder;
mod fullness;
mod handshake;
mod impatient;
mod listen;
mod media_type;
mod metrics;
mod refusal;
mod report;
mod server;
mod session;
mod site;
mod tls;

pub use assets::Assets;
pub use folder::Folder;
pub use listen::{BindError, Listeners};
pub use report::{DiscoveryState, DiscoveryStatus, LinkStatus, NetworkStatus, StatusSource};
pub use server::{Gateway, GatewaySettings};
pub use session::SessionSettings;
pub use tls::{BadCertificate, Certificate, CertificateSlot, TlsDoor};
