//! Discovery for tests: a bus in memory that behaves as the network does. A member that shuts down says goodbye; one
//! that is dropped has crashed, and the others notice only when they verify it.

use crate::{Candidate, Discovery, DiscoveryEvent, Health};
use async_trait::async_trait;
use nws_protocol::InstanceId;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// A network of members that see each other. Clones are the same bus.
#[derive(Debug, Clone, Default)]
pub struct MemoryBus(Arc<Mutex<BTreeMap<InstanceId, Member>>>);

#[derive(Debug)]
struct Member {
    candidates: Vec<Candidate>,
    crashed: bool,
    /// What it wasn't told yet: one piece of news for each other member.
    news: BTreeMap<InstanceId, Option<Vec<Candidate>>>,
    wake: Arc<Notify>,
}

impl Member {
    fn tell(&mut self, instance: InstanceId, candidates: Option<Vec<Candidate>>) {
        self.news.insert(instance, candidates);
        self.wake.notify_one();
    }
}

impl MemoryBus {
    /// Announces an instance and returns its view of the others.
    #[must_use]
    pub fn join(&self, instance: InstanceId, candidates: Vec<Candidate>) -> MemoryDiscovery {
        let mut members = self.members();
        let wake = Arc::new(Notify::new());
        let mut news = BTreeMap::new();
        for (other, member) in members.iter_mut().filter(|(other, member)| **other != instance && !member.crashed) {
            member.tell(instance, Some(candidates.clone()));
            news.insert(*other, Some(member.candidates.clone()));
        }
        members.insert(instance, Member { candidates, crashed: false, news, wake: Arc::clone(&wake) });
        MemoryDiscovery { bus: self.clone(), instance, wake, started: false, over: false }
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A member's view of a [`MemoryBus`].
#[derive(Debug)]
pub struct MemoryDiscovery {
    bus: MemoryBus,
    instance: InstanceId,
    wake: Arc<Notify>,
    started: bool,
    over: bool,
}

#[async_trait]
impl Discovery for MemoryDiscovery {
    async fn next(&mut self) -> Option<DiscoveryEvent> {
        if self.over {
            return None;
        }
        if !self.started {
            self.started = true;
            return Some(DiscoveryEvent::Health(Health::Visible));
        }
        loop {
            if let Some((instance, news)) = self.bus.members().get_mut(&self.instance)?.news.pop_first() {
                return Some(match news {
                    Some(candidates) => DiscoveryEvent::Found { instance, candidates },
                    None => DiscoveryEvent::Lost { instance },
                });
            }
            self.wake.notified().await;
        }
    }

    async fn shutdown(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let mut members = self.bus.members();
        members.remove(&self.instance);
        for member in members.values_mut() {
            member.tell(self.instance, None);
        }
    }

    fn verify(&self, instance: InstanceId) {
        let mut members = self.bus.members();
        if members.get(&instance).is_none_or(|member| member.crashed)
            && let Some(me) = members.get_mut(&self.instance)
        {
            me.tell(instance, None);
        }
    }
}

impl Drop for MemoryDiscovery {
    fn drop(&mut self) {
        if !self.over
            && let Some(member) = self.bus.members().get_mut(&self.instance)
        {
            member.crashed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;
    use crate::DiscoveredTransport;
    use futures::FutureExt;

    fn id(n: u8) -> InstanceId {
        InstanceId::from_bytes([n; 16])
    }

    fn at(port: u16) -> Vec<Candidate> {
        vec![Candidate { kind: DiscoveredTransport::Quic, addr: ([127, 0, 0, 1], port).into() }]
    }

    #[tokio::test]
    async fn members_find_each_other_and_part() {
        let bus = MemoryBus::default();
        let mut one = bus.join(id(1), at(1));
        let mut two = bus.join(id(2), at(2));
        for member in [&mut one, &mut two] {
            assert_eq!(member.next().await, Some(DiscoveryEvent::Health(Health::Visible)));
        }
        assert_eq!(one.next().await, Some(DiscoveryEvent::Found { instance: id(2), candidates: at(2) }));
        assert_eq!(two.next().await, Some(DiscoveryEvent::Found { instance: id(1), candidates: at(1) }));

        let three = bus.join(id(3), at(3));
        assert_eq!(one.next().await, Some(DiscoveryEvent::Found { instance: id(3), candidates: at(3) }));
        drop(three);
        assert_eq!(one.next().now_or_never(), None);
        one.verify(id(3));
        one.verify(id(2));
        assert_eq!(one.next().await, Some(DiscoveryEvent::Lost { instance: id(3) }));

        two.shutdown().await;
        assert_eq!(two.next().await, None);
        assert_eq!(one.next().await, Some(DiscoveryEvent::Lost { instance: id(2) }));
        assert_eq!(one.next().now_or_never(), None);
    }
}
