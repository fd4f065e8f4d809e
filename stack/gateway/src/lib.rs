//! The door for clients: HTTP and WebSocket on loopback. It checks who may come in, seats the client
//! in its channel's hub, and from then on moves bytes between the socket and the hub.
//!
//! It never sees a link, another proxy, or a protobuf type.

pub mod frames;

mod access;
mod door;
mod handshake;
mod listen;
mod pages;
mod refusal;
mod server;
mod session;

pub use listen::{BindError, Listeners};
pub use server::{Gateway, GatewaySettings};
pub use session::SessionSettings;
