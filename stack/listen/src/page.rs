//! Plain answers of HTTP: words, and pages of figures.

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{
    StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS},
};
use std::net::{IpAddr, SocketAddr};

/// An answer in words.
pub fn text(status: StatusCode, words: impl Into<Body>) -> Response {
    let mut answer = Response::new(words.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// What is told about a server itself: never kept, and for pages of any origin, as nothing in it is a secret of anybody's.
pub fn page(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut answer = text(StatusCode::OK, body);
    for (name, value) in [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")]
    {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Where a request comes from, if whoever serves it has noted it.
#[must_use]
pub fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}
