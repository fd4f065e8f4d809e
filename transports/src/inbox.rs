//! What the listeners of QUIC and TCP share: how many handshakes may run, and the line of finished
//! links. It knows no socket and no TLS.

use crate::{link::BoxLink, transport::TransportError};
use std::{
    collections::HashMap,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Handshakes that may run at once. A guess: one costs about a millisecond of CPU and some tens of
/// kilobytes, and a network that starts all at once has a few hundred proxies.
const MAX_HANDSHAKES: usize = 256;

/// Handshakes that one address may have at once, so that one that dawdles can't shut out the others.
const MAX_HANDSHAKES_PER_ADDRESS: usize = 64;

/// Finished links that wait to be accepted. When it is full their handshake permits stay taken, and
/// further handshakes are refused.
const MAX_WAITING_LINKS: usize = 64;

/// Counts handshakes.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    running: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

impl Admission {
    /// Leave to run one handshake with this address, given back on drop; `None` when over the limits.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Admitted> {
        let ip = ip.to_canonical();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = running.1.get(&ip).copied().unwrap_or(0);
        if running.0 >= MAX_HANDSHAKES || of_address >= MAX_HANDSHAKES_PER_ADDRESS {
            return None;
        }
        running.0 += 1;
        running.1.insert(ip, of_address + 1);
        Some(Admitted { by: Arc::clone(self), ip })
    }

    /// Whether so many run that it pays to ask strangers for a sign of life first.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).0 >= MAX_HANDSHAKES / 4
    }
}

/// Leave to run one handshake.
#[derive(Debug)]
pub(crate) struct Admitted {
    by: Arc<Admission>,
    ip: IpAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut running = self.by.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.0 = running.0.saturating_sub(1);
        match running.1.get_mut(&self.ip) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                running.1.remove(&self.ip);
            }
        }
    }
}

/// Owns a listener's task, and hands out its links.
#[derive(Debug)]
pub(crate) struct Inbox {
    links: tokio::sync::Mutex<mpsc::Receiver<BoxLink>>,
    closed: CancellationToken,
    _task: Option<AbortOnDropHandle<()>>,
}

impl Inbox {
    /// Runs the task that `listen` makes until it ends, is cancelled through its token, or the inbox is dropped.
    pub(crate) fn new<F>(listen: impl FnOnce(mpsc::Sender<BoxLink>, CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (found, links) = mpsc::channel(MAX_WAITING_LINKS);
        let closed = CancellationToken::new();
        let task = AbortOnDropHandle::new(tokio::spawn(listen(found, closed.clone())));
        Self { links: tokio::sync::Mutex::new(links), closed, _task: Some(task) }
    }

    /// Hands out what comes through a channel, without a task.
    pub(crate) fn of(links: mpsc::Receiver<BoxLink>) -> Self {
        Self { links: tokio::sync::Mutex::new(links), closed: CancellationToken::new(), _task: None }
    }

    /// The next link. Cancel safe.
    pub(crate) async fn accept(&self) -> Result<BoxLink, TransportError> {
        let next = async { self.links.lock().await.recv().await };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(TransportError::Closed),
            link = next => link.ok_or(TransportError::Closed),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.cancel();
        // Links that nobody will accept now end here; when an accept is under way, it ends them as it goes.
        if let Ok(mut links) = self.links.try_lock() {
            links.close();
            while links.try_recv().is_ok() {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn one_address_can_not_take_all_handshakes() {
        let admission = Arc::new(Admission::default());
        let one = IpAddr::from([192, 0, 2, 1]);
        let held: Vec<_> = (0..MAX_HANDSHAKES_PER_ADDRESS).map(|_| admission.admit(one).unwrap()).collect();
        assert!(admission.admit(one).is_none());
        assert!(admission.admit("::ffff:192.0.2.1".parse().unwrap()).is_none(), "the same address in other clothes");
        assert!(admission.admit(IpAddr::from([192, 0, 2, 2])).is_some());
        assert!(admission.is_busy());
        drop(held);
        assert!(!admission.is_busy());
        assert!(admission.admit(one).is_some());
    }

    #[test]
    fn handshakes_are_bounded_in_all() {
        let admission = Arc::new(Admission::default());
        let held: Vec<_> = (0..=255).map(|n| admission.admit(IpAddr::from([198, 51, 100, n])).unwrap()).collect();
        assert_eq!(held.len(), MAX_HANDSHAKES);
        assert!(admission.admit(IpAddr::from([192, 0, 2, 1])).is_none());
    }
}
