//! What the proxy serves besides channels: a page to try them, and a sign of life.

use crate::{
    access::Access,
    refusal::{Answer, Refusal, text},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL,
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    },
};

/// Names that a plain GET does not take for a channel's, as pages are or will be there. As channels they can be
/// used like any other.
pub(crate) const RESERVED: [&str; 4] = ["api", "examples", "metrics", "www"];

/// Chromium's preflight for a page of another network asks for this; other browsers ignore it.
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const INDEX: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");
const HEALTH: &str = concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}\n");

/// The built-in pages.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Nothing but our own script and style, and connections to our own channels.
    policy: HeaderValue,
}

impl Pages {
    pub(crate) fn new(access: &Access) -> Self {
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'{}; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            access.websocket_sources()
        );
        // What the user configured as names may have any characters; 'self' is enough for most browsers.
        let policy = HeaderValue::from_str(&policy)
            .unwrap_or(HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'"));
        Self { policy }
    }

    /// The answer to a request for one of the pages; `None` if the path is not one.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Result<Answer, Refusal>> {
        let (content_type, body) = match path {
            "/health" => return Some(health(method)),
            "/" | "/console" => ("text/html; charset=utf-8", INDEX),
            "/page.js" => ("text/javascript; charset=utf-8", SCRIPT),
            "/page.css" => ("text/css; charset=utf-8", STYLE),
            _ => return None,
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Some(Err(Refusal::Method("GET, HEAD")));
        }
        let mut answer = text(StatusCode::OK, body);
        for (name, value) in [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ] {
            answer.headers_mut().insert(name, value);
        }
        Some(Ok(answer))
    }
}

/// May be asked by any page: a public page fetches it to bring up the browser's question whether it may reach
/// this machine. So it says nothing but that the proxy is there.
fn health(method: &Method) -> Result<Answer, Refusal> {
    let mut answer = match *method {
        Method::GET | Method::HEAD => text(StatusCode::OK, HEALTH),
        Method::OPTIONS => text(StatusCode::NO_CONTENT, ""),
        _ => return Err(Refusal::Method("GET, HEAD, OPTIONS")),
    };
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if *method == Method::OPTIONS {
        headers.remove(CONTENT_TYPE);
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        *answer.body_mut() = Full::new(Bytes::new());
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(answer)
}
