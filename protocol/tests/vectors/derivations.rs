//! `derivations.json`, through the door that a link uses too: hellos and exporter in, messages and matches out.

use crate::{array, bytes, cases, hex, id, is_valid, text};
use nws_protocol::{
    ChannelKey, ChannelKind, ChannelName, NetworkKey,
    matching::{Charge, LinkSecret, MatchEvent, Matcher, Secrets, dummy_input},
    wire::{Control, Tag},
};
use rand_core::{CryptoRng, Error, RngCore};
use serde_json::Value;
use sha2::{Digest, Sha512};
use std::time::Duration;
use voprf::{BlindedElement, OprfClient, OprfServer, Ristretto255};

/// The generator of the group, for where any element will do.
const GENERATOR: &str = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";

fn link_secret(case: &Value) -> LinkSecret {
    let key = match &case["network_key"] {
        Value::Null => NetworkKey::default(),
        key => NetworkKey::new(array(key)),
    };
    LinkSecret::derive(&key, &array(&case["ekm"]), &bytes(&case["hello_i"]), &bytes(&case["hello_r"]))
}

/// The link of another case that has this secret.
fn link_with(all: &[Value], l: &Value) -> LinkSecret {
    link_secret(all.iter().find(|case| case["operation"] == "link" && case["l"] == *l).unwrap())
}

fn of(operation: &str) -> (Vec<Value>, Vec<Value>) {
    let all = cases("derivations.json");
    let some: Vec<_> = all.iter().filter(|case| case["operation"] == operation).cloned().collect();
    assert!(!some.is_empty());
    (all, some)
}

fn channel(case: &Value) -> ChannelKey {
    let kind = match text(&case["kind"]) {
        "network" => ChannelKind::Network,
        "broadcast" => ChannelKind::Broadcast,
        "local" => ChannelKind::Local,
        other => panic!("{other}"),
    };
    ChannelKey { kind, name: ChannelName::new(text(&case["name"])).unwrap() }
}

/// Draws the same scalar, or the same bytes, again and again.
struct Always(Vec<u8>);

