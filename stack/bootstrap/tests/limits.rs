//! What happens to who wants more than there is, and who is told of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_bootstrap::{Limits, tungstenite::Message};
use nws_listen::testing::stepped;
use std::{io::ErrorKind, time::Duration};
use support::{KEY_LINES, Running, SECRET, deadline};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const A: &str = "143c5677bb8026ada7ad6dbd4a44e705";

/// B-31.
#[tokio::test]
async fn a_full_server_says_when_to_come_again() {
    let server = Running::with(|builder| builder.limits(Limits { joiners: 2, ..Limits::default() })).await;
    let _one = server.joiner().await;
    let two = server.joiner().await;
    let Err(answer) = server.upgrade("/join", &[]).await else { panic!("it had room") };
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "10"));
    // The root has a place of its own, and who leaves makes room.
    let _root = server.root().await;
    drop(two);
    server.until(|figures| figures.joiners == 1).await;
    let _three = server.joiner().await;
    assert_eq!(server.handle.figures().refused_full, 1);
}

/// B-31.
#[tokio::test]
async fn one_address_does_not_take_all_places() {
    let limits = Limits { joiners_per_address: 2, count_loopback: true, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits)).await;
    let _one = server.joiner().await;
    let _two = server.joiner().await;
    let Err(answer) = server.upgrade("/join", &[]).await else { panic!("it had room") };
    assert_eq!(answer.status(), 429);
    assert_eq!(server.handle.figures().refused_address, 1);
}

/// B-31.
#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let limits = Limits { visitors_per_address: 1, count_loopback: true, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits)).await;
    let waiting = server.connect().await;
    server.until(|figures| figures.connections == 1).await;
    assert_eq!(server.raw("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await, "");
    assert_eq!(server.handle.figures().connections_refused, 1);
    drop(waiting);
    // A joiner is no visitor any more.
    let mut joined = None;
    deadline(async {
        while joined.is_none() {
            let mut stream = server.connect().await;
            let head = format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n");
            let answered = stream.write_all(head.as_bytes()).await.is_ok() && stream.read_u8().await.is_ok();
            joined = answered.then_some(stream);
        }
    })
    .await;
    server.until(|figures| figures.joiners == 1).await;
}

/// B-31.
#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let _clock = stepped();
    let server = Running::start().await;
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /join HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    server.until(|figures| figures.connections == 2).await;
    tokio::time::advance(Duration::from_millis(9900)).await;
    assert!(silent.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    tokio::time::advance(Duration::from_millis(100)).await;
    let mut answer = Vec::new();
    drop(deadline(silent.read_to_end(&mut answer)).await);
    drop(deadline(slow.read_to_end(&mut answer)).await);
    assert!(!answer.starts_with(b"HTTP/1.1 101"));
}

/// B-31.
#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_header() {
    let server = Running::with(|builder| builder.limits(Limits { message_bytes: 1000, ..Limits::default() })).await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    let fits = format!("\"{}\"", "x".repeat(998));
    joiner.send(fits.clone()).await;
    assert_eq!(root.text().await, fits);
    // It may not be read to its end, so sending may fail.
    drop(joiner.socket.send(Message::text("x".repeat(1_000_000))).await);
    assert_eq!(joiner.closed().await, (1009, "a message may have at most 1000 bytes".to_owned()));
    server.until(|figures| figures.closed_too_big == 1 && figures.joiners == 0).await;
}

/// B-31.
#[tokio::test(start_paused = true)]
async fn who_speaks_too_fast_is_closed() {
    let _clock = stepped();
    let limits = Limits { message_burst: 10, messages_per_second: 2, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits)).await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    for _ in 0..10 {
        joiner.send("1").await;
        assert_eq!(root.text().await, "1");
    }
    tokio::time::advance(Duration::from_millis(500)).await;
    joiner.send("2").await;
    assert_eq!(root.text().await, "2");
    joiner.send("3").await;
    assert_eq!(joiner.closed().await, (1008, "at most 2 messages a second are taken from a joiner".to_owned()));
    assert_eq!(server.handle.figures().closed_too_fast, 1);
}

