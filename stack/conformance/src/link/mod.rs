//! A connection to the target as a check needs it: the two transports behind one face, without the safeguards that a
//! proxy's own code has. It knows lanes and bytes, and no message.

mod lane;
mod yamux;

pub(crate) use lane::{Next, Reader, Receiver, Sender};
use yamux::RST;
pub(crate) use yamux::{FIN, Mux};

use crate::{
    tls::{ClientTls, NO_NAME, ServerTls, ShownByClient, ShownByServer},
    verdict::{Trouble, failed, not_run},
};
use quinn::{
    VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The transport's handshake has this long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Which transport the target is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// QUIC.
    Quic,
    /// TLS on TCP, with yamux.
    Tcp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        })
    }
}

/// How a connection ended.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    /// Where the transport carries one.
    pub(crate) code: Option<u64>,
    pub(crate) words: String,
}

/// Why nothing more can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// In order.
    Finished,
    /// Given up, with a code; 0 on TCP.
    Reset(u64),
    /// With its connection.
    Gone(String),
    /// Not yet: the time is over.
    Nothing,
}

/// A connection whose transport handshake is done.
#[derive(Debug)]
pub(crate) enum Conn {
    Tcp { mux: Arc<Mux>, ekm: [u8; 32] },
    Quic { connection: quinn::Connection, _endpoint: Option<quinn::Endpoint>, ekm: [u8; 32] },
}

impl Drop for Conn {
    fn drop(&mut self) {
        match self {
            Self::Tcp { mux, .. } => mux.abort(),
            Self::Quic { connection, .. } => connection.close(VarInt::from_u32(0), b""),
        }
    }
}

const LABEL: &[u8] = b"EXPERIMENTAL-nws-link";
const CONTEXT: &[u8] = b"nws/1";

/// The settings of the runner's QUIC.
fn quic_settings() -> Arc<quinn::TransportConfig> {
    let mut settings = quinn::TransportConfig::default();
    settings
        .max_concurrent_bidi_streams(VarInt::from_u32(4))
        .max_concurrent_uni_streams(VarInt::from_u32(1024))
        .stream_receive_window(VarInt::from_u32(256 * 1024))
        .max_idle_timeout(Some(VarInt::from_u32(60_000).into()));
    Arc::new(settings)
}

/// Dials, `from` an address of this machine if need be. `Err` has what was in the way: a check may want just that.
pub(crate) async fn dial(
    kind: Kind,
    address: SocketAddr,
    from: Option<IpAddr>,
    tls: &ClientTls,
) -> Result<(Conn, Arc<ShownByServer>), String> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let local = SocketAddr::new(from.unwrap_or(any), 0);
    let (config, shown) = tls.config().map_err(|error| error.to_string())?;
    let conn = timeout(HANDSHAKE, async {
        match kind {
            Kind::Tcp => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
                let socket = socket.map_err(|error| error.to_string())?;
                socket.bind(local).map_err(|error| error.to_string())?;
                let socket = socket.connect(address).await.map_err(|error| error.to_string())?;
                socket.set_nodelay(true).map_err(|error| error.to_string())?;
                let name = NO_NAME.try_into().map_err(|_| "the name".to_owned())?;
                let stream = TlsConnector::from(config).connect(name, socket).await.map_err(|e| e.to_string())?;
                tcp(TlsStream::Client(stream), true)
            }
            Kind::Quic => {
                let mut client = quinn::ClientConfig::new(Arc::new(
                    QuicClientConfig::try_from(config).map_err(|error| error.to_string())?,
                ));
                client.transport_config(quic_settings());
                client.version(1);
                let endpoint = quinn::Endpoint::client(local).map_err(|error| error.to_string())?;
                let connecting = endpoint.connect_with(client, address, NO_NAME).map_err(|error| error.to_string())?;
                quic(connecting.await.map_err(|error| error.to_string())?, Some(endpoint))
            }
        }
    });
    match conn.await {
        Ok(Ok(conn)) => Ok((conn, shown)),
        Ok(Err(why)) => Err(why),
        Err(_) => Err("no end of the handshake within 10 s".to_owned()),
    }
}

/// Somebody dials the runner; the handshake is still to be done.
#[derive(Debug)]
pub(crate) enum Incoming {
    Tcp(TcpStream),
    Quic(Box<quinn::Incoming>),
}

impl Incoming {
    /// Does the handshake.
    pub(crate) async fn accept(self, tls: &ServerTls) -> (Result<Conn, String>, Arc<ShownByClient>) {
        let (config, shown) = match tls.config() {
            Ok(made) => made,
            Err(error) => return (Err(error.to_string()), Arc::default()),
        };
        let shake = async {
            match self {
                Self::Tcp(socket) => {
                    let _ = socket.set_nodelay(true);
                    let stream = TlsAcceptor::from(config).accept(socket).await.map_err(|error| error.to_string())?;
                    tcp(TlsStream::Server(stream), false)
                }
                Self::Quic(incoming) => {
                    let config = QuicServerConfig::try_from(config).map_err(|error| error.to_string())?;
                    let mut server = quinn::ServerConfig::with_crypto(Arc::new(config));
                    server.transport_config(quic_settings());
                    let connecting = incoming.accept_with(Arc::new(server)).map_err(|error| error.to_string())?;
                    quic(connecting.await.map_err(|error| error.to_string())?, None)
                }
            }
        };
        let conn = timeout(HANDSHAKE, shake).await.unwrap_or_else(|_| Err("no end of the handshake".to_owned()));
        (conn, shown)
    }
}

