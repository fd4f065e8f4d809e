#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod contest;
mod fixed;
mod limits;
mod lost;

use super::*;
use nws_protocol::limits::DIAL_PATIENCE;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const SMALL: InstanceId = InstanceId::from_bytes([1; 16]);
const US: InstanceId = InstanceId::from_bytes([5; 16]);
const LARGE: InstanceId = InstanceId::from_bytes([9; 16]);
const SMALL_2: InstanceId = InstanceId::from_bytes([2; 16]);

const DUPLICATE: Verdict = Verdict::Close(LinkCode::Duplicate);

type Act = Action<&'static str>;

/// A proxy with id `US`, its clock and the numbers of its links.
struct Bench {
    it: Neighbours<&'static str>,
    now: Duration,
    rng: ChaCha8Rng,
    links: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with(Config { settle: Duration::ZERO, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        Self {
            it: Neighbours::new(US, config),
            now: Duration::from_secs(100),
            rng: ChaCha8Rng::seed_from_u64(7),
            links: 0,
        }
    }

    fn found(&mut self, instance: InstanceId, addresses: &[&'static str]) {
        assert!(self.it.found(instance, addresses.to_vec(), self.now));
    }

    fn actions(&mut self) -> Vec<Act> {
        std::iter::from_fn(|| self.it.poll()).collect()
    }

    fn nothing(&mut self) {
        assert_eq!(self.actions(), []);
    }

    /// The one dial that is asked for, which must be to that address.
    fn dial(&mut self, to: &str) -> DialId {
        match self.actions()[..] {
            [Action::Dial { dial, address }] if address == to => dial,
            ref other => panic!("expected a dial to {to}, not {other:?}"),
        }
    }

    fn fail(&mut self, dial: DialId) {
        self.it.dial_failed(dial, self.now, &mut self.rng);
    }

    fn dialled(&mut self, dial: DialId, instance: InstanceId) -> (LinkId, Verdict) {
        self.links += 1;
        let link = LinkId(self.links);
        (link, self.it.dialled(dial, link, instance, self.now, &mut self.rng))
    }

    fn accepted(&mut self, instance: InstanceId) -> (LinkId, Verdict) {
        self.links += 1;
        let link = LinkId(self.links);
        (link, self.it.accepted(link, instance, self.now))
    }

    fn down(&mut self, link: LinkId, code: LinkCode) {
        self.it.link_down(link, code, self.now, &mut self.rng);
    }

    /// Lets time pass without an event.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.it.timeout(self.now);
    }

    /// Steps to the next timeout and gives how long that took.
    fn step(&mut self) -> Duration {
        let wait = self.it.next_timeout().unwrap() - self.now;
        self.pass(wait);
        wait
    }
}

fn within(wait: Duration, nominal: Duration) {
    assert!(wait >= nominal * 3 / 4 && wait <= nominal * 5 / 4, "{wait:?} is not {nominal:?} ± 25 %");
}

const START: Duration = Duration::from_millis(250);

#[test]
fn the_smaller_id_dials_at_once() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    let (link, verdict) = bench.dialled(dial, LARGE);
    assert_eq!(verdict, Verdict::Keep);
    assert_eq!(bench.it.link_to(LARGE), Some(link));
    assert_eq!(bench.it.next_timeout(), None);
    bench.nothing();
}

#[test]
fn the_larger_id_dials_when_nothing_came_for_three_seconds() {
    let mut bench = Bench::new();
    bench.found(SMALL, &["a"]);
    bench.nothing();
    assert_eq!(bench.step(), DIAL_PATIENCE);
    bench.dial("a");
}

#[test]
fn the_larger_id_does_not_dial_once_it_was_dialled() {
    let mut bench = Bench::new();
    bench.found(SMALL, &["a"]);
    assert_eq!(bench.it.greeted(SMALL), Verdict::Keep);
    assert_eq!(bench.accepted(SMALL).1, Verdict::Keep);
    assert_eq!(bench.it.next_timeout(), None);
    bench.pass(DIAL_PATIENCE * 10);
    bench.nothing();
}

