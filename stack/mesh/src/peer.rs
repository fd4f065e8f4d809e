//! A proxy named by its user: `host:port`, with the transport in front if only one will do.

use nws_transports::TransportKind;
use std::{fmt, str::FromStr};

/// A proxy to dial for ever. Its host name is looked up at each attempt, for it may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixedPeer {
    /// The only transport to use; `None` tries all there are.
    pub transport: Option<TransportKind>,
    /// A host name, or an address without brackets.
    pub host: String,
    /// The port, the same for each transport.
    pub port: u16,
}

/// Why a text does not name a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPeer {
    /// `ftp://…`
    #[error("only quic:// and tcp:// may stand in front of HOST:PORT")]
    Scheme,
    /// No port, or one that is no number from 1 to 65535.
    #[error("a port from 1 to 65535 must follow the host, as in HOST:PORT")]
    Port,
    /// Nothing before the port, or an IPv6 address without brackets.
    #[error("a host name or address must stand before the port; IPv6 addresses in brackets, as in [::1]:9010")]
    Host,
}

impl FromStr for FixedPeer {
    type Err = BadPeer;

    fn from_str(text: &str) -> Result<Self, BadPeer> {
        let (transport, rest) = match text.split_once("://") {
            None => (None, text),
            Some(("quic", rest)) => (Some(TransportKind::Quic), rest),
            Some(("tcp", rest)) => (Some(TransportKind::Tcp), rest),
            Some(_) => return Err(BadPeer::Scheme),
        };
        let (host, port) = rest.rsplit_once(':').ok_or(BadPeer::Port)?;
        let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let host = match bare {
            Some(address) if address.contains(':') => address,
            Some(_) => return Err(BadPeer::Host),
            // `::1` alone ends in what looks like a port.
            None if host.contains(':') => return Err(BadPeer::Host),
            None => host,
        };
        if host.is_empty() || host.contains(['/', ' ', '[', ']', '@']) {
            return Err(BadPeer::Host);
        }
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(BadPeer::Port)?;
        Ok(Self { transport, host: host.to_owned(), port })
    }
}

impl fmt::Display for FixedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(transport) = self.transport {
            write!(f, "{transport}://")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn what_users_write_reads_back() {
        for text in ["box.local:9010", "quic://10.0.0.1:1", "tcp://[fe80::1%3]:65535", "[::1]:9010"] {
            let peer: FixedPeer = text.parse().unwrap();
            assert_eq!(peer.to_string(), text);
        }
        assert_eq!("tcp://a:1".parse::<FixedPeer>().unwrap().transport, Some(TransportKind::Tcp));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("ftp://a:1", BadPeer::Scheme),
            ("host", BadPeer::Port),
            ("host:", BadPeer::Port),
            ("host:0", BadPeer::Port),
            ("host:65536", BadPeer::Port),
            ("host:x", BadPeer::Port),
            (":1", BadPeer::Host),
            ("::1", BadPeer::Host),
            ("[host]:1", BadPeer::Host),
            ("a b:1", BadPeer::Host),
            ("a/b:1", BadPeer::Host),
        ] {
            assert_eq!(text.parse::<FixedPeer>(), Err(why), "{text}");
        }
    }
}
