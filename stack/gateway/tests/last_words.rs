#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! What a client said before its end, and that the channel had no room for yet: it is said, or the client is told otherwise.

mod support;

use bytes::{Bytes, BytesMut};
use nws_gateway::GatewaySettings;
use nws_hub::{Channels, ClientSeat, HubLimits};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName};
use rand_core::OsRng;
use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};
use support::{KEY_LINES, Proxy, Raw, deadline, text_frame};
use tokio::{net::TcpSocket, task::yield_now};

/// What the log of the scene holds: less than the first message.
const LOG_BYTES: usize = 10_000;

/// A masked close frame with 4000, which comes back when all is well.
const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa0];
const CODE: u16 = 4000;

/// The code that the client is closed with, after all that it is told.
async fn goodbye(client: &mut Raw) -> u16 {
    loop {
        if let (0x88, close) = client.frame().await {
            return u16::from_be_bytes([close[0], close[1]]);
        }
    }
}

/// A log that one message fills, and a receiver that looks when the test wants it to. Nobody is judged meanwhile.
struct Scene {
    proxy: Proxy,
    kind: ChannelKind,
    path: &'static str,
    receiver: ClientSeat,
}

fn key(kind: ChannelKind) -> ChannelKey {
    ChannelKey { kind, name: ChannelName::new("x").unwrap() }
}

fn full(seat: &ClientSeat) -> bool {
    seat.poll_room(&mut Context::from_waker(Waker::noop())).is_pending()
}

fn come(channels: &Arc<Channels>, kind: ChannelKind) -> ClientSeat {
    channels.join(key(kind), &mut OsRng).unwrap()
}

impl Scene {
    async fn of(kind: ChannelKind, path: &'static str, stall: Duration) -> Self {
        Self::with_log(kind, path, stall, LOG_BYTES).await
    }

    async fn with_log(kind: ChannelKind, path: &'static str, stall: Duration, channel_log_bytes: usize) -> Self {
        let limits =
            HubLimits { channel_log_bytes, client_stall: stall, client_burst_bytes: 0, ..HubLimits::default() };
        let proxy = Proxy::start(GatewaySettings::default(), limits).await;
        let receiver = come(&proxy.channels, kind);
        Self { proxy, kind, path, receiver }
    }

    async fn network() -> Self {
        Self::of(ChannelKind::Network, "/x", Duration::from_secs(600)).await
    }

