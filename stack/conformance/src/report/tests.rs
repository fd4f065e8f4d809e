#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
use super::*;

fn report() -> Report {
    let line = |id: &str, number: &str, outcome| Line {
        id: id.to_owned(),
        title: "does <this> & \"that\"".to_owned(),
        numbers: vec![number.to_owned()],
        outcome,
        took: Duration::from_millis(1500),
    };
    let failed = Outcome::Failed { expected: "a <Goodbye>".to_owned(), seen: "\u{1b}[31m nothing".to_owned() };
    Report {
        target: "tcp://127.0.0.1:1".to_owned(),
        agent: "odd\u{7}".to_owned(),
        lines: vec![
            line("one", "L-35", Outcome::Passed),
            line("two", "P-4", failed),
            line("three", "C-1", Outcome::NotRun { reason: "without --client".to_owned(), lacking: false }),
        ],
        waited: Duration::from_millis(1500),
        took: Duration::from_secs(3),
    }
}

#[test]
fn text_is_grouped_and_says_what_was_expected_and_seen() {
    let text = report().write(Format::Text);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "foreign text reached the terminal: {text}");
    let order = [
        "02 Links",
        "ok      one:",
        "03 Matching",
        "FAILED  two:",
        "expected: a <Goodbye>",
        "seen:",
        "P-4: A receiver MUST",
        "05 Clients",
        "not run three:",
        "(without --client)",
        "1 passed, 1 failed, 1 not run, in 3.0 s",
        "2 s of that it waited for the target's budgets",
    ];
    let mut from = 0;
    for words in order {
        let found = text[from..].find(words);
        assert!(found.is_some(), "{words} is not after what comes before it in\n{text}");
        from += found.unwrap();
    }
}

#[test]
fn junit_counts_and_escapes() {
    let xml = report().write(Format::Junit);
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "));
    assert!(xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{xml}");
    assert!(xml.contains("name=\"one: does &lt;this&gt; &amp; &quot;that&quot;\" time=\"1.500\""), "{xml}");
    assert!(xml.contains("message=\"expected: a &lt;Goodbye&gt;; seen: \u{fffd}[31m nothing\""), "{xml}");
    assert!(xml.contains("<skipped message=\"without --client\"/>"), "{xml}");
    for name in ["testsuites", "testsuite", "testcase", "failure"] {
        let opened = xml.matches(&format!("<{name} ")).count();
        assert_eq!(opened, xml.matches(&format!("</{name}>")).count(), "{name} in {xml}");
    }
}

#[test]
fn json_has_each_check_with_its_sentences() {
    let value: serde_json::Value = serde_json::from_str(&report().write(Format::Json)).unwrap();
    assert_eq!((&value["passed"], &value["failed"], &value["not_run"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(value["checks"][0]["requirements"][0]["text"], "Hello MUST be sent exactly once.");
    assert_eq!(value["checks"][1]["outcome"], "failed");
    assert_eq!(value["checks"][1]["expected"], "a <Goodbye>");
    assert_eq!(value["checks"][2]["reason"], "without --client");
    assert_eq!(value["checks"][2]["document"], "05 Clients");
}