#[test]
fn the_records_of_several_transports_settle_before_the_first_dial() {
    let mut bench = Bench::with(Config::default());
    bench.found(LARGE, &["tcp"]);
    bench.nothing();
    bench.found(LARGE, &["quic", "tcp"]);
    assert_eq!(bench.step(), Config::default().settle);
    bench.dial("quic");
}

#[test]
fn the_next_address_is_tried_at_once_and_after_the_last_the_round_begins_again_later() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["quic", "tcp"]);
    for round in 0..3 {
        let dial = bench.dial("quic");
        bench.fail(dial);
        let dial = bench.dial("tcp");
        bench.fail(dial);
        bench.nothing();
        within(bench.step(), START * 2_u32.pow(round));
    }
}

#[test]
fn backoff_doubles_up_to_its_limit_with_jitter() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let mut waits = Vec::new();
    for _ in 0..40 {
        let dial = bench.dial("a");
        bench.fail(dial);
        waits.push(bench.step());
    }
    within(waits[3], START * 8);
    waits[7..].iter().for_each(|wait| within(*wait, Duration::from_secs(30)));
    assert_ne!(waits[10], waits[11], "spread");
}

#[test]
fn backoff_begins_anew_only_after_a_link_that_lived_long() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    for (life, nominal) in [(1, START), (9, START * 2), (1, START * 4), (10, START), (3, START * 2)] {
        let dial = bench.dial("a");
        let (link, _) = bench.dialled(dial, LARGE);
        bench.pass(Duration::from_secs(life));
        bench.down(link, LinkCode::Silent);
        bench.nothing();
        within(bench.step(), nominal);
    }
}

#[test]
fn after_a_loss_the_larger_id_is_patient_again() {
    let mut bench = Bench::new();
    bench.found(SMALL, &["a"]);
    let (link, _) = bench.accepted(SMALL);
    bench.down(link, LinkCode::Silent);
    let wait = bench.step();
    assert!(wait > DIAL_PATIENCE && wait < DIAL_PATIENCE + START * 2, "{wait:?}");
    bench.dial("a");
}

#[test]
fn an_address_found_while_another_is_dialled_is_tried_in_the_same_round() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["tcp"]);
    let dial = bench.dial("tcp");
    bench.found(LARGE, &["quic", "tcp"]);
    bench.nothing();
    bench.fail(dial);
    let dial = bench.dial("quic");
    bench.fail(dial);
    bench.nothing();
}

#[test]
fn being_found_again_shortens_a_long_backoff_but_never_prolongs_it() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    for _ in 0..8 {
        let dial = bench.dial("a");
        bench.fail(dial);
        bench.step();
    }
    let dial = bench.dial("a");
    bench.fail(dial);
    bench.found(LARGE, &["a"]);
    bench.pass(START / 2);
    bench.found(LARGE, &["a"]);
    assert_eq!(bench.step(), START / 2);
    bench.dial("a");
}

#[test]
fn our_own_record_is_ignored() {
    let mut bench = Bench::new();
    bench.found(US, &["a"]);
    assert_eq!((bench.it.next_timeout(), bench.it.known()), (None, 0));
    assert_eq!(bench.it.greeted(US), Verdict::Close(LinkCode::SelfDial));
    assert_eq!(bench.accepted(US).1, Verdict::Close(LinkCode::SelfDial));
    bench.nothing();
}

#[test]
fn an_attempt_is_abandoned_when_its_proxy_links_first() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    assert_eq!(bench.accepted(LARGE).1, Verdict::Keep);
    assert_eq!(bench.actions(), [Action::Abandon { dial }]);
    bench.fail(dial);
    bench.nothing();
    assert_eq!(bench.it.next_timeout(), None);
}

#[test]
fn somebody_else_at_a_proxys_address_is_welcome_and_the_proxy_is_still_sought() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    let (link, verdict) = bench.dialled(dial, SMALL);
    assert_eq!((verdict, bench.it.link_to(SMALL)), (Verdict::Keep, Some(link)));
    within(bench.step(), START);
    bench.dial("a");
}
