//! From a place to a transport link: looks names up and races the ways to get there. It knows nothing
//! of whom it is about to meet.

use crate::peer::FixedPeer;
use futures::{StreamExt, stream::FuturesUnordered};
use nws_transports::{BoxLink, Transport, TransportError, TransportKind};
use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};

/// Between the starts of two attempts over one transport when a host has several addresses
/// (RFC 8305 section 8, Connection Attempt Delay).
const STAGGER: Duration = Duration::from_millis(250);

/// Most addresses of one host that are tried in one go. A guess.
const MAX_ADDRESSES: usize = 8;

/// Where to dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Addresses, each with the transport to use.
    Known(Vec<(TransportKind, SocketAddr)>),
    /// To be looked up.
    Named(FixedPeer),
}

/// Why nobody was reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("{0}: {1}")]
    Lookup(String, std::io::Error),
    #[error("no transport in use reaches it")]
    NoWay,
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// Dials QUIC first and TCP when QUIC failed or has not connected after `fallback_after`; the first link wins.
pub(crate) async fn dial(
    transports: &[Arc<dyn Transport>],
    place: Place,
    fallback_after: Duration,
    limit: Duration,
) -> Result<BoxLink, DialError> {
    match timeout(limit, race(transports, place, fallback_after)).await {
        Ok(result) => result,
        Err(_) => Err(DialError::Timeout(limit)),
    }
}

async fn race(transports: &[Arc<dyn Transport>], place: Place, fallback_after: Duration) -> Result<BoxLink, DialError> {
    let ways = match place {
        Place::Known(ways) => ways,
        Place::Named(peer) => look_up(transports, &peer).await?,
    };
    let start = Instant::now();
    let mut waiting = plan(transports, ways, start, fallback_after);
    if waiting.is_empty() {
        return Err(DialError::NoWay);
    }
    let mut running = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        // When all that was started has failed, the next needs no more patience.
        let next = waiting.front().map(|way| if running.is_empty() { start } else { way.at });
        if running.is_empty() && next.is_none() {
            return Err(first_error.map_or(DialError::NoWay, DialError::Transport));
        }
        tokio::select! {
            biased;
            Some(result) = running.next(), if !running.is_empty() => match result {
                Ok(link) => return Ok(link),
                Err(error) => { first_error.get_or_insert(error); }
            },
            () = sleep_until(next.unwrap_or(start)), if next.is_some() => {
                if let Some(way) = waiting.pop_front() {
                    running.push(async move { way.transport.dial(way.addr).await });
                }
            }
        }
    }
}

struct Way {
    at: Instant,
    transport: Arc<dyn Transport>,
    addr: SocketAddr,
}

/// Each way with the time to start it, soonest first.
fn plan(
    transports: &[Arc<dyn Transport>],
    ways: Vec<(TransportKind, SocketAddr)>,
    start: Instant,
    fallback_after: Duration,
) -> VecDeque<Way> {
    let quic_first = ways.iter().any(|(kind, _)| *kind == TransportKind::Quic)
        && transports.iter().any(|transport| transport.kind() == TransportKind::Quic);
    let mut delays = [Duration::ZERO; 2];
    let mut plan: Vec<Way> = Vec::new();
    for (kind, addr) in ways.into_iter().take(2 * MAX_ADDRESSES) {
        let Some(transport) = transports.iter().find(|transport| transport.kind() == kind) else { continue };
        let [quic, other] = &mut delays;
        let delay = if kind == TransportKind::Quic { quic } else { other };
        let wait = if quic_first && kind != TransportKind::Quic { fallback_after } else { Duration::ZERO };
        plan.push(Way { at: start + wait + *delay, transport: Arc::clone(transport), addr });
        *delay += STAGGER;
    }
    plan.sort_by_key(|way| way.at);
    plan.into()
}

async fn look_up(
    transports: &[Arc<dyn Transport>],
    peer: &FixedPeer,
) -> Result<Vec<(TransportKind, SocketAddr)>, DialError> {
    // An address with a scope (`fe80::1%3`) is parsed by the resolver only with its port in place.
    let found: Vec<SocketAddr> = match peer.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, peer.port)],
        Err(_) => tokio::net::lookup_host((peer.host.as_str(), peer.port))
            .await
            .map_err(|error| DialError::Lookup(peer.host.clone(), error))?
            .take(MAX_ADDRESSES)
            .collect(),
    };
    Ok(transports
        .iter()
        .map(|transport| transport.kind())
        .filter(|kind| peer.transport.is_none_or(|only| only == *kind))
        .flat_map(|kind| found.iter().map(move |addr| (kind, *addr)))
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
    use super::*;
    use async_trait::async_trait;
    use nws_transports::Listening;
    use std::sync::Mutex;

    #[derive(Debug)]
    struct Fake {
        kind: TransportKind,
        start: Instant,
        log: Arc<Mutex<Vec<(TransportKind, Duration)>>>,
        fails: bool,
    }

    #[async_trait]
    impl Transport for Fake {
        fn kind(&self) -> TransportKind {
            self.kind
        }
        async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
            self.log.lock().unwrap().push((self.kind, self.start.elapsed()));
            if self.fails {
                return Err(TransportError::Unreachable { addr, reason: "refused".to_owned() });
            }
            std::future::pending().await
        }
        async fn listen(&self, _: SocketAddr) -> Result<Arc<dyn Listening>, TransportError> {
            Err(TransportError::Closed)
        }
    }

    async fn attempts(peer: &str, quic_fails: bool) -> Vec<(TransportKind, Duration)> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now();
        let fake = |kind, fails| -> Arc<dyn Transport> { Arc::new(Fake { kind, start, log: Arc::clone(&log), fails }) };
        let transports = [fake(TransportKind::Tcp, false), fake(TransportKind::Quic, quic_fails)];
        let place = Place::Named(peer.parse().unwrap());
        let result = dial(&transports, place, Duration::from_secs(2), Duration::from_secs(10)).await;
        assert!(matches!(result, Err(DialError::Timeout(_))));
        let log = log.lock().unwrap();
        log.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn tcp_waits_for_quic_as_long_as_quic_may_still_connect() {
        let both = attempts("127.0.0.1:1", false).await;
        assert_eq!(both[0], (TransportKind::Quic, Duration::ZERO));
        assert_eq!(both[1].0, TransportKind::Tcp);
        assert!(both[1].1 >= Duration::from_secs(2) && both[1].1 < Duration::from_millis(2100));

        let failed = attempts("127.0.0.1:1", true).await;
        assert_eq!(failed[1].0, TransportKind::Tcp);
        assert!(failed[1].1 < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scheme_leaves_one_way() {
        assert_eq!(attempts("tcp://127.0.0.1:1", false).await, [(TransportKind::Tcp, Duration::ZERO)]);
        let none = dial(&[], Place::Known(Vec::new()), Duration::ZERO, Duration::from_secs(1)).await;
        assert!(matches!(none, Err(DialError::NoWay)));
    }
}
