//! Frames that are no messages, and messages on lanes of the wrong kind of channel.

use super::{encoded, invalid, peer};
use crate::{
    file::Case,
    json::{Parts, unhex},
};
use nws_protocol::{
    LinkCode,
    wire::{Data, Payload},
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = no_messages();
    cases.extend(lengths());
    cases.extend(kinds());
    cases.extend(wrong_channel());
    cases
}

const NINE: &str = "0a10 09090909090909090909090909090909";

fn bytes(id: &str, comment: &str, flag: &'static str, reason: &str, frame: &str) -> Case {
    let requirements: &'static [&'static str] = match flag {
        "UnknownBody" => &["L-29", "M-36"],
        "WrongLength" => &["L-31"],
        "UnknownKind" => &["M-4"],
        _ => &["L-29"],
    };
    let case = Case::invalid(id, comment, requirements, reason).flag(flag);
    invalid(case, Parts::default().then(unhex(frame)), LinkCode::Malformed)
}

fn no_messages() -> Vec<Case> {
    let body = "a message without a body that is known";
    let cut = "the message is cut off";
    let wrong = "a field of another type than the schema has";
    vec![
        bytes("empty", "an empty frame", "UnknownBody", body, ""),
        bytes("unknown-body", "a body with the next number", "UnknownBody", body, "4200"),
        bytes("goodbye-on-data", "Goodbye, a message of the control lane", "UnknownBody", body, "5a02 0801"),
        bytes("half-key", "a key that goes on, and nothing", "NotProtobuf", cut, "aa"),
        bytes("body-too-long", "the body is longer than the frame", "NotProtobuf", cut, &format!("1a13 {NINE}")),
        bytes("data-too-long", "data is longer than the body", "NotProtobuf", cut, &format!("2a15 {NINE} 1a0231")),
        bytes("body-too-short", "data ends behind its body", "NotProtobuf", cut, &format!("2a14 {NINE} 1a0131")),
        bytes(
            "ping-on-data",
            "Ping, a message of the control lane: data lanes have nothing of this number",
            "UnknownBody",
            body,
            "4a02 0805",
        ),
        bytes(
            "hello-on-data",
            "Hello: its version stands where Open has the channel id",
            "WrongType",
            wrong,
            "0a02 0801",
        ),
        bytes("open-as-number", "Open as a number", "WrongType", wrong, "0805"),
        bytes("kind-as-bytes", "the kind as bytes", "WrongType", wrong, &format!("2a18 {NINE} 120100 1a0131")),
        bytes("data-as-number", "data as a number", "WrongType", wrong, &format!("2a14 {NINE} 1801")),
        bytes("more-as-bytes", "more as bytes", "WrongType", wrong, &format!("1215 {NINE} 120101")),
    ]
}

