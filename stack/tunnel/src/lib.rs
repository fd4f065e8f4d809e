//! The native ends of a tunnel through a relay (`spec/06-relay.md`): [`Serve`] gives local TCP services to the relay, and
//! [`Connect`] brings a server's ports back as local TCP ports. Any TCP protocol passes: half-close, reset and back-pressure too.
//!
//! A lost WebSocket costs `serve` nothing: it resumes, and its TCP connections go on without a byte lost or doubled.
//! Nothing here knows the relay's inside, or reads what passes.

mod backoff;
mod connect;
mod core;
mod identity;
mod pump;
mod pumps;
mod relay;
mod serve;
mod wire;

pub use connect::{Connect, Forward};
pub use relay::{Relay, RelayError};
pub use serve::Serve;
pub use wire::DialError;

use std::{io, net::SocketAddr, path::PathBuf};

/// What an end of a tunnel says about its connection to the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// It is a new server.
    Registered {
        /// Its id.
        server: u64,
    },
    /// It is the server that it was before.
    Resumed {
        /// Its id.
        server: u64,
    },
    /// It is connected and can ask for channels.
    Connected,
    /// The connection was lost, or could not be made again; it goes on trying.
    Lost {
        /// Why.
        words: String,
    },
}

/// Why an end of a tunnel has ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The first connection to the relay failed. Later ones are tried again.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The relay doesn't want this server.
    #[error("the relay refuses: {0}")]
    Refused(String),
    /// Another program has this server's credential and took its place.
    #[error("another program is this server now: it has the same credential")]
    Replaced,
    /// A local address can't be listened on.
    #[error("it is impossible to listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The file with the server's id and credential can't be read or written.
    #[error("the file {path} cannot be used: {error}")]
    ResumeFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}
