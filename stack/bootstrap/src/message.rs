//! What a joiner says: whom it is for, and what that one gets to read.

use crate::{
    close::Close,
    ids::JoinerId,
    json::{self, Fault},
};

/// What clients of the original are meant to send to keep their connection: not JSON.
const HEARTBEAT: &str = "heartbeat";

/// What the root is sent to keep its connection: JSON.
pub(crate) const HEARTBEAT_JSON: &str = "\"heartbeat\"";

/// Whom a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Root,
    Joiner(JoinerId),
    /// Nobody ever has this destination.
    Nobody,
}

/// A message of a joiner.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Heartbeat,
    Request { destination: Destination, text: String },
}

/// Understands a joiner's message; `origin` is the joiner's id.
pub(crate) fn read(text: &str, origin: &str) -> Result<Said, Close> {
    if text == HEARTBEAT {
        return Ok(Said::Heartbeat);
    }
    let rewritten = json::rewrite(text, origin).map_err(Close::NotJson)?;
    // What becomes null, as 1e999 does, can be given an origin.
    if rewritten.text == "null" && text.trim_ascii() == "null" {
        return Err(Close::Null);
    }
    let destination = rewritten.destination().map_or(Destination::Root, destination);
    Ok(Said::Request { destination, text: rewritten.text })
}

/// Checks what the root says, all of which is ignored; true for a heartbeat.
pub(crate) fn check(text: &str) -> Result<bool, Fault> {
    if text == HEARTBEAT {
        return Ok(true);
    }
    json::rewrite(text, "").map(|rewritten| rewritten.text == HEARTBEAT_JSON)
}

/// As JavaScript takes the value: what is false there is no destination, and a list of one is that one.
fn destination(value: &str) -> Destination {
    if matches!(value, "null" | "false" | "0" | "\"\"") {
        return Destination::Root;
    }
    let mut one = value;
    while let Some(inner) = one.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        one = inner;
    }
    let id = one.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(JoinerId::parse);
    id.map_or(Destination::Nobody, Destination::Joiner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    const ID: &str = "15d6202dad2c8fc33a12530471d82bd9";

    #[test]
    fn destinations_are_those_that_the_original_sees() {
        let joiner = Destination::Joiner(JoinerId::parse(ID).unwrap());
        for (value, expected) in [
            ("null", Destination::Root),
            ("\"\"", Destination::Root),
            ("0", Destination::Root),
            ("-0.0e9", Destination::Root),
            ("1e-999", Destination::Root),
            ("false", Destination::Root),
            ("[]", Destination::Nobody),
            ("{}", Destination::Nobody),
            ("true", Destination::Nobody),
            ("1", Destination::Nobody),
            ("\"toString\"", Destination::Nobody),
            ("\"__proto__\"", Destination::Nobody),
            (&format!("\"{ID}\""), joiner),
            (&format!("[ \"{ID}\" ]"), joiner),
            (&format!("[[\"{ID}\"]]"), joiner),
            (&format!("[\"{ID}\",\"{ID}\"]"), Destination::Nobody),
            (&format!("\"{}\"", ID.to_uppercase()), Destination::Nobody),
            (&format!("\"\\u0031{}\"", ID.strip_prefix('1').unwrap()), joiner),
        ] {
            let said = read(&format!("{{\"destination\":{value}}}"), "x").unwrap();
            assert!(matches!(said, Said::Request { destination, .. } if destination == expected), "{value}: {said:?}");
        }
    }

    #[test]
    fn the_last_destination_counts_and_an_inner_one_does_not() {
        let to = |text: &str| match read(text, "x").unwrap() {
            Said::Request { destination, .. } => destination,
            Said::Heartbeat => panic!("a heartbeat"),
        };
        assert_eq!(to(&format!("{{\"destination\":\"{ID}\",\"destination\":null}}")), Destination::Root);
        assert_eq!(to(&format!("{{\"signal\":{{\"destination\":\"{ID}\"}}}}")), Destination::Root);
        assert_eq!(to(&format!("[{{\"destination\":\"{ID}\"}}]")), Destination::Root);
        assert_eq!(
            to(&format!("{{\"1\":1,\"d\\u0065stination\":\"{ID}\"}}")),
            Destination::Joiner(JoinerId::parse(ID).unwrap())
        );
    }

    #[test]
    fn what_killed_the_original_is_told_from_what_it_took() {
        assert_eq!(read("heartbeat", ID), Ok(Said::Heartbeat));
        assert_eq!(read("null", ID), Err(Close::Null));
        assert_eq!(read(" null ", ID), Err(Close::Null));
        for bad in ["", "not json", "{", "{\"a\":1}x", "heartbeat "] {
            assert!(matches!(read(bad, ID), Err(Close::NotJson(_))), "{bad}");
        }
        let infinite = Said::Request { destination: Destination::Root, text: "null".to_owned() };
        assert_eq!(read("1e999", ID), Ok(infinite));
        for good in ["5", "\"str\"", "true", "[1,2]", "[]", "\"heartbeat\""] {
            let expected = Said::Request { destination: Destination::Root, text: good.to_owned() };
            assert_eq!(read(good, ID), Ok(expected));
        }
        assert_eq!(check("\"heartbeat\""), Ok(true));
        assert_eq!(check("heartbeat"), Ok(true));
        assert_eq!(check("null"), Ok(false));
        assert_eq!(check("{\"a\":1}"), Ok(false));
        assert!(check("not json").is_err());
    }
}
