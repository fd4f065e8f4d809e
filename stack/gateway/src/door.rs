//! One HTTP connection up to its end, or up to the upgrade that makes a client of it.
//!
//! An upgrade is answered without waiting for anything; the seat that it took lies beside the service until hyper has sent
//! the 101 and gives the socket back. If the client vanishes before, the seat is dropped with the connection, and
//! so leaves its channel.

use crate::{
    access::Access,
    answer::Answer,
    figures::Figures,
    handshake,
    impatient::Impatient,
    refusal::Refusal,
    site::{self, Found, Later, Site},
};
use bytes::Bytes;
use hyper::{
    Method, Request,
    body::Incoming,
    server::conn::http1::{self, Parts},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use nws_hub::{Channels, ClientSeat};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName};
use percent_encoding::percent_decode_str;
use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Bytes of a request's head, all of it. Browsers send under 2 KiB; cookies for localhost may add some.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Headers in a request; hyper's own default.
const MAX_HEADERS: usize = 100;

/// After an answer that ends the connection, what the client still sends is read for this long and
/// this far, as the system would otherwise destroy the answer with a reset. Guesses.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 * 1024;

/// What every connection needs to know.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) port: u16,
    pub(crate) access: Access,
    pub(crate) site: Site,
    pub(crate) header_timeout: Duration,
    pub(crate) channels: Arc<Channels>,
    pub(crate) figures: Arc<Figures>,
}

/// A client that has come in.
#[derive(Debug)]
pub(crate) struct Entered<S> {
    pub(crate) stream: S,
    /// What it sent right behind its request.
    pub(crate) leftover: Bytes,
    pub(crate) seat: ClientSeat,
}

/// Serves a connection until it ends, or hands it over. An answer of which nothing is taken for as long as a request's
/// head may take ends it. On shutdown the request at hand is finished.
pub(crate) async fn serve<S>(door: Arc<Door>, stream: S, shutdown: CancellationToken) -> Option<Entered<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let header_timeout = door.header_timeout;
    let visitor = Visitor { door, seat: Cell::new(None) };
    // hyper holds the socket, its buffers and the service; all is given back or gone when this returns.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(Impatient::new(stream, header_timeout)), visitor);
    let mut connection = Box::pin(connection);
    let served = tokio::select! {
        biased;
        served = poll_fn(|cx| connection.poll_without_shutdown(cx)) => served,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if let Err(error) = &served {
        tracing::debug!(%error, "HTTP connection ended");
    }
    let Parts { io, read_buf, service, .. } = Pin::into_inner(connection).into_parts();
    let mut stream = io.into_inner().into_inner();
    match (served, service.seat.into_inner()) {
        // A copy, as the original shares hyper's whole read buffer.
        (Ok(()), Some(seat)) => Some(Entered { stream, leftover: Bytes::copy_from_slice(&read_buf), seat }),
        (_, _) => {
            linger(&mut stream).await;
            None
        }
    }
}

async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut sink = [0; 1024];
    let mut left = LINGER_BYTES;
    let drained = timeout(LINGER, async {
        // TLS has something to say here, which may not be read.
        if stream.shutdown().await.is_err() {
            return;
        }
        while let Ok(1..) = stream.read(&mut sink).await {
            left = left.saturating_sub(sink.len());
            if left == 0 {
                break;
            }
        }
    });
    drop(drained.await);
}

/// The service of one connection.
struct Visitor {
    door: Arc<Door>,
    seat: Cell<Option<ClientSeat>>,
}

impl Service<Request<Incoming>> for Visitor {
    type Response = Answer;
    type Error = Infallible;
    type Future = Reply;

    fn call(&self, request: Request<Incoming>) -> Reply {
        match self.answer(&request) {
            Found::Now(result) => Reply::Now(Some(said(result))),
            Found::Later(later) => Reply::Later(later),
            Found::Nothing => Reply::Now(Some(said(Err(Refusal::NotFound)))),
        }
    }
}

/// An answer that is there, or one that has to be waited for.
enum Reply {
    Now(Option<Answer>),
    Later(Later),
}

impl Future for Reply {
    type Output = Result<Answer, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            // hyper polls an answer once.
            Self::Now(answer) => answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer))),
            Self::Later(later) => Poll::Ready(Ok(said(ready!(later.as_mut().poll(cx))))),
        }
    }
}

fn said(result: Result<Answer, Refusal>) -> Answer {
    result.unwrap_or_else(|refusal| {
        tracing::debug!(%refusal, "request refused");
        refusal.answer()
    })
}

