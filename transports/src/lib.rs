//! What carries a link: the [`Transport`] trait, with QUIC, TLS on TCP and an in-memory network
//! under it.
//!
//! A transport knows nothing of channels, messages or frames: it dials, listens, and gives ordered
//! byte lanes and a secret bound to the connection. Which proxy is at the other end, and whether to
//! trust it, is decided above.
//!
//! | | made with | a lane is | link codes travel |
//! |---|---|---|---|
//! | [`QuicTransport`] | [`QuicTransport::new`]`(`[`QuicConfig`]`)` | a QUIC stream | yes |
//! | [`TcpTransport`] | [`TcpTransport::new`]`(`[`TcpConfig`]`)` | a yamux stream in TLS 1.3 | no: see [`Link::close`] |
//! | [`MemoryTransport`] | [`MemoryNetwork::transport`]`(host)` | a queue in this process | yes |
//!
//! Both real ones make their own throw-away certificate, take their defaults from `Default`, and open
//! nothing until they are used, within a tokio runtime:
//!
//! ```
//! use nws_transports::{TcpConfig, TcpTransport, Transport};
//! use std::net::Ipv4Addr;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = TcpTransport::new(TcpConfig::default())?;
//! let listener = transport.listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
//! let (dialled, accepted) = tokio::join!(transport.dial(listener.local_addr()), listener.accept());
//! let (dialled, accepted) = (dialled?, accepted?);
//! assert_eq!(dialled.exporter(b"label", b"")?, accepted.exporter(b"label", b"")?);
//!
//! let mut send = dialled.open().await?;
//! send.write_all(b"one way").await?;
//! send.shutdown().await?;
//! let mut received = String::new();
//! accepted.accept().await?.read_to_string(&mut received).await?;
//! assert_eq!(received, "one way");
//! # Ok(())
//! # }
//! ```
//!
//! What is promised of all three is in `tests/conformance`, and run for each.
//!
//! Memory that the other end can make a link hold: what lies unread, at most `receive_window_bytes` of
//! all lanes (64 MiB by default) and of one lane 1 MiB on QUIC and from 256 KiB on TCP; and about a kilobyte for
//! each open lane, of which there are at most 8192 on QUIC and 4096 on TCP in each direction.

mod gather;
mod inbox;
mod link;
mod memory;
mod quic;
mod socket;
mod tcp;
mod tls;
mod transport;

pub use link::{BoxLink, Lane, LaneReader, LaneWriter, Link, LinkError, RecvLane, SendLane};
pub use memory::{Cut, MemoryNetwork, MemoryTransport};
pub use quic::{QuicConfig, QuicTransport};
pub use tcp::{TcpConfig, TcpTransport};
pub use transport::{Listening, Role, Transport, TransportError, TransportKind};
