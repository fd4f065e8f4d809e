//! Messages of data lanes, one frame at a time: which are messages, and what they say.

mod payloads;
mod refused;
mod taken;

use crate::{
    file::{Case, File},
    json::{Json, Parts, hex, object},
};
use nws_protocol::{
    LinkCode, PeerId,
    wire::{Data, Kind, Payload},
};

pub(crate) fn file() -> File {
    let mut cases = taken::cases();
    cases.extend(payloads::cases());
    cases.extend(refused::cases());
    File {
        name: "data",
        document: "04-membership.md",
        sections: &["2", "3", "8", "9"],
        about: &[
            "`frame` is the body of one frame of a data lane, without its length. It is judged by itself: what may \
             come when is in membership.json.",
            "result `valid`: the frame is `message`. Ids and `data` are in hexadecimal; `data_text` is the same as \
             text, where it is UTF-8.",
            "`plain` true: a sender that writes the fields in the order of their numbers, and none that has its \
             default value, writes exactly this frame for `message`.",
            "`channel_kind`: the lane is one of a channel of this kind. Where it stands in an invalid case, the \
             frame would be a message on a lane of the other kind.",
            "result `invalid`: the link is closed with `code`.",
        ],
        flags: &[
            ("KindOfChannel", "A message or a kind of payload that does not belong to the channel's kind."),
            ("Limit", "A number or a length at or over its limit."),
            ("NotJson", "data of KIND_JSON that is not one JSON value."),
            ("NotProtobuf", "Not a protobuf message, or cut off."),
            ("NotUtf8", "Text that is not UTF-8."),
            (
                "OtherSpelling",
                "A spelling that protobuf allows, and that readers must take, but that no usual writer makes.",
            ),
            ("RareJson", "JSON that is valid, and that some parsers refuse or change."),
            ("UnknownBody", "No body, or one that no version knows."),
            ("UnknownField", "A field that no version knows. It is ignored."),
            ("UnknownKind", "A kind of payload that no version knows."),
            ("WrongLength", "An id, or a list of ids, whose bytes do not come out even."),
            (
                "WrongType",
                "A field of another type than the schema has. Many libraries ignore such a field; L-29 does not.",
            ),
        ],
        cases,
    }
}

/// A frame that is this message, `plain` or not.
fn valid(case: Case, frame: Parts, message: &Data) -> Case {
    let bytes = frame.bytes();
    assert_eq!(&Data::decode(bytes.clone().into()).unwrap(), message, "{frame:?}");
    let mut plain = bytes::BytesMut::new();
    message.encode(&mut plain);
    let is_plain = plain.ends_with(&bytes) && plain.len() <= bytes.len() + 3;
    case.input("frame", frame.json()).expect("message", describe(message)).expect("plain", is_plain)
}

/// A frame that is refused, whatever the channel.
fn invalid(case: Case, frame: Parts, code: LinkCode) -> Case {
    let error = Data::decode(frame.bytes().into()).expect_err("must be refused");
    assert_eq!(error.code(), code, "{frame:?}");
    case.input("frame", frame.json()).code(code)
}

fn encoded(message: &Data) -> Parts {
    let mut wire = bytes::BytesMut::new();
    message.encode(&mut wire);
    let prefix = wire.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    Parts::default().then(&wire[prefix..])
}

fn peer(byte: u8) -> PeerId {
    PeerId::from_bytes([byte; 16])
}

fn id(peer: PeerId) -> Json {
    hex(peer.as_bytes())
}

/// A message as the vectors write it.
fn describe(message: &Data) -> Json {
    match message {
        Data::Open(channel) => object! { "type": "Open", "channel_id": hex(channel.as_bytes()) },
        Data::Members { peers, more } => {
            let ids: Json = peers.iter().copied().map(id).collect();
            object! { "type": "Members", "peer_ids": ids, "more": *more }
        }
        Data::Join(peer) => object! { "type": "Join", "peer_id": id(*peer) },
        Data::Part(peer) => object! { "type": "Part", "peer_id": id(*peer) },
        Data::Broadcast { source, payload } => {
            with_payload(object! { "type": "Broadcast", "source": id(*source) }, payload)
        }
        Data::Direct { source, target, payload } => {
            with_payload(object! { "type": "Direct", "source": id(*source), "target": id(*target) }, payload)
        }
        Data::Undeliverable { source, target } => {
            object! { "type": "Undeliverable", "source": id(*source), "target": id(*target) }
        }
    }
}

fn with_payload(message: Json, payload: &Payload) -> Json {
    let kind = match payload.kind() {
        Kind::Json => "KIND_JSON",
        Kind::Text => "KIND_TEXT",
        Kind::Binary => "KIND_BINARY",
    };
    let message = message.with("kind", kind);
    if payload.bytes().len() > 1024 {
        return message.with("data_bytes", payload.bytes().len());
    }
    let message = message.with("data", hex(payload.bytes()));
    match std::str::from_utf8(payload.bytes()) {
        Ok(text) => message.with("data_text", text),
        Err(_) => message,
    }
}