impl Visitor {
    fn answer(&self, request: &Request<Incoming>) -> Found {
        let door = &*self.door;
        // An upgrade first: "health" and "console" are good names for channels too.
        let upgrade = handshake::is_wanted(request);
        let checked = door.access.check_host(request.headers(), request.uri());
        if upgrade {
            let entered = checked.and_then(|()| self.enter(request));
            return Found::Now(entered.inspect_err(|refusal| door.figures.refused(refusal)));
        }
        if let Err(refusal) = checked {
            return Found::Now(Err(refusal));
        }
        match door.site.answer(&door.access, request) {
            Found::Nothing => Found::Now(Err(self.no_page(request))),
            found => found,
        }
    }

    /// What to say where there is no page.
    fn no_page(&self, request: &Request<Incoming>) -> Refusal {
        match (request.method(), channel_key(request.uri().path())) {
            (&Method::GET | &Method::HEAD, Some(key)) if !site::RESERVED.contains(&key.name.reveal()) => {
                Refusal::NotAnUpgrade { port: self.door.port }
            }
            (&Method::GET | &Method::HEAD, _) => Refusal::NotFound,
            _ => Refusal::Method("GET"),
        }
    }

    /// Seats the client before the 101 is sent, so that nothing said after it is lost.
    fn enter(&self, request: &Request<Incoming>) -> Result<Answer, Refusal> {
        if request.method() != Method::GET {
            return Err(Refusal::Method("GET"));
        }
        self.door.access.check_origin(request.headers())?;
        let key = channel_key(request.uri().path()).ok_or(Refusal::NotFound)?;
        let answer = handshake::accept(request)?;
        let seat = self.door.channels.join(key, &mut rand_core::OsRng).map_err(Refusal::Full)?;
        self.seat.set(Some(seat));
        Ok(answer)
    }
}

/// The channel that a path stands for: `/<name>`, or a raw relay as `/local/<name>` or
/// `/broadcast/<name>`, behind which a later form of the original put an id that means nothing here.
fn channel_key(path: &str) -> Option<ChannelKey> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let (first, second, id, rest) = (segments.next()?, segments.next(), segments.next(), segments.next());
    let (kind, segment) = match (first, second) {
        (name, None) => (ChannelKind::Network, name),
        ("local", Some(name)) => (ChannelKind::Local, name),
        ("broadcast", Some(name)) => (ChannelKind::Broadcast, name),
        _ => return None,
    };
    if rest.is_some() || id.is_some_and(|id| decoded_name(id).is_none()) {
        return None;
    }
    Some(ChannelKey { kind, name: decoded_name(segment)? })
}

/// A segment, percent-decoded once.
fn decoded_name(segment: &str) -> Option<ChannelName> {
    ChannelName::new(&percent_decode_str(segment).decode_utf8().ok()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn a_path_is_one_name_decoded_once() {
        let name = |path| channel_key(path).map(|key| (key.kind, key.name.reveal().to_owned()));
        let network = |name: &str| Some((ChannelKind::Network, name.to_owned()));
        assert_eq!(name("/chat"), network("chat"));
        assert_eq!(name("/a%2Bb+c"), network("a+b+c"));
        assert_eq!(name("/%63hat"), network("chat"));
        assert_eq!(name("/local"), network("local"));
        for bad in ["/", "", "chat", "*", "/a/b", "/a%2Fb", "/a%20b", "/%FF", "/%", "/%252B", "//", "/chat/", "/%00"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn raw_relays_have_a_kind_before_the_name_and_may_have_an_id_behind() {
        let name = |path| channel_key(path).map(|key| (key.kind, key.name.reveal().to_owned()));
        assert_eq!(name("/local/x"), Some((ChannelKind::Local, "x".to_owned())));
        assert_eq!(name("/local/x/123"), Some((ChannelKind::Local, "x".to_owned())));
        assert_eq!(name("/broadcast/x"), Some((ChannelKind::Broadcast, "x".to_owned())));
        for bad in ["/local/", "/local/x/", "/local/x/1/2", "/local/a%2Fb", "/network/x", "/Local/x", "/local/x/ "] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn paths_are_channels_as_the_vectors_of_the_specification_say() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../spec/vectors/names.json")).expect("the vectors are JSON");
        let cases = vectors["cases"].as_array().expect("a list of cases");
        let paths = cases.iter().filter(|case| case["operation"] == "path");
        let mut seen = 0;
        for case in paths {
            let path = case["path"].as_str().expect("a path");
            let path = path.split_once('?').map_or(path, |(path, _query)| path);
            let found = channel_key(path).map(|key| (key.kind, key.name.reveal().to_owned()));
            let wanted = (case["result"] == "valid").then(|| {
                let kind = match case["channel"]["kind"].as_str() {
                    Some("network") => ChannelKind::Network,
                    Some("broadcast") => ChannelKind::Broadcast,
                    Some("local") => ChannelKind::Local,
                    other => panic!("a kind that nobody knows: {other:?}"),
                };
                (kind, case["channel"]["name"].as_str().expect("a name").to_owned())
            });
            assert_eq!(found, wanted, "{}", case["id"]);
            seen += 1;
        }
        assert!(seen > 30, "only {seen} paths");
    }
}
