//! The byte stream under yamux: TLS, with many frames to a record and an eye on their headers.
//!
//! yamux writes a frame's header and its body one by one and flushes after each frame. Here they gather, and
//! the driver sends them when yamux has no more to say, so that small frames share a TLS record
//! and a system call, whichever lanes they are of.

use super::{
    Socket,
    scan::{ACK, FIN, Header, Kind, NotYamux, RST, SYN, Scan},
    shared::{CONTROL_ID, Shared},
};
use crate::link::LinkError;
use bytes::{Buf, BytesMut};
use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// Bytes gathered before they are sent although yamux has more: four full TLS records.
const GATHER_BYTES: usize = 64 * 1024;

/// Bytes gathered while a Pong is owed. yamux reads nothing before it has got rid of the frame in hand (of a full TLS record)
/// and the Pong, so if it had to wait for the socket, two ends that ping each other could both wait for the other to read.
/// Honest ends ping again only after the Pong; others do not get more than this.
const OWING_BYTES: usize = 2 * GATHER_BYTES;

/// Bytes read before what is gathered is sent although there is more to read.
const READ_BEFORE_SEND_BYTES: usize = 64 * 1024;

/// The largest body that the library accepts.
const MAX_BODY_BYTES: u32 = 1024 * 1024;

pub(super) struct Wire {
    tls: TlsStream<Socket>,
    out: BytesMut,
    unflushed: bool,
    read_since_send: usize,
    incoming: Scan,
    outgoing: Scan,
    pings: Pings,
    shared: Arc<Shared>,
}

/// Pings that are not answered.
#[derive(Debug, Default)]
struct Pings {
    /// When the last one of this end was sent.
    sent: Option<Instant>,
    /// One of the other end has come.
    owed: bool,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("gathered", &self.out.len()).finish_non_exhaustive()
    }
}

impl From<NotYamux> for LinkError {
    fn from(_: NotYamux) -> Self {
        Self::Violated("bytes that are no yamux frame".to_owned())
    }
}

impl Wire {
    pub(super) fn new(tls: TlsStream<Socket>, shared: Arc<Shared>) -> Self {
        Self {
            tls,
            out: BytesMut::new(),
            unflushed: false,
            read_since_send: 0,
            incoming: Scan::default(),
            outgoing: Scan::default(),
            pings: Pings::default(),
            shared,
        }
    }

