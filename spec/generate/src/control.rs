//! Messages of the control lane, one frame at a time: which are messages, and what they say.

mod refused;
mod taken;

pub(crate) use taken::{elements, example_channel, hello, tags};

use crate::{
    file::{Case, File},
    json::{Json, Parts, hex, hexes, object},
};
use nws_protocol::{LinkCode, wire::Control};

pub(crate) fn file() -> File {
    let mut cases = taken::cases();
    cases.extend(refused::cases());
    File {
        name: "control",
        document: "02-links.md, 03-matching.md",
        sections: &["02: 7, 8, 13", "03: 7"],
        about: &[
            "`frame` is the body of one frame of the control lane, without its length. It is judged by itself: \
             whether a message may come at that time, and whether a list has one of the sizes that are allowed \
             then, is not asked here (dialogues.json does). Elements are not checked here either (voprf.json).",
            "result `valid`: the frame is `message`. Bytes are in hexadecimal, nonces are decimal text (they have \
             64 bits), the rest is as the schema names it.",
            "`plain` true: a sender that writes the fields in the order of their numbers, and none that has its \
             default value, writes exactly this frame for `message`.",
            "result `invalid`: the link is closed with `code`.",
        ],
        flags: &[
            ("Limit", "A number or a length at or over its limit."),
            ("NotProtobuf", "Not a protobuf message, or cut off."),
            ("NotUtf8", "Text that is not UTF-8."),
            (
                "OtherSpelling",
                "A spelling that protobuf allows, and that readers must take, but that no usual writer makes.",
            ),
            ("UnknownBody", "No body, or one that no version knows."),
            ("UnknownField", "A field that no version knows. It is ignored."),
            ("WrongLength", "An id, or a list of ids, tags or elements, whose bytes do not come out even."),
            (
                "WrongType",
                "A field of another type than the schema has. Many libraries ignore such a field; L-29 does not.",
            ),
            ("WrongVersion", "A version of the link protocol that is not 1."),
        ],
        cases,
    }
}

/// A frame that is this message, `plain` or not.
fn valid(case: Case, frame: Parts, message: &Control) -> Case {
    let bytes = frame.bytes();
    assert_eq!(&Control::decode(bytes.clone().into()).unwrap(), message, "{frame:?}");
    let mut plain = bytes::BytesMut::new();
    message.encode(&mut plain);
    // The length prefix has one to three bytes here.
    let is_plain = plain.ends_with(&bytes) && plain.len() <= bytes.len() + 3;
    case.input("frame", frame.json()).expect("message", describe(message)).expect("plain", is_plain)
}

/// A frame that is refused.
fn invalid(case: Case, frame: Parts, code: LinkCode) -> Case {
    let error = Control::decode(frame.bytes().into()).expect_err("must be refused");
    assert_eq!(error.code(), code, "{frame:?}");
    case.input("frame", frame.json()).code(code)
}

/// A message as the vectors write it.
pub(crate) fn describe(message: &Control) -> Json {
    match message {
        Control::Hello(hello) => object! {
            "type": "Hello",
            "version": hello.version,
            "instance_id": hex(hello.instance_id.as_bytes()),
            "capabilities": hello.capabilities.clone(),
            "agent": hello.agent.clone(),
            "max_frame_bytes": hello.max_frame_bytes,
        },
        Control::Query { seq, blinded } => object! { "type": "Query", "seq": *seq, "blinded": list(blinded) },
        Control::Answer { seq, evaluated, offer } => {
            object! { "type": "Answer", "seq": *seq, "evaluated": list(evaluated), "offer": list(offer) }
        }
        Control::Offer(tags) => object! { "type": "Offer", "tags": list(tags) },
        Control::Revoke(tags) => object! { "type": "Revoke", "tags": list(tags) },
        Control::Accept(tags) => object! { "type": "Accept", "tags": list(tags) },
        Control::Leave(id) => object! { "type": "Leave", "channel_id": hex(id.as_bytes()) },
        Control::Busy { seq, retry_after } => {
            let milliseconds = u32::try_from(retry_after.as_millis()).unwrap();
            object! { "type": "Busy", "seq": *seq, "retry_after_ms": milliseconds }
        }
        Control::Ping(nonce) => object! { "type": "Ping", "nonce": nonce.to_string() },
        Control::Pong(nonce) => object! { "type": "Pong", "nonce": nonce.to_string() },
        Control::Goodbye { code, reason } => {
            object! { "type": "Goodbye", "code": code.number(), "reason": reason.clone() }
        }
    }
}

/// Entries of a list; many equal ones as one entry with a number.
fn list<const N: usize>(entries: &[[u8; N]]) -> Json {
    match entries {
        [first, rest @ ..] if rest.len() >= 64 && rest.iter().all(|entry| entry == first) => {
            Json::List(vec![object! { "hex": hex(first), "times": entries.len() }])
        }
        _ => hexes(entries),
    }
}
