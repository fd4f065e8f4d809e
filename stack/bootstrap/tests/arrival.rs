//! Section 2 of spec/07-bootstrap.md: who comes in, by which path, and under which id. The paths and the seed's ids are as
//! webrtc-bootstrap 4.4.1 was recorded to have them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_bootstrap::Server;
use std::{collections::BTreeSet, net::Ipv4Addr};
use support::{KEY_LINES, ROOT, Running, SECRET, deadline};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The first ids of seed 1.
const A: &str = "143c5677bb8026ada7ad6dbd4a44e705";
const B: &str = "8d468468b9b6f61c1a9621ebff91acc5";
const C: &str = "09eda066a55712c10fdf2c7248f7c882";

/// B-1, B-3.
#[tokio::test]
async fn only_the_exact_paths_are_taken() {
    let server = Running::start().await;
    for path in ["/join", "/join?x=1", ROOT, &format!("{ROOT}?a")] {
        assert!(server.upgrade(path, &[]).await.is_ok(), "{path}");
    }
    let mut answers = Vec::new();
    for path in [
        "/join/",
        "/Join",
        "/JOIN",
        "//join",
        "/jo%69n",
        "/",
        "/other",
        "/wrong/webrtc-bootstrap-root",
        &format!("{ROOT}/"),
        "/webrtc-bootstrap-root",
        &ROOT.to_uppercase(),
        &ROOT.replace("s3cret-s", "S3CRET-s"),
        &ROOT.replacen('s', "%73", 1),
    ] {
        answers
            .push(server.raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{KEY_LINES}\r\n")).await);
        assert!(answers.last().unwrap().starts_with("HTTP/1.1 404 "), "{path}: {answers:?}");
    }
    // A wrong secret is told from any other path by nothing.
    let body =
        |answer: &String| answer.split("\r\n").filter(|line| !line.starts_with("Date:")).collect::<Vec<_>>().join("\n");
    answers.dedup_by_key(|answer| body(answer));
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// B-5, B-6.
#[tokio::test]
async fn any_origin_and_host_may_come_and_the_first_subprotocol_is_taken() {
    let server = Running::start().await;
    let (_, answer) = server.upgrade("/join", &["a, b"]).await.unwrap_or_else(|_| panic!("refused"));
    assert_eq!(answer.headers()["sec-websocket-protocol"], "a");
    let foreign = format!(
        "GET /join HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n{KEY_LINES}\r\n"
    );
    let mut stream = server.connect().await;
    stream.write_all(foreign.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(deadline(stream.read_buf(&mut answer)).await.unwrap(), 0);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    for line in ["Connection: Upgrade", "Upgrade: websocket", "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{answer}");
    }
    assert!(!answer.to_lowercase().contains("extensions"), "{answer}");
}

/// B-7: it comes in one piece with the request.
#[tokio::test]
async fn what_comes_with_the_request_is_heard() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let head = format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n");
    let said = br#"{"signal":"at once"}"#;
    let frame = [&[0x81, 0x80 | said.len() as u8, 0, 0, 0, 0], &said[..]].concat();
    let mut joiner = server.connect().await;
    joiner.write_all(&[head.as_bytes(), &frame].concat()).await.unwrap();
    assert_eq!(root.text().await, format!(r#"{{"signal":"at once","origin":"{A}"}}"#));
    // It is told nothing but that it is in.
    joiner.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut read = Vec::new();
    deadline(joiner.read_to_end(&mut read)).await.unwrap();
    assert!(read.starts_with(b"HTTP/1.1 101 ") && read.ends_with(b"\r\n\r\n\x88\x00"), "{read:?}");
}

/// B-9, for its form.
#[tokio::test]
async fn ids_are_those_of_the_seed() {
    let server = Running::start().await;
    let mut root = server.root().await;
    for id in [A, B, C] {
        let mut joiner = server.joiner().await;
        joiner.send("{}").await;
        assert_eq!(root.text().await, format!(r#"{{"origin":"{id}"}}"#));
    }
}

/// B-9, B-10: without a seed, which gives that up.
#[tokio::test]
async fn without_a_seed_no_id_comes_twice() {
    let mut seen = BTreeSet::from([A, B, C].map(str::to_owned));
    for _ in 0..2 {
        let server = Running::with(|_| {
            let address = Ipv4Addr::LOCALHOST.into();
            Server::builder(SECRET).address(address).port(0)
        })
        .await;
        let mut root = server.root().await;
        let mut joiners = Vec::new();
        for _ in 0..20 {
            let mut joiner = server.joiner().await;
            joiner.send("{}").await;
            let text = root.text().await;
            let id = text.strip_prefix(r#"{"origin":""#).and_then(|rest| rest.strip_suffix(r#""}"#)).unwrap();
            assert!(id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
            assert!(seen.insert(id.to_owned()), "{id} twice");
            joiners.push(joiner);
        }
    }
}