fn lengths() -> Vec<Case> {
    let id = "a peer id has 16 bytes";
    let channel = "a channel id has 8 bytes";
    let fifteen = "09".repeat(15);
    let seventeen = "09".repeat(17);
    let list = "peer ids have 16 bytes each";
    let many =
        Case::invalid("members-2049", "2049 ids, which are also equal", &["M-13"], "at most 2048 peers in one frame")
            .flag("Limit");
    vec![
        bytes("open-nothing", "no channel id", "WrongLength", channel, "0a00"),
        bytes("open-7", "a channel id of 7 bytes", "WrongLength", channel, "0a09 0a07f83b66638d8d84"),
        bytes("open-9", "a channel id of 9 bytes", "WrongLength", channel, "0a0b 0a09f83b66638d8d840800"),
        bytes("members-15", "an id of 15 bytes", "WrongLength", list, &format!("1211 0a0f{fifteen}")),
        bytes("members-17", "an id and a byte", "WrongLength", list, &format!("1213 0a11{seventeen}")),
        // 32,784 bytes of ids are `90 80 02`.
        invalid(many, Parts::default().then(unhex("12948002 0a908002")).times([9], 2049 * 16), LinkCode::Malformed),
        bytes("join-nothing", "no peer id", "WrongLength", id, "1a00"),
        bytes("join-17", "a peer id of 17 bytes", "WrongLength", id, &format!("1a13 0a11{seventeen}")),
        bytes("part-15", "a peer id of 15 bytes", "WrongLength", id, &format!("2211 0a0f{fifteen}")),
        bytes("broadcast-without-source", "no source", "WrongLength", id, "2a03 1a0131"),
        bytes("broadcast-source-15", "a source of 15 bytes", "WrongLength", id, &format!("2a14 0a0f{fifteen} 1a0131")),
        bytes("direct-without-target", "no target", "WrongLength", id, &format!("3215 {NINE} 220131")),
        bytes(
            "direct-target-17",
            "a target of 17 bytes",
            "WrongLength",
            id,
            &format!("3228 {NINE} 1211{seventeen} 220131"),
        ),
        bytes("undeliverable-without-target", "no target", "WrongLength", id, &format!("3a12 {NINE}")),
        bytes(
            "undeliverable-source-15",
            "a source of 15 bytes",
            "WrongLength",
            id,
            &format!("3a23 0a0f{fifteen} 1210{}", "08".repeat(16)),
        ),
    ]
}

fn kinds() -> Vec<Case> {
    let reason = "a kind of payload that is not known";
    let target = "08".repeat(16);
    vec![
        bytes("kind-3", "the next kind", "UnknownKind", reason, &format!("2a17 {NINE} 1003 1a0131")),
        bytes("kind-127", "a kind far off", "UnknownKind", reason, &format!("2a17 {NINE} 107f 1a0131")),
        bytes("kind-300", "a kind in two bytes", "UnknownKind", reason, &format!("2a18 {NINE} 10ac02 1a0131")),
        bytes(
            "kind-negative",
            "a kind of minus one",
            "UnknownKind",
            reason,
            &format!("2a20 {NINE} 10ffffffffffffffffff01 1a0131"),
        ),
        bytes(
            "kind-3-direct",
            "the next kind in Direct",
            "UnknownKind",
            reason,
            &format!("3229 {NINE} 1210{target} 1803 220131"),
        ),
        bytes("kind-3-empty", "an unknown kind without data", "UnknownKind", reason, &format!("2a14 {NINE} 1003")),
    ]
}

/// Messages, but not here: the channel's kind is known to the receiver, not to the frame.
fn wrong_channel() -> Vec<Case> {
    let reason = "does not belong to a channel of this kind";
    let wrong = |id, comment, channel: &str, message: &Data| {
        Case::invalid(id, comment, &["M-4"], reason)
            .flag("KindOfChannel")
            .input("channel_kind", channel)
            .input("frame", encoded(message).json())
            .code(LinkCode::Malformed)
    };
    let broadcast = |payload| Data::Broadcast { source: peer(9), payload };
    let direct = |payload| Data::Direct { source: peer(9), target: peer(8), payload };
    vec![
        wrong("text-on-network", "text of a raw relay", "network", &broadcast(Payload::Text("1".into()))),
        wrong("binary-on-network", "bytes of a raw relay", "network", &broadcast(Payload::Binary("1".into()))),
        wrong(
            "direct-text-on-network",
            "a direct message that is no JSON",
            "network",
            &direct(Payload::Text("1".into())),
        ),
        wrong("json-on-broadcast", "JSON on a raw relay", "broadcast", &broadcast(Payload::Json("1".into()))),
        wrong(
            "direct-on-broadcast",
            "a raw relay has no direct messages",
            "broadcast",
            &direct(Payload::Text("1".into())),
        ),
        wrong(
            "undeliverable-on-broadcast",
            "nor any that can't be delivered",
            "broadcast",
            &Data::Undeliverable { source: peer(9), target: peer(8) },
        ),
    ]
}
