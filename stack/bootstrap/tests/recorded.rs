//! What webrtc-bootstrap 4.4.1 was recorded to do on the wire, byte for byte, and what killed it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_bootstrap::tungstenite::{
    Message,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};
use nws_listen::testing::stepped;
use std::time::Duration;
use support::{KEY_LINES, Running, deadline};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::advance,
};

/// The first ids of seed 1.
const A: &str = "143c5677bb8026ada7ad6dbd4a44e705";
const B: &str = "8d468468b9b6f61c1a9621ebff91acc5";

/// Shows that what was sent before had no effect at the root: the next it gets is this.
const FENCE: &str = r#"{"fence":1}"#;

fn ids(text: &str) -> String {
    text.replace("$A", A).replace("$B", B)
}

/// B-8, B-11, B-12, B-13: nobody is sent anything before that.
#[tokio::test]
async fn requests_reach_the_root_as_recorded() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    for (sent, expected) in [
        (
            r#"{"origin":null,"destination":null,"signal":{"type":"offer","sdp":"v=0\r\n"},"rank":0}"#,
            r#"{"origin":"$A","destination":null,"signal":{"type":"offer","sdp":"v=0\r\n"},"rank":0}"#,
        ),
        (
            r#"{"rank":1,"signal":{"b":1,"a":2},"destination":null}"#,
            r#"{"rank":1,"signal":{"b":1,"a":2},"destination":null,"origin":"$A"}"#,
        ),
        (
            r#" { "z" : 1, "origin": "forged", "10": 1, "2": 2, "u": "\u00e9 \/\/", "big": 12345678901234567890,
                "e": 1e3, "neg": -0, "d": 1, "d": 2 } "#,
            r#"{"2":2,"10":1,"z":1,"origin":"$A","u":"é //","big":12345678901234567000,"e":1000,"neg":0,"d":2}"#,
        ),
        (r#"{"a":"\uD800","__proto__":{"x":1}}"#, r#"{"a":"\ud800","__proto__":{"x":1},"origin":"$A"}"#),
        (r#"{"destination":"","signal":1}"#, r#"{"destination":"","signal":1,"origin":"$A"}"#),
        (r#"{"destination":0,"signal":1}"#, r#"{"destination":0,"signal":1,"origin":"$A"}"#),
        (r#"{"destination":false,"signal":1}"#, r#"{"destination":false,"signal":1,"origin":"$A"}"#),
        ("5", "5"),
        (r#""str""#, r#""str""#),
        ("true", "true"),
        ("[1,2]", "[1,2]"),
        ("[]", "[]"),
        (
            r#"{"destination":null,"toJSON":1,"hasOwnProperty":1}"#,
            r#"{"destination":null,"toJSON":1,"hasOwnProperty":1,"origin":"$A"}"#,
        ),
        (r#"{"signal":1}"#, r#"{"signal":1,"origin":"$A"}"#),
    ] {
        joiner.send(sent).await;
        assert_eq!(root.text().await, ids(expected), "{sent}");
    }
}

/// B-16, B-19, B-20, and the table of section 3.
#[tokio::test]
async fn destinations_reach_joiners_as_recorded() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut a = server.joiner().await;
    let mut b = server.joiner().await;
    b.send(ids(r#"{"origin":null,"destination":"$A","signal":{"type":"answer"},"rank":0}"#)).await;
    assert_eq!(a.text().await, ids(r#"{"origin":"$B","destination":"$A","signal":{"type":"answer"},"rank":0}"#));
    b.send(ids(r#"{"destination":"$B","signal":1}"#)).await;
    assert_eq!(b.text().await, ids(r#"{"destination":"$B","signal":1,"origin":"$B"}"#));
    b.send(ids(r#"{"destination":["$A"],"signal":1}"#)).await;
    assert_eq!(a.text().await, ids(r#"{"destination":["$A"],"signal":1,"origin":"$B"}"#));
    // These reach nobody, and say nothing to the sender.
    let nowhere = [
        r#""00000000000000000000000000000000""#,
        "[]",
        "{}",
        r#""toString""#,
        r#""__proto__""#,
        "1",
        "true",
        r#""nobody""#,
    ];
    for destination in nowhere {
        b.send(format!(r#"{{"destination":{destination},"signal":1}}"#)).await;
    }
    b.send(FENCE).await;
    assert_eq!(root.text().await, ids(r#"{"fence":1,"origin":"$B"}"#));
    b.send(ids(r#"{"destination":"$A"}"#)).await;
    assert_eq!(a.text().await, ids(r#"{"destination":"$A","origin":"$B"}"#));
    b.send(ids(r#"{"destination":"$B"}"#)).await;
    assert_eq!(b.text().await, ids(r#"{"destination":"$B","origin":"$B"}"#));
    let figures = server.handle.figures();
    assert_eq!(figures.undelivered_unknown, nowhere.len() as u64);
    // Who has just left is unknown as well.
    a.socket.close(None).await.unwrap();
    assert_eq!(a.close().await, None);
    server.until(|figures| figures.joiners == 1).await;
    b.send(ids(r#"{"destination":"$A"}"#)).await;
    server.until(|figures| figures.undelivered_unknown == nowhere.len() as u64 + 1).await;
}

/// B-14.
#[tokio::test]
async fn frames_of_each_kind_are_taken() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    joiner.socket.send(Message::binary(r#"{"destination":null,"signal":"bin"}"#)).await.unwrap();
    assert_eq!(root.text().await, ids(r#"{"destination":null,"signal":"bin","origin":"$A"}"#));
    for (part, kind, last) in [
        (r#"{"destination":null,"#, Data::Text, false),
        (r#""signal":"fr"#, Data::Continue, false),
        (r#"ag"}"#, Data::Continue, true),
    ] {
        let frame = Frame::message(part.as_bytes(), OpCode::Data(kind), last);
        joiner.socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(root.text().await, ids(r#"{"destination":null,"signal":"frag","origin":"$A"}"#));
    joiner.socket.send(Message::Ping("hi".into())).await.unwrap();
    assert_eq!(joiner.next().await, Message::Pong("hi".into()));
    let sdp = "x".repeat(1024 * 1024);
    joiner.send(format!(r#"{{"signal":"{sdp}"}}"#)).await;
    assert_eq!(root.text().await, ids(&format!(r#"{{"signal":"{sdp}","origin":"$A"}}"#)));
}

/// B-15, B-23.
#[tokio::test]
async fn what_the_root_says_means_nothing() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    for said in ["heartbeat", r#""heartbeat""#, "null", "5", r#"{"destination":"$A","signal":1}"#] {
        root.send(ids(said)).await;
    }
    root.socket.send(Message::binary(r#"{"a":1}"#)).await.unwrap();
    server.until(|figures| figures.ignored == 4 && figures.heartbeats_received == 2).await;
    joiner.send(FENCE).await;
    assert_eq!(root.text().await, ids(r#"{"fence":1,"origin":"$A"}"#));
    joiner.send(ids(r#"{"destination":"$A"}"#)).await;
    assert_eq!(joiner.text().await, ids(r#"{"destination":"$A","origin":"$A"}"#));
}

/// B-19, B-24, B-25.
#[tokio::test]
async fn a_second_root_takes_over_and_the_first_is_told() {
    let server = Running::start().await;
    let mut first = server.root().await;
    let mut joiner = server.joiner().await;
    joiner.send(FENCE).await;
    first.text().await;
    let mut second = server.root().await;
    assert_eq!(first.closed().await, (4000, "another root has taken over".to_owned()));
    joiner.send(r#"{"signal":"who"}"#).await;
    assert_eq!(second.text().await, ids(r#"{"signal":"who","origin":"$A"}"#));
    // It leaves, and what is sent meanwhile is lost; but the next one gets what comes after.
    let close = CloseFrame { code: 1000.into(), reason: "".into() };
    second.socket.close(Some(close.clone())).await.unwrap();
    assert_eq!(second.close().await, Some(close));
    server.until(|figures| !figures.root_connected).await;
    joiner.send(r#"{"signal":"lost"}"#).await;
    server.until(|figures| figures.undelivered_no_root == 1).await;
    let mut third = server.root().await;
    joiner.send(r#"{"signal":"new root"}"#).await;
    assert_eq!(third.text().await, ids(r#"{"signal":"new root","origin":"$A"}"#));
    // A root whose connection breaks is no root either.
    drop(third);
    server.until(|figures| !figures.root_connected && figures.closed_by_peer == 2).await;
    assert_eq!(server.handle.figures().closed_replaced, 1);
}

/// B-28.
#[tokio::test]
async fn closes_are_answered_as_recorded() {
    let server = Running::start().await;
    let mut joiner = server.joiner().await;
    let close = CloseFrame { code: 4001.into(), reason: "bye".into() };
    joiner.socket.close(Some(close.clone())).await.unwrap();
    assert_eq!(joiner.close().await, Some(close));
    let mut joiner = server.joiner().await;
    joiner.socket.close(None).await.unwrap();
    assert_eq!(joiner.close().await, None);
}

/// B-26; and B-22, of a root that says nothing for a day.
#[tokio::test(start_paused = true)]
async fn a_joiner_is_closed_after_30_s_with_an_empty_frame_whatever_it_says() {
    let _clock = stepped();
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    joiner.send(r#"{"signal":1}"#).await;
    assert_eq!(root.text().await, ids(r#"{"signal":1,"origin":"$A"}"#));
    advance(Duration::from_millis(29_999)).await;
    joiner.send(ids(r#"{"destination":"$A","signal":2}"#)).await;
    assert_eq!(joiner.text().await, ids(r#"{"destination":"$A","signal":2,"origin":"$A"}"#));
    advance(Duration::from_millis(1)).await;
    assert_eq!(joiner.close().await, None);
    server.until(|figures| figures.joiners == 0).await;
    // The root has no end.
    advance(Duration::from_secs(86_400)).await;
    let mut joiner = server.joiner().await;
    joiner.send(r#"{"signal":3}"#).await;
    loop {
        match root.text().await {
            text if text == "\"heartbeat\"" => {}
            text => break assert_eq!(text, format!(r#"{{"signal":3,"origin":"{B}"}}"#)),
        }
    }
}

/// B-27.
#[tokio::test(start_paused = true)]
async fn what_crosses_the_close_frame_is_still_heard() {
    let _clock = stepped();
    let server = Running::with(|builder| builder.timeout(Duration::from_millis(1500))).await;
    let mut root = server.root().await;
    // By hand, as a client library would answer the close frame at once.
    let mut joiner = server.connect().await;
    joiner.write_all(format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n").as_bytes()).await.unwrap();
    server.until(|figures| figures.joiners == 1).await;
    advance(Duration::from_millis(1500)).await;
    let mut read = Vec::new();
    while !read.ends_with(&[0x88, 0x00]) {
        assert_ne!(deadline(joiner.read_buf(&mut read)).await.unwrap(), 0);
    }
    let said = br#"{"signal":"after close frame"}"#;
    let mut frame = vec![0x81, 0x80 | said.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(said);
    joiner.write_all(&frame).await.unwrap();
    assert_eq!(root.text().await, ids(r#"{"signal":"after close frame","origin":"$A"}"#));
    joiner.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(deadline(joiner.read_buf(&mut read)).await.unwrap(), 0);
    server.until(|figures| figures.joiners == 0).await;
}

/// Section 5.
#[tokio::test(start_paused = true)]
async fn who_does_not_answer_the_close_frame_is_cut_off() {
    let _clock = stepped();
    let server = Running::start().await;
    let mut joiner = server.connect().await;
    joiner.write_all(format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n").as_bytes()).await.unwrap();
    server.until(|figures| figures.joiners == 1).await;
    advance(Duration::from_secs(30)).await;
    server.until(|figures| figures.closed_timed_out == 1).await;
    assert_eq!(server.handle.figures().joiners, 1);
    advance(Duration::from_secs(5)).await;
    let mut read = Vec::new();
    deadline(joiner.read_to_end(&mut read)).await.unwrap();
    server.until(|figures| figures.joiners == 0).await;
}

/// B-21.
#[tokio::test(start_paused = true)]
async fn the_root_has_a_heartbeat_every_15_s() {
    let _clock = stepped();
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    advance(Duration::from_millis(14_999)).await;
    joiner.send("1").await;
    assert_eq!(root.text().await, "1");
    advance(Duration::from_millis(1)).await;
    assert_eq!(root.text().await, "\"heartbeat\"");
    for _ in 0..3 {
        advance(Duration::from_secs(15)).await;
        assert_eq!(root.text().await, "\"heartbeat\"");
    }
    assert_eq!(server.handle.figures().heartbeats_sent, 4);
}

/// B-15, B-33.
#[tokio::test]
async fn what_killed_the_original_ends_one_connection() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut other = server.joiner().await;
    for (bad, reason) in [
        ("not json", "not JSON at byte 1"),
        ("", "the message ends inside its JSON"),
        ("null", "null is no request"),
        (r#"{"signal":1"#, "the message ends inside its JSON"),
    ] {
        let mut joiner = server.joiner().await;
        joiner.send(bad).await;
        assert_eq!(joiner.closed().await, (1007, reason.to_owned()), "{bad}");
    }
    for bad in [&b"\xff\xfe"[..], b"not json", b""] {
        let mut joiner = server.joiner().await;
        joiner.socket.send(Message::binary(bad)).await.unwrap();
        assert_eq!(joiner.closed().await, (1003, "a binary message must be JSON too".to_owned()), "{bad:?}");
    }
    let mut joiner = server.joiner().await;
    let frame = Frame::message(&b"\"\xff\""[..], OpCode::Data(Data::Text), true);
    joiner.socket.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(joiner.closed().await, (1007, "text must be UTF-8".to_owned()));
    // A heartbeat without quotes killed it too, but is what its clients are meant to send.
    other.send("heartbeat").await;
    other.send(FENCE).await;
    assert_eq!(root.text().await, ids(r#"{"fence":1,"origin":"$A"}"#));

    let mut bad_root = server.root().await;
    assert_eq!(root.closed().await.0, 4000);
    bad_root.send("not json").await;
    assert_eq!(bad_root.closed().await, (1007, "not JSON at byte 1".to_owned()));
    server.until(|figures| !figures.root_connected).await;
    let figures = server.handle.figures();
    assert_eq!((figures.closed_not_json, figures.closed_not_utf8, figures.joiners), (8, 1, 1));
}

/// B-33.
#[tokio::test]
async fn an_unmasked_frame_ends_one_connection() {
    let server = Running::start().await;
    let answer = server
        .raw([format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n").as_bytes(), b"\x81\x02{}"].concat())
        .await;
    assert!(answer.contains("these are not the frames of RFC 6455"), "{answer}");
    server.until(|figures| figures.closed_protocol == 1 && figures.joiners == 0).await;
}