    pub(super) fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], rustls::Error> {
        match &self.tls {
            TlsStream::Client(tls) => tls.get_ref().1.export_keying_material([0; 32], label, Some(context)),
            TlsStream::Server(tls) => tls.get_ref().1.export_keying_material([0; 32], label, Some(context)),
        }
    }

    /// Sends what is gathered. Pending means that the socket is full, and wakes.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read_since_send = 0;
        while !self.out.is_empty() {
            let sent = ready!(Pin::new(&mut self.tls).poll_write(cx, &self.out)).map_err(|e| self.broken(e))?;
            self.out.advance(sent);
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.tls).poll_flush(cx)).map_err(|e| self.broken(e))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes why before yamux can drop its streams, so that lanes tell the true reason.
    fn broken(&self, e: io::Error) -> io::Error {
        self.shared.end(LinkError::Lost(e.to_string()));
        e
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.incoming.at_border() && self.shared.must_pause() {
            return Poll::Pending;
        }
        if self.read_since_send >= READ_BEFORE_SEND_BYTES
            && let Poll::Ready(Err(e)) = self.poll_send(cx)
        {
            return Poll::Ready(Err(e));
        }
        let mut buf = ReadBuf::new(buf);
        match ready!(Pin::new(&mut self.tls).poll_read(cx, &mut buf)) {
            Err(e) => return Poll::Ready(Err(self.broken(e))),
            Ok(()) if buf.filled().is_empty() => {
                self.shared.end(LinkError::Lost("the connection ended without a goodbye".to_owned()));
                return Poll::Ready(Ok(0));
            }
            Ok(()) => {}
        }
        let bytes = buf.filled();
        self.read_since_send += bytes.len();
        let (shared, pings) = (&self.shared, &mut self.pings);
        if let Err(e) = self.incoming.feed(bytes, |header| inspect(shared, pings, header)) {
            self.shared.end(e.clone());
            return Poll::Ready(Err(e.into()));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = if self.pings.owed { OWING_BYTES } else { GATHER_BYTES };
        if self.out.len() >= room && self.poll_send(cx)?.is_pending() && self.out.len() >= room {
            return Poll::Pending;
        }
        let pings = &mut self.pings;
        let mut refused = false;
        // The library's own frames are well formed.
        let _ = self.outgoing.feed::<NotYamux>(bytes, |header| {
            match header.kind {
                Kind::Ping if header.flags & ACK == 0 => pings.sent = Some(Instant::now()),
                Kind::Ping => pings.owed = false,
                Kind::GoAway => refused |= header.length != 0,
                _ => {}
            }
            Ok(())
        });
        self.out.extend_from_slice(bytes);
        if refused {
            self.shared.end(LinkError::Violated("refused by the muxer".to_owned()));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Sends the rest, says that no more comes, and reads until the other end does so too: a socket closed with
    /// bytes unread in it would reset the connection, and the other end could lose what was sent last.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        ready!(Pin::new(&mut self.tls).poll_shutdown(cx))?;
        loop {
            let mut waste = [0; 4096];
            let mut waste = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut self.tls).poll_read(cx, &mut waste)) {
                Ok(()) if !waste.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Judges and counts an incoming frame by its header.
fn inspect(shared: &Shared, pings: &mut Pings, header: Header) -> Result<(), LinkError> {
    let violated = |what: &str| Err(LinkError::Violated(what.to_owned()));
    let Header { kind, flags, stream, length } = header;
    match kind {
        Kind::Data | Kind::WindowUpdate => {
            if stream == 0 {
                return violated("a frame of no stream");
            }
            let own = shared.is_own(stream);
            if flags & SYN != 0 && own {
                return violated("a stream opened with an id of this end");
            }
            if kind == Kind::Data && length > 0 {
                if length > MAX_BODY_BYTES {
                    return violated("a frame too large");
                }
                if own && stream != CONTROL_ID {
                    return violated("data on a lane that was opened here");
                }
            }
            // yamux makes no stream of a frame that resets one, whatever else it says, and keeps no body of it. A lane entered
            // for it would have no end, and strangers may send many.
            if flags & RST == 0 {
                let bytes = if kind == Kind::Data { length as usize } else { 0 };
                shared.came(stream, flags & SYN != 0, flags & FIN != 0, bytes);
            }
        }
        Kind::Ping => {
            if flags & ACK == 0 {
                pings.owed = true;
            } else if let Some(sent) = pings.sent.take() {
                shared.set_rtt(sent.elapsed());
            }
        }
        Kind::GoAway if length == 0 => {
            let code = nws_protocol::LinkCode::None;
            shared.end(LinkError::ClosedByPeer { code, reason: code.words().to_owned() });
        }
        Kind::GoAway => shared.end(LinkError::Lost(format!("the other end's muxer gave up with code {length}"))),
    }
    Ok(())
}

/// A handle for yamux and one for the driver. Both are in one task, so the lock is never waited for, but
/// for the moment in which an exporter is asked for.
#[derive(Debug, Clone)]
pub(super) struct WireHandle(pub(super) Arc<Mutex<Wire>>);

impl WireHandle {
    pub(super) fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl futures::AsyncRead for WireHandle {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.lock().poll_fill(cx, buf)
    }
}

impl futures::AsyncWrite for WireHandle {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.lock().put(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The driver sends when yamux has nothing more to write.
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_end(cx)
    }
}

#[cfg(test)]
mod tests;
