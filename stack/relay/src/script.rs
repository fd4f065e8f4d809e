//! The first dialect's commands as they travel: JSON, read as the program of 2017 read it, with what JavaScript makes of
//! values. Nothing in them is evaluated; a body of `initialize` is searched for one string.

use nws_protocol::relay::Text;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// Bytes of a delimiter that is taken. A guess.
const MAX_DELIMITER_BYTES: usize = 64;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command<'a> {
    /// `undefined` if there is none.
    pub(crate) name: Cow<'a, str>,
    /// Of who administers the relay.
    pub(crate) credential: Option<Cow<'a, str>>,
    parameters: Option<&'a str>,
}

/// It is no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Command<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        // What is no object has no members.
        let members = match serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
            Ok(members) => members,
            Err(_) => serde_json::from_str::<&RawValue>(text).map(|_| BTreeMap::new()).map_err(|_| Malformed)?,
        };
        let member = |name: &str| members.get(name).map(|value| value.get());
        Ok(Self {
            name: member("instruction").map_or(Cow::Borrowed("undefined"), string),
            credential: member("credential").map(string),
            parameters: member("parameters").filter(|json| *json != "null"),
        })
    }

    /// The parameters as JSON; none if there are none.
    ///
    /// # Errors
    /// When they are no array: with what is missing.
    pub(crate) fn parameters(&self) -> Result<Parameters<'a>, &'static str> {
        let Some(json) = self.parameters else { return Ok(Parameters(Vec::new())) };
        let values: Vec<&RawValue> =
            serde_json::from_str(json).map_err(|_| "parameters are missing: write an array")?;
        Ok(Parameters(values.into_iter().map(RawValue::get).collect()))
    }

    /// What `add instruction` has instead of an array: the name, and the body.
    pub(crate) fn instruction_to_add(&self) -> (Cow<'a, str>, Option<Cow<'a, str>>) {
        let members: BTreeMap<String, &RawValue> =
            self.parameters.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let member = |name: &str| members.get(name).map(|value| string(value.get()));
        (member("instructionToAdd").unwrap_or(Cow::Borrowed("undefined")), member("body"))
    }
}

/// The values of a command.
#[derive(Debug)]
pub(crate) struct Parameters<'a>(Vec<&'a str>);

impl<'a> Parameters<'a> {
    /// One of them as JSON, if it is there.
    pub(crate) fn given(&self, at: usize) -> Option<&'a str> {
        self.0.get(at).copied()
    }

    /// One of them as JSON.
    ///
    /// # Errors
    /// With the words that it is missing.
    pub(crate) fn needed(&self, at: usize, what: &str) -> Result<&'a str, String> {
        self.given(at).ok_or_else(|| format!("{what} is missing"))
    }
}

/// An id as a number or as a string; nothing if it is none.
pub(crate) fn id(json: &str) -> Option<u64> {
    if json.starts_with('"') {
        let text = string(json);
        return text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    }
    if let Ok(number) = json.parse() {
        return Some(number);
    }
    // 5.0 and 5e0 are 5, as far as there are such numbers.
    let number: f64 = json.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range and whole")]
    (number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
}

/// What JavaScript makes of a value where it needs a string.
pub(crate) fn string(json: &str) -> Cow<'_, str> {
    match json.as_bytes().first() {
        Some(b'"') => Text::from_literal(json).decode(),
        Some(b'{') => Cow::Borrowed("[object Object]"),
        Some(b'[') => Cow::Owned(list(json)),
        Some(b't' | b'f' | b'n') => Cow::Borrowed(json),
        Some(_) => Cow::Owned(number(json)),
        None => Cow::Borrowed(""),
    }
}