impl RngCore for Always {
    fn next_u32(&mut self) -> u32 {
        7
    }
    fn next_u64(&mut self) -> u64 {
        7
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
        let length = dest.len().min(self.0.len());
        dest[..length].copy_from_slice(&self.0[..length]);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Always {}

struct Free;

impl Charge for Free {
    fn charge(&mut self, _: u32, _: Duration) -> Result<(), Duration> {
        Ok(())
    }
}

fn lp(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

#[test]
fn the_secret_of_a_link() {
    for case in of("link").1 {
        let [h_i, h_r] = ["hello_i", "hello_r"].map(|hello| Sha512::digest(bytes(&case[hello])));
        assert_eq!((hex(&h_i), hex(&h_r)), (case["h_i"].clone(), case["h_r"].clone()), "{}", id(&case));
        assert_eq!(hex(&[lp(b"nws/1 link"), lp(&h_i), lp(&h_r)].concat()), case["info"], "{}", id(&case));
        assert_eq!(hex(link_secret(&case).reveal()), case["l"], "{}", id(&case));
    }
}

#[test]
fn inputs_and_what_follows_from_the_output() {
    let (all, channels) = of("channel");
    for case in channels {
        let secret = link_with(&all, &case["l"]);
        let input = secret.channel_input(&channel(&case));
        assert_eq!(input.is_some(), is_valid(&case), "{}", id(&case));
        let Some(input) = input else { continue };
        assert_eq!(hex(&input), case["input"], "{}", id(&case));
        let secrets = Secrets::derive(&secret, &array(&case["y"]));
        assert_eq!(hex(&secrets.tag_r), case["tag_r"], "{}", id(&case));
        assert_eq!(hex(&secrets.tag_i), case["tag_i"], "{}", id(&case));
        assert_eq!(hex(secrets.channel_id.as_bytes()), case["channel_id"], "{}", id(&case));
        assert_eq!(hex(secrets.channel_key.reveal()), case["channel_key"], "{}", id(&case));
        let cut: Vec<u8> =
            ["tag_r", "tag_i", "channel_id", "channel_key"].iter().flat_map(|name| bytes(&case[*name])).collect();
        assert_eq!(hex(&cut), case["okm"], "{}", id(&case));
    }
    let (all, dummies) = of("dummy");
    for case in dummies {
        let input = dummy_input(&mut Always(bytes(&case["random"])));
        assert_eq!(hex(&input), case["input"], "{}", id(&case));
        let secrets = Secrets::derive(&link_with(&all, &case["l"]), &array(&case["y"]));
        assert_eq!(hex(&secrets.tag_r), case["tag_r"], "{}", id(&case));
    }
}

/// The responder's steps. Its key can't be given from outside, so this is what the library below makes of it;
/// `dialogues.json` has the seed of a key.
#[test]
fn what_the_key_makes_of_elements() {
    for case in of("channel").1.iter().chain(&of("dummy").1).filter(|case| is_valid(case)) {
        let key = OprfServer::<Ristretto255>::new_with_key(&bytes(&case["key"])).unwrap();
        let evaluate = |element: &[u8]| {
            let element = BlindedElement::deserialize(element).unwrap();
            hex(&key.blind_evaluate(&element).serialize())
        };
        assert_eq!(evaluate(&bytes(&case["blinded"])), case["evaluated"], "{}", id(case));
        assert_eq!(hex(&key.evaluate(&bytes(&case["input"])).unwrap()), case["y"], "{}", id(case));
        let blinded = |blind| {
            let result = OprfClient::<Ristretto255>::blind(&bytes(&case["input"]), &mut Always(blind)).unwrap();
            hex(&result.message.serialize())
        };
        assert_eq!(blinded(bytes(&case["blind"])), case["blinded"], "{}", id(case));
        if case["operation"] == "channel" {
            // A blind of one hides nothing.
            assert_eq!(blinded(vec![1]), case["input_element"], "{}", id(case));
            assert_eq!(evaluate(&bytes(&case["input_element"])), case["unblinded"], "{}", id(case));
        }
    }
}

/// A whole first round of I, whose blinds are all that of the vector: the blinded element is in its Query, and with the
/// evaluated one in its place the channel is matched.
#[test]
fn an_initiator_blinds_and_finalizes() {
    let (all, channels) = of("channel");
    for case in channels.iter().filter(|case| is_valid(case)) {
        let mut rng = Always(bytes(&case["blind"]));
        let mut end = Matcher::initiator(link_with(&all, &case["l"]), &mut rng);
        end.join(&channel(case));
        let Some(Control::Query { seq, blinded }) = end.transmit(&mut rng) else { panic!("a Query") };
        let place = blinded.iter().position(|element| hex(element) == case["blinded"]);
        let place = place.unwrap_or_else(|| panic!("{}: the blinded element is not in the Query", id(case)));

        let mut evaluated = vec![array(&Value::from(GENERATOR)); blinded.len()];
        evaluated[place] = array(&case["evaluated"]);
        let mut offer: Vec<Tag> = (0..8).map(|n| [n; 16]).collect();
        offer[3] = array(&case["tag_r"]);
        end.handle(Control::Answer { seq, evaluated, offer }, &mut Free, Duration::ZERO).unwrap();
        let Some(MatchEvent::Matched { channel_id, channel_key, .. }) = end.event() else {
            panic!("{} must be matched", id(case))
        };
        assert_eq!(hex(channel_id.as_bytes()), case["channel_id"], "{}", id(case));
        assert_eq!(hex(channel_key.reveal()), case["channel_key"], "{}", id(case));
        let Some(Control::Accept(tags)) = end.transmit(&mut rng) else { panic!("an Accept") };
        assert!(tags.contains(&array(&case["tag_i"])), "{}", id(case));
    }
}
