//! What `data` may be: JSON to the letter, text, bytes.

use super::{invalid, peer, valid};
use crate::{
    file::Case,
    json::{Parts, unhex},
};
use nws_protocol::{
    LinkCode,
    wire::{Data, Kind, Payload},
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = json_taken();
    cases.extend(json_refused());
    cases.extend(text_refused());
    cases.push(deep("json-deep", "lists within lists, 5000 deep", "5d"));
    cases.push(deep("json-deep-open", "5000 lists are begun, 4999 ended", ""));
    cases
}

/// A Broadcast of the peer 09 … 09.
fn broadcast(kind: Kind, data: &[u8]) -> Parts {
    let mut wire = bytes::BytesMut::new();
    nws_protocol::wire::put_broadcast(&mut wire, peer(9), kind, data);
    let prefix = wire.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    Parts::default().then(&wire[prefix..])
}

fn json_taken() -> Vec<Case> {
    let texts = [
        ("null", "a value that is not an object", "null"),
        ("false", "", "false"),
        ("zero-negative", "minus zero stays minus zero", "-0"),
        ("number-huge", "more than a double holds", "1e400"),
        ("number-long", "more digits than a double holds", "123456789012345678901234567890"),
        ("number-exponent", "written with a capital and a sign", "-1.50E+2"),
        ("text-empty", "a text without a character", r#""""#),
        ("white-space", "white space around and within", " \t\r\n{ \"a\" : [ 1 , 2 ] } \n"),
        ("escapes", "escapes are not written anew", r#""\u0041\/\b\f\n\r\t\"\\ \u003c""#),
        ("nul-escaped", "the character U+0000, escaped", r#""\u0000""#),
        ("surrogate-high", "half a surrogate pair in an escape", r#""\ud800""#),
        ("surrogate-low-first", "two halves in the wrong order", r#""\udc00\ud800""#),
        ("surrogate-name", "half a surrogate pair in a name", r#"{"\udfff":1}"#),
        ("names-twice", "members with the same name, all of them kept", r#"{"a":1,"a":2}"#),
        ("name-empty", "a member without a name", r#"{"":null}"#),
        ("line-separators", "U+2028 and U+2029 as they are", "\"\u{2028}\u{2029}\""),
        ("delete", "U+007F as it is", "\"\u{7f}\""),
        ("beyond-bmp", "a character beyond 16 bits", "\"😀\""),
        ("non-character", "U+FFFF", "\"\u{ffff}\""),
        ("mark-within", "U+FEFF within a text", "\"\u{feff}\""),
        ("proto-member", "a name that means something in JavaScript", r#"{"__proto__":{"a":1}}"#),
    ];
    texts
        .into_iter()
        .map(|(id, comment, text)| {
            let case = Case::valid(&format!("json-{id}"), comment, &["M-2", "M-3"]).flag("RareJson");
            let message = Data::Broadcast { source: peer(9), payload: Payload::Json(text.into()) };
            valid(case, broadcast(Kind::Json, text.as_bytes()), &message)
        })
        .collect()
}

fn json_refused() -> Vec<Case> {
    let texts: [(&str, &str, &[u8]); 31] = [
        ("space-only", "white space is no value, and is not empty", b" "),
        ("word", "a word", b"hello"),
        ("two-values", "two values", b"1 2"),
        ("two-objects", "two objects", b"{}{}"),
        ("trailing-brace", "one brace too many: it must not break out of the message to the client", b"1}"),
        ("breaks-out", "what would add members to the message to the client", br#"1,"source":"x""#),
        ("object-open", "an object without an end", br#"{"a":1"#),
        ("list-open", "a list without an end", b"[1"),
        ("text-open", "a text without an end", br#""a"#),
        ("comma-last", "a comma behind the last item", b"[1,]"),
        ("comma-last-member", "a comma behind the last member", br#"{"a":1,}"#),
        ("name-bare", "a name without quotes", b"{a:1}"),
        ("quotes-single", "single quotes", b"'a'"),
        ("comment", "a comment", b"1 // one"),
        ("nan", "not a number", b"NaN"),
        ("infinity", "infinity", b"-Infinity"),
        ("plus", "a plus sign", b"+1"),
        ("zero-leading", "a zero in front", b"01"),
        ("point-last", "a point without digits", b"1."),
        ("point-first", "a point without a digit before it", b".5"),
        ("exponent-open", "an exponent without digits", b"1e"),
        ("hexadecimal", "another base", b"0x1f"),
        ("capital", "a capital letter", b"True"),
        ("escape-unknown", "an escape that there is not", br#""\x41""#),
        ("escape-short", "an escape of three digits", br#""\u041""#),
        ("control-in-text", "a line feed as it is in a text", b"\"a\nb\""),
        ("nul-in-text", "a zero byte in a text", b"\"a\0b\""),
        ("nul-behind", "a zero byte behind the value", b"1\0"),
        ("mark-first", "a byte order mark in front", b"\xef\xbb\xbf1"),
        ("space-no-break", "U+00A0 is no white space", b"\xc2\xa01"),
        ("form-feed", "U+000C is no white space", b"\x0c1"),
    ];
    let mut cases: Vec<_> =
        texts.into_iter().map(|(id, comment, data)| not_json(id, comment, "NotJson", data)).collect();
    let not_utf8: [(&str, &str, &[u8]); 5] = [
        ("not-utf8", "a byte that is not UTF-8 in a text", b"\"\xff\""),
        ("latin-1", "Latin-1", b"\"caf\xe9\""),
        ("overlong", "U+0000 in two bytes", b"\"\xc0\x80\""),
        ("surrogate-bytes", "half a surrogate pair in three bytes", b"\"\xed\xa0\x80\""),
        ("utf8-cut", "a character that is cut off", b"\"\xf0\x9f\x98\""),
    ];
    cases.extend(not_utf8.into_iter().map(|(id, comment, data)| not_json(id, comment, "NotUtf8", data)));
    cases
}

fn not_json(id: &str, comment: &str, flag: &'static str, data: &[u8]) -> Case {
    let case =
        Case::invalid(&format!("json-{id}"), comment, &["M-3"], "data is not one JSON value in UTF-8").flag(flag);
    invalid(case, broadcast(Kind::Json, data), LinkCode::Malformed)
}

fn text_refused() -> Vec<Case> {
    let texts: [(&str, &str, &[u8]); 4] = [
        ("not-utf8", "a byte that is not UTF-8", b"a\xffb"),
        ("overlong", "a slash in two bytes", b"\xc0\xaf"),
        ("surrogate-bytes", "half a surrogate pair in three bytes", b"\xed\xa0\x80"),
        ("too-high", "beyond U+10FFFF", b"\xf4\x90\x80\x80"),
    ];
    texts
        .into_iter()
        .map(|(id, comment, data)| {
            let case = Case::invalid(&format!("text-{id}"), comment, &["M-3"], "data of KIND_TEXT is not UTF-8")
                .flag("NotUtf8");
            invalid(case, broadcast(Kind::Text, data), LinkCode::Malformed)
        })
        .collect()
}

/// 5000 lists in each other, and as many ends, the last one given.
fn deep(id: &str, comment: &str, last: &str) -> Case {
    // The message has 10,000 bytes of data, or 9999: `1a 90 4e` or `1a 8f 4e`, behind 18 bytes of source.
    let head = if last.is_empty() { "2aa44e 0a10" } else { "2aa54e 0a10" };
    let data = if last.is_empty() { "1a8f4e" } else { "1a904e" };
    let frame = Parts::default()
        .then([unhex(head), vec![9; 16], unhex(data)].concat())
        .times(b"[", 5000)
        .times(b"]", 4999)
        .then(unhex(last));
    if last.is_empty() {
        let case = Case::invalid(id, comment, &["M-3"], "data is not one JSON value in UTF-8").flag("NotJson");
        return invalid(case, frame, LinkCode::Malformed);
    }
    let text = "[".repeat(5000) + &"]".repeat(5000);
    let message = Data::Broadcast { source: peer(9), payload: Payload::Json(text.into()) };
    valid(Case::valid(id, comment, &["M-3"]).flag("RareJson"), frame, &message)
}
