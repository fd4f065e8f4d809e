//! Instances that were lost without a goodbye, and are asked for until they answer.
//!
//! A browser tells in each question which instances it knows, so that they need not answer; it goes on naming an
//! instance whose address it has dropped after a failed verification. When a network was cut in two and heals, neither
//! side changes its addresses, so nobody announces anything, and both sides would stay lost to each other for as long as
//! that record lives (75 minutes). So the host of a lost instance is asked for by name; when it answers, everything is
//! browsed anew.

use crate::record::host_name;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use mdns_sd::{HostnameResolutionEvent, Receiver, ServiceDaemon};
use nws_protocol::InstanceId;
use std::{collections::BTreeMap, fmt, future::poll_fn, task::Poll, time::Duration};
use tokio::time::Instant;

/// Most instances asked for at once; further ones are not. When a network heals, one that answers brings all back.
const MAX_ASKED: usize = 16;

/// The next question follows after this part of the time for which the instance has been missing, so a return is noticed
/// after an outage a quarter longer than it was; ...
const NEXT_AFTER_PART: u32 = 4;
/// ... but not sooner than after this ...
const NEXT_AFTER_AT_LEAST: Duration = Duration::from_secs(1);
/// ... nor later than after this.
const NEXT_AFTER_AT_MOST: Duration = Duration::from_secs(60);

/// How long one is asked for: a little longer than the record lives that keeps it from answering (RFC 6762 section 10).
const ASK_FOR: Duration = Duration::from_secs(80 * 60);

/// How long a question waits for its answer, in milliseconds: less than the second after which the daemon would repeat it.
const ANSWER_WITHIN_MS: u64 = 900;

#[derive(Debug)]
struct Asked {
    since: Instant,
    /// When the next question is due.
    next: Instant,
}

/// The instances that are asked for.
#[derive(Default)]
pub(crate) struct Missing {
    asked: BTreeMap<InstanceId, Asked>,
    answers: FuturesUnordered<BoxFuture<'static, Option<InstanceId>>>,
}

impl Missing {
    /// Begins to ask for an instance.
    pub(crate) fn begin(&mut self, instance: InstanceId, now: Instant) {
        if self.asked.len() < MAX_ASKED {
            self.asked.entry(instance).or_insert(Asked { since: now, next: now + NEXT_AFTER_AT_LEAST });
        }
    }

    /// An instance is there again.
    pub(crate) fn end(&mut self, instance: InstanceId) {
        self.asked.remove(&instance);
    }

    /// When [`ask`](Self::ask) has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.asked.values().map(|asked| asked.next).min()
    }

    /// Asks those who are due. When the daemon is busy they are asked the next time.
    pub(crate) fn ask(&mut self, daemon: &ServiceDaemon, now: Instant) {
        for instance in self.due(now) {
            if let Ok(events) = daemon.resolve_hostname(&host_name(instance), Some(ANSWER_WITHIN_MS)) {
                self.answers.push(Box::pin(async move { answer(events).await.then_some(instance) }));
            }
        }
    }

    fn due(&mut self, now: Instant) -> Vec<InstanceId> {
        self.asked.retain(|_, asked| now < asked.since + ASK_FOR);
        let due = self.asked.iter_mut().filter(|(_, asked)| asked.next <= now);
        due.map(|(instance, asked)| {
            let pause = (now - asked.since) / NEXT_AFTER_PART;
            asked.next = now + pause.clamp(NEXT_AFTER_AT_LEAST, NEXT_AFTER_AT_MOST);
            *instance
        })
        .collect()
    }

    /// Waits until an instance answers that is still missing. Cancel safe.
    pub(crate) async fn answered(&mut self) -> InstanceId {
        poll_fn(|cx| {
            while let Poll::Ready(Some(answer)) = self.answers.poll_next_unpin(cx) {
                if let Some(instance) = answer.filter(|instance| self.asked.contains_key(instance)) {
                    return Poll::Ready(instance);
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn answer(events: Receiver<HostnameResolutionEvent>) -> bool {
    while let Ok(event) = events.recv_async().await {
        match event {
            HostnameResolutionEvent::AddressesFound(..) => return true,
            HostnameResolutionEvent::SearchStopped(_) | HostnameResolutionEvent::SearchTimeout(_) => break,
            _ => {}
        }
    }
    false
}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Missing").field(&self.asked).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pauses_grow_with_the_absence_and_end() {
        let (mut missing, begin) = (Missing::default(), Instant::now());
        let id = InstanceId::from_bytes([1; 16]);
        missing.begin(id, begin);
        let mut pauses = Vec::new();
        let mut last = begin;
        while let Some(next) = missing.next_timeout() {
            pauses.push(next - last);
            last = next;
            missing.due(next);
        }
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!((pauses.first(), pauses.last()), (Some(&NEXT_AFTER_AT_LEAST), Some(&NEXT_AFTER_AT_MOST)));
        assert!((80..120).contains(&pauses.len()), "{}", pauses.len());
        assert!(last >= begin + ASK_FOR);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_asked_for_and_those_who_return_no_longer() {
        let (mut missing, now) = (Missing::default(), Instant::now());
        for n in 0..=u8::MAX {
            missing.begin(InstanceId::from_bytes([n; 16]), now);
        }
        assert_eq!(missing.due(now + NEXT_AFTER_AT_LEAST).len(), MAX_ASKED);
        missing.end(InstanceId::from_bytes([0; 16]));
        assert_eq!(missing.due(now + NEXT_AFTER_AT_MOST).len(), MAX_ASKED - 1);
    }
}
