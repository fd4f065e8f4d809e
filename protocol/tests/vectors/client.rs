//! `client.json`: what clients say, and what they are sent.

use crate::{cases, id, is_valid, text};
use bytes::BytesMut;
use nws_protocol::{
    PeerId,
    client::{self, ErrorCode, Request},
};
use serde_json::{Value, json};

/// Of all who speak in the file.
const SENDER: &str = "a4dqobyha4dqobyha4dqobyha4";

fn error_code(word: &str) -> ErrorCode {
    use ErrorCode::{BadJson, BadMessage, TextOnly, TooLarge, UnknownAction, UnknownTarget};
    [BadJson, BadMessage, TextOnly, TooLarge, UnknownAction, UnknownTarget]
        .into_iter()
        .find(|code| code.as_str() == word)
        .unwrap_or_else(|| panic!("{word} is no error"))
}

fn described(request: &Request<'_>) -> Value {
    let (mut described, data) = match request {
        Request::Broadcast { data } => (json!({ "action": "broadcast" }), *data),
        Request::Message { target, data } => (json!({ "action": "message", "target": target }), *data),
        Request::Status => (json!({ "action": "status" }), None),
    };
    if let Some(data) = data {
        described["data"] = json!(data);
    }
    described
}

fn delivered(request: &Request<'_>) -> Option<String> {
    let mut sent = BytesMut::new();
    match request {
        Request::Broadcast { data } => client::put_broadcast(&mut sent, SENDER, data.map(str::as_bytes)),
        Request::Message { target, data } => {
            target.parse::<PeerId>().ok()?;
            client::put_message(&mut sent, SENDER, target, data.map(str::as_bytes));
        }
        Request::Status => client::put_status(&mut sent, SENDER),
    }
    Some(String::from_utf8(sent.to_vec()).unwrap())
}

#[test]
fn what_clients_say() {
    for case in cases("client.json").iter().filter(|case| case["direction"] == "to-proxy") {
        match client::parse(text(&case["text"])) {
            Ok(request) => {
                assert!(is_valid(case), "{} must be refused", id(case));
                assert_eq!(described(&request), case["request"], "{}", id(case));
                assert_eq!(delivered(&request).map_or(Value::Null, Value::String), case["delivered"], "{}", id(case));
            }
            Err(error) => {
                assert!(!is_valid(case), "{} must be taken, but {error}", id(case));
                assert_eq!(error.code(), error_code(text(&case["code"])), "{}: {error}", id(case));
            }
        }
    }
}

#[test]
fn what_clients_are_sent() {
    for case in cases("client.json").iter().filter(|case| case["direction"] == "to-client") {
        let event = &case["event"];
        let of = |name: &str| text(&event[name]);
        let data = event["data"].as_str().map(str::as_bytes);
        let mut sent = BytesMut::new();
        match of("action") {
            "connect" => client::put_connect(&mut sent, of("you"), of("peer")),
            "disconnect" => client::put_disconnect(&mut sent, of("you"), of("peer")),
            "broadcast" => client::put_broadcast(&mut sent, of("source"), data),
            "message" => client::put_message(&mut sent, of("source"), of("target"), data),
            "status" => client::put_status(&mut sent, of("you")),
            "error" => {
                client::put_error(&mut sent, error_code(of("code")), of("message"), event["target"].as_str());
            }
            other => panic!("{other}"),
        }
        let sent = std::str::from_utf8(&sent).unwrap();
        assert_eq!(sent, text(&case["text"]), "{}", id(case));
        if event["action"] == "error" {
            let read: Value = serde_json::from_str(sent).unwrap();
            assert_eq!(read["target"], event["target"], "{}", id(case));
        }
    }
}
