//! `control.json` and `data.json`: each frame is the message that it should be, or is refused with the code.

use crate::{bytes, cases, closes_with, has_flag, hex, id, is_valid};
use ::bytes::BytesMut;
use nws_protocol::{
    PeerId,
    wire::{Control, Data, Kind, Payload, WireError},
};
use serde_json::{Value, json};

/// Whether the frame that is written for a message is this one.
fn is_frame(wire: &[u8], frame: &[u8]) -> bool {
    let prefix = wire.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    wire.get(prefix..) == Some(frame)
}

fn check<M>(
    case: &Value,
    decoded: Result<M, WireError>,
    describe: impl Fn(&M) -> Value,
    encode: impl Fn(&M, &mut BytesMut),
) {
    match decoded {
        Ok(message) => {
            assert!(is_valid(case), "{} must be refused", id(case));
            assert_eq!(describe(&message), expanded(&case["message"]), "{}", id(case));
            let mut wire = BytesMut::new();
            encode(&message, &mut wire);
            assert_eq!(Value::Bool(is_frame(&wire, &bytes(&case["frame"]))), case["plain"], "{}", id(case));
        }
        Err(error) => {
            assert!(!is_valid(case), "{} must be taken, but {error}", id(case));
            closes_with(case, error.code(), id(case));
        }
    }
}

/// A message in which entries that repeat are written out.
fn expanded(message: &Value) -> Value {
    let mut message = message.clone();
    for value in message.as_object_mut().unwrap().values_mut() {
        let Value::Array(entries) = value else { continue };
        *entries = entries
            .iter()
            .flat_map(|entry| match entry {
                Value::Object(entry) => vec![entry["hex"].clone(); crate::number(&entry["times"])],
                plain => vec![plain.clone()],
            })
            .collect();
    }
    message
}

fn hexes<const N: usize>(list: &[[u8; N]]) -> Vec<Value> {
    list.iter().map(|entry| hex(entry)).collect()
}

fn control(message: &Control) -> Value {
    match message {
        Control::Hello(hello) => json!({
            "type": "Hello", "version": hello.version, "instance_id": hex(hello.instance_id.as_bytes()),
            "capabilities": hello.capabilities, "agent": hello.agent, "max_frame_bytes": hello.max_frame_bytes,
        }),
        Control::Query { seq, blinded } => json!({ "type": "Query", "seq": seq, "blinded": hexes(blinded) }),
        Control::Answer { seq, evaluated, offer } => {
            json!({ "type": "Answer", "seq": seq, "evaluated": hexes(evaluated), "offer": hexes(offer) })
        }
        Control::Offer(tags) => json!({ "type": "Offer", "tags": hexes(tags) }),
        Control::Revoke(tags) => json!({ "type": "Revoke", "tags": hexes(tags) }),
        Control::Accept(tags) => json!({ "type": "Accept", "tags": hexes(tags) }),
        Control::Leave(channel) => json!({ "type": "Leave", "channel_id": hex(channel.as_bytes()) }),
        Control::Busy { seq, retry_after } => {
            json!({ "type": "Busy", "seq": seq, "retry_after_ms": u32::try_from(retry_after.as_millis()).unwrap() })
        }
        Control::Ping(nonce) => json!({ "type": "Ping", "nonce": nonce.to_string() }),
        Control::Pong(nonce) => json!({ "type": "Pong", "nonce": nonce.to_string() }),
        Control::Goodbye { code, reason } => json!({ "type": "Goodbye", "code": code.number(), "reason": reason }),
    }
}

fn peer(peer: &PeerId) -> Value {
    hex(peer.as_bytes())
}

fn data(message: &Data) -> Value {
    match message {
        Data::Open(channel) => json!({ "type": "Open", "channel_id": hex(channel.as_bytes()) }),
        Data::Members { peers, more } => {
            json!({ "type": "Members", "peer_ids": peers.iter().map(peer).collect::<Vec<_>>(), "more": more })
        }
        Data::Join(joined) => json!({ "type": "Join", "peer_id": peer(joined) }),
        Data::Part(parted) => json!({ "type": "Part", "peer_id": peer(parted) }),
        Data::Broadcast { source, payload } => {
            with_payload(json!({ "type": "Broadcast", "source": peer(source) }), payload)
        }
        Data::Direct { source, target, payload } => {
            with_payload(json!({ "type": "Direct", "source": peer(source), "target": peer(target) }), payload)
        }
        Data::Undeliverable { source, target } => {
            json!({ "type": "Undeliverable", "source": peer(source), "target": peer(target) })
        }
    }
}

fn with_payload(mut message: Value, payload: &Payload) -> Value {
    message["kind"] = json!(match payload.kind() {
        Kind::Json => "KIND_JSON",
        Kind::Text => "KIND_TEXT",
        Kind::Binary => "KIND_BINARY",
    });
    if payload.bytes().len() > 1024 {
        message["data_bytes"] = json!(payload.bytes().len());
        return message;
    }
    message["data"] = hex(payload.bytes());
    if let Ok(text) = std::str::from_utf8(payload.bytes()) {
        message["data_text"] = json!(text);
    }
    message
}

#[test]
fn frames_of_the_control_lane() {
    for case in cases("control.json") {
        check(&case, Control::decode(bytes(&case["frame"]).into()), control, Control::encode);
    }
}

#[test]
fn frames_of_data_lanes() {
    for case in cases("data.json") {
        let decoded = Data::decode(bytes(&case["frame"]).into());
        if has_flag(&case, "KindOfChannel") {
            // These are messages. That they are none of the channel is seen by who knows the channel.
            assert!(decoded.is_ok() && !is_valid(&case), "{}", id(&case));
        } else {
            check(&case, decoded, data, Data::encode);
        }
    }
}
