//! How other proxies, web origins and host names are written.

use super::value::{Value, quoted};
use nws_mesh::FixedPeer;
use std::net::Ipv6Addr;

impl Value for FixedPeer {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why| {
            format!(
                "{text:?} names no proxy: {why}; write HOST:PORT, quic://HOST:PORT or tcp://HOST:PORT, as 192.168.1.5:9010"
            )
        })
    }

    fn toml(&self) -> String {
        quoted(&self.to_string())
    }
}

/// Which pages may open channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AllowedOrigin {
    /// Every one.
    Any,
    /// This one, as a browser writes it in `Origin`.
    Exactly(String),
}

impl Value for AllowedOrigin {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not an origin; write scheme://host or scheme://host:port without a path, as https://example.org, or null, or any"
            )
        };
        match text {
            "any" => return Ok(Self::Any),
            "null" => return Ok(Self::Exactly(text.to_owned())),
            _ => {}
        }
        let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
        let scheme_fits = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let host_fits = |c: char| c.is_ascii_graphic() && !"/?#@*,\"".contains(c);
        if scheme.is_empty() || host.is_empty() || !scheme.chars().all(scheme_fits) || !host.chars().all(host_fits) {
            return Err(wrong());
        }
        Ok(Self::Exactly(text.to_ascii_lowercase()))
    }

    fn toml(&self) -> String {
        match self {
            Self::Any => quoted("any"),
            Self::Exactly(origin) => quoted(origin),
        }
    }
}

/// A name by which clients may call this proxy, besides `localhost`, `127.0.0.1` and `[::1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName(pub(crate) String);

impl Value for HostName {
    fn read(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let valid = match bracketed {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
            None => !text.is_empty() && text.len() <= 253 && text.chars().all(fits),
        };
        if valid {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!("{text:?} is not a host name; write it without scheme and port, as laptop.local"))
        }
    }

    fn toml(&self) -> String {
        quoted(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn a_bad_peer_is_told_how_to_write_one() {
        assert_eq!(FixedPeer::read("tcp://[::1]:7").unwrap().toml(), "\"tcp://[::1]:7\"");
        for text in ["host", "host:0", "http://host:1", "::1:9010", ":9010"] {
            let words = FixedPeer::read(text).unwrap_err();
            assert!(words.contains(text) && words.contains("quic://HOST:PORT"), "{text}: {words}");
        }
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        assert_eq!(AllowedOrigin::read("any"), Ok(AllowedOrigin::Any));
        assert_eq!(AllowedOrigin::read("null"), Ok(AllowedOrigin::Exactly("null".into())));
        assert_eq!(
            AllowedOrigin::read("HTTPS://Example.org:8443"),
            Ok(AllowedOrigin::Exactly("https://example.org:8443".into()))
        );
        for text in ["", "example.org", "https://", "https://example.org/", "https://*.example.org", "https://a b"] {
            assert!(AllowedOrigin::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn host_names_have_no_port() {
        assert_eq!(HostName::read("Laptop.local"), Ok(HostName("laptop.local".into())));
        assert!(HostName::read("[fe80::1]").is_ok());
        for text in ["", "a:1", "http://a", "a/b", "[x]"] {
            assert!(HostName::read(text).is_err(), "{text}");
        }
    }
}
