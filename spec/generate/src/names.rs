//! Channel names, and the paths by which clients name channels.

use crate::{
    file::{Case, File},
    json::object,
};
use nws_protocol::ChannelName;

pub(crate) fn file() -> File {
    let mut cases = names();
    cases.extend(paths());
    File {
        name: "names",
        document: "00-terms.md, 05-client.md",
        sections: &["00: 5", "05: 2"],
        about: &[
            "`operation` `name`: a text that is a channel name, or is none.",
            "`operation` `path`: the path of a request to upgrade, as it stands in the request, with its query. \
             result `valid`: it is the channel `channel`. result `invalid`: the request is refused with the HTTP \
             `status`.",
        ],
        flags: &[
            ("Decoding", "Percent-decoding, which is done once."),
            ("Kind", "The kinds of channels."),
            ("Limit", "A length at or over its limit."),
            ("Query", "A query, which is ignored."),
        ],
        cases,
    }
}

fn names() -> Vec<Case> {
    let name = |id: &str, comment: &str, text: &str, reason: Option<&str>| {
        assert_eq!(ChannelName::new(text).is_err(), reason.is_some(), "{text}");
        let (id, requirements): (_, &'static [&'static str]) = (format!("name-{id}"), &["T-7"]);
        let case = match reason {
            None => Case::valid(&id, comment, requirements),
            Some(reason) => Case::invalid(&id, comment, requirements, reason),
        };
        case.input("operation", "name").input("name", text)
    };
    let character = Some("a character outside of the set");
    vec![
        name("chat", "", "chat", None),
        name("one", "one character", "a", None),
        name(
            "all",
            "all that is allowed",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=*._-",
            None,
        ),
        name("dot", "a dot", ".", None),
        name("dots", "two dots", "..", None),
        name("dash-first", "a dash in front", "-a", None),
        name("longest", "255 characters", &"n".repeat(255), None).flag("Limit"),
        name("empty", "", "", Some("a name has at least one character")).flag("Limit"),
        name("too-long", "256 characters", &"n".repeat(256), Some("a name has at most 255 characters")).flag("Limit"),
        name("slash", "", "a/b", character),
        name("space", "", "a b", character),
        name("space-last", "a space at the end", "chat ", character),
        name("percent", "an escape that is not decoded", "a%2Bb", character),
        name("question", "", "a?b", character),
        name("hash", "", "a#b", character),
        name("colon", "", "a:b", character),
        name("at", "", "a@b", character),
        name("comma", "", "a,b", character),
        name("tilde", "", "~a", character),
        name("nul", "", "a\0", character),
        name("line-feed", "", "chat\n", character),
        name("umlaut", "a letter beyond ASCII", "é", character),
        name("full-width", "a letter that looks like one of ASCII", "ｃhat", character),
    ]
}

fn paths() -> Vec<Case> {
    let good = |id: &str, comment: &str, path: &str, kind: &str, name: &str| {
        assert!(ChannelName::new(name).is_ok());
        Case::valid(&format!("path-{id}"), comment, &["C-1"])
            .input("operation", "path")
            .input("path", path)
            .expect("channel", object! { "kind": kind, "name": name })
    };
    let bad = |id: &str, comment: &str, path: &str| {
        Case::invalid(&format!("path-{id}"), comment, &["C-1", "C-2"], "the path is no channel")
            .input("operation", "path")
            .input("path", path)
            .expect("status", 404_usize)
    };
    let long = "n".repeat(255);
    vec![
        good("chat", "", "/chat", "network", "chat"),
        good("characters", "characters that need no escape", "/A0+=*._-", "network", "A0+=*._-"),
        good("plus", "a plus is a plus", "/a+b", "network", "a+b").flag("Decoding"),
        good("plus-escaped", "the same channel", "/a%2Bb", "network", "a+b").flag("Decoding"),
        good("escaped-lower", "an escape with small letters: the same channel", "/a%2bb", "network", "a+b")
            .flag("Decoding"),
        good("letter-escaped", "a letter that needs no escape", "/%63hat", "network", "chat").flag("Decoding"),
        good("all-escaped", "every character with an escape", "/%63%68%61%74", "network", "chat").flag("Decoding"),
        good("case", "case counts: another channel than chat", "/Chat", "network", "Chat"),
        good("query", "", "/chat?a=b&c", "network", "chat").flag("Query"),
        good("query-empty", "", "/chat?", "network", "chat").flag("Query"),
        good("query-slash", "a slash in a query", "/chat?/x", "network", "chat").flag("Query"),
        good("longest", "255 characters", &format!("/{long}"), "network", &long).flag("Limit"),
        good("page", "a name under which a page lies", "/console", "network", "console"),
        good("health", "the name of another page", "/health", "network", "health"),
        good("broadcast", "a raw relay", "/broadcast/chat", "broadcast", "chat").flag("Kind"),
        good("broadcast-id", "an id that means nothing", "/broadcast/chat/123", "broadcast", "chat").flag("Kind"),
        good("local", "", "/local/chat", "local", "chat").flag("Kind"),
        good("local-id", "", "/local/chat/a%2Bb", "local", "chat").flag("Kind"),
        good("local-alone", "a network channel of that name", "/local", "network", "local").flag("Kind"),
        good("broadcast-alone", "a network channel of that name", "/broadcast", "network", "broadcast").flag("Kind"),
        good("local-local", "a name like a kind", "/local/local", "local", "local").flag("Kind"),
        good("broadcast-query", "", "/broadcast/chat?x/y", "broadcast", "chat").flag("Query"),
        bad("root", "no name", "/"),
        bad("slash-last", "a second segment without a character", "/chat/"),
        bad("slash-first", "a first segment without a character", "//chat"),
        bad("two-segments", "no kind of this name", "/network/chat").flag("Kind"),
        bad("kind-capital", "case counts", "/Local/chat").flag("Kind"),
        bad("local-no-name", "a raw relay without a name", "/local/").flag("Kind"),
        bad("local-id-empty", "an id without a character", "/local/chat/").flag("Kind"),
        bad("local-id-bad", "an id with a space", "/local/chat/a%20b").flag("Kind"),
        bad("local-four", "one segment too many", "/local/chat/1/2").flag("Kind"),
        bad("slash-escaped", "a slash within a name", "/a%2Fb").flag("Decoding"),
        bad("space-escaped", "a space within a name", "/a%20b").flag("Decoding"),
        bad("twice-escaped", "decoded once, this has a percent sign", "/%252B").flag("Decoding"),
        bad("not-utf8", "a byte that is not UTF-8", "/%FF").flag("Decoding"),
        bad("utf8", "a letter beyond ASCII", "/%C3%A9").flag("Decoding"),
        bad("nul", "a zero byte", "/chat%00").flag("Decoding"),
        bad("percent-alone", "an escape without digits", "/%").flag("Decoding"),
        bad("percent-one", "an escape with one digit", "/a%2").flag("Decoding"),
        bad("percent-wrong", "an escape with other letters", "/a%zz").flag("Decoding"),
        bad("slash-escaped-kind", "an escaped slash does not part segments", "/local%2Fchat").flag("Decoding"),
        bad("too-long", "256 characters", &format!("/{long}n")).flag("Limit"),
    ]
}