/// B-5, B-29: a notice has no origin.
#[tokio::test]
async fn who_asks_for_it_is_told_what_was_not_delivered() {
    let server = Running::start().await;
    let Ok((mut joiner, answer)) = server.upgrade("/join", &["chat, nws-bootstrap-1"]).await else { panic!("refused") };
    assert_eq!(answer.headers()["sec-websocket-protocol"], "nws-bootstrap-1");
    joiner.send(r#"{"signal":1,"rank":7,"destination":null}"#).await;
    assert_eq!(
        joiner.text().await,
        r#"{"action":"error","code":"no_root","message":"no root is connected","destination":null,"rank":7}"#
    );
    joiner.send(r#"{"destination":"0123","signal":1}"#).await;
    assert_eq!(
        joiner.text().await,
        r#"{"action":"error","code":"unknown_destination","message":"nobody who waits here has this destination","destination":"0123"}"#
    );
    // Not by what it sends can it make the server say more.
    joiner.send(format!(r#"{{"destination":"{}","rank":{{"a":[1]}}}}"#, "x".repeat(100_000))).await;
    assert_eq!(
        joiner.text().await,
        r#"{"action":"error","code":"unknown_destination","message":"nobody who waits here has this destination","rank":{"a":[1]}}"#
    );
    joiner.send("5").await;
    assert_eq!(joiner.text().await, r#"{"action":"error","code":"no_root","message":"no root is connected"}"#);
    let figures = server.handle.figures();
    assert_eq!((figures.undelivered_no_root, figures.undelivered_unknown), (2, 2));
}

/// B-18, B-31.
#[tokio::test(start_paused = true)]
async fn a_joiner_that_does_not_read_is_closed_and_its_writer_is_told() {
    let _clock = stepped();
    let limits = Limits { joiner_queue_bytes: 100_000, message_burst: 10_000, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits)).await;
    let _stuck = server.joiner().await;
    let Ok((mut writer, _)) = server.upgrade("/join", &["nws-bootstrap-1"]).await else { panic!("refused") };
    let message = format!(r#"{{"destination":"{A}","rank":0,"signal":"{}"}}"#, "x".repeat(50_000));
    let told = loop {
        deadline(writer.socket.feed(Message::text(message.clone()))).await.unwrap();
        deadline(writer.socket.flush()).await.unwrap();
        if server.handle.figures().undelivered_no_room > 0 {
            break writer.text().await;
        }
        tokio::task::yield_now().await;
    };
    assert!(told.contains(r#""code":"gone""#) || told.contains(r#""code":"no_room""#), "{told}");
    // It is given its time to read, then cut off.
    server.step_until(|figures| figures.closed_slow == 1).await;
}

/// B-18, B-31.
#[tokio::test(start_paused = true)]
async fn a_root_that_does_not_read_holds_joiners_up_and_then_is_closed() {
    let _clock = stepped();
    let limits = Limits { root_queue_bytes: 100_000, message_burst: 100_000, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits)).await;
    let stuck = server.root().await;
    let mut joiner = server.joiner().await;
    let message = format!(r#"{{"signal":"{}"}}"#, "x".repeat(100_000));
    // More than the queue and the system's buffers hold, so that the server must stop to read.
    let sending = async {
        for _ in 0..1000 {
            if joiner.socket.send(Message::text(message.clone())).await.is_err() {
                break;
            }
        }
    };
    let closed = server.step_until(|figures| figures.closed_slow == 1 && !figures.root_connected);
    tokio::join!(sending, closed);
    let figures = server.handle.figures();
    assert!(figures.to_root < 1000 && figures.undelivered_gone > 0, "{figures:?}");
    drop(stuck);
}

/// B-32: the root takes nothing, and has longer for that than the joiner has at all.
#[tokio::test(start_paused = true)]
async fn a_joiner_that_is_not_read_from_is_not_kept_beyond_its_time() {
    let _clock = stepped();
    let limits = Limits { root_queue_bytes: 100_000, message_burst: 100_000, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits).timeout(Duration::from_secs(2))).await;
    let stuck = server.root().await;
    let mut joiner = server.joiner().await;
    let message = format!(r#"{{"signal":"{}"}}"#, "x".repeat(100_000));
    let sending = async {
        for _ in 0..1000 {
            if joiner.socket.send(Message::text(message.clone())).await.is_err() {
                break;
            }
        }
    };
    let ending = server.step_until(|figures| figures.joiners == 0);
    tokio::join!(sending, ending);
    let figures = server.handle.figures();
    assert_eq!((figures.closed_timed_out, figures.closed_slow, figures.root_connected), (1, 0, true), "{figures:?}");
    assert!(figures.undelivered_no_room > 0 && figures.to_root < 1000, "{figures:?}");
    drop(stuck);
}

/// B-17, B-18.
#[tokio::test]
async fn nothing_is_lost_when_a_root_reads_late() {
    let limits = Limits { root_queue_bytes: 10_000, message_burst: 100_000, ..Limits::default() };
    let server = Running::with(|builder| builder.limits(limits)).await;
    let mut root = server.root().await;
    let mut joiners = Vec::new();
    for _ in 0..4 {
        joiners.push(server.joiner().await);
    }
    const EACH: usize = 2000;
    let filler = "x".repeat(5000);
    let sending = async {
        for number in 0..EACH {
            for joiner in &mut joiners {
                joiner.send(format!(r#"{{"number":{number},"signal":"{filler}"}}"#)).await;
            }
        }
    };
    let reading = async {
        // Each one's messages come in their order.
        let mut next = std::collections::HashMap::new();
        for _ in 0..4 * EACH {
            let mut text = root.text().await;
            // On a slow machine it takes longer than the time between two of them.
            while text == "\"heartbeat\"" {
                text = root.text().await;
            }
            let origin = text[text.len() - 34..].to_owned();
            let number = next.entry(origin).or_insert(0);
            assert!(text.starts_with(&format!(r#"{{"number":{number},"#)), "{}", &text[..40]);
            *number += 1;
        }
    };
    tokio::join!(sending, reading);
}

/// B-4, B-34.
#[tokio::test]
async fn nothing_that_is_told_has_the_secret_in_it() {
    let server = Running::start().await;
    let _root = server.root().await;
    let _joiner = server.joiner().await;
    for path in ["/health", "/metrics", "/", &format!("/{SECRET}"), &format!("/{SECRET}/webrtc-bootstrap-root")] {
        let answer = server.raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200") != answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(!answer.contains(SECRET) && !answer.contains(A), "{answer}");
    }
    assert!(!format!("{:?}", server.handle).contains(SECRET));
}
