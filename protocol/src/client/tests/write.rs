//! What clients are sent, byte for byte.

use super::*;
use bytes::BytesMut;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::from(&b"before"[..]);
    write(&mut out);
    assert_eq!(&out[..6], b"before", "what was there stays");
    String::from_utf8(out[6..].to_vec()).unwrap()
}

/// The original's lines, as recorded from it.
#[test]
fn the_recorded_lines_of_the_original() {
    let (a, b) = ("1738817406956055509", "30850919505916322");
    assert_eq!(
        written(|out| put_connect(out, a, b)),
        r#"{"action":"connect","source":"1738817406956055509","target":"30850919505916322"}"#
    );
    assert_eq!(
        written(|out| put_disconnect(out, b, a)),
        r#"{"action":"disconnect","source":"30850919505916322","target":"1738817406956055509"}"#
    );
    assert_eq!(
        written(|out| put_broadcast(out, a, Some("\"hi \\u003c\\u0026\\u003e é \\u2028\"".as_bytes()))),
        r#"{"action":"broadcast","source":"1738817406956055509","data":"hi \u003c\u0026\u003e é \u2028"}"#
    );
    assert_eq!(written(|out| put_broadcast(out, a, None)), r#"{"action":"broadcast","source":"1738817406956055509"}"#);
    assert_eq!(
        written(|out| put_message(out, a, b, Some(br#""dm""#))),
        r#"{"action":"message","source":"1738817406956055509","target":"30850919505916322","data":"dm"}"#
    );
    assert_eq!(
        written(|out| put_message(out, a, b, None)),
        r#"{"action":"message","source":"1738817406956055509","target":"30850919505916322"}"#
    );
    assert_eq!(
        written(|out| put_status(out, a)),
        r#"{"action":"status","source":"1738817406956055509","target":"1738817406956055509"}"#
    );
}

#[test]
fn errors_name_code_words_and_target() {
    assert_eq!(
        written(|out| put_error(out, ErrorCode::TextOnly, "send text", None)),
        r#"{"action":"error","code":"text_only","message":"send text"}"#
    );
    assert_eq!(
        written(|out| put_error(out, ErrorCode::UnknownTarget, "nobody \"x\"", Some("a\\\u{1f}\"é\n"))),
        r#"{"action":"error","code":"unknown_target","message":"nobody \"x\"","target":"a\\\u001f\"é\u000a"}"#
    );
}

#[test]
fn the_words_for_errors_are_stable() {
    let words = [
        (ErrorCode::BadJson, "bad_json"),
        (ErrorCode::BadMessage, "bad_message"),
        (ErrorCode::UnknownAction, "unknown_action"),
        (ErrorCode::UnknownTarget, "unknown_target"),
        (ErrorCode::TextOnly, "text_only"),
    ];
    for (code, word) in words {
        assert_eq!(code.as_str(), word);
    }
}

proptest! {
    #[test]
    fn any_words_come_out_of_an_error_as_they_went_in(message in any::<String>(), target in any::<Option<String>>()) {
        let text = written(|out| put_error(out, ErrorCode::BadJson, &message, target.as_deref()));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read["message"].as_str(), Some(&*message));
        prop_assert_eq!(read["target"].as_str(), target.as_deref());
    }

    #[test]
    fn lengths_are_foretold(data in prop::option::of("[0-9]{1,300}"), source in "[a-z2-7]{26}", target in "[a-z2-7]{26}") {
        let data = data.as_deref().map(str::as_bytes);
        prop_assert_eq!(written(|out| put_broadcast(out, &source, data)).len(), broadcast_bytes(&source, data));
        prop_assert_eq!(
            written(|out| put_message(out, &source, &target, data)).len(),
            message_bytes(&source, &target, data)
        );
    }
}

/// One growth of the buffer, also when it starts without room.
#[test]
fn room_is_made_once() {
    let data = vec![b'1'; 100_000];
    let mut out = BytesMut::new();
    put_broadcast(&mut out, "s", Some(&data));
    assert!(out.capacity() < 2 * data.len());
}
