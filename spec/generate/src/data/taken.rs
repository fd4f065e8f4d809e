//! Frames that are messages: each message, and spellings that must be understood.

use super::{encoded, peer, valid};
use crate::{
    control::example_channel,
    file::Case,
    json::{Parts, unhex},
};
use nws_protocol::wire::{Data, Payload};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = messages();
    cases.extend(grown());
    cases.extend(spellings());
    cases
}

fn plain(id: &str, comment: &str, requirements: &'static [&'static str], message: &Data) -> Case {
    valid(Case::valid(id, comment, requirements), encoded(message), message)
}

fn json(text: &'static str) -> Payload {
    Payload::Json(text.into())
}

fn messages() -> Vec<Case> {
    let members = |peers: &[u8], more| Data::Members { peers: peers.iter().copied().map(peer).collect(), more };
    let broadcast = |payload| Data::Broadcast { source: peer(9), payload };
    let direct = |payload| Data::Direct { source: peer(9), target: peer(8), payload };
    vec![
        plain("open", "the channel id of the worked example of 03", &["M-5"], &Data::Open(example_channel())),
        plain("members-none", "a list without members is one frame", &["M-7"], &members(&[], false)),
        plain("members-one", "one member", &["M-7"], &members(&[1], false)),
        plain("members-three", "three, in any order", &["M-7"], &members(&[3, 1, 2], false)),
        plain("members-more", "the list goes on in the next frame", &["M-7"], &members(&[1, 2], true)),
        plain("members-none-more", "an empty part of a list", &["M-7"], &members(&[], true)),
        plain("join", "", &["M-9"], &Data::Join(peer(3))),
        plain("part", "", &["M-10"], &Data::Part(peer(3))),
        plain("part-zeros", "any 16 bytes are a peer id", &["M-10"], &Data::Part(peer(0))),
        plain("broadcast-without-data", "the example of section 2", &["M-3"], &broadcast(json(""))),
        plain("broadcast-json", "an object", &["M-2", "M-3"], &broadcast(json(r#"{"n":1}"#))),
        plain("broadcast-text", "text of a raw relay", &["M-3"], &broadcast(Payload::Text("hello, é😀".into())))
            .input("channel_kind", "broadcast"),
        plain("broadcast-text-empty", "text without a character", &["M-3"], &broadcast(Payload::Text("".into())))
            .input("channel_kind", "broadcast"),
        plain(
            "broadcast-binary",
            "bytes of a raw relay",
            &["M-3"],
            &broadcast(Payload::Binary(vec![0, 0xff, 0x80].into())),
        )
        .input("channel_kind", "broadcast"),
        plain("broadcast-binary-empty", "no bytes", &["M-3"], &broadcast(Payload::Binary("".into())))
            .input("channel_kind", "broadcast"),
        plain("direct-json", "a text in JSON", &["M-3"], &direct(json(r#""psst""#))).input("channel_kind", "network"),
        plain("direct-without-data", "no data", &["M-3"], &direct(json(""))).input("channel_kind", "network"),
        plain("undeliverable", "", &["M-28"], &Data::Undeliverable { source: peer(9), target: peer(8) })
            .input("channel_kind", "network"),
    ]
}

fn other(
    id: &str,
    comment: &str,
    requirements: &'static [&'static str],
    flag: &'static str,
    frame: &str,
    message: &Data,
) -> Case {
    valid(Case::valid(id, comment, requirements).flag(flag), Parts::default().then(unhex(frame)), message)
}

const NINE: &str = "0a10 09090909090909090909090909090909";
const EIGHT: &str = "1210 08080808080808080808080808080808";

fn grown() -> Vec<Case> {
    let unknown =
        |id, comment, frame: &str, message: &Data| other(id, comment, &["L-30", "M-5"], "UnknownField", frame, message);
    let said = Data::Broadcast { source: peer(9), payload: json("1") };
    vec![
        unknown(
            "unknown-in-open",
            "a field in Open",
            "0a0d 0a08f83b66638d8d8408 120178",
            &Data::Open(example_channel()),
        ),
        unknown("unknown-in-join", "a field in Join", &format!("1a15 {NINE} 120178"), &Data::Join(peer(9))),
        unknown("unknown-in-broadcast", "a field behind data", &format!("2a18 {NINE} 1a0131 220178"), &said),
        unknown(
            "unknown-before-data",
            "a field of a later version before data",
            &format!("2a18 {NINE} 220178 1a0131"),
            &said,
        ),
        unknown("unknown-beside-broadcast", "a field beside the body", &format!("2a15 {NINE} 1a0131 a00107"), &said),
    ]
}

fn spellings() -> Vec<Case> {
    let spelled =
        |id, comment, frame: &str, message: &Data| other(id, comment, &["L-29"], "OtherSpelling", frame, message);
    let said = Data::Broadcast { source: peer(9), payload: json("1") };
    let told = Data::Direct { source: peer(9), target: peer(8), payload: json("1") };
    vec![
        spelled("kind-zero-written", "the kind with its default value", &format!("2a17 {NINE} 1000 1a0131"), &said),
        spelled(
            "data-empty-written",
            "data with its default value",
            &format!("2a14 {NINE} 1a00"),
            &Data::Broadcast { source: peer(9), payload: json("") },
        ),
        spelled("order-reversed", "fields in another order", &format!("3227 220131 {EIGHT} {NINE}"), &told),
        spelled(
            "data-twice",
            "of a field that comes twice the last one counts",
            &format!("2a18 {NINE} 1a0132 1a0131"),
            &said,
        ),
        spelled(
            "more-is-two",
            "any number but zero is true",
            &format!("1214 {NINE} 1002"),
            &Data::Members { peers: vec![peer(9)], more: true },
        ),
        spelled("body-length-long", "the length of the body in two bytes", &format!("2a9500 {NINE} 1a0131"), &said),
    ]
}
