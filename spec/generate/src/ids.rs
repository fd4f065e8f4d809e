//! Ids: their text form, and their order.

use crate::{
    file::{Case, File},
    json::{hex, unhex},
};
use nws_protocol::{InstanceId, PeerId};

pub(crate) fn file() -> File {
    let mut cases = texts();
    cases.extend(refused());
    cases.extend(orders());
    File {
        name: "ids",
        document: "00-terms.md",
        sections: &["4"],
        about: &[
            "`operation` `text`: a text and the 16 bytes that it stands for, both ways. result `invalid`: the text \
             is no id.",
            "`operation` `order`: two instance ids; `smaller` is `a` or `b`.",
        ],
        flags: &[
            ("Character", "A character outside of the alphabet."),
            ("LastBits", "The two last bits are not zero: a second spelling of an id."),
            ("Length", "Not 26 characters."),
            ("NotTextOrder", "The order of the text forms is the other one."),
        ],
        cases,
    }
}

fn texts() -> Vec<Case> {
    [
        ("zeros", "", "00000000000000000000000000000000"),
        ("ones", "", "ffffffffffffffffffffffffffffffff"),
        ("sevens", "the example of the document", "07070707070707070707070707070707"),
        ("counting", "", "000102030405060708090a0b0c0d0e0f"),
        ("alphabet", "every character of the alphabet but some", "00443214c74254b635cf84653a56d7c6"),
        ("alphabet-end", "the other half of the alphabet", "75be77df8463a53a56d7c675be77df84"),
        ("first-bit", "", "80000000000000000000000000000000"),
        ("last-bit", "the last character carries three bits", "00000000000000000000000000000001"),
        ("random", "", "9e107d9d372bb6826bd81d3542a419d6"),
    ]
    .into_iter()
    .map(|(id, comment, bytes)| {
        let id16 = PeerId::from_bytes(unhex(bytes).try_into().unwrap());
        assert_eq!(id16.to_string().parse(), Ok(id16));
        Case::valid(&format!("text-{id}"), comment, &["T-6"])
            .input("operation", "text")
            .input("text", id16.to_string())
            .expect("bytes", bytes)
    })
    .collect()
}

fn refused() -> Vec<Case> {
    let length = "an id has 26 characters";
    let character = "a character outside of the alphabet";
    let last = "the two last bits are not zero";
    let a25 = "a".repeat(25);
    [
        ("empty", "", "Length", length, String::new()),
        ("25", "25 characters", "Length", length, a25.clone()),
        ("27", "27 characters", "Length", length, "a".repeat(27)),
        ("padded", "with the padding of base32", "Length", length, format!("{a25}a======")),
        ("hexadecimal", "the bytes in hexadecimal", "Length", length, "07".repeat(16)),
        ("capitals", "capitals", "Character", character, "A4DQOBYHA4DQOBYHA4DQOBYHA4".to_owned()),
        ("one-capital", "one capital", "Character", character, "A4dqobyha4dqobyha4dqobyha4".to_owned()),
        ("digit-0", "a digit that is not in the alphabet", "Character", character, format!("0{a25}")),
        ("digit-1", "a digit that is not in the alphabet", "Character", character, format!("1{a25}")),
        ("digit-8", "a digit that is not in the alphabet", "Character", character, format!("8{a25}")),
        ("space", "a space in front", "Character", character, format!(" {a25}")),
        ("dash", "a dash", "Character", character, format!("aaaaaaaa-{}", "a".repeat(17))),
        ("umlaut", "26 bytes, but 25 characters", "Character", character, format!("é{}", "a".repeat(24))),
        ("last-b", "the last character is 1", "LastBits", last, format!("{a25}b")),
        ("last-c", "the last character is 2", "LastBits", last, format!("{a25}c")),
        ("last-d", "the last character is 3", "LastBits", last, format!("{a25}d")),
        ("last-7", "the last character is 31", "LastBits", last, format!("{a25}7")),
        ("last-5", "the last character of another id", "LastBits", last, "a4dqobyha4dqobyha4dqobyha5".to_owned()),
    ]
    .into_iter()
    .map(|(id, comment, flag, reason, text)| {
        assert!(text.parse::<InstanceId>().is_err(), "{text}");
        Case::invalid(&format!("no-id-{id}"), comment, &["T-6"], reason)
            .flag(flag)
            .input("operation", "text")
            .input("text", text)
    })
    .collect()
}

fn orders() -> Vec<Case> {
    [
        (
            "first-byte",
            "the first byte decides",
            "01ffffffffffffffffffffffffffffff",
            "02000000000000000000000000000000",
        ),
        ("last-byte", "the last byte decides", "0000000000000000000000000000000a", "0000000000000000000000000000000b"),
        ("unsigned", "bytes are unsigned", "7f000000000000000000000000000000", "80000000000000000000000000000000"),
        (
            "digit",
            "in ASCII a digit comes before the letters",
            "00000000000000000000000000000000",
            "d0000000000000000000000000000000",
        ),
        (
            "digit-later",
            "the same in the middle",
            "aa000000000000000000000000000000",
            "aa0000000000001f0000000000000000",
        ),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, (id, comment, smaller, larger))| {
        let ids = [smaller, larger].map(|id| InstanceId::from_bytes(unhex(id).try_into().unwrap()));
        assert!(ids[0] < ids[1]);
        // Either may be the smaller one.
        let (a, b, answer) = if n % 2 == 0 { (ids[0], ids[1], "a") } else { (ids[1], ids[0], "b") };
        let case = Case::valid(&format!("order-{id}"), comment, &["T-5"]);
        let case = if ids[0].to_string() > ids[1].to_string() { case.flag("NotTextOrder") } else { case };
        case.input("operation", "order")
            .input("a", hex(a.as_bytes()))
            .input("b", hex(b.as_bytes()))
            .expect("smaller", answer)
    })
    .collect()
}
