//! What clients are sent.

use crate::{
    file::Case,
    json::{Json, object},
};
use bytes::BytesMut;
use nws_protocol::{
    PeerId,
    client::{self, ErrorCode},
};

fn output(id: &str, comment: &str, event: Json, put: impl FnOnce(&mut BytesMut)) -> Case {
    let mut text = BytesMut::new();
    put(&mut text);
    Case::valid(id, comment, &["C-23"])
        .input("direction", "to-client")
        .input("event", event)
        .expect("text", String::from_utf8(text.to_vec()).unwrap())
}

pub(crate) fn cases() -> Vec<Case> {
    let (you, peer) = (PeerId::from_bytes([8; 16]).to_string(), PeerId::from_bytes([7; 16]).to_string());
    let said = |action: &str| object! { "action": action, "source": peer.clone() };
    let data = r#"{ "a" : "\u0041" , "a" : 1e400 }"#;
    let mut cases = vec![
        output(
            "sent-connect",
            "a peer is there",
            object! { "action": "connect", "you": you.clone(), "peer": peer.clone() },
            |text| {
                client::put_connect(text, &you, &peer);
            },
        ),
        output(
            "sent-disconnect",
            "a peer is gone",
            object! { "action": "disconnect", "you": you.clone(), "peer": peer.clone() },
            |text| {
                client::put_disconnect(text, &you, &peer);
            },
        ),
        output("sent-broadcast", "data as it was sent", said("broadcast").with("data", data), |text| {
            client::put_broadcast(text, &peer, Some(data.as_bytes()));
        }),
        output("sent-broadcast-without-data", "no data, no member", said("broadcast"), |text| {
            client::put_broadcast(text, &peer, None)
        }),
        output(
            "sent-message",
            "data as it was sent",
            said("message").with("target", you.clone()).with("data", "[ ]"),
            |text| {
                client::put_message(text, &peer, &you, Some(b"[ ]"));
            },
        ),
        output(
            "sent-message-without-data",
            "no data, no member",
            said("message").with("target", you.clone()),
            |text| {
                client::put_message(text, &peer, &you, None);
            },
        ),
        output("sent-status", "who you are, twice", object! { "action": "status", "you": you.clone() }, |text| {
            client::put_status(text, &you)
        }),
    ];
    let codes =
        [ErrorCode::BadJson, ErrorCode::BadMessage, ErrorCode::UnknownAction, ErrorCode::TextOnly, ErrorCode::TooLarge];
    cases.extend(codes.map(|code| {
        let word = code.as_str();
        let event = object! { "action": "error", "code": word, "message": "words" };
        output(&format!("sent-error-{word}"), "an error without a target", event, |text| {
            client::put_error(text, code, "words", None)
        })
    }));
    let targets = [
        ("", ErrorCode::UnknownTarget, "the target as the client gave it", "baeaqcaibaeaqcaibaeaqcaiba"),
        ("-escaped", ErrorCode::UnknownTarget, "a target with characters that must be escaped", "a\"\\\n\u{1f}é😀"),
        ("-empty", ErrorCode::UnknownTarget, "a target without a character", ""),
        ("-direct", ErrorCode::TooLarge, "of a direct message", "baeaqcaibaeaqcaibaeaqcaiba"),
    ];
    cases.extend(targets.map(|(id, code, comment, target)| {
        let word = code.as_str();
        let event = object! { "action": "error", "code": word, "message": "words", "target": target };
        output(&format!("sent-error-{word}-target{id}"), comment, event, |text| {
            client::put_error(text, code, "words", Some(target))
        })
    }));
    cases
}
