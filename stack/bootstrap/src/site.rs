//! What each request gets: a seat and a WebSocket, a sign of life, a file, or what the application behind
//! has for it.

use crate::{
    counters::Counters, exchange::Exchange, joiner, limits::Limits, public::Public, refusal::Refusal, root,
    secret::Secret, socket::NOTICES,
};
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use futures::future::BoxFuture;
use hyper::{Method, http::request::Parts};
use nws_listen::{Sessions, Socket, accept, address, is_wanted, page};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

const JOIN: &str = "/join";
const ROOT: &str = "webrtc-bootstrap-root";
const HEALTH: &str = concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}\n");

/// What serves the WebSockets of a path of the application's own.
pub(crate) type Handler = Arc<dyn Fn(Socket, Parts) -> BoxFuture<'static, ()> + Send + Sync>;

/// What every request needs to know.
pub(crate) struct Site {
    pub(crate) secret: Secret,
    pub(crate) timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) upgrades: Vec<(String, Handler)>,
    pub(crate) public: Option<Public>,
    pub(crate) exchange: Arc<Exchange>,
    /// Everyone with a WebSocket.
    pub(crate) sessions: Sessions,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("timeout", &self.timeout).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Site {
    /// Puts the site before an application, which gets what is not the site's.
    pub(crate) fn before(self: &Arc<Self>, application: Router) -> Router {
        application.layer(middleware::from_fn_with_state(Arc::clone(self), answer))
    }

    /// The answer to an upgrade; `None` if it is the application's.
    fn upgrade(self: &Arc<Self>, request: &mut Request) -> Option<Result<Response, Refusal>> {
        let path = request.uri().path();
        if path == JOIN {
            return Some(self.join(request));
        }
        if root_secret(path).is_some_and(|guess| self.secret.matches(guess)) {
            return Some(self.take_root(request));
        }
        let handler = self.upgrades.iter().find(|(at, _)| at == path).map(|(_, handler)| Arc::clone(handler));
        handler.map(|handler| self.hand_over(request, &handler))
    }

    /// Seats the joiner before the 101 is sent, so that nothing said to it after is lost.
    fn join(self: &Arc<Self>, request: &mut Request) -> Result<Response, Refusal> {
        let accepted = accept(request, NOTICES)?;
        let until = Instant::now() + self.timeout;
        let seat = self.exchange.seat_joiner(address(request), accepted.speaks_own)?;
        let site = Arc::clone(self);
        Ok(self.sessions.open(accepted, self.limits.message_bytes, move |socket| async move {
            joiner::run(socket, seat, until, &site.limits, &site.sessions.stopping).await;
        }))
    }

    fn take_root(self: &Arc<Self>, request: &mut Request) -> Result<Response, Refusal> {
        let accepted = accept(request, NOTICES)?;
        let seat = self.exchange.seat_root();
        tracing::info!("a root has come");
        let site = Arc::clone(self);
        Ok(self.sessions.open(accepted, self.limits.message_bytes, move |socket| async move {
            root::run(socket, seat, &site.limits, &site.sessions.stopping).await;
        }))
    }

    fn hand_over(self: &Arc<Self>, request: &mut Request, handler: &Handler) -> Result<Response, Refusal> {
        let accepted = accept(request, NOTICES)?;
        let handler = Arc::clone(handler);
        let (parts, _) = std::mem::take(request).into_parts();
        Ok(self.sessions.open(accepted, self.limits.message_bytes, move |socket| handler(socket, parts)))
    }

    /// What is told about the server itself.
    fn page(&self, request: &Request) -> Option<Result<Response, Refusal>> {
        let (content_type, body) = match request.uri().path() {
            "/health" => ("application/json", HEALTH.to_owned()),
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", self.exchange.figures().prometheus()),
            _ => return None,
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Some(Err(Refusal::Method("GET, HEAD")));
        }
        Some(Ok(page(content_type, body)))
    }
}

async fn answer(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let answer = if is_wanted(&request) { site.upgrade(&mut request) } else { site.page(&request) };
    if let Some(answer) = answer {
        return answer.unwrap_or_else(|refusal| {
            let counters = &site.exchange.counters;
            Counters::add(match refusal {
                Refusal::Full => &counters.refused_full,
                Refusal::ManyNeighbours => &counters.refused_address,
                _ => &counters.refused_handshake,
            });
            // Not with its path, which may have the secret in it.
            tracing::debug!(%refusal, "a request is refused");
            refusal.answer()
        });
    }
    if let Some(public) = &site.public
        && let Some(answer) = public.answer(request.method(), request.uri().path(), request.headers()).await
    {
        return answer;
    }
    next.run(request).await
}

/// The segment where a root has the secret.
fn root_secret(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.strip_suffix(ROOT)?.strip_suffix('/').filter(|segment| !segment.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_has_one_segment_for_its_secret() {
        assert_eq!(root_secret("/s3cret/webrtc-bootstrap-root"), Some("s3cret"));
        for path in [
            "/webrtc-bootstrap-root",
            "/s3cret/webrtc-bootstrap-root/",
            "/a/b/webrtc-bootstrap-root",
            "/s3cretwebrtc-bootstrap-root",
            "s3cret/webrtc-bootstrap-root",
            "",
        ] {
            assert_eq!(root_secret(path), None, "{path}");
        }
    }
}
