//! What clients send: every row of the client interface, the original's recorded cases, and what people get wrong.

use super::*;
use proptest::prelude::*;
use std::borrow::Cow;

fn code(text: &str) -> &'static str {
    match parse(text) {
        Ok(request) => panic!("{text:?} was read as {request:?}"),
        Err(error) => error.code().as_str(),
    }
}

fn words(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn broadcast(data: &str) -> Request<'_> {
    Request::Broadcast { data: Some(data) }
}

#[test]
fn each_request_of_the_interface_is_read() {
    assert_eq!(parse(r#"{"action":"broadcast","data":"hi"}"#).unwrap(), broadcast(r#""hi""#));
    assert_eq!(
        parse(r#"{"action":"message","target":"abc","data":{"a":[1]}}"#).unwrap(),
        Request::Message { target: "abc".into(), data: Some(r#"{"a":[1]}"#) }
    );
    assert_eq!(parse(r#"{"action":"status"}"#).unwrap(), Request::Status);
}

#[test]
fn members_come_in_any_order_with_any_white_space() {
    let text = "\t\r\n {\n \"data\" : [ 1 ,\t2 ] \n, \"target\" : \"t\" ,\r\"action\":\"message\" } \n";
    assert_eq!(parse(text).unwrap(), Request::Message { target: "t".into(), data: Some("[ 1 ,\t2 ]") });
}

#[test]
fn data_is_the_text_as_sent() {
    let deep = format!("{}{}", "[{\"a\":".repeat(10_000), "}]".repeat(10_000).replacen("}]", "1}]", 1));
    for data in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e-0",
        "1e400",
        "-1E+400",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827021181583404541015625",
        r#""""#,
        r#""é 😀 \u00e9 \ud83d\ude00 \/ \\ \" \b\f\n\r\t""#,
        r#""hi \u003c\u0026\u003e é \u2028""#,
        "\"\u{2028}\u{2029}\u{7f}\u{feff}\"",
        r#""\ud800""#,
        r#""\udc00\ud800 \uDBFF""#,
        r#""\u0000""#,
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[ 1 , [ ] , { \"a\" :\n\tnull } ]",
        r#"{"a":1,"a":2,"":3,"":4}"#,
        r#"{"action":"status","data":"inner","target":5}"#,
        r#"{"\ud800":1}"#,
        &deep,
    ] {
        for text in [
            format!(r#"{{"action":"broadcast","data":{data}}}"#),
            format!("{{\"data\": \n{data}\t ,\"action\":\"broadcast\"}}"),
        ] {
            assert_eq!(parse(&text).unwrap(), broadcast(data));
        }
        let text = format!(r#"{{"data":{data},"action":"message","target":"x"}}"#);
        assert_eq!(parse(&text).unwrap(), Request::Message { target: "x".into(), data: Some(data) });
    }
}

#[test]
fn nothing_is_copied_in_the_normal_case() {
    let text = r#"{"action":"message","target":"abc","data":5}"#;
    let Request::Message { target: Cow::Borrowed(target), data: Some(data) } = parse(text).unwrap() else {
        panic!("borrowed")
    };
    let range = text.as_bytes().as_ptr_range();
    assert!(range.contains(&target.as_ptr()) && range.contains(&data.as_ptr()));
}

#[test]
fn data_may_be_missing() {
    assert_eq!(parse(r#"{"action":"broadcast"}"#).unwrap(), Request::Broadcast { data: None });
    assert_eq!(
        parse(r#"{"action":"message","target":"t"}"#).unwrap(),
        Request::Message { target: "t".into(), data: None }
    );
}

#[test]
fn of_equal_names_the_last_counts() {
    assert_eq!(parse(r#"{"action":"broadcast","data":"a","data":"b"}"#).unwrap(), broadcast(r#""b""#));
    assert_eq!(parse(r#"{"action":"nope","action":5,"action":"status"}"#).unwrap(), Request::Status);
    assert_eq!(code(r#"{"action":"status","action":5}"#), "bad_message");
    let text = r#"{"action":"message","target":"a","target":"b"}"#;
    assert_eq!(parse(text).unwrap(), Request::Message { target: "b".into(), data: None });
}

#[test]
fn unknown_members_are_ignored_whatever_they_hold() {
    for member in [r#""x":1"#, r#""":{"action":"x"}"#, r#""\ud800":[1e400]"#, r#""actio":5"#, r#""data ":null"#] {
        assert_eq!(parse(&format!(r#"{{{member},"action":"status",{member}}}"#)).unwrap(), Request::Status, "{member}");
    }
    // `source` can't be forged, and a broadcast has no target.
    let text = r#"{"action":"broadcast","source":"forged","target":["t"],"data":"x"}"#;
    assert_eq!(parse(text).unwrap(), broadcast(r#""x""#));
}

#[test]
fn names_and_texts_may_be_escaped() {
    let text = r#"{"\u0061ction":"m\u0065ssage","t\u0061rget":"a\/\"\u00e9\ud83d\ude00","dat\u0061":1}"#;
    assert_eq!(parse(text).unwrap(), Request::Message { target: "a/\"é😀".into(), data: Some("1") });
}

#[test]
fn half_a_surrogate_pair_is_json_but_names_nobody() {
    let text = r#"{"action":"message","target":"a\ud800b"}"#;
    let Request::Message { target, .. } = parse(text).unwrap() else { panic!("a message") };
    assert_eq!(target, "a\u{fffd}b");
    let text = r#"{"action":"message","target":"\udc00\ud800x\ud83d\ude00\ud800"}"#;
    assert_eq!(parse(text).unwrap(), Request::Message { target: "\u{fffd}\u{fffd}x😀\u{fffd}".into(), data: None });
    assert_eq!(code(r#"{"action":"\udc00"}"#), "unknown_action");
}

/// The original folded the case of names, but not of actions.
#[test]
fn names_are_compared_without_case() {
    assert_eq!(parse(r#"{"Action":"broadcast","DATA":"case"}"#).unwrap(), broadcast(r#""case""#));
    let text = r#"{"ACTION":"message","Target":"t"}"#;
    assert_eq!(parse(text).unwrap(), Request::Message { target: "t".into(), data: None });
    assert_eq!(code(r#"{"action":"Broadcast"}"#), "unknown_action");
}

/// What the original was sent when it was recorded: it dropped most of this in silence.
#[test]
fn the_recorded_cases_of_the_original() {
    for (text, data) in [
        (r#"{"action":"broadcast","data":{"o":1}}"#, Some(r#"{"o":1}"#)),
        (r#"{"action":"broadcast","data":5}"#, Some("5")),
        (r#"{"action":"broadcast","data":null}"#, Some("null")),
        (r#"{"action":"broadcast","data":""}"#, Some(r#""""#)),
        (r#"{"action":"broadcast"}"#, None),
        (r#"{"action":"broadcast","source":"forged","target":"30850919505916322","data":"x"}"#, Some(r#""x""#)),
        (r#"{"Action":"broadcast","DATA":"case"}"#, Some(r#""case""#)),
        (r#"{"action":"broadcast","data":"a","data":"b"}"#, Some(r#""b""#)),
    ] {
        assert_eq!(parse(text).unwrap(), Request::Broadcast { data }, "{text}");
    }
    assert_eq!(
        parse(r#"{"action":"message","target":"999","data":"x"}"#).unwrap(),
        Request::Message { target: "999".into(), data: Some(r#""x""#) }
    );
    for (text, expected) in [
        (r#"{"action":"message","data":"x"}"#, "bad_message"),
        (r#"{"action":"nope","data":"x"}"#, "unknown_action"),
        (r#"{"action":"connect","target":"7"}"#, "unknown_action"),
        (r#"{"action":"disconnect","target":"30850919505916322"}"#, "unknown_action"),
        ("junk", "bad_json"),
        ("", "bad_json"),
        ("[]", "bad_message"),
        ("null", "bad_message"),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_json() {
    for text in [
        "",
        " ",
        "\u{feff}{}",
        "{",
        "}",
        "{}}",
        "{} {}",
        "{}x",
        "{\"action\"}",
        "{\"action\":}",
        "{\"action\":\"status\"",
        "{\"action\":\"status\",}",
        "{\"action\":\"status\"}{\"action\":\"status\"}",
        "{\"action\":\"status\"}\0",
        "{action:\"status\"}",
        "{'action':'status'}",
        "{1:2}",
        "{\"a\nb\":1}",
        "{\"action\":\"sta\ttus\"}",
        "{\"action\":\"\\x\"}",
        "{\"action\":\"\\u12g4\"}",
        "{\"a\\q\":1,\"action\":\"status\"}",
        "{\"action\":\"status\",\"data\":01}",
        "{\"action\":\"status\",\"data\":1.}",
        "{\"action\":\"status\",\"data\":+1}",
        "{\"action\":\"status\",\"data\":NaN}",
        "{\"action\":\"status\",\"data\":[1,]}",
        "{\"action\":\"status\",\"data\":[1}",
        "{\"action\":\"status\",\"data\":tru}",
        "{\"action\":\"status\" /* */}",
        "[1,",
        "\"open",
        "nul",
        "1 2",
        "\u{a0}{}",
        "\u{c}{}",
    ] {
        assert_eq!(code(text), "bad_json", "{text:?}");
    }
    assert!(words("{\"action\":}").starts_with("this is not JSON: expected value at line 1"));
}

#[test]
fn what_is_json_but_no_message() {
    for text in ["[]", "null", "true", "5", "\"text\"", " [ {\"action\":\"status\"} ] ", "1e400", "\"\\ud800\""] {
        assert_eq!(code(text), "bad_message", "{text}");
        assert_eq!(words(text), "a message must be a JSON object");
    }
    for text in ["{}", "{\"data\":1}", "{\"target\":\"t\"}", "{\"\":\"status\"}"] {
        assert_eq!(code(text), "bad_message");
        assert_eq!(words(text), "the member \"action\" is missing", "{text}");
    }
    for value in ["null", "5", "true", "[\"status\"]", "{\"a\":\"status\"}"] {
        assert_eq!(words(&format!("{{\"action\":{value}}}")), "\"action\" must be a string");
        let text = format!("{{\"action\":\"message\",\"target\":{value}}}");
        assert_eq!(code(&text), "bad_message");
        assert_eq!(words(&text), "\"target\" must be a string");
    }
    assert_eq!(words(r#"{"action":"message"}"#), "a message needs the member \"target\"");
}

#[test]
fn unknown_actions_are_named_and_cut() {
    assert_eq!(
        words(r#"{"action":"brodcast"}"#),
        r#"unknown action "brodcast": a client may send "broadcast", "message" and "status""#
    );
    let long = format!("{{\"action\":\"{}\"}}", "é".repeat(1000));
    let Err(RequestError::UnknownAction { action }) = parse(&long) else { panic!("unknown") };
    assert_eq!(action, "é".repeat(64));
    for text in ["", "error", "STATUS", " status", "status\\u0000"] {
        assert_eq!(code(&format!("{{\"action\":\"{text}\"}}")), "unknown_action");
    }
}

#[test]
fn a_very_deep_text_that_is_wrong_is_refused_without_harm() {
    assert_eq!(code(&"[".repeat(1_000_000)), "bad_json");
    assert_eq!(code(&"{\"a\":".repeat(1_000_000)), "bad_json");
    let text = format!("{{\"action\":\"broadcast\",\"data\":{}", "[".repeat(1_000_000));
    assert_eq!(code(&text), "bad_json");
}

/// Any JSON value, as a tree.
fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_comes_through_a_request_and_its_delivery(
        data in json(), target in any::<String>(), pretty in any::<bool>(),
    ) {
        let data = if pretty { serde_json::to_string_pretty(&data).unwrap() } else { data.to_string() };
        let text = format!("{{\"action\":\"message\",\"target\":{},\"data\":{data}}}", serde_json::json!(target));
        let Ok(Request::Message { target: read, data: Some(carried) }) = parse(&text) else { panic!("a message") };
        prop_assert_eq!(&*read, &target);
        prop_assert_eq!(carried, &data);
        let mut delivered = bytes::BytesMut::new();
        put_message(&mut delivered, "src", "dst", Some(carried.as_bytes()));
        let expected = format!("{{\"action\":\"message\",\"source\":\"src\",\"target\":\"dst\",\"data\":{data}}}");
        prop_assert_eq!(delivered, expected.as_bytes());
    }

    #[test]
    fn any_text_is_answered_as_serde_json_would_judge_it(text in "[{}\\[\\]:,\"\\\\a1 .e+-]{0,24}|\\PC{0,40}") {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let said_bad_json = matches!(parse(&text), Err(RequestError::BadJson(_)));
        prop_assert_eq!(is_json, !said_bad_json);
    }

    /// A valid message with one character changed: never a panic, and data is always JSON.
    #[test]
    fn damaged_requests(at in any::<prop::sample::Index>(), with in any::<char>()) {
        let text = r#"{"action":"message","target":"x\u0041","data":[1,{"a":"\ud83d\ude00"},1e5,null,true]}"#;
        let at = at.index(text.len());
        let damaged = format!("{}{with}{}", &text[..at], &text[at + 1..]);
        if let Ok(Request::Message { data: Some(data), .. } | Request::Broadcast { data: Some(data) }) = parse(&damaged) {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok());
        }
    }
}
