//! What clients say.

use crate::{
    file::Case,
    json::{Json, object},
};
use bytes::BytesMut;
use nws_protocol::{
    PeerId,
    client::{self, Request},
};

const SENDER: PeerId = PeerId::from_bytes([7; 16]);
const TARGET: &str = "baeaqcaibaeaqcaibaeaqcaiba";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = good();
    cases.extend(data());
    cases.extend(names());
    cases.extend(bad_json());
    cases.extend(bad_messages());
    cases.extend(unknown_actions());
    cases
}

/// A message, what it asks for, and what its receiver is sent.
fn valid(
    id: &str,
    comment: &str,
    requirements: &'static [&'static str],
    flag: Option<&'static str>,
    text: &str,
) -> Case {
    let request = client::parse(text).unwrap();
    let source = SENDER.to_string();
    let mut sent = BytesMut::new();
    let described = match &request {
        Request::Broadcast { data } => {
            client::put_broadcast(&mut sent, &source, data.map(str::as_bytes));
            with_data(object! { "action": "broadcast" }, *data)
        }
        Request::Message { target, data } => {
            if target.parse::<PeerId>().is_ok() {
                client::put_message(&mut sent, &source, target, data.map(str::as_bytes));
            }
            with_data(object! { "action": "message", "target": target.clone().into_owned() }, *data)
        }
        Request::Status => {
            client::put_status(&mut sent, &source);
            object! { "action": "status" }
        }
    };
    let mut case = Case::valid(id, comment, requirements);
    if let Some(flag) = flag {
        case = case.flag(flag);
    }
    let case = case.input("direction", "to-proxy").input("text", text).expect("request", described);
    if sent.is_empty() { case } else { case.expect("delivered", String::from_utf8(sent.to_vec()).unwrap()) }
}

fn with_data(request: Json, data: Option<&str>) -> Json {
    match data {
        Some(data) => request.with("data", data),
        None => request,
    }
}

fn invalid(id: &str, comment: &str, flag: &'static str, reason: &str, text: &str, code: &str) -> Case {
    assert_eq!(client::parse(text).expect_err("must be refused").code().as_str(), code, "{text}");
    Case::invalid(id, comment, &["C-26"], reason)
        .flag(flag)
        .input("direction", "to-proxy")
        .input("text", text)
        .expect("code", code)
}