    fn say(&self, word: &str) -> Vec<u8> {
        let text = format!("{word}{}", "x".repeat(if word == "first" { LOG_BYTES } else { 1000 }));
        if self.kind == ChannelKind::Network {
            text_frame(&format!(r#"{{"action":"broadcast","data":"{text}"}}"#))
        } else {
            text_frame(&text)
        }
    }

    /// A client that said so much that the channel is full, and then in one piece these words and what comes behind.
    async fn held(&self, words: &[&str], behind: &[u8]) -> Raw {
        let mut sender = self.proxy.client(self.path).await;
        sender.send(self.say("first")).await;
        deadline(async {
            while !full(&self.receiver) {
                yield_now().await
            }
        })
        .await;
        let mut last: Vec<u8> = words.iter().flat_map(|word| self.say(word)).collect();
        last.extend(behind);
        sender.send(last).await;
        self.read_all().await;
        sender
    }

    /// Waits until the gateway holds a client back, which shows that it has read what it sent.
    async fn read_all(&self) {
        let held = "nws_held_clients 1\n";
        deadline(async {
            while !support::ask(&self.proxy, "GET /metrics", "").await.2.contains(held) {
                yield_now().await;
            }
        })
        .await;
    }

    /// All that the receiver is told until it has heard this.
    async fn hear(&mut self, last: &str) -> String {
        let mut heard = String::new();
        while !heard.contains(last) {
            let mut parts: Vec<Bytes> = Vec::new();
            deadline(poll_fn(|cx| self.receiver.poll_take(cx, &mut parts))).await.unwrap();
            parts.iter().for_each(|part| heard.push_str(&String::from_utf8_lossy(part)));
        }
        heard
    }
}

/// In this order, and each once.
fn in_order(heard: &str, words: &[&str]) {
    let places: Vec<_> = words.iter().map(|word| heard.match_indices(word).map(|(at, _)| at).collect()).collect();
    assert!(places.iter().all(|found: &Vec<usize>| found.len() == 1), "{words:?} are at {places:?}");
    assert!(places.is_sorted(), "{words:?} are at {places:?}");
}

#[tokio::test]
async fn what_was_held_back_when_the_client_closed_is_said_before_it_goes() {
    let mut scene = Scene::network().await;
    let mut sender = scene.held(&["second", "third"], &CLOSE).await;
    let heard = scene.hear("disconnect").await;
    in_order(&heard, &["firstxx", "secondxx", "thirdxx", "disconnect"]);
    assert_eq!(goodbye(&mut sender).await, CODE);
    sender.end().await;
}

#[tokio::test]
async fn on_raw_relays_too() {
    for (kind, path) in [(ChannelKind::Broadcast, "/broadcast/x"), (ChannelKind::Local, "/local/x")] {
        let mut scene = Scene::of(kind, path, Duration::from_secs(600)).await;
        let mut sender = scene.held(&["second"], &CLOSE).await;
        let heard = scene.hear("secondxx").await;
        in_order(&heard, &["firstxx", "secondxx"]);
        assert_eq!(goodbye(&mut sender).await, CODE);
    }
}

#[tokio::test]
async fn what_was_held_back_before_a_fault_is_said_all_the_same() {
    let mut scene = Scene::network().await;
    // A frame without a mask.
    let mut sender = scene.held(&["second"], &[0x81, 0x00]).await;
    let heard = scene.hear("disconnect").await;
    in_order(&heard, &["firstxx", "secondxx", "disconnect"]);
    assert_eq!(goodbye(&mut sender).await, 1002);
}

#[tokio::test]
async fn what_was_held_back_when_the_socket_was_reset_is_said_all_the_same() {
    let mut scene = Scene::network().await;
    let mut sender = scene.held(&["second"], &[]).await;
    let (_, told) = sender.frame().await;
    assert!(told.starts_with(br#"{"action":"connect""#));
    sender.stream.set_zero_linger().unwrap();
    drop(sender);
    // Something has to be written to it, so that the proxy finds out; only who comes is told of now.
    let mut guests = Vec::new();
    for _ in 0..5 {
        guests.push(come(&scene.proxy.channels, ChannelKind::Network));
        scene.read_all().await;
    }
    drop(guests);
    let sent_on = scene.hear("secondxx").await;
    in_order(&sent_on, &["firstxx", "secondxx"]);
    // And then it is gone: its place does not live for ever.
    scene.proxy.wait_for_clients(1).await;
}

#[tokio::test]
async fn a_proxy_that_shuts_down_waits_for_nobody_and_does_not_say_that_all_was_said() {
    let scene = Scene::network().await;
    let mut sender = scene.held(&["second"], &CLOSE).await;
    scene.proxy.shutdown.cancel();
    assert_eq!(goodbye(&mut sender).await, 1001);
}

#[tokio::test]
async fn who_holds_up_its_own_words_is_closed_with_1013_and_not_with_its_own_code() {
    let stall = Duration::from_millis(100);
    let mut scene = Scene::with_log(ChannelKind::Network, "/x", stall, 256 << 10).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], scene.proxy.port).into()).await.unwrap();
    let mut stuck = Raw::new(stream);
    stuck.send(format!("GET /x HTTP/1.1\r\nHost: localhost:{}\r\n{KEY_LINES}\r\n", scene.proxy.port)).await;
    assert_eq!(stuck.answer(false).await.0, 101);
    // What the system takes for it comes to an end.
    let mut batch = BytesMut::new();
    scene.receiver.put_broadcast(&mut batch, Some(&format!("\"{}\"", "y".repeat(60_000))));
    let frames = batch.freeze();
    let (mut said, mut refused) = (0, 0);
    while refused < 1000 {
        match scene.receiver.publish(&frames) {
            Ok(()) => (said, refused) = (said + 1, 0),
            Err(_) => {
                refused += 1;
                yield_now().await;
            }
        }
        assert!(said < 1000, "it is taken without end");
    }
    let mut last = scene.say("second");
    last.extend(CLOSE);
    stuck.send(last).await;
    let heard = scene.hear("disconnect").await;
    assert!(!heard.contains("secondxx"), "nobody hears one who was thrown out");
    assert_eq!(goodbye(&mut stuck).await, 1013);
}
