//! From a TLS session to the tags of a channel, step by step.

use crate::{
    control,
    file::{Case, File},
    json::{Json, hex, unhex},
    oprf::{Blind, Key, RFC_INFO, RFC_SEED, input_element},
};
use bytes::BytesMut;
use nws_protocol::{
    ChannelKey, ChannelKind, ChannelName, NetworkKey,
    matching::{LinkSecret, Secrets, dummy_input},
    wire::Control,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rand_core::RngCore;
use sha2::{Digest, Sha512};

pub(crate) fn file() -> File {
    let mut cases = links();
    cases.extend(channels());
    cases.extend(dummies());
    File {
        name: "derivations",
        document: "03-matching.md",
        sections: &["4", "5", "6"],
        about: &[
            "`operation` `link`: section 4. `hello_i` and `hello_r` are the bodies of the first frames of I and of \
             R, without their length, as they travelled. `ekm` is the output of the TLS exporter. `network_key` \
             null: there is none.",
            "`operation` `channel`: sections 3, 5 and 6, for a link with the secret `l` and a channel `kind`, \
             `name`. R's key is `key`; I blinds by `blind`. `y` is followed by `okm`, which is cut into the four \
             values behind it.",
            "`operation` `dummy`: the input of a dummy with these random bytes, and its `tag_r` by R's key, as it \
             stands in an offer.",
            "result `invalid`: there is no such input; nothing is sent.",
            "Scalars are 32 bytes, little-endian.",
        ],
        flags: &[("WorkedExample", "As in sections 6 of the document.")],
        cases,
    }
}

fn ekm() -> [u8; 32] {
    std::array::from_fn(|n| n as u8)
}

fn lp(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// The frame without its length.
fn body(message: &Control) -> Vec<u8> {
    let mut wire = BytesMut::new();
    message.encode(&mut wire);
    wire[1..].to_vec()
}

fn link(
    id: &str,
    comment: &str,
    requirements: &'static [&'static str],
    network_key: Option<[u8; 32]>,
    ekm: [u8; 32],
    hellos: [&[u8]; 2],
) -> Case {
    let key = network_key.map_or_else(NetworkKey::default, NetworkKey::new);
    let hashes = hellos.map(Sha512::digest);
    let info = [lp(b"nws/1 link"), lp(&hashes[0]), lp(&hashes[1])].concat();
    Case::valid(id, comment, requirements)
        .input("operation", "link")
        .input("network_key", network_key.map_or(Json::Null, hex))
        .hex("ekm", ekm)
        .hex("hello_i", hellos[0])
        .hex("hello_r", hellos[1])
        .expect("h_i", hex(hashes[0]))
        .expect("h_r", hex(hashes[1]))
        .expect("info", hex(info))
        .expect("l", hex(LinkSecret::derive(&key, &ekm, hellos[0], hellos[1]).reveal()))
}

fn links() -> Vec<Case> {
    let example: [&[u8]; 2] = [b"hello of I", b"hello of R"];
    let mut hello = control::hello();
    let hello_i = body(&Control::Hello(hello.clone()));
    hello.instance_id = nws_protocol::InstanceId::from_bytes([0xee; 16]);
    hello.agent = "another/2.7".to_owned();
    let hello_r = body(&Control::Hello(hello));
    // What a later version may send: field 7, which no reader of this version keeps.
    let mut later = hello_r.clone();
    later.extend(unhex("3a0178"));
    later[1] += 3;
    // The same Hello with its frame limit in front.
    let (limit, rest) = (&hello_i[hello_i.len() - 4..], &hello_i[2..hello_i.len() - 4]);
    let reversed = [&hello_i[..2], limit, rest].concat();
    assert!(Control::decode(later.clone().into()).is_ok());
    assert_eq!(Control::decode(reversed.clone().into()).unwrap(), Control::decode(hello_i.clone().into()).unwrap());
    let other_ekm: [u8; 32] = std::array::from_fn(|n| 0xff - n as u8);
    vec![
        link("link", "without a network key", &["T-1"], None, ekm(), example).flag("WorkedExample"),
        link("link-network-key", "with a network key", &["T-1"], Some([0x42; 32]), ekm(), example)
            .flag("WorkedExample"),
        link(
            "link-network-key-zeros",
            "a key of zeros gives the same as none",
            &["T-1"],
            Some([0; 32]),
            ekm(),
            example,
        ),
        link("link-roles", "the Hellos the other way round", &["P-5"], None, ekm(), [example[1], example[0]]),
        link("link-other-session", "another session", &["P-41"], None, other_ekm, example),
        link("link-hellos", "two usual Hellos", &["P-5"], None, ekm(), [&hello_i, &hello_r]),
        link(
            "link-unknown-field",
            "R's Hello has a field that I does not know: it counts",
            &["P-5", "L-30"],
            None,
            ekm(),
            [&hello_i, &later],
        ),
        link(
            "link-other-order",
            "I's Hello says the same, its fields in another order: the bytes count",
            &["P-5"],
            None,
            ekm(),
            [&reversed, &hello_r],
        ),
        link(
            "link-all",
            "two usual Hellos, and a network key",
            &["P-5"],
            Some(std::array::from_fn(|n| 0x80 + n as u8)),
            other_ekm,
            [&hello_i, &hello_r],
        ),
    ]
}

/// What is drawn, out of a seed.
fn drawn<const N: usize>(seed: u64) -> [u8; N] {
    let mut bytes = [0; N];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

fn channel(id: &str, comment: &str, secret: &LinkSecret, kind: ChannelKind, name: &str, seed: u64) -> Case {
    let key = if seed == 0 { Key::derived(&RFC_SEED, RFC_INFO) } else { Key::derived(&drawn::<32>(seed), b"") };
    let channel = ChannelKey { kind, name: ChannelName::new(name).unwrap() };
    let input = secret.channel_input(&channel).unwrap();
    let blind = Blind::new(&input, &drawn::<64>(seed + 1000));
    let element = input_element(&input);
    let evaluated = key.blind_evaluate(&blind.element).unwrap();
    let y = key.evaluate(&input);
    assert_eq!(blind.finalize(&input, &evaluated), y);
    let secrets = Secrets::derive(secret, &y);
    let okm = [secrets.tag_r.as_slice(), &secrets.tag_i, secrets.channel_id.as_bytes(), secrets.channel_key.reveal()]
        .concat();
    Case::valid(id, comment, &["P-3"])
        .input("operation", "channel")
        .hex("l", secret.reveal())
        .input("kind", kind.matching_label())
        .input("name", name)
        .hex("key", key.scalar())
        .hex("blind", blind.scalar())
        .expect("input", hex(&*input))
        .expect("input_element", hex(element))
        .expect("blinded", hex(blind.element))
        .expect("evaluated", hex(evaluated))
        .expect("unblinded", hex(key.blind_evaluate(&element).unwrap()))
        .expect("y", hex(y))
        .expect("okm", hex(okm))
        .expect("tag_r", hex(secrets.tag_r))
        .expect("tag_i", hex(secrets.tag_i))
        .expect("channel_id", hex(secrets.channel_id.as_bytes()))
        .expect("channel_key", hex(secrets.channel_key.reveal()))
}

fn channels() -> Vec<Case> {
    use ChannelKind::{Broadcast, Network};
    let secret = LinkSecret::derive(&NetworkKey::default(), &ekm(), b"hello of I", b"hello of R");
    let with_key = LinkSecret::derive(&NetworkKey::new([0x42; 32]), &ekm(), b"hello of I", b"hello of R");
    let local = Case::invalid(
        "channel-local",
        "a channel of the kind local has no input",
        &["T-9"],
        "local channels are not made known to any link",
    )
    .input("operation", "channel")
    .hex("l", secret.reveal())
    .input("kind", "local")
    .input("name", "chat")
    .hex("key", Key::derived(&RFC_SEED, RFC_INFO).scalar())
    .hex("blind", Blind::new(&[0], &drawn::<64>(1000)).scalar());
    vec![
        channel("channel-network", "chat", &secret, Network, "chat", 0).flag("WorkedExample"),
        channel("channel-broadcast", "the same name of another kind", &secret, Broadcast, "chat", 0)
            .flag("WorkedExample"),
        channel("channel-other-key", "another key of R", &secret, Network, "chat", 1),
        channel("channel-network-key", "another secret of the link", &with_key, Network, "chat", 0),
        channel("channel-capital", "case counts", &secret, Network, "Chat", 2),
        channel("channel-one-character", "the shortest name", &secret, Network, "*", 3),
        channel("channel-all-characters", "each character that is not a letter", &secret, Broadcast, "A0+=*._-z9", 4),
        channel(
            "channel-longest",
            "a name of 255 characters: the second byte of its length is ff",
            &secret,
            Network,
            &"n".repeat(255),
            5,
        ),
        local,
    ]
}

fn dummies() -> Vec<Case> {
    let secret = LinkSecret::derive(&NetworkKey::default(), &ekm(), b"hello of I", b"hello of R");
    let key = Key::derived(&RFC_SEED, RFC_INFO);
    [1, 2]
        .map(|n| {
            let mut random = [0; 32];
            ChaCha20Rng::seed_from_u64(n).fill_bytes(&mut random);
            let input = dummy_input(&mut ChaCha20Rng::seed_from_u64(n));
            assert!(input.ends_with(&random));
            let blind = Blind::new(&input, &drawn::<64>(n + 2000));
            let y = key.evaluate(&input);
            Case::valid(&format!("dummy-{n}"), "a dummy", &["P-13", "P-14"])
                .input("operation", "dummy")
                .hex("l", secret.reveal())
                .hex("random", random)
                .hex("key", key.scalar())
                .hex("blind", blind.scalar())
                .expect("input", hex(&*input))
                .expect("blinded", hex(blind.element))
                .expect("evaluated", hex(key.blind_evaluate(&blind.element).unwrap()))
                .expect("y", hex(y))
                .expect("tag_r", hex(Secrets::derive(&secret, &y).tag_r))
        })
        .into()
}
