//! Who may speak to the proxy: the names it answers to (against DNS rebinding), and the origins of
//! pages.

use crate::refusal::Refusal;
use hyper::{
    Uri,
    header::{HOST, HeaderMap, HeaderName, ORIGIN},
};

/// Says how the page that asks stands to what it asks for (Fetch Metadata); pages can't set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names every proxy answers to.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Exact names and origins; nothing is matched by pattern.
#[derive(Debug)]
pub(crate) struct Access {
    /// `name:port`, and `name` alone on port 80.
    hosts: Vec<String>,
    /// Those of the proxy's own pages.
    own_origins: Vec<String>,
    /// `None`: any.
    origins: Option<Vec<String>>,
}

impl Access {
    /// `tls_port` is where the same is served over TLS. `more_hosts` are names without port, besides localhost,
    /// 127.0.0.1 and [::1]. The proxy's own pages are always an allowed origin.
    pub(crate) fn new(port: u16, tls_port: Option<u16>, more_hosts: &[String], origins: Option<&[String]>) -> Self {
        let names = || OWN_NAMES.into_iter().chain(more_hosts.iter().map(String::as_str));
        let at = |port: u16, default: u16| {
            let bare = names().filter(move |_| port == default).map(str::to_owned);
            names().map(move |name| format!("{name}:{port}")).chain(bare).collect::<Vec<String>>()
        };
        let mut hosts = at(port, 80);
        let mut own_origins: Vec<String> = hosts.iter().map(|host| format!("http://{host}")).collect();
        if let Some(tls_port) = tls_port {
            let secure = at(tls_port, 443);
            own_origins.extend(secure.iter().map(|host| format!("https://{host}")));
            hosts.extend(secure);
        }
        let origins = origins.map(|origins| {
            let others = origins.iter().map(|origin| origin.trim_end_matches('/').to_owned());
            others.chain(own_origins.iter().cloned()).collect()
        });
        Self { hosts, own_origins, origins }
    }

    /// What the proxy's own pages may connect to, as sources of a Content-Security-Policy. IPv6 addresses have no
    /// form there; `'self'` covers them.
    pub(crate) fn websocket_sources(&self) -> String {
        let origins = self.own_origins.iter().filter(|origin| !origin.contains('['));
        origins.map(|origin| format!(" {}", origin.replacen("http", "ws", 1))).collect()
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

    /// Lets in the proxy's own pages, what the user typed into the address bar, and programs, which send neither
    /// header: what this guards is for no other page.
    pub(crate) fn check_same_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let own = |origin: &str| self.own_origins.iter().any(|own| own.eq_ignore_ascii_case(origin));
        let site = one(headers, &SEC_FETCH_SITE).map_err(|()| Refusal::OtherOrigin)?;
        let origin = one(headers, &ORIGIN).map_err(|()| Refusal::OtherOrigin)?;
        if site.is_none_or(|site| ["same-origin", "none"].contains(&site)) && origin.is_none_or(own) {
            Ok(())
        } else {
            Err(Refusal::OtherOrigin)
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
        let access = Access::new(9009, None, &["media.local".to_owned()], None);
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
        assert!(host(&Access::new(80, None, &[], None), &["localhost"]).is_ok());
        assert!(host(&Access::new(80, None, &[], None), &["[::1]"]).is_ok());
    }

    #[test]
    fn origins_are_exact_and_any_by_default() {
        let origin = |access: &Access, values: &[&str]| access.check_origin(&headers(ORIGIN, values)).is_ok();
        let any = Access::new(9009, None, &[], None);
        for value in ["http://evil.example", "null", "file://"] {
            assert!(origin(&any, &[value]));
        }
        let some = Access::new(9009, None, &[], Some(&["https://app.example/".to_owned()]));
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

    #[test]
    fn own_pages_and_programs_are_told_from_other_pages() {
        let access = Access::new(9009, Some(9443), &["media.local".to_owned()], None);
        let check = |pairs: &[(&HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            access.check_same_origin(&headers).is_ok()
        };
        assert!(check(&[]));
        assert!(check(&[(&SEC_FETCH_SITE, "none")]));
        assert!(check(&[(&SEC_FETCH_SITE, "same-origin"), (&ORIGIN, "http://localhost:9009")]));
        for own in ["http://127.0.0.1:9009", "http://[::1]:9009", "https://localhost:9443", "http://media.local:9009"] {
            assert!(check(&[(&ORIGIN, own)]), "{own}");
        }
        for site in ["cross-site", "same-site", "", "Same-Origin", "nonsense"] {
            assert!(!check(&[(&SEC_FETCH_SITE, site)]), "{site}");
            assert!(!check(&[(&SEC_FETCH_SITE, site), (&ORIGIN, "http://localhost:9009")]), "{site}");
        }
        for origin in
            ["http://localhost", "https://localhost:9009", "http://localhost:9443", "null", "", "http://evil.example"]
        {
            assert!(!check(&[(&ORIGIN, origin)]), "{origin}");
            assert!(!check(&[(&SEC_FETCH_SITE, "same-origin"), (&ORIGIN, origin)]), "{origin}");
        }
        assert!(!check(&[(&SEC_FETCH_SITE, "none"), (&SEC_FETCH_SITE, "none")]));
    }

    #[test]
    fn a_port_for_tls_is_an_address_of_its_own() {
        let access = Access::new(9009, Some(443), &[], Some(&[]));
        for good in ["localhost:9009", "localhost:443", "localhost", "[::1]"] {
            assert!(host(&access, &[good]).is_ok(), "{good}");
        }
        assert!(access.check_origin(&headers(ORIGIN, &["https://localhost"])).is_ok());
        assert!(access.check_origin(&headers(ORIGIN, &["http://localhost"])).is_err());
        assert_eq!(
            access.websocket_sources(),
            " ws://localhost:9009 ws://127.0.0.1:9009 wss://localhost:443 wss://127.0.0.1:443 wss://localhost wss://127.0.0.1"
        );
    }
}
