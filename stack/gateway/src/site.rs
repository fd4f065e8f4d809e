//! What the proxy serves besides channels: its console, library and examples, the user's own folder, a sign of life, and
//! figures. It says what stands at a path and with which headers; who may come at all was asked before.

use crate::{
    access::Access,
    answer::{Answer, CROSS_ORIGIN_RESOURCE_POLICY, bare, whole},
    assets::{Asset, Assets, Place, Room},
    conditional::Version,
    folder::{Folder, redirect},
    refusal::Refusal,
    report::Reporter,
};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL,
        CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, REFERRER_POLICY,
    },
};
use std::{future::Future, pin::Pin};

/// Names that a plain GET does not take for a channel's, as pages are or will be there. As channels they can be
/// used like any other.
pub(crate) const RESERVED: [&str; 4] = ["api", "examples", "metrics", "www"];

/// Chromium's preflight for a page of another network asks for this; other browsers ignore it.
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

const HEALTH: &str = concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}\n");

/// An answer that has to be waited for.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send>>;

/// What there is at a path.
pub(crate) enum Found {
    Now(Result<Answer, Refusal>),
    Later(Later),
    /// Nothing; it may be a channel's.
    Nothing,
}

/// All that is not a channel.
#[derive(Debug)]
pub(crate) struct Site {
    assets: Assets,
    folder: Option<Folder>,
    reporter: Reporter,
    console_policy: HeaderValue,
    examples_policy: HeaderValue,
    elsewhere_policy: HeaderValue,
}

impl Site {
    pub(crate) fn new(access: &Access, assets: Assets, folder: Option<Folder>, reporter: Reporter) -> Self {
        // Nothing but our own scripts and styles, and connections to our own channels.
        let policy = |channels: &str, more: &str| {
            let policy = format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{channels}; {more}; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            );
            // What the user configured as names may have any characters; 'self' is enough for most browsers.
            HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'",
            ))
        };
        let own = access.websocket_sources();
        // The examples show pictures and films of their own making, and those of cameras.
        let media = "img-src 'self' data: blob:; media-src 'self' blob: mediastream:";
        Self {
            assets,
            folder,
            reporter,
            console_policy: policy(&own, "img-src 'self' data:"),
            examples_policy: policy(&own, media),
            elsewhere_policy: policy(" ws: wss:", media),
        }
    }

    /// What there is at the request's path.
    pub(crate) fn answer<B>(&self, access: &Access, request: &Request<B>) -> Found {
        let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
        let readable = matches!(*method, Method::GET | Method::HEAD);
        match path {
            "/health" => return Found::Now(health(method)),
            "/api/status" | "/metrics" => {
                return match access.check_same_origin(headers) {
                    Err(refusal) => Found::Now(Err(refusal)),
                    Ok(()) if !readable => Found::Now(Err(Refusal::Method("GET, HEAD"))),
                    Ok(()) if path == "/metrics" => Found::Later(self.reporter.metrics()),
                    Ok(()) => Found::Later(self.reporter.status()),
                };
            }
            _ => {}
        }
        if let Some(folder) = &self.folder
            && let Some(rest) = path.strip_prefix("/www")
        {
            if !readable && (rest.is_empty() || rest.starts_with('/')) {
                return Found::Now(Err(Refusal::Method("GET, HEAD")));
            }
            if rest.is_empty() {
                return Found::Now(redirect(request.uri()));
            }
            if let Some(rest) = rest.strip_prefix('/') {
                let (folder, uri, rest, headers) =
                    (folder.clone(), request.uri().clone(), rest.to_owned(), headers.clone());
                return Found::Later(Box::pin(async move { folder.answer(&uri, &rest, &headers).await }));
            }
        }
        let Some(place) = self.assets.at(path) else { return Found::Nothing };
        Found::Now(match place {
            Place::File(Room::Library, _) if *method == Method::OPTIONS => Ok(preflight("GET, HEAD, OPTIONS")),
            _ if !readable => Err(Refusal::Method("GET, HEAD")),
            Place::File(room, asset) => Ok(self.file(room, asset, headers)),
            Place::Folder => redirect(request.uri()),
            Place::Missing => Err(Refusal::NoFile),
        })
    }

    fn file(&self, room: Room, asset: &Asset, headers: &HeaderMap) -> Answer {
        let version = Version { etag: asset.etag.clone(), modified: None };
        let mut answer = if version.is_known_to(headers) {
            bare(StatusCode::NOT_MODIFIED)
        } else {
            whole(StatusCode::OK, asset.media_type, asset.bytes.clone())
        };
        let mut set = |name: HeaderName, value: &HeaderValue| {
            answer.headers_mut().insert(name, value.clone());
        };
        let mut fixed = |name, value: &'static str| set(name, &HeaderValue::from_static(value));
        fixed(CACHE_CONTROL, "no-cache");
        match room {
            Room::Library => {
                // Any page may use it.
                fixed(CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin");
                fixed(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
            }
            Room::Console => {
                fixed(CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
                fixed(REFERRER_POLICY, "no-referrer");
                fixed(PERMISSIONS_POLICY, "camera=(), microphone=(), geolocation=(), display-capture=()");
                set(CONTENT_SECURITY_POLICY, &self.console_policy);
            }
            Room::Examples | Room::Elsewhere => {
                fixed(CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
                fixed(REFERRER_POLICY, "no-referrer");
                fixed(PERMISSIONS_POLICY, "camera=(self), microphone=(self), geolocation=(), display-capture=()");
                let elsewhere = room == Room::Elsewhere;
                set(CONTENT_SECURITY_POLICY, if elsewhere { &self.elsewhere_policy } else { &self.examples_policy });
            }
        }
        set(ETAG, &asset.etag);
        answer
    }
}

/// May be asked by any page: a public page fetches it to bring up the browser's question whether it may reach
/// this machine. So it says nothing but that the proxy is there.
fn health(method: &Method) -> Result<Answer, Refusal> {
    let mut answer = match *method {
        Method::GET | Method::HEAD => whole(StatusCode::OK, "application/json", HEALTH),
        Method::OPTIONS => return Ok(preflight("GET, HEAD, OPTIONS")),
        _ => return Err(Refusal::Method("GET, HEAD, OPTIONS")),
    };
    answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// What browsers ask before a page of another origin may ask for what is for everyone.
fn preflight(allowed: &'static str) -> Answer {
    let mut answer = bare(StatusCode::NO_CONTENT);
    for (name, value) in [
        (ALLOW, allowed),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (ALLOW_PRIVATE_NETWORK, "true"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