/// An array, which is known to be JSON. One in it is written as if its values were those of the outer one, so that it is
/// looked at once, however deep it goes.
fn list(json: &str) -> String {
    let mut text = String::new();
    let mut rest = json;
    while let Some(first) = rest.bytes().next() {
        let length = match first {
            b'"' => literal_length(rest),
            b'{' => object_length(rest),
            b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' => 1,
            _ => rest.find([',', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let Some((token, after)) = rest.split_at_checked(length) else { break };
        match token {
            "," => text.push(','),
            "[" | "]" | "null" => {}
            token if token.trim_ascii().is_empty() => {}
            token => text.push_str(&string(token)),
        }
        rest = after;
    }
    text
}

/// Of the string at the beginning, with its quotes.
fn literal_length(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

/// Of the object at the beginning, with its braces.
fn object_length(json: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = json.get(at..).filter(|rest| !rest.is_empty()) {
        match rest.as_bytes().first() {
            Some(b'"') => {
                at += literal_length(rest);
                continue;
            }
            Some(b'{') => depth += 1,
            Some(b'}') => depth -= 1,
            _ => {}
        }
        // All that is more than a byte is in strings.
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// ECMA-262 section 6.1.6.1.20. Rust's shortest digits are the same.
fn number(json: &str) -> String {
    let number: f64 = json.parse().unwrap_or(f64::NAN);
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if (1e-6..1e21).contains(&size) {
        format!("{number}")
    } else {
        let text = format!("{number:e}");
        if size < 1.0 { text } else { text.replace('e', "e+") }
    }
}

/// The string that a body of `initialize` assigns to `global.delimiter`.
pub(crate) fn delimiter(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("global.delimiter")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let mut characters = rest.chars();
    let quote = characters.next().filter(|quote| matches!(quote, '\'' | '"' | '`'))?;
    let mut text = String::new();
    loop {
        if text.len() > MAX_DELIMITER_BYTES {
            return None;
        }
        match characters.next()? {
            '\\' => match characters.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                length @ ('x' | 'u') => {
                    let digits: String = characters.by_ref().take(if length == 'x' { 2 } else { 4 }).collect();
                    text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                other => text.push(other),
            },
            end if end == quote => return (!text.is_empty() && text.len() <= MAX_DELIMITER_BYTES).then_some(text),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// R-34: no text stops the relay.
        #[test]
        fn any_text_is_read(text in "\\PC*|[\\[{}\\]\",:0-9a-z\\\\. ]*", name in "[ -~]*") {
            let _ = delimiter(&format!("global.delimiter = {text}"));
            for text in [text.clone(), format!(r#"{{"instruction":{name:?},"credential":[{text}],"parameters":[{text}]}}"#)] {
                let Ok(command) = Command::parse(&text) else { continue };
                let _ = command.instruction_to_add();
                let Ok(parameters) = command.parameters() else { continue };
                for at in 0..4 {
                    let _ = parameters.given(at).map(|json| (id(json), string(json)));
                }
            }
        }
    }

    /// Data that is no string, as Node makes a string of it.
    #[test]
    fn values_are_strings_as_in_javascript() {
        for (json, expected) in [
            ("5", "5"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
            ("-2.5e-9", "-2.5e-9"),
            ("1e999", "Infinity"),
            ("null", "null"),
            ("true", "true"),
            ("[1,2]", "1,2"),
            (r#"[null,[1,"a"],{},true]"#, ",1,a,[object Object],true"),
            ("[[1e3,[]],[[-0.0]] , [ ] ]", "1000,,0,"),
            (r#"["a\"],{",{"a":"}\\","b":{"c":[1]}},"\\"]"#, "a\"],{,[object Object],\\"),
            (r#"{"a":1}"#, "[object Object]"),
            (r#""é\n|x""#, "é\n|x"),
            (r#""""#, ""),
        ] {
            assert_eq!(string(json), expected, "{json}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(string(&deep), "");
        // Looked at once for all of its depth.
        let name = format!("{}1,{}{}", "[".repeat(100_000), "{},".repeat(100_000) + "2", "]".repeat(100_000));
        assert!(string(&name).ends_with("[object Object],2"));
    }

    /// R-28: numbers or strings.
    #[test]
    fn ids_are_numbers_or_strings() {
        for (json, expected) in [
            ("0", Some(0)),
            ("\"0\"", Some(0)),
            ("5.0", Some(5)),
            ("5e0", Some(5)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("1.5", None),
            ("\"\"", None),
            ("\"x\"", None),
            ("\"+1\"", None),
            ("null", None),
            ("[]", None),
        ] {
            assert_eq!(id(json), expected, "{json}");
        }
    }

    /// R-34: whatever it is, it is a command or malformed.
    #[test]
    fn a_command_is_any_json() {
        let name = |text: &str| Command::parse(text).map(|command| command.name.into_owned());
        for text in ["5", "{}", "[]", "null", "\"x\"", "true"] {
            assert_eq!(name(text).as_deref(), Ok("undefined"), "{text}");
        }
        assert_eq!(name(r#"{"instruction":"a","instruction":"b"}"#).as_deref(), Ok("b"));
        assert_eq!(name(r#"{"instruction":[1,"x"]}"#).as_deref(), Ok("1,x"));
        for text in ["", "not json", "{", "{\"a\":}", "nul", "{} x"] {
            assert_eq!(name(text), Err(Malformed), "{text}");
        }
        for text in [r#"{"parameters":{"0":0}}"#, r#"{"parameters":5}"#] {
            assert!(Command::parse(text).unwrap().parameters().is_err(), "{text}");
        }
        assert!(Command::parse(r#"{"parameters":null}"#).unwrap().parameters().is_ok());
    }

    #[test]
    fn the_delimiter_is_found_in_a_body_and_nothing_is_evaluated() {
        for (body, expected) in [
            ("function () {\n global.servers = []\n global.delimiter = '|'\n return 'x'}", Some("|")),
            ("global.delimiter=\"::\"", Some("::")),
            (r"global.delimiter = '\'\x41\u00e9\n'", Some("'Aé\n")),
            ("global.delimiter = '' + '|'", None),
            ("global.delimiter = delimiter", None),
            ("global.delimiter = '|", None),
            ("global.delimiter == '|'", None),
            ("", None),
        ] {
            assert_eq!(delimiter(body).as_deref(), expected, "{body}");
        }
        assert_eq!(delimiter(&format!("global.delimiter = '{}'", "x".repeat(65))), None);
    }
}
