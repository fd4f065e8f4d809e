//! Which link makes way for a newcomer.
//!
//! A link with nothing in common costs its other end next to nothing, and may be one of many that somebody holds under as many ids:
//! without a rule, who knows no channel's name could keep out those who do. So they are counted by host; what a host is, the mesh says.
//!
//! - When there are [`Config::max_links`](super::Config::max_links), a newcomer takes the place of a link with nothing in common:
//!   of the host that has most of those, the one that has been so for longest.
//! - A host that has a quarter of all links, or 16 if that is more, with nothing in common has no more of them: its next takes the
//!   place of its own.
//! - Links with something in common never make way. When there are no others, the newcomer is closed.

use super::{Action, LinkId, Neighbours};
use nws_protocol::{InstanceId, LinkCode};
use rand_core::RngCore;
use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

/// Of all links that there may be, one host may have one in so many with nothing in common.
const SHARE: usize = 4;

/// As many it may have in any case: where few links are allowed, several proxies of one host are more likely than somebody who
/// wants to have them all. A guess.
const LEAST_SHARE: usize = 16;

/// A link on which nothing is in common: no channel is matched, and no lane is left of one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle<H> {
    /// The link.
    pub link: LinkId,
    /// The host at its other end.
    pub host: H,
    /// Since when.
    pub since: Duration,
}

impl<A: Clone + PartialEq> Neighbours<A> {
    /// To be called before [`Self::dialled`] and [`Self::accepted`], with that proxy's host and all links on which nothing is in
    /// common. When the proxy has no link yet, and another must make way for one to it, that one is closed with `Limit`, and named.
    pub fn make_way<H: Ord>(
        &mut self,
        instance: InstanceId,
        host: &H,
        mut idle: Vec<Idle<H>>,
        now: Duration,
        rng: &mut impl RngCore,
    ) -> Option<LinkId> {
        if instance == self.us || self.link_to(instance).is_some() {
            return None;
        }
        idle.retain(|one| self.links.get(&one.link).is_some_and(|to| self.link_to(*to) == Some(one.link)));
        let link = makes_way(&idle, host, self.links.len(), self.config.max_links)?;
        self.actions.push_back(Action::Close { link, code: LinkCode::Limit });
        self.link_down(link, LinkCode::Limit, now, rng);
        Some(link)
    }
}

/// Which of the idle links makes way for a newcomer from that host.
fn makes_way<H: Ord>(idle: &[Idle<H>], newcomer: &H, links: usize, max_links: usize) -> Option<LinkId> {
    // How many each host has, and its oldest.
    let mut hosts: BTreeMap<&H, (usize, (Duration, LinkId))> = BTreeMap::new();
    for Idle { link, host, since } in idle {
        let (count, oldest) = hosts.entry(host).or_insert((0, (*since, *link)));
        *count += 1;
        *oldest = (*oldest).min((*since, *link));
    }
    let share = (max_links / SHARE).max(LEAST_SHARE);
    if let Some((_, (_, link))) = hosts.get(newcomer).filter(|(count, _)| *count >= share) {
        return Some(*link);
    }
    if links < max_links {
        return None;
    }
    hosts.into_values().max_by_key(|(count, oldest)| (*count, Reverse(*oldest))).map(|(_, (_, link))| link)
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};
    use crate::neighbours::Verdict;
    use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

    const US: InstanceId = InstanceId::from_bytes([0; 16]);

    /// Links numbered from 1, of these hosts, each idle since as many seconds as its number says.
    fn idle(hosts: &[char]) -> Vec<Idle<char>> {
        let one =
            |(link, host): (u64, &char)| Idle { link: LinkId(link), host: *host, since: Duration::from_secs(link) };
        (1..).zip(hosts).map(one).collect()
    }

    #[test]
    fn while_there_is_room_nobody_makes_way() {
        assert_eq!(makes_way(&idle(&['a'; 15]), &'a', 99, 100), None);
        assert_eq!(makes_way(&idle(&['a'; 24]), &'a', 99, 100), None);
        assert_eq!(makes_way(&idle(&['a'; 25]), &'b', 99, 100), None);
    }

    #[test]
    fn the_oldest_of_the_host_that_has_most_makes_way_when_all_are_taken() {
        assert_eq!(makes_way(&idle(&['a', 'b', 'c', 'b', 'c', 'b']), &'a', 100, 100), Some(LinkId(2)));
        assert_eq!(makes_way(&idle(&['a', 'b', 'c']), &'d', 100, 100), Some(LinkId(1)), "all alike: the oldest of all");
        assert_eq!(makes_way(&idle(&[]), &'d', 100, 100), None, "those who share a channel stay");
        let mut turned = idle(&['a', 'a']);
        turned.reverse();
        assert_eq!(makes_way(&turned, &'d', 2, 2), Some(LinkId(1)));
    }

    #[test]
    fn one_host_has_a_quarter_at_most_and_makes_way_for_itself() {
        let mut hosts = vec!['a'];
        hosts.extend(['b'; 25]);
        assert_eq!(makes_way(&idle(&hosts), &'b', 26, 100), Some(LinkId(2)));
        assert_eq!(makes_way(&idle(&hosts), &'a', 26, 100), None);
        // Of a small number a quarter would be too little for proxies that share a host.
        assert_eq!(makes_way(&idle(&['a'; 15]), &'a', 15, 20), None);
        assert_eq!(makes_way(&idle(&['a'; 16]), &'a', 16, 20), Some(LinkId(1)));
    }

    #[test]
    fn who_makes_way_is_closed_and_dialled_again_much_later() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let config = Config { max_links: 1, settle: Duration::ZERO, ..Config::default() };
        let most = config.backoff_most;
        let mut it = Neighbours::new(US, config);
        let [one, two] = [1, 2].map(|id| InstanceId::from_bytes([id; 16]));
        let now = Duration::from_secs(100);
        assert!(it.found(one, vec!["a"], now));
        let Some(Action::Dial { dial, .. }) = it.poll() else { panic!("no dial") };
        assert_eq!(it.dialled(dial, LinkId(1), one, now, &mut rng), Verdict::Keep);

        let now = Duration::from_secs(200);
        let idle = || vec![Idle { link: LinkId(1), host: 'a', since: now }];
        assert_eq!(it.make_way(one, &'a', idle(), now, &mut rng), None, "it has a link");
        assert_eq!(it.make_way(US, &'a', idle(), now, &mut rng), None);
        assert_eq!(it.make_way(two, &'b', Vec::new(), now, &mut rng), None, "it has something in common");
        assert_eq!(it.make_way(two, &'b', idle(), now, &mut rng), Some(LinkId(1)));
        assert_eq!(it.poll(), Some(Action::Close { link: LinkId(1), code: LinkCode::Limit }));
        assert_eq!(it.poll(), None);
        assert_eq!(it.accepted(LinkId(2), two, now), Verdict::Keep);
        // Otherwise those for whom there is no room would put each other out all the time.
        let again = it.next_timeout().unwrap_or_default();
        assert!(again >= now + most, "{again:?}");
        // Its end, when it comes, is no news.
        it.link_down(LinkId(1), LinkCode::Limit, now, &mut rng);
        assert_eq!(it.linked().collect::<Vec<_>>(), [(two, LinkId(2))]);
        assert_eq!(it.make_way(one, &'a', idle(), now, &mut rng), None, "that one is gone already");
    }
}
