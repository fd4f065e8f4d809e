//! Frames that are messages: each message, the limits from within, and spellings that must be understood.

use super::valid;
use crate::{
    file::Case,
    json::{Parts, unhex},
    multiples::MULTIPLES,
};
use bytes::BytesMut;
use nws_protocol::{
    ChannelId, InstanceId, LinkCode,
    limits::{
        MAX_AGENT_BYTES, MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, MAX_ELEMENTS, MAX_FRAME_BYTES_CEILING,
        MAX_REASON_BYTES, MIN_FRAME_BYTES,
    },
    wire::{Control, Hello, Tag},
};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = hellos();
    cases.extend(matching());
    cases.extend(others());
    cases.extend(grown());
    cases.extend(spellings());
    cases
}

/// As every writer here writes it.
fn plain(id: &str, comment: &str, requirements: &'static [&'static str], message: &Control) -> Case {
    let mut wire = BytesMut::new();
    message.encode(&mut wire);
    let prefix = wire.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    valid(Case::valid(id, comment, requirements), Parts::default().then(&wire[prefix..]), message)
}

pub(crate) fn hello() -> Hello {
    Hello {
        version: 1,
        instance_id: InstanceId::from_bytes(std::array::from_fn(|n| 0x10 + n as u8)),
        capabilities: Vec::new(),
        agent: "nws/0.1.0".to_owned(),
        max_frame_bytes: 1_049_600,
    }
}

fn hellos() -> Vec<Case> {
    let hello_with = |change: fn(&mut Hello)| {
        let mut hello = hello();
        change(&mut hello);
        Control::Hello(hello)
    };
    vec![
        plain("hello", "a usual Hello", &["L-33"], &hello_with(|_| ())),
        plain("hello-without-agent", "agent may be empty", &["L-33"], &hello_with(|hello| hello.agent.clear())),
        plain(
            "hello-capabilities",
            "capabilities that no version knows mean nothing",
            &["L-34"],
            &hello_with(|hello| hello.capabilities = vec!["resume".to_owned(), "example.org/later".to_owned()]),
        ),
        plain(
            "hello-capabilities-most",
            "32 capabilities; they may be equal",
            &["L-33", "L-34"],
            &hello_with(|hello| hello.capabilities = vec!["c".to_owned(); MAX_CAPABILITIES]),
        )
        .flag("Limit"),
        plain(
            "hello-capability-longest",
            "a capability of 64 bytes",
            &["L-33", "L-34"],
            &hello_with(|hello| hello.capabilities = vec!["c".repeat(MAX_CAPABILITY_BYTES)]),
        )
        .flag("Limit"),
        plain(
            "hello-agent-longest",
            "an agent of 128 bytes, which are 64 characters",
            &["L-33"],
            &hello_with(|hello| hello.agent = "é".repeat(MAX_AGENT_BYTES / 2)),
        )
        .flag("Limit"),
        plain(
            "hello-agent-any-character",
            "agent may hold any character",
            &["L-33"],
            &hello_with(|hello| hello.agent = "\0\u{1b}[31m\u{202e}\"\\\n😀".to_owned()),
        ),
        plain(
            "hello-frame-limit-smallest",
            "the smallest max_frame_bytes",
            &["L-33"],
            &hello_with(|hello| hello.max_frame_bytes = MIN_FRAME_BYTES),
        )
        .flag("Limit"),
        plain(
            "hello-frame-limit-largest",
            "the largest max_frame_bytes",
            &["L-33"],
            &hello_with(|hello| hello.max_frame_bytes = MAX_FRAME_BYTES_CEILING),
        )
        .flag("Limit"),
        plain(
            "hello-id-zeros",
            "any 16 bytes are an instance id",
            &["L-33"],
            &hello_with(|hello| hello.instance_id = InstanceId::from_bytes([0; 16])),
        ),
    ]
}

/// Tags that are told from each other easily.
pub(crate) fn tags(first: u8, count: u8) -> Vec<Tag> {
    (first..first + count).map(|n| [n; 16]).collect()
}

