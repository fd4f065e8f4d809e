//! Who may speak to the proxy: the names it answers to (against DNS rebinding), and the origins of
//! pages.

use crate::refusal::Refusal;
use hyper::{
    Uri,
    header::{HOST, HeaderMap, HeaderName, ORIGIN},
};

/// The names every proxy answers to.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Exact names and origins; nothing is matched by pattern.
#[derive(Debug)]
pub(crate) struct Access {
    /// `name:port`, and `name` alone on port 80.
    hosts: Vec<String>,
    /// `None`: any.
    origins: Option<Vec<String>>,
}

impl Access {
    /// `more_hosts` are names without port, besides localhost, 127.0.0.1 and [::1]. The proxy's own
    /// pages are always an allowed origin.
    pub(crate) fn new(port: u16, more_hosts: &[String], origins: Option<&[String]>) -> Self {
        let names = || OWN_NAMES.into_iter().chain(more_hosts.iter().map(String::as_str));
        let mut hosts: Vec<String> = names().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names().map(str::to_owned));
        }
        let origins = origins.map(|origins| {
            let own = hosts.iter().map(|host| format!("http://{host}"));
            origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).chain(own).collect()
        });
        Self { hosts, origins }
    }

    /// What the page may connect to, as sources of a Content-Security-Policy. IPv6 addresses have no
    /// form there; `'self'` covers them.
    pub(crate) fn websocket_sources(&self) -> String {
        let hosts = self.hosts.iter().filter(|host| !host.starts_with('['));
        hosts.map(|host| format!(" ws://{host}")).collect()
    }

    /// Demands one Host header with an allowed name and this port. A request target in absolute form
    /// names its host itself (RFC 9112 section 3.2.2), and must pass too.
    pub(crate) fn check_host(&self, headers: &HeaderMap, target: &Uri) -> Result<(), Refusal> {
        let host = one(headers, &HOST).map_err(|()| Refusal::ManyHosts)?.ok_or(Refusal::NoHost)?;
        let authority = target.authority().map(|authority| authority.as_str());
        let allowed = |host: &str| self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host));
        if allowed(host) && authority.is_none_or(allowed) {
            Ok(())
        } else {
            Err(Refusal::ForeignHost { allowed: self.hosts.join(", ") })
        }
    }

    /// Programs send no Origin and are let in; a page must come from an allowed one.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(origins) = &self.origins else { return Ok(()) };
        match one(headers, &ORIGIN) {
            Ok(None) => Ok(()),
            Ok(Some(origin)) if origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) => Ok(()),
            _ => Err(Refusal::ForeignOrigin),
        }
    }
}

/// The value of a header that must not come twice. What is not ASCII is taken for empty text.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str().unwrap_or_default());
    if values.next().is_some() { Err(()) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().unwrap());
        }
        headers
    }

    fn host(access: &Access, values: &[&str]) -> Result<(), Refusal> {
        access.check_host(&headers(HOST, values), &Uri::from_static("/chat"))
    }

    #[test]
    fn hosts_are_exact() {
        let access = Access::new(9009, &["media.local".to_owned()], None);
        for good in ["localhost:9009", "LocalHost:9009", "127.0.0.1:9009", "[::1]:9009", "media.local:9009"] {
            assert!(host(&access, &[good]).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "localhost:9010",
            "localhost:09009",
            "localhost.:9009",
            "::1:9009",
            "evil.example:9009",
            "localhost:9009.evil.example",
            "localhost:9009@evil.example",
            " localhost:9009 x",
            "127.0.0.1.nip.io:9009",
            "127.1:9009",
            "0.0.0.0:9009",
            "[::]:9009",
            "media.local",
            "é:9009",
        ] {
            assert!(matches!(host(&access, &[bad]), Err(Refusal::ForeignHost { .. })), "{bad}");
        }
        assert!(matches!(host(&access, &[]), Err(Refusal::NoHost)));
        assert!(matches!(host(&access, &["localhost:9009", "localhost:9009"]), Err(Refusal::ManyHosts)));
        let absolute = |target| access.check_host(&headers(HOST, &["localhost:9009"]), &Uri::from_static(target));
        assert!(absolute("http://127.0.0.1:9009/chat").is_ok());
        assert!(absolute("http://evil.example:9009/chat").is_err());
        assert!(host(&Access::new(80, &[], None), &["localhost"]).is_ok());
        assert!(host(&Access::new(80, &[], None), &["[::1]"]).is_ok());
    }

    #[test]
    fn origins_are_exact_and_any_by_default() {
        let origin = |access: &Access, values: &[&str]| access.check_origin(&headers(ORIGIN, values)).is_ok();
        let any = Access::new(9009, &[], None);
        for value in ["http://evil.example", "null", "file://"] {
            assert!(origin(&any, &[value]));
        }
        let some = Access::new(9009, &[], Some(&["https://app.example/".to_owned()]));
        for good in [&["https://app.example"][..], &["https://APP.example"], &["http://localhost:9009"], &[]] {
            assert!(origin(&some, good), "{good:?}");
        }
        let bad = [
            &["http://app.example"][..],
            &["https://app.example:444"],
            &["https://app.example.evil"],
            &["null"],
            &[""],
            &["http://localhost"],
            &["https://app.example", "https://app.example"],
        ];
        for bad in bad {
            assert!(!origin(&some, bad), "{bad:?}");
        }
    }
}
