//! Three links to one proxy at once: one in use, one that is to prove itself, and one that waits for the first to be probed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_membership::neighbours::{Action, Config, DialId, LinkId, Neighbours, Verdict};
use nws_protocol::{InstanceId, LinkCode};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::time::Duration;

const US: InstanceId = InstanceId::from_bytes([1; 16]);

/// Our id is the smaller one: what we dial may take the place of what it dialled.
const OTHER: InstanceId = InstanceId::from_bytes([2; 16]);

const IN_USE: LinkId = LinkId(1);
const ON_TRIAL: LinkId = LinkId(2);
const THIRD: LinkId = LinkId(3);

const NOW: Duration = Duration::from_secs(1);

struct Scene {
    it: Neighbours<&'static str>,
    rng: ChaCha8Rng,
    /// Under way to an address of which nobody knows yet that it leads there too.
    second: DialId,
}

impl Scene {
    /// The other one has dialled us; we have dialled it under a name that the user gave, and dial it under another.
    fn new() -> Self {
        let (mut it, mut rng) = (Neighbours::new(US, Config::default()), ChaCha8Rng::seed_from_u64(1));
        it.add_fixed(vec!["one"], NOW).unwrap();
        it.add_fixed(vec!["two"], NOW).unwrap();
        let (Some(Action::Dial { dial: first, .. }), Some(Action::Dial { dial: second, .. })) = (it.poll(), it.poll())
        else {
            panic!("two dials")
        };
        assert_eq!(it.accepted(IN_USE, OTHER, NOW), Verdict::Keep);
        assert_eq!(it.dialled(first, ON_TRIAL, OTHER, NOW, &mut rng), Verdict::Prove);
        let mut scene = Self { it, rng, second };
        assert_eq!(scene.actions(), []);
        scene
    }

    /// The other one has dialled again as well.
    fn with_one_waiting() -> Self {
        let mut scene = Self::new();
        assert_eq!(scene.it.accepted(THIRD, OTHER, NOW), Verdict::Wait);
        assert_eq!(scene.actions(), [Action::Probe { link: IN_USE }]);
        scene
    }

    fn actions(&mut self) -> Vec<Action<&'static str>> {
        std::iter::from_fn(|| self.it.poll()).collect()
    }
}

const DUPLICATE: Action<&'static str> = Action::Close { link: THIRD, code: LinkCode::Duplicate };

#[test]
fn of_two_that_we_dialled_the_first_goes_on_proving_itself() {
    let mut scene = Scene::new();
    let verdict = scene.it.dialled(scene.second, THIRD, OTHER, NOW, &mut scene.rng);
    assert_eq!(verdict, Verdict::Close(LinkCode::Duplicate));
    assert_eq!(scene.actions(), []);
    scene.it.proved(ON_TRIAL, NOW);
    assert_eq!(scene.actions(), [Action::Supersede { old: IN_USE, by: ON_TRIAL }]);
    assert_eq!(scene.it.link_to(OTHER), Some(ON_TRIAL));
}

#[test]
fn when_the_link_in_use_ends_the_one_on_trial_takes_its_place_and_the_one_that_waits_is_closed() {
    let mut scene = Scene::with_one_waiting();
    scene.it.link_down(IN_USE, LinkCode::Silent, NOW, &mut scene.rng);
    let actions = scene.actions();
    assert!(actions.contains(&Action::Admit { link: ON_TRIAL }) && actions.contains(&DUPLICATE), "{actions:?}");
    assert_eq!(scene.it.link_to(OTHER), Some(ON_TRIAL));
    // The answer of the probe comes too late.
    scene.it.probed(IN_USE, false, NOW);
    assert_eq!(scene.actions(), []);
}

#[test]
fn when_the_one_on_trial_has_proved_itself_the_one_that_waits_is_closed() {
    let mut scene = Scene::with_one_waiting();
    scene.it.proved(ON_TRIAL, NOW);
    assert_eq!(scene.actions(), [DUPLICATE, Action::Supersede { old: IN_USE, by: ON_TRIAL }]);
    scene.it.probed(IN_USE, false, NOW);
    assert_eq!(scene.actions(), []);
    assert_eq!(scene.it.link_to(OTHER), Some(ON_TRIAL));
}
