//! The WebSocket frame layer of a server (RFC 6455 section 5), without any IO.
//!
//! Why our own: the reading of all clients goes through one scratch buffer per worker thread, so that
//! an idle client holds no read buffer; the hub writes ready-made frames straight to the socket; and
//! reading must go on while a write is half done. Libraries couple the two directions and give each
//! client its own buffers. This layer knows neither sockets nor channels nor JSON.

mod header;
mod mask;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::{Incoming, Reader};
pub use writer::{PING, close_frame, close_reply, pong, put_text};
