#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn written(text: &str) -> String {
    rewrite(text, "ID").unwrap_or_else(|fault| panic!("{text}: {fault}")).text
}

/// A value inside of an array, where no origin is set.
fn inside(value: &str) -> String {
    let text = written(&format!("[{value}]"));
    text[1..text.len() - 1].to_owned()
}

#[test]
fn the_origin_is_set_where_one_was_or_last() {
    assert_eq!(written("{}"), r#"{"origin":"ID"}"#);
    assert_eq!(written(r#" { "a" : 1 } "#), r#"{"a":1,"origin":"ID"}"#);
    assert_eq!(written(r#"{"origin":null,"a":1}"#), r#"{"origin":"ID","a":1}"#);
    assert_eq!(written(r#"{"a":1,"origin":{"b":[1,2]},"c":2}"#), r#"{"a":1,"origin":"ID","c":2}"#);
    assert_eq!(written(r#"{"a":{"origin":"x"}}"#), r#"{"a":{"origin":"x"},"origin":"ID"}"#);
    assert_eq!(written(r#"[{"origin":"x"}]"#), r#"[{"origin":"x"}]"#);
}

#[test]
fn an_origin_can_not_be_forged() {
    assert_eq!(written(r#"{"origin":"ID","origin":"forged"}"#), r#"{"origin":"ID"}"#);
    assert_eq!(written(r#"{"\u006frigin":"forged","a":1}"#), r#"{"origin":"ID","a":1}"#);
    assert_eq!(written(r#"{"a":1,"origin":1,"a":2,"or\u0069gin":2}"#), r#"{"a":2,"origin":"ID"}"#);
    assert_eq!(written(r#"{"1":1,"0":0}"#), r#"{"0":0,"1":1,"origin":"ID"}"#);
}

#[test]
fn members_are_ordered_as_javascript_orders_them() {
    assert_eq!(inside(r#"{"b":1,"a":2,"b":3}"#), r#"{"b":3,"a":2}"#);
    assert_eq!(
        inside(r#"{"z":0,"10":1,"2":2,"01":3,"-1":4,"4294967294":5,"4294967295":6}"#),
        r#"{"2":2,"10":1,"4294967294":5,"z":0,"01":3,"-1":4,"4294967295":6}"#
    );
    let many: Vec<String> = (0..40).map(|n| format!("\"k{}\":{n}", n % 20)).collect();
    let last: Vec<String> = (20..40).map(|n| format!("\"k{}\":{n}", n % 20)).collect();
    assert_eq!(inside(&format!("{{{}}}", many.join(","))), format!("{{{}}}", last.join(",")));
    // The inner one is tidied before the outer one is.
    assert_eq!(inside(r#"{"b":{"2":1,"1":2},"1":{"x":1,"x":2}}"#), r#"{"1":{"x":2},"b":{"1":2,"2":1}}"#);
}

#[test]
fn numbers_are_written_as_javascript_writes_them() {
    for (read, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1", "1"),
        ("-12", "-12"),
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("100e-2", "1"),
        ("0.1", "0.1"),
        ("123.456", "123.456"),
        ("999999999999999", "999999999999999"),
        ("9007199254740993", "9007199254740992"),
        ("12345678901234567890", "12345678901234567000"),
        ("123456789012345678901", "123456789012345680000"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("1.25e22", "1.25e+22"),
        ("0.000001", "0.000001"),
        ("0.0000015", "0.0000015"),
        ("0.0000001", "1e-7"),
        ("-1.5e-9", "-1.5e-9"),
        ("5e-324", "5e-324"),
        ("1e-999", "0"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("1e999", "null"),
        ("-1e999", "null"),
    ] {
        assert_eq!(inside(read), expected, "{read}");
    }
}

#[test]
fn strings_have_the_escapes_they_need() {
    for (read, expected) in [
        (r#""""#, r#""""#),
        (r#""\u0041\/\u00e9""#, "\"A/é\""),
        (r#""\"\\\b\f\n\r\t""#, r#""\"\\\b\f\n\r\t""#),
        (r#""\u0000\u001F\u0008\u000a""#, r#""\u0000\u001f\b\n""#),
        (r#""\ud83d\ude00""#, "\"😀\""),
        (r#""\uD800""#, r#""\ud800""#),
        (r#""\udc00x""#, r#""\udc00x""#),
        (r#""\ud800\u0041""#, r#""\ud800A""#),
        (r#""\ud800\ud83d\ude00""#, "\"\\ud800😀\""),
        (r#""\ud800\n""#, r#""\ud800\n""#),
        ("\"\u{7f}\u{2028}é\"", "\"\u{7f}\u{2028}é\""),
    ] {
        assert_eq!(inside(read), expected, "{read}");
    }
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    for (bad, fault) in [
        ("", Fault::Ends),
        (" ", Fault::Ends),
        ("not json", Fault::Unexpected(1)),
        ("heartbeat", Fault::Unexpected(0)),
        ("{", Fault::Ends),
        ("{\"a\"}", Fault::Unexpected(4)),
        ("{\"a\":}", Fault::Unexpected(5)),
        ("{\"a\":1,}", Fault::Unexpected(7)),
        ("{a:1}", Fault::Unexpected(1)),
        ("[1,]", Fault::Unexpected(3)),
        ("[1 2]", Fault::Unexpected(3)),
        ("[1", Fault::Ends),
        ("1 1", Fault::Unexpected(2)),
        ("01", Fault::Unexpected(1)),
        ("1.", Fault::Ends),
        (".5", Fault::Unexpected(0)),
        ("+1", Fault::Unexpected(0)),
        ("-", Fault::Ends),
        ("1e", Fault::Ends),
        ("NaN", Fault::Unexpected(0)),
        ("\"a", Fault::Ends),
        ("\"a\nb\"", Fault::Unexpected(2)),
        ("\"\\x\"", Fault::Unexpected(2)),
        ("\"\\u12\"", Fault::Unexpected(5)),
        ("\u{feff}{}", Fault::Unexpected(0)),
        ("nul", Fault::Ends),
        ("\u{a0}1", Fault::Unexpected(0)),
    ] {
        assert_eq!(rewrite(bad, "ID"), Err(fault), "{bad:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(written(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
    assert_eq!(rewrite(&nested(MAX_DEPTH + 1), "ID"), Err(Fault::Deep));
    assert_eq!(rewrite(&"[".repeat(1_000_000), "ID"), Err(Fault::Deep));
    assert_eq!(rewrite(&"{\"\":".repeat(1_000_000), "ID"), Err(Fault::Deep));
}

#[test]
fn the_destination_is_where_it_says() {
    let of = |text: &str| rewrite(text, "ID").unwrap().destination().map(str::to_owned);
    assert_eq!(of(r#"{"a":1,"destination" : "x","b":2}"#).unwrap(), "\"x\"");
    assert_eq!(of(r#"{"destination":1,"9":1,"destination":[ 2 ]}"#).unwrap(), "[2]");
    assert_eq!(of(r#"{"origin":"a long origin that gets shorter","destination":null}"#).unwrap(), "null");
    assert_eq!(of(r#"{"a":{"destination":1}}"#), None);
    assert_eq!(of("5"), None);
}

/// JSON in which much may be wrong.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"a\""),
        Just("\"origin\""),
        Just("\"destination\""),
        Just("1"),
        Just("-0"),
        Just("1e5"),
        Just("null"),
        Just("true"),
        Just(" "),
        Just("\"\\ud800\""),
        Just("\"7\""),
        Just("\\"),
        Just("é"),
    ];
    proptest::collection::vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        // Short ones: serde_json does not read all others exactly.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0 + 1.0 / 16.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::hash_map("[a-c0-9\u{0}\"é]{0,2}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in ".*") {
        _ = rewrite(&text, "ID");
    }

    #[test]
    fn it_takes_what_serde_takes_and_what_it_writes_stays(text in scraps()) {
        let serde = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        match rewrite(&text, "ID") {
            Ok(rewritten) => {
                prop_assert!(serde.is_ok());
                prop_assert_eq!(written(&rewritten.text), rewritten.text);
            }
            Err(_) => prop_assert!(serde.is_err()),
        }
    }

    #[test]
    fn doubles_stay_what_they_are(number in any::<f64>()) {
        prop_assume!(number.is_finite());
        prop_assert_eq!(inside(&format!("{number:e}")).parse::<f64>().unwrap(), number);
        prop_assert_eq!(inside(&format!("{number}")).parse::<f64>().unwrap(), number);
    }

    #[test]
    fn values_stay_what_they_are(value in value()) {
        let text = inside(&serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