fn good() -> Vec<Case> {
    let message = |rest: &str| format!(r#"{{"action":"message","target":"{TARGET}"{rest}}}"#);
    vec![
        valid("broadcast", "", &["C-19", "C-22"], None, r#"{"action":"broadcast","data":{"n":1}}"#),
        valid("broadcast-without-data", "receivers get no data", &["C-22"], None, r#"{"action":"broadcast"}"#),
        valid("broadcast-null", "null is data", &["C-22"], None, r#"{"action":"broadcast","data":null}"#),
        valid("message", "", &["C-19", "C-22"], None, &message(r#","data":"hi""#)),
        valid("message-without-data", "the target gets no data", &["C-22"], None, &message("")),
        valid("status", "the answer goes to the sender alone", &["C-19"], None, r#"{"action":"status"}"#),
        valid("data-first", "members in another order", &["C-19"], None, r#"{"data":[1],"action":"broadcast"}"#),
        valid(
            "white-space",
            "white space around and within",
            &["C-19", "C-22"],
            None,
            " \t\r\n{ \"action\" : \"broadcast\" ,\n \"data\" :  [ 1 , 2 ]  } \n",
        ),
        valid(
            "target-no-id",
            "a target that is no id: the message is good, and there is no such peer",
            &["C-27"],
            None,
            r#"{"action":"message","target":"nobody","data":1}"#,
        ),
        valid(
            "target-empty",
            "a target without a character: there is no such peer",
            &["C-27"],
            None,
            r#"{"action":"message","target":""}"#,
        ),
        valid(
            "target-capitals",
            "an id in capitals is no id",
            &["C-27"],
            None,
            &format!(r#"{{"action":"message","target":"{}"}}"#, TARGET.to_uppercase()),
        ),
    ]
}

fn data() -> Vec<Case> {
    let texts = [
        ("huge", "more than a double holds", "1e400"),
        ("long", "more digits than a double holds", "0.1000000000000000055511151231257827021181583404541015625"),
        ("zero-negative", "minus zero stays so", "-0.0e-0"),
        ("escapes", "escapes are not written anew", r#""\u0041\/ \u003c é""#),
        ("surrogate-half", "half a surrogate pair", r#""\ud800""#),
        ("surrogate-pair", "a surrogate pair stays as it is", r#""\ud83d\ude00 😀""#),
        ("names-twice", "members with the same name within data", r#"{"a":1,"a":2}"#),
        ("looks-like-message", "a message within data means nothing", r#"{"action":"status","target":5,"source":"x"}"#),
        ("proto", "a name that means something in JavaScript", r#"{"__proto__":1}"#),
        ("nul", "U+0000, escaped", r#""\u0000""#),
        ("separators", "U+2028 as it is", "\"\u{2028}\""),
        ("text-empty", "a text without a character", r#""""#),
        ("false", "false is data", "false"),
    ];
    let mut cases: Vec<_> = texts
        .into_iter()
        .map(|(id, comment, data)| {
            let text = format!(r#"{{"action":"broadcast","data":{data}}}"#);
            valid(&format!("data-{id}"), comment, &["C-22"], Some("RareJson"), &text)
        })
        .collect();
    let deep = format!(r#"{{"action":"broadcast","data":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    cases.push(valid("data-deep", "lists within lists, 500 deep", &["C-22"], Some("RareJson"), &deep));
    cases
}

fn names() -> Vec<Case> {
    let (case, escapes, twice, unknown) = (Some("Case"), Some("Escapes"), Some("Twice"), Some("UnknownMember"));
    vec![
        valid("case-of-names", "names in capitals", &["C-21"], case, r#"{"Action":"broadcast","DATA":"case"}"#),
        valid(
            "case-of-target",
            "target with a capital",
            &["C-21"],
            case,
            &format!(r#"{{"ACTION":"message","Target":"{TARGET}"}}"#),
        ),
        valid("twice-data", "the last one counts", &["C-20"], twice, r#"{"action":"broadcast","data":"a","data":"b"}"#),
        valid(
            "twice-action",
            "the last one counts, and the others may be anything",
            &["C-20"],
            twice,
            r#"{"action":"nope","action":5,"action":"status"}"#,
        ),
        valid(
            "twice-other-case",
            "names are equal without regard to case",
            &["C-20", "C-21"],
            twice,
            r#"{"action":"broadcast","data":1,"DATA":2,"Data":3}"#,
        ),
        valid(
            "twice-target",
            "the last one counts",
            &["C-20"],
            twice,
            &format!(r#"{{"action":"message","target":5,"target":"{TARGET}"}}"#),
        ),
        valid(
            "unknown-members",
            "whatever they hold",
            &["C-19"],
            unknown,
            r#"{"x":1,"":{"action":"x"},"\ud800":[1e400],"action":"status","data ":null}"#,
        ),
        valid(
            "source-forged",
            "source can't be forged; a broadcast has no target",
            &["C-33"],
            unknown,
            r#"{"action":"broadcast","source":"forged","target":["t"],"data":"x"}"#,
        ),
        valid(
            "status-with-more",
            "status needs nothing else",
            &["C-19"],
            unknown,
            r#"{"action":"status","target":5,"data":{}}"#,
        ),
        valid(
            "escaped-names",
            "names with escapes",
            &["C-21"],
            escapes,
            &format!(r#"{{"\u0061ction":"m\u0065ssage","t\u0061rget":"{TARGET}","dat\u0061":1}}"#),
        ),
        valid(
            "escaped-target",
            "a target with escapes; there is no such peer",
            &["C-27"],
            escapes,
            r#"{"action":"message","target":"a\/\"\u00e9\ud83d\ude00"}"#,
        ),
        valid(
            "half-target",
            "half a surrogate pair reads as U+FFFD",
            &["C-27"],
            escapes,
            r#"{"action":"message","target":"a\ud800b"}"#,
        ),
    ]
}

fn bad_json() -> Vec<Case> {
    let texts = [
        ("empty", "nothing", ""),
        ("white-space-only", "white space", " \n"),
        ("word", "a word", "junk"),
        ("mark", "a byte order mark", "\u{feff}{\"action\":\"status\"}"),
        ("open", "an object without an end", "{\"action\":\"status\""),
        ("brace-more", "one brace too many", "{\"action\":\"status\"}}"),
        ("two-objects", "two objects", "{\"action\":\"status\"}{\"action\":\"status\"}"),
        ("behind", "something behind the object", "{\"action\":\"status\"}x"),
        ("nul-behind", "U+0000 behind the object", "{\"action\":\"status\"}\0"),
        ("comma-last", "a comma behind the last member", "{\"action\":\"status\",}"),
        ("no-value", "a member without a value", "{\"action\":}"),
        ("no-colon", "a name alone", "{\"action\"}"),
        ("name-bare", "a name without quotes", "{action:\"status\"}"),
        ("quotes-single", "single quotes", "{'action':'status'}"),
        ("name-number", "a number as a name", "{1:2}"),
        ("line-feed-in-name", "a line feed as it is in a name", "{\"a\nb\":1,\"action\":\"status\"}"),
        ("tab-in-text", "a tabulator as it is in a text", "{\"action\":\"sta\ttus\"}"),
        (
            "escape-unknown",
            "an escape that there is not, in a member that means nothing",
            "{\"a\\q\":1,\"action\":\"status\"}",
        ),
        ("escape-short", "an escape of three digits", "{\"action\":\"status\",\"data\":\"\\u041\"}"),
        ("zero-leading", "a zero in front, in data that nobody gets", "{\"action\":\"status\",\"data\":01}"),
        ("point-last", "a point without digits", "{\"action\":\"broadcast\",\"data\":1.}"),
        ("plus", "a plus sign", "{\"action\":\"broadcast\",\"data\":+1}"),
        ("nan", "not a number", "{\"action\":\"broadcast\",\"data\":NaN}"),
        ("list-comma", "a comma behind the last item", "{\"action\":\"broadcast\",\"data\":[1,]}"),
        ("data-open", "a list without an end", "{\"action\":\"broadcast\",\"data\":[1}"),
        ("half-word", "a word that is cut off", "{\"action\":\"broadcast\",\"data\":tru}"),
        ("comment", "a comment", "{\"action\":\"status\" /* */}"),
        ("no-break-space", "U+00A0 is no white space", "\u{a0}{\"action\":\"status\"}"),
        ("form-feed", "U+000C is no white space", "\u{c}{\"action\":\"status\"}"),
        ("list-open", "a list without an end", "[1,"),
    ];
    texts
        .into_iter()
        .map(|(id, comment, text)| {
            invalid(&format!("json-{id}"), comment, "BadJson", "the text is not JSON", text, "bad_json")
        })
        .collect()
}

fn bad_messages() -> Vec<Case> {
    let object = "a message is a JSON object";
    let action = "action is missing, or no string";
    let target = "target is missing, or no string";
    let texts = [
        ("list", "a list with a message", object, r#"[{"action":"status"}]"#),
        ("null", "", object, "null"),
        ("number", "", object, "1e400"),
        ("text", "a text", object, r#""status""#),
        ("empty", "an object without members", action, "{}"),
        ("no-action", "data alone", action, r#"{"data":1}"#),
        ("action-null", "", action, r#"{"action":null}"#),
        ("action-number", "", action, r#"{"action":5}"#),
        ("action-list", "an action in a list", action, r#"{"action":["status"]}"#),
        ("action-last-counts", "of two actions the last one is no string", action, r#"{"action":"status","action":5}"#),
        ("name-with-space", "a name that is nearly right", action, r#"{"action ":"status"}"#),
        ("no-target", "a message without a target", target, r#"{"action":"message","data":"x"}"#),
        ("target-number", "", target, r#"{"action":"message","target":7}"#),
        ("target-null", "", target, r#"{"action":"message","target":null}"#),
        ("target-list", "targets in a list", target, r#"{"action":"message","target":["a"]}"#),
    ];
    texts
        .into_iter()
        .map(|(id, comment, reason, text)| {
            invalid(&format!("message-{id}"), comment, "BadMessage", reason, text, "bad_message")
        })
        .collect()
}

fn unknown_actions() -> Vec<Case> {
    let texts = [
        ("typo", "", r#"{"action":"brodcast"}"#),
        ("empty", "an action without a character", r#"{"action":""}"#),
        ("capital", "values of action count with their case", r#"{"action":"Broadcast"}"#),
        ("space", "white space in front", r#"{"action":" status"}"#),
        ("connect", "what only a proxy says", r#"{"action":"connect","target":"7"}"#),
        ("disconnect", "what only a proxy says", r#"{"action":"disconnect","source":"7","target":"7"}"#),
        ("error", "what only a proxy says", r#"{"action":"error","code":"bad_json"}"#),
        ("half-surrogate", "half a surrogate pair", r#"{"action":"\udc00"}"#),
        ("nul", "a zero character behind", r#"{"action":"status\u0000"}"#),
    ];
    texts
        .into_iter()
        .map(|(id, comment, text)| {
            let flag = if id == "capital" { "Case" } else { "UnknownAction" };
            invalid(
                &format!("action-{id}"),
                comment,
                flag,
                "no action that a client can ask for",
                text,
                "unknown_action",
            )
        })
        .collect()
}
