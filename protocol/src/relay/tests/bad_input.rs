//! What bad input is called, and by which words.

use super::*;

/// The word, a part of the sentence, and the id and the channel that the answer has.
type Called = (&'static str, &'static str, Option<u64>, Option<u64>);

fn called(text: &str, (code, words, id, channel): Called) {
    let error = Asked::parse(text).expect_err(text);
    assert_eq!(error.code().as_str(), code, "{text}: {error}");
    assert!(error.to_string().contains(words), "{text}: {error}");
    assert_eq!((error.id, error.channel), (id, channel), "{text}");
}

#[test]
fn requests() {
    let max = MAX_NUMBER;
    let table: &[(&str, Called)] = &[
        ("", ("bad_json", "not JSON", None, None)),
        ("{", ("bad_json", "not JSON", None, None)),
        ("{}x", ("bad_json", "not JSON", None, None)),
        ("{\"type\":\"ping\",\"id\":1}{}", ("bad_json", "not JSON", None, None)),
        ("null", ("bad_json", "object", None, None)),
        ("[]", ("bad_json", "object", None, None)),
        ("5", ("bad_json", "object", None, None)),
        ("\"register\"", ("bad_json", "object", None, None)),
        ("{}", ("bad_message", "\"type\" is missing", None, None)),
        (r#"{"id":4,"type":5}"#, ("bad_message", "\"type\" must be a string", Some(4), None)),
        (r#"{"id":4,"type":null}"#, ("bad_message", "\"type\" must be a string", Some(4), None)),
        (r#"{"id":4,"type":"Register"}"#, ("unknown_type", "\"Register\"", Some(4), None)),
        (r#"{"type":"registered","channel":2}"#, ("unknown_type", "\"registered\"", None, Some(2))),
        (r#"{"type":""}"#, ("unknown_type", "\"\"", None, None)),
        (r#"{"type":"register"}"#, ("bad_message", "\"id\" is missing", None, None)),
        (r#"{"type":"unregister"}"#, ("bad_message", "\"id\" is missing", None, None)),
        (r#"{"type":"ping"}"#, ("bad_message", "\"id\" is missing", None, None)),
        (r#"{"type":"connect","server":1,"port":1}"#, ("bad_message", "\"id\" is missing", None, None)),
        (r#"{"type":"register","id":-1}"#, ("bad_message", "\"id\" must be an integer", None, None)),
        (r#"{"type":"register","id":1.5}"#, ("bad_message", "\"id\" must be an integer", None, None)),
        (r#"{"type":"register","id":"1"}"#, ("bad_message", "\"id\" must be an integer", None, None)),
        (r#"{"type":"register","id":null}"#, ("bad_message", "\"id\" must be an integer", None, None)),
        (r#"{"type":"register","id":9007199254740992}"#, ("bad_message", "9007199254740991", None, None)),
        (r#"{"type":"register","id":1e999}"#, ("bad_message", "\"id\" must be an integer", None, None)),
        (r#"{"type":"register","id":123456789012345678901234567890}"#, ("bad_message", "\"id\"", None, None)),
        (r#"{"type":"accept","id":1}"#, ("bad_message", "\"channel\" is missing", Some(1), None)),
        (r#"{"type":"accept","channel":[7]}"#, ("bad_message", "\"channel\" must be an integer", None, None)),
        (r#"{"type":"accept","channel":7,"id":{}}"#, ("bad_message", "\"id\" must be", None, Some(7))),
        (r#"{"type":"data","channel":7}"#, ("bad_message", "\"data\" is missing", None, Some(7))),
        (r#"{"type":"data","channel":7,"data":5}"#, ("bad_message", "\"data\" must be a string", None, Some(7))),
        (r#"{"type":"data","channel":7,"data":null}"#, ("bad_message", "\"data\" must be", None, Some(7))),
        (r#"{"type":"data","data":"x"}"#, ("bad_message", "\"channel\" is missing", None, None)),
        (r#"{"type":"consumed","channel":7}"#, ("bad_message", "\"bytes\" is missing", None, Some(7))),
        (r#"{"type":"consumed","channel":7,"bytes":-0}"#, ("bad_message", "\"bytes\" must be", None, Some(7))),
        (r#"{"type":"connect","id":1,"port":80}"#, ("bad_message", "\"server\" is missing", Some(1), None)),
        (r#"{"type":"connect","id":1,"server":3}"#, ("bad_message", "\"port\" is missing", Some(1), None)),
        (r#"{"type":"connect","id":1,"server":3,"port":65536}"#, ("bad_message", "65535", Some(1), None)),
        (r#"{"type":"connect","id":1,"server":3,"port":"80"}"#, ("bad_message", "\"port\"", Some(1), None)),
        (r#"{"type":"refuse","channel":7,"reason":5}"#, ("bad_message", "\"reason\" must be", None, Some(7))),
        (r#"{"type":"close","channel":7,"status":999}"#, ("bad_message", "\"status\" must be", None, Some(7))),
        (r#"{"type":"close","channel":7,"status":1001}"#, ("bad_message", "\"status\" must be", None, Some(7))),
        (r#"{"type":"close","channel":7,"status":5000}"#, ("bad_message", "\"status\" must be", None, Some(7))),
        (r#"{"type":"close","channel":7,"status":"1000"}"#, ("bad_message", "\"status\" must be", None, Some(7))),
        (r#"{"type":"resume","id":1}"#, ("bad_message", "\"server\" is missing", Some(1), None)),
        (
            r#"{"type":"resume","id":1,"server":3,"channels":[]}"#,
            ("bad_message", "\"credential\" is missing", Some(1), None),
        ),
        (
            r#"{"type":"resume","id":1,"server":3,"credential":12,"channels":[]}"#,
            ("bad_message", "\"credential\" must be a string of decimal digits", Some(1), None),
        ),
        (
            r#"{"type":"resume","id":1,"server":3,"credential":"12a","channels":[]}"#,
            ("bad_message", "\"credential\" must be a string of decimal digits", Some(1), None),
        ),
        (
            r#"{"type":"resume","id":1,"server":3,"credential":"12"}"#,
            ("bad_message", "\"channels\" is missing", Some(1), None),
        ),
        (
            r#"{"type":"resume","id":1,"server":3,"credential":"12","channels":{}}"#,
            ("bad_message", "\"channels\" must be an array", Some(1), None),
        ),
        (
            r#"{"type":"resume","id":1,"server":3,"credential":"12","channels":[7]}"#,
            ("bad_message", "\"channels\" must be an array", Some(1), None),
        ),
        (
            r#"{"type":"resume","id":1,"server":3,"credential":"12","channels":[{"channel":7,"received":1}]}"#,
            ("bad_message", "\"channels\" must be an array", Some(1), None),
        ),
    ];
    for (text, expected) in table {
        called(text, *expected);
    }
    for good in [max.to_string(), "0".to_owned()] {
        Asked::parse(&format!(r#"{{"type":"ping","id":{good}}}"#)).unwrap();
    }
}

#[test]
fn a_reason_has_its_limit_in_bytes() {
    let close = |reason: &str| format!(r#"{{"type":"close","channel":7,"reason":"{reason}"}}"#);
    assert!(Asked::parse(&close(&"x".repeat(123))).is_ok());
    assert!(Asked::parse(&close(&"é".repeat(61))).is_ok());
    assert!(Asked::parse(&close(&"\\u0078".repeat(123))).is_ok());
    called(&close(&"é".repeat(62)), ("bad_message", "123 bytes", None, Some(7)));
}

#[test]
fn a_long_type_is_cut_in_the_answer() {
    let error = Asked::parse(&format!(r#"{{"type":"{}"}}"#, "y".repeat(10_000))).unwrap_err();
    assert!(error.to_string().len() < 200);
}

#[test]
fn deep_json_is_no_danger() {
    let deep = format!(r#"{{"type":"ping","id":1,"x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert!(Asked::parse(&deep).is_ok() || Asked::parse(&deep).is_err_and(|error| error.code() == ErrorCode::BadJson));
}

#[test]
fn words_of_the_relay() {
    for (text, words) in [
        ("x", "not JSON"),
        ("[]", "object"),
        ("{}", "\"type\" is missing"),
        (r#"{"type":"done","id":-1}"#, "\"id\" must be"),
        (r#"{"type":"welcome","window":1,"message_bytes":1}"#, "\"grace_ms\" is missing"),
        (r#"{"type":"connected","channel":1,"server":1,"port":1}"#, "\"address\" is missing"),
        (r#"{"type":"connected","id":1}"#, "\"channel\" is missing"),
        (r#"{"type":"disconnected","channel":1}"#, "\"code\" is missing"),
        (r#"{"type":"disconnected","channel":1,"code":"gone","status":1}"#, "\"status\" must be"),
        (r#"{"type":"error","code":"refused"}"#, "\"message\" is missing"),
        (r#"{"type":"registered","id":1,"server":1,"credential":"x"}"#, "decimal digits"),
        (r#"{"type":"resumed","id":1,"server":1,"channels":[{}]}"#, "\"channels\" must be"),
    ] {
        let error = FromRelay::parse(text).expect_err(text);
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}
