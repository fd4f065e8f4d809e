//! What each request gets: a seat and a WebSocket, a sign of life, or the words that say what is here.

use crate::{
    core::Dialect,
    counters::Counters,
    session::{self, Seat},
    shared::Shared,
};
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
};
use hyper::{
    Method, StatusCode,
    header::{ALLOW, HeaderValue, RETRY_AFTER},
};
use nws_listen::{BadHandshake, Sessions, accept, address, is_wanted, page, text};
use nws_protocol::relay::SUBPROTOCOL;
use std::{net::Ipv4Addr, sync::Arc};

const HEALTH: &str = concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}\n");

/// When it is worth while to try again. A guess.
const RETRY_SECONDS: &str = "10";

/// What every request needs to know.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) shared: Arc<Shared>,
    /// Everyone with a WebSocket.
    pub(crate) sessions: Sessions,
}

/// Why a request gets no WebSocket, and no page.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("This is a tunnel relay: open a WebSocket, to any path. GET /health and GET /metrics are about the relay.")]
    NotHere,
    #[error("This method is not allowed here; allowed: GET, HEAD.")]
    Method,
    #[error("No room: as many parties as there may be are here. Try again soon.")]
    Full,
    #[error("No room: as many parties as there may be are here from your address. Try again soon.")]
    ManyNeighbours,
    #[error(transparent)]
    Handshake(#[from] BadHandshake),
}

impl Refusal {
    fn answer(&self) -> Response {
        let (status, header) = match self {
            Self::Handshake(bad) => return bad.answer(),
            Self::NotHere => (StatusCode::NOT_FOUND, None),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, Some((ALLOW, "GET, HEAD"))),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, Some((RETRY_AFTER, RETRY_SECONDS))),
            Self::ManyNeighbours => (StatusCode::TOO_MANY_REQUESTS, Some((RETRY_AFTER, RETRY_SECONDS))),
        };
        let mut answer = text(status, format!("{self}\n"));
        if let Some((name, value)) = header {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}

impl Site {
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(Arc::clone(self))
    }

    /// Seats the party before the 101 is sent, so that nothing said to it after is lost.
    fn upgrade(self: &Arc<Self>, request: &mut Request) -> Result<Response, Refusal> {
        let accepted = accept(request, SUBPROTOCOL)?;
        let address = address(request);
        let counted = self.shared.neighbours.count(address).ok_or(Refusal::ManyNeighbours)?;
        if !self.shared.has_room() {
            return Err(Refusal::Full);
        }
        let dialect = if accepted.speaks_own { Dialect::Own } else { Dialect::First };
        let seat = Seat::new(&self.shared, dialect, address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), counted);
        let site = Arc::clone(self);
        let message_bytes = self.shared.limits.message_bytes;
        Ok(self.sessions.open(accepted, message_bytes, move |socket| async move {
            session::run(socket, seat, &site.sessions.stopping).await;
        }))
    }

    /// What is told about the relay itself.
    fn page(&self, request: &Request) -> Result<Response, Refusal> {
        let (content_type, body) = match request.uri().path() {
            "/health" => ("application/json", HEALTH.to_owned()),
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", self.shared.figures().prometheus()),
            _ => return Err(Refusal::NotHere),
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            Ok(page(content_type, body))
        } else {
            Err(Refusal::Method)
        }
    }
}

#[allow(clippy::unused_async, reason = "as a handler must be")]
async fn answer(State(site): State<Arc<Site>>, mut request: Request) -> Response {
    let answer = if is_wanted(&request) { site.upgrade(&mut request) } else { site.page(&request) };
    answer.unwrap_or_else(|refusal| {
        let counters = &site.shared.counters;
        match refusal {
            Refusal::Full => Counters::add(&counters.refused_full),
            Refusal::ManyNeighbours => Counters::add(&counters.refused_address),
            Refusal::Handshake(_) => Counters::add(&counters.refused_handshake),
            Refusal::NotHere | Refusal::Method => {}
        }
        tracing::debug!(%refusal, "a request is refused");
        refusal.answer()
    })
}
