//! A text frame of a client.

use bytes::BytesMut;
use nws_protocol::client::{ErrorCode, Request, RequestError, parse, put_broadcast, put_error, put_message};
use serde_json::value::RawValue;

const SOURCE: &str = "abcdefghijklmnopqrstuvwxyz";

/// # Panics
/// When what goes to clients would not be JSON, or the judgement differs from serde_json's.
pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut out = BytesMut::new();
    let request = parse(text);
    let said_bad_json = matches!(request, Err(RequestError::BadJson(_)));
    assert_eq!(is_json(input), !said_bad_json, "what is JSON and what is not");
    match request {
        Ok(Request::Broadcast { data }) => {
            check_data(text, data);
            put_broadcast(&mut out, SOURCE, data.map(str::as_bytes));
        }
        Ok(Request::Message { target, data }) => {
            check_data(text, data);
            put_message(&mut out, SOURCE, SOURCE, data.map(str::as_bytes));
            let mut error = BytesMut::new();
            put_error(&mut error, ErrorCode::UnknownTarget, "nobody", Some(&target));
            let told = serde_json::from_slice::<serde_json::Value>(&error).ok();
            let told = told.as_ref().and_then(|error| error.get("target")).and_then(serde_json::Value::as_str);
            assert_eq!(told, Some(&*target), "the target is named as it was meant");
        }
        Ok(Request::Status) => return,
        Err(error) => put_error(&mut out, error.code(), &error.to_string(), None),
    }
    assert!(is_json(&out), "a client is sent JSON");
}

fn check_data(text: &str, data: Option<&str>) {
    if let Some(data) = data {
        assert!(is_json(data.as_bytes()) && text.contains(data), "data is a JSON value of the text");
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}