fn tcp(stream: TlsStream<TcpStream>, client: bool) -> Result<Conn, String> {
    let exported = match &stream {
        TlsStream::Client(stream) => stream.get_ref().1.export_keying_material([0; 32], LABEL, Some(CONTEXT)),
        TlsStream::Server(stream) => stream.get_ref().1.export_keying_material([0; 32], LABEL, Some(CONTEXT)),
    };
    let ekm = exported.map_err(|error| error.to_string())?;
    Ok(Conn::Tcp { mux: Mux::start(stream, client), ekm })
}

fn quic(connection: quinn::Connection, endpoint: Option<quinn::Endpoint>) -> Result<Conn, String> {
    let mut ekm = [0; 32];
    connection.export_keying_material(&mut ekm, LABEL, CONTEXT).map_err(|error| format!("{error:?}"))?;
    Ok(Conn::Quic { connection, _endpoint: endpoint, ekm })
}

impl Conn {
    pub(crate) const fn ekm(&self) -> &[u8; 32] {
        match self {
            Self::Tcp { ekm, .. } | Self::Quic { ekm, .. } => ekm,
        }
    }

    /// Opens the control lane, as the initiator does.
    pub(crate) async fn open_control(&self) -> Result<(Sender, Receiver), Trouble> {
        match self {
            Self::Tcp { mux, .. } => {
                let id = mux.open().await.map_err(|error| gone(&error))?;
                Ok((Sender::tcp(Arc::clone(mux), id), Receiver::tcp(Arc::clone(mux), id)))
            }
            Self::Quic { connection, .. } => {
                let opened = timeout(Duration::from_secs(5), connection.open_bi()).await;
                let opened = opened
                    .map_err(|_| failed("R allows one bidirectional stream", "none could be opened within 5 s"))?;
                let (send, recv) = opened.map_err(|error| gone(&error))?;
                Ok((Sender::Quic(send), Receiver::Quic(recv)))
            }
        }
    }

    /// The first lane of the initiator, as the responder gets it.
    pub(crate) async fn accept_control(&self, within: Duration) -> Result<(Sender, Receiver), Trouble> {
        let none = || failed("I opens the control lane at once", format!("no control lane within {within:?}"));
        match self {
            Self::Tcp { mux, .. } => {
                let id = mux.accept(within).await.ok_or_else(none)?;
                if id != 1 {
                    return Err(failed("the control lane is the yamux stream with the id 1", format!("the id {id}")));
                }
                Ok((Sender::tcp(Arc::clone(mux), id), Receiver::tcp(Arc::clone(mux), id)))
            }
            Self::Quic { connection, .. } => {
                let opened = timeout(within, connection.accept_bi()).await.map_err(|_| none())?;
                let (send, recv) = opened.map_err(|error| failed("a control lane", error.to_string()))?;
                if recv.id().index() != 0 {
                    return Err(failed("the control lane is stream 0", format!("{}", recv.id())));
                }
                Ok((Sender::Quic(send), Receiver::Quic(recv)))
            }
        }
    }

    /// Opens a data lane.
    pub(crate) async fn open_lane(&self) -> Result<Sender, Trouble> {
        match self {
            Self::Tcp { mux, .. } => {
                let id = mux.open().await.map_err(|error| gone(&error))?;
                Ok(Sender::tcp(Arc::clone(mux), id))
            }
            Self::Quic { connection, .. } => {
                let opened = timeout(Duration::from_secs(5), connection.open_uni()).await;
                let opened =
                    opened.map_err(|_| failed("room for a data lane", "no stream could be opened within 5 s"))?;
                Ok(Sender::Quic(opened.map_err(|error| gone(&error))?))
            }
        }
    }

    /// The next data lane of the target.
    pub(crate) async fn accept_lane(&self, within: Duration) -> Option<Receiver> {
        match self {
            Self::Tcp { mux, .. } => mux.accept(within).await.map(|id| Receiver::tcp(Arc::clone(mux), id)),
            Self::Quic { connection, .. } => {
                timeout(within, connection.accept_uni()).await.ok()?.ok().map(Receiver::Quic)
            }
        }
    }

    /// Waits for the end of the connection.
    pub(crate) async fn closed(&self, within: Duration) -> Option<Closed> {
        match self {
            Self::Tcp { mux, .. } => mux.closed(within).await,
            Self::Quic { connection, .. } => {
                let error = timeout(within, connection.closed()).await.ok()?;
                let code = match &error {
                    quinn::ConnectionError::ApplicationClosed(close) => Some(close.error_code.into_inner()),
                    _ => None,
                };
                Some(Closed { code, words: error.to_string() })
            }
        }
    }

    /// Ends the transport in order.
    pub(crate) async fn close(&self, code: u32) {
        match self {
            Self::Tcp { mux, .. } => mux.close().await,
            Self::Quic { connection, .. } => connection.close(VarInt::from_u32(code), b""),
        }
    }

    /// yamux, where there is one.
    pub(crate) fn mux(&self) -> Result<&Arc<Mux>, Trouble> {
        match self {
            Self::Tcp { mux, .. } => Ok(mux),
            Self::Quic { .. } => Err(not_run("it is about links on TCP, and the target is reached by QUIC")),
        }
    }

    /// QUIC, where it is.
    pub(crate) fn quic(&self) -> Result<&quinn::Connection, Trouble> {
        match self {
            Self::Quic { connection, .. } => Ok(connection),
            Self::Tcp { .. } => Err(not_run("it is about links on QUIC, and the target is reached by TCP")),
        }
    }
}

pub(crate) fn gone(error: &dyn fmt::Display) -> Trouble {
    failed("the link is up", format!("it is gone: {error}"))
}
