//! Section 2 of spec/06-relay.md: what a request gets that is no good upgrade, and the two pages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use support::Running;

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: close, Upgrade\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The whole answer; the relay closes after it.
async fn ask(relay: &Running, line: &str, headers: &str) -> String {
    relay.raw(format!("{line}\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n{headers}\r\n")).await
}

/// The table of section 2, but for what needs a full relay: 400, 404, 405, 426, 431.
#[tokio::test]
async fn a_bad_request_is_told_what_is_wrong() {
    let relay = Running::start().await;
    let close = "Connection: close\r\n";
    for (line, headers, status, told) in [
        ("POST / HTTP/1.1", format!("{UPGRADE}{VERSION}{KEY}"), 400, "its method must be GET"),
        ("GET / HTTP/1.0", format!("{UPGRADE}{VERSION}{KEY}"), 400, "it needs HTTP/1.1"),
        ("GET / HTTP/1.1", format!("Upgrade: websocket\r\n{close}{VERSION}{KEY}"), 400, "Connection: Upgrade"),
        ("GET / HTTP/1.1", format!("{UPGRADE}{VERSION}"), 400, "Sec-WebSocket-Key is missing"),
        ("GET / HTTP/1.1", format!("{UPGRADE}{VERSION}Sec-WebSocket-Key: x\r\n"), 400, "16 bytes in base64"),
        // The version comes before the key.
        ("GET / HTTP/1.1", format!("{UPGRADE}Sec-WebSocket-Version: 8\r\n"), 426, "Sec-WebSocket-Version: 13"),
        ("GET / HTTP/1.1", format!("{UPGRADE}{KEY}"), 426, "Sec-WebSocket-Version: 13"),
        ("GET / HTTP/1.1", close.to_owned(), 404, "open a WebSocket"),
        ("POST /any/path HTTP/1.1", close.to_owned(), 404, "open a WebSocket"),
        ("GET /health/ HTTP/1.1", close.to_owned(), 404, "open a WebSocket"),
        ("POST /health HTTP/1.1", close.to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("DELETE /metrics HTTP/1.1", close.to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("GET / HTTP/1.1", format!("{close}X: {}\r\n", "x".repeat(16 * 1024)), 431, ""),
    ] {
        let answer = ask(&relay, line, &headers).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) || line.ends_with("1.0"),
            "{line} {headers}: {answer}"
        );
        assert!(answer.contains(&format!(" {status} ")) && answer.contains(told), "{line} {headers}: {answer}");
        if status == 426 {
            let lower = answer.to_lowercase();
            for header in ["upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13"] {
                assert!(lower.contains(&format!("\r\n{header}")), "{answer}");
            }
        }
    }
    let figures = relay.handle.figures();
    assert_eq!((figures.refused_handshake, figures.parties), (7, 0));
}

/// Anybody may read them, of any origin; they are not kept, and a query changes nothing.
#[tokio::test]
async fn the_pages_are_for_anybody() {
    let relay = Running::start().await;
    for (path, kind) in [
        ("/health", "application/json"),
        ("/health?x=1", "application/json"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let answer = ask(&relay, &format!("GET {path} HTTP/1.1"), "Connection: close\r\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        for line in [&format!("content-type: {kind}"), "access-control-allow-origin: *", "cache-control: no-store"] {
            assert!(head.to_lowercase().contains(&format!("\r\n{line}")), "{line}: {head}");
        }
        assert!(if kind == "application/json" {
            body.contains("\"status\":\"ok\"")
        } else {
            body.contains("nws_relay_parties ")
        });
        let answer = ask(&relay, &format!("HEAD {path} HTTP/1.1"), "Connection: close\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

/// A family of the page: its kind, and the value of each of its series by its labels.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    series: BTreeMap<String, u64>,
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Prometheus' text format 0.0.4, as far as it is used here, and nothing else: for each family HELP, TYPE, and then all of it.
fn parse(page: &str) -> BTreeMap<String, Family> {
    assert!(page.ends_with('\n'));
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let (name, words) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
        assert!(is_name(name) && words.ends_with('.') && !words.contains('\\') && words.trim() == words, "{line}");
        let line = lines.next().unwrap();
        let kind = line.strip_prefix(&format!("# TYPE {name} ")).expect(line).to_owned();
        assert_eq!(
            (kind == "counter", kind == "gauge"),
            (name.ends_with("_total"), !name.ends_with("_total")),
            "{line}"
        );
        let mut family = Family { kind, ..Family::default() };
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = line.strip_prefix(name).and_then(|rest| rest.rsplit_once(' ')).expect(line);
            if !series.is_empty() {
                let label = series.strip_prefix('{').and_then(|rest| rest.strip_suffix("\"}"));
                let (label, value) = label.and_then(|label| label.split_once("=\"")).expect(line);
                assert!(is_name(label) && !value.contains(['"', '\\', '\n']), "{line}");
            }
            assert!(family.series.insert(series.to_owned(), value.parse().expect(line)).is_none(), "twice: {line}");
        }
        assert!(!family.series.is_empty(), "{name}");
        // Either one series, or several that a label of the same name tells apart.
        let labels: BTreeSet<_> = family.series.keys().map(|series| series.split('=').next()).collect();
        assert_eq!(labels.len(), 1, "{name}");
        assert!(families.insert(name.to_owned(), family).is_none(), "{name} twice");
    }
    families
}

/// The rows of the table in the README: name, kind, label, its values.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows = include_str!("../README.md").lines().filter_map(|line| line.strip_prefix("| `nws_relay_"));
    let row = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [name, kind, labels, _, ""] = cells[..] else { panic!("{row}") };
        let name = format!("nws_relay_{}", name.trim_end_matches('`'));
        let series = match labels.split_once(": ") {
            None => [String::new()].into(),
            Some((label, values)) => values
                .split(", ")
                .map(|value| format!("{{{}=\"{}\"}}", label.trim_matches('`'), value.trim_matches('`')))
                .collect(),
        };
        (name, (kind.to_owned(), series))
    };
    rows.map(row).collect()
}

#[tokio::test]
async fn the_figures_are_as_prometheus_reads_them_and_as_they_are_listed() {
    let relay = Running::start().await;
    let (_server, _client, _) = relay.pair().await;
    let mut first = relay.first().await;
    first.no("install server", "[0,1]").await;
    let answer = ask(&relay, "GET /metrics HTTP/1.1", "Connection: close\r\n").await;
    let families = parse(answer.split_once("\r\n\r\n").unwrap().1);
    let listed = families.iter().map(|(name, family)| {
        (name.clone(), (family.kind.clone(), family.series.keys().cloned().collect::<BTreeSet<_>>()))
    });
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), documented());
    for (name, labels, value) in [
        ("parties", "", 3),
        ("servers", "", 1),
        ("channels", "", 1),
        ("connections_total", "", 4),
        ("joined_total", "{dialect=\"first\"}", 1),
        ("joined_total", "{dialect=\"nws-relay-1\"}", 2),
        ("servers_total", "", 1),
        ("bad_credentials_total", "", 1),
        ("channels_total", "", 1),
        ("closed_total", "{reason=\"slow\"}", 0),
    ] {
        assert_eq!(families[&format!("nws_relay_{name}")].series[labels], value, "{name}{labels}");
    }
}