/// Elements of the group: multiples of its generator.
pub(crate) fn elements(from: usize, count: usize) -> Vec<[u8; 32]> {
    MULTIPLES[from..from + count].iter().map(|text| unhex(text).try_into().unwrap()).collect()
}

fn matching() -> Vec<Case> {
    let repeated = unhex(MULTIPLES[1]);
    let most = Parts::default().then(unhex("12868002 0801 12808002")).times(&repeated, MAX_ELEMENTS);
    let repeated: [u8; 32] = repeated.try_into().unwrap();
    vec![
        plain("query", "the first Query", &["P-9", "P-11"], &Control::Query { seq: 1, blinded: elements(1, 8) }),
        plain("query-later", "a later Query of four", &["P-9"], &Control::Query { seq: 300, blinded: elements(9, 4) }),
        valid(
            Case::valid("query-most", "1024 elements, here all the same", &["P-11"]).flag("Limit"),
            most,
            &Control::Query { seq: 1, blinded: vec![repeated; MAX_ELEMENTS] },
        ),
        plain(
            "answer-first",
            "the first Answer, with an offer",
            &["P-9", "P-28"],
            &Control::Answer { seq: 1, evaluated: elements(2, 8), offer: tags(0xa0, 8) },
        ),
        plain(
            "answer-later",
            "a later Answer has no offer",
            &["P-9"],
            &Control::Answer { seq: 2, evaluated: elements(2, 4), offer: Vec::new() },
        ),
        plain("offer", "four tags", &["P-9"], &Control::Offer(tags(0xb0, 4))),
        plain("revoke", "one tag", &["P-9"], &Control::Revoke(tags(0xb0, 1))),
        plain("revoke-three", "Revoke is not padded", &["P-9"], &Control::Revoke(tags(0xb1, 3))),
        plain("accept", "eight tags, as in the first Accept", &["P-9"], &Control::Accept(tags(0xc0, 8))),
        plain("leave", "the channel id of the worked example", &["L-31"], &Control::Leave(example_channel())),
        plain(
            "busy",
            "the example of 03 section 11",
            &["P-38"],
            &Control::Busy { seq: 7, retry_after: Duration::from_millis(108_000) },
        ),
        plain(
            "busy-longest",
            "the largest numbers",
            &["P-38"],
            &Control::Busy { seq: u32::MAX, retry_after: Duration::from_millis(u32::MAX.into()) },
        )
        .flag("Limit"),
    ]
}

pub(crate) fn example_channel() -> ChannelId {
    ChannelId::from_bytes([0xf8, 0x3b, 0x66, 0x63, 0x8d, 0x8d, 0x84, 0x08])
}

fn others() -> Vec<Case> {
    let goodbye = |code, reason: &str| Control::Goodbye { code, reason: reason.to_owned() };
    let mut cases = vec![
        plain("ping", "the example of 02 section 7", &["L-36"], &Control::Ping(5)),
        plain("ping-zero", "a nonce of zero is not written", &["L-36"], &Control::Ping(0)),
        plain("ping-largest", "the largest nonce", &["L-36"], &Control::Ping(u64::MAX)).flag("Limit"),
        plain("ping-53-bits", "more than a number of JavaScript holds", &["L-36"], &Control::Ping((1 << 53) + 1)),
        plain("pong", "the answer to the example", &["L-36"], &Control::Pong(5)),
        plain("pong-largest", "the largest nonce", &["L-36"], &Control::Pong(u64::MAX)).flag("Limit"),
        plain("goodbye-none", "nothing is wrong, no words", &["L-56"], &goodbye(LinkCode::None, "")),
        plain(
            "goodbye-reason-longest",
            "words of 256 bytes",
            &["L-56"],
            &goodbye(LinkCode::Limit, &"r".repeat(MAX_REASON_BYTES)),
        )
        .flag("Limit"),
        plain(
            "goodbye-unknown-code",
            "a code that is not known is no fault",
            &["L-59"],
            &goodbye(LinkCode::Unknown(4711), "later"),
        ),
        plain("goodbye-code-largest", "any 32 bits are a code", &["L-59"], &goodbye(LinkCode::Unknown(u32::MAX), "")),
    ];
    cases.extend((1..14).map(|number| {
        let code = LinkCode::from_number(number);
        plain(&format!("goodbye-{number}"), &format!("{code:?}"), &["L-56"], &goodbye(code, code.words()))
    }));
    cases
}

