//! The test vectors of the specification, `spec/vectors`, run against this crate. Reads the files alone: it shares
//! nothing with the program that writes them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod client;
mod derivations;
mod dialogues;
mod frames;
mod messages;
mod text;

use data_encoding::HEXLOWER;
use nws_protocol::LinkCode;
use serde_json::Value;
use std::{fs, path::Path};

/// The cases of a file, as many as it says.
fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors").join(file);
    let mut file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let Value::Array(cases) = file["cases"].take() else { panic!("no list of cases") };
    assert_eq!(file["count"], cases.len());
    cases
}

fn id(case: &Value) -> &str {
    case["id"].as_str().unwrap()
}

fn is_valid(case: &Value) -> bool {
    case["result"] == "valid"
}

/// What a case, or a step of one, says of the link's end is this code, by number and by name.
fn closes_with(said: &Value, code: LinkCode, case: &str) {
    let expected = (Value::from(code.number()), Value::from(format!("{code:?}")));
    assert_eq!(expected, (said["code"].clone(), said["code_name"].clone()), "{case}");
}

fn has_flag(case: &Value, flag: &str) -> bool {
    case["flags"].as_array().unwrap().iter().any(|known| known == flag)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// Bytes: text in hexadecimal, or parts of which some repeat.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => HEXLOWER.decode(text.as_bytes()).unwrap(),
        Value::Array(parts) => parts.iter().flat_map(bytes).collect(),
        Value::Object(part) => bytes(&part["hex"]).repeat(number(&part["times"])),
        other => panic!("{other} are no bytes"),
    }
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}

fn hex(bytes: &[u8]) -> Value {
    Value::String(HEXLOWER.encode(bytes))
}
