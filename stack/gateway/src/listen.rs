//! The loopback sockets that clients come in by: 127.0.0.1 and `::1`, on one port.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, sleep_until},
};

/// How often a port free on both addresses is looked for.
const ATTEMPTS: u32 = 32;

/// Connections that the system holds until they are accepted; it may make this less.
const BACKLOG: u32 = 1024;

/// What the system may hold of what was written to a client. By default Linux lets it grow to 4 MiB, and tells that there is
/// room only when a third is free; and the client's own buffer grows with what is under way. Then who reads slowly can't
/// be told from who does not read (see `client_burst_bytes` of the hubs). Larger ones gain nothing on loopback.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;

/// First and longest pause after accepting failed for want of file descriptors or memory. Guesses.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{0} is taken by another program, maybe by another nws")]
    InUse(SocketAddr),
    /// The system forbids it; ports under 1024 often need a privilege.
    #[error("the system does not allow listening on {0}")]
    Forbidden(SocketAddr),
    /// Anything else.
    #[error("can't listen on {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::PermissionDenied => Self::Forbidden(address),
            _ => Self::Other { address, source },
        }
    }
}

/// Listening sockets on loopback. At least one of the two is there.
#[derive(Debug)]
pub struct Listeners {
    port: u16,
    v4: Option<TcpListener>,
    v6: Option<TcpListener>,
    missing: Option<BindError>,
    pause: Pause,
}

#[derive(Debug, Default)]
struct Pause {
    length: Duration,
    until: Option<Instant>,
}

impl Listeners {
    /// Listens on 127.0.0.1 and `::1`. Port 0 takes one that is free on both. A machine without one
    /// of the two addresses is served on the other; [`missing`](Self::missing) tells.
    ///
    /// # Errors
    /// [`BindError`], which names the address.
    #[expect(clippy::unused_async, reason = "it must be called inside a runtime; so it can't be called elsewhere")]
    pub async fn bind(port: u16) -> Result<Self, BindError> {
        let mut attempt = 1;
        loop {
            let v4 = bind((Ipv4Addr::LOCALHOST, port).into());
            let chosen = match &v4 {
                Ok((_, address)) => address.port(),
                Err(error) if is_absent(error) => port,
                Err(_) => return Err(v4.err().unwrap_or(BindError::InUse((Ipv4Addr::LOCALHOST, port).into()))),
            };
            let v6 = bind((Ipv6Addr::LOCALHOST, chosen).into());
            match (v4, v6) {
                (Ok((v4, address)), Ok((v6, _))) => return Ok(Self::new(address.port(), Some(v4), Some(v6), None)),
                (Ok((v4, address)), Err(error)) if is_absent(&error) => {
                    return Ok(Self::new(address.port(), Some(v4), None, Some(error)));
                }
                (Err(error), Ok((v6, address))) => return Ok(Self::new(address.port(), None, Some(v6), Some(error))),
                (Ok(_), Err(BindError::InUse(_))) if port == 0 && attempt < ATTEMPTS => attempt += 1,
                (_, Err(error)) => return Err(error),
            }
        }
    }

    fn new(port: u16, v4: Option<TcpListener>, v6: Option<TcpListener>, missing: Option<BindError>) -> Self {
        Self { port, v4, v6, missing, pause: Pause::default() }
    }

    /// The port, the same on both addresses.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What is listened on.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        [&self.v4, &self.v6].into_iter().flatten().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Why one of the two addresses is not listened on, if so.
    #[must_use]
    pub const fn missing(&self) -> Option<&BindError> {
        self.missing.as_ref()
    }

    /// The next connection. Faults of one connection are passed over; when the system is out of file
    /// descriptors or memory, it waits, longer each time, as the connections wait in the backlog.
    /// Cancel safe.
    pub(crate) async fn accept(&mut self) -> TcpStream {
        loop {
            if let Some(until) = self.pause.until {
                sleep_until(until).await;
                self.pause.until = None;
            }
            let accepted = tokio::select! {
                accepted = accept(self.v4.as_ref()) => accepted,
                accepted = accept(self.v6.as_ref()) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    self.pause = Pause::default();
                    return stream;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if self.pause.length.is_zero() {
                        tracing::warn!(%error, "can't accept clients for now");
                    }
                    self.pause.length = (self.pause.length * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                    self.pause.until = Some(Instant::now() + self.pause.length);
                }
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    open(address).map_err(|source| BindError::new(address, source))
}

fn open(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows this would let another program take the port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    // What is accepted inherits it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// The machine does not have this address, or this kind of address.
fn is_absent(error: &BindError) -> bool {
    /// `EAFNOSUPPORT` on Linux, macOS and the BSDs, Windows.
    const NO_FAMILY: [i32; 3] = [97, 47, 10047];
    let BindError::Other { source, .. } = error else { return false };
    matches!(source.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || source.raw_os_error().is_some_and(|code| NO_FAMILY.contains(&code))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[tokio::test]
    async fn port_0_is_the_same_on_both_addresses() {
        let mut listeners = Listeners::bind(0).await.unwrap();
        assert_ne!(listeners.port(), 0);
        for address in listeners.addresses() {
            assert!(address.ip().is_loopback());
            assert_eq!(address.port(), listeners.port());
            let (client, accepted) = tokio::join!(TcpStream::connect(address), listeners.accept());
            assert_eq!(client.unwrap().local_addr().unwrap(), accepted.peer_addr().unwrap());
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Listeners::bind(0).await.unwrap();
        let error = Listeners::bind(first.port()).await.unwrap_err();
        assert!(matches!(error, BindError::InUse(_)));
        assert!(error.to_string().contains(&format!("127.0.0.1:{}", first.port())));
    }

    #[test]
    fn a_machine_without_ipv6_is_told_from_a_fault() {
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 1));
        for kind in [io::ErrorKind::AddrNotAvailable, io::ErrorKind::Unsupported] {
            assert!(is_absent(&BindError::new(address, kind.into())));
        }
        #[cfg(target_os = "linux")]
        assert!(is_absent(&BindError::new(address, io::Error::from_raw_os_error(97))));
        assert!(!is_absent(&BindError::new(address, io::ErrorKind::PermissionDenied.into())));
        assert!(!is_absent(&BindError::new(address, io::ErrorKind::AddrInUse.into())));
    }
}