/// The same message, spelled so.
fn other(
    id: &str,
    comment: &str,
    requirements: &'static [&'static str],
    flag: &'static str,
    frame: &str,
    message: &Control,
) -> Case {
    valid(Case::valid(id, comment, requirements).flag(flag), Parts::default().then(unhex(frame)), message)
}

/// What a later version may add.
fn grown() -> Vec<Case> {
    let unknown = |id, comment, frame, message: &Control| other(id, comment, &["L-30"], "UnknownField", frame, message);
    let hello = Control::Hello(Hello { agent: "a".to_owned(), ..hello() });
    let id = "1210101112131415161718191a1b1c1d1e1f";
    vec![
        unknown("unknown-in-ping", "a number in Ping", "4a 05 0805 a00107", &Control::Ping(5)),
        unknown("unknown-beside-body", "a number beside the body", "a00107 4a020805", &Control::Ping(5)),
        unknown("unknown-behind-body", "bytes behind the body", "4a020805 a20103616263", &Control::Ping(5)),
        unknown(
            "unknown-fixed",
            "fields of 4 and of 8 bytes",
            "4a020805 a50101020304 a9010102030405060708",
            &Control::Ping(5),
        ),
        unknown("unknown-group", "a group, with a field within", "4a020805 a301 0801 a401", &Control::Ping(5)),
        unknown(
            "unknown-body-too",
            "a body that is known, and a field that may be one later",
            "4a020805 6200",
            &Control::Ping(5),
        ),
        unknown("unknown-high-number", "the highest number of a field", "4a020805 f8ffffff0f01", &Control::Ping(5)),
        unknown(
            "unknown-in-hello",
            "a later Hello; all of these bytes go into the secret of the link (P-5)",
            &format!("0a 21 0801 {id} 220161 28808840 30ff01 3a0178"),
            &hello,
        ),
        unknown(
            "unknown-in-busy",
            "a field in Busy",
            "42 07 0807 1064 1a0178",
            &Control::Busy { seq: 7, retry_after: Duration::from_millis(100) },
        ),
        unknown(
            "unknown-in-goodbye",
            "a field in Goodbye",
            "5a 06 0801 1a0201 02",
            &Control::Goodbye { code: LinkCode::GoingAway, reason: String::new() },
        ),
    ]
}

fn spellings() -> Vec<Case> {
    let spelled =
        |id, comment, frame, message: &Control| other(id, comment, &["L-29"], "OtherSpelling", frame, message);
    let hello = Control::Hello(Hello { agent: String::new(), ..hello() });
    let id = "1210101112131415161718191a1b1c1d1e1f";
    vec![
        spelled("default-written", "a field with its default value", "4a020800", &Control::Ping(0)),
        spelled("order-reversed", "fields in another order", &format!("0a 18 28808840 {id} 0801"), &hello),
        spelled("field-twice", "of a field that comes twice the last one counts", "4a04 0801 0805", &Control::Ping(5)),
        spelled(
            "body-twice",
            "two bodies of one kind are merged",
            "42 02 0807 42 02 1064",
            &Control::Busy { seq: 7, retry_after: Duration::from_millis(100) },
        ),
        spelled("two-bodies", "of two kinds of bodies the last one counts", "4a020801 52020805", &Control::Pong(5)),
        spelled("number-long", "5 in three bytes", "4a04 08858000", &Control::Ping(5)),
        spelled(
            "number-over-32-bits",
            "of a number that is too long for its field the low 32 bits count: 7",
            "42 08 088780808010 1064",
            &Control::Busy { seq: 7, retry_after: Duration::from_millis(100) },
        ),
        spelled("length-long", "the length of the body in two bytes", "4a8200 0805", &Control::Ping(5)),
        spelled("key-long", "the key of the field in two bytes", "4a03 880005", &Control::Ping(5)),
    ]
}
