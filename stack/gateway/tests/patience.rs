//! How long the gateway waits for clients that can't, or don't, do their part: who is held back is not taken for silent, and who
//! does not read holds up the end no longer than it may.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_gateway::{Gateway, GatewaySettings, Listeners, SessionSettings};
use nws_hub::HubLimits;
use std::{
    io::ErrorKind,
    sync::Arc,
    time::{Duration, Instant},
};
use support::{Proxy, Raw, ask, deadline, text_frame};
use tokio::{io::AsyncWriteExt, net::TcpSocket, time::timeout};

/// So long that no test gets there.
const NEVER: Duration = Duration::from_secs(3600);

/// What a client is waited for that answers no ping; those that speak must do it more often, on a busy machine too.
const SHORT: Duration = Duration::from_secs(1);

/// A channel that is full soon, and whose slow clients are not thrown out for it.
fn small() -> HubLimits {
    HubLimits { channel_log_bytes: 256 << 10, client_stall: NEVER, ..HubLimits::default() }
}

/// Another door to the same channels.
async fn other_door(proxy: &Proxy, settings: GatewaySettings) -> Proxy {
    let listeners = Listeners::bind(0).await.unwrap();
    let (port, addresses, channels) = (listeners.port(), listeners.addresses(), Arc::clone(&proxy.channels));
    let shutdown = proxy.shutdown.clone();
    let gateway = Gateway::new(listeners, Arc::clone(&channels), settings);
    let task = tokio::spawn(gateway.run(shutdown.clone()));
    Proxy { port, addresses, channels, shutdown, task }
}

/// A client for which the system keeps little, so that not reading shows soon.
async fn narrow(proxy: &Proxy, path: &str) -> Raw {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut raw = Raw::new(socket.connect(([127, 0, 0, 1], proxy.port).into()).await.unwrap());
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{}\r\n", proxy.port, support::KEY_LINES)).await;
    assert_eq!(raw.answer(false).await.0, 101);
    raw
}

/// How many clients the gateway does not read now, and how often it held one back so far.
async fn held(proxy: &Proxy) -> (u64, u64) {
    let (_, _, metrics) = ask(proxy, "GET /metrics", "").await;
    let figure = |name: &str| {
        let line = metrics.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    };
    (figure("nws_held_clients"), figure("nws_holds_total"))
}

fn said(data: &str) -> Vec<u8> {
    text_frame(&format!(r#"{{"action":"broadcast","data":"{data}"}}"#))
}

/// Talks until it is held back and stays so; answers what is left of its last frame.
async fn talk_until_held(proxy: &Proxy, talker: &Raw) -> Vec<u8> {
    let frame = said(&"x".repeat(50_000));
    let talking = async {
        let (mut written, mut same, mut before) = (0, 0, (0, 0));
        while same < 20 {
            match talker.stream.try_write(&frame[written % frame.len()..]) {
                Ok(bytes) => (written, same) = (written + bytes, 0),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    let now = held(proxy).await;
                    same = if now.0 == 1 && now == before { same + 1 } else { 0 };
                    before = now;
                }
            }
            assert!(written < 64 << 20, "read for ever");
        }
        frame[written % frame.len()..].to_vec()
    };
    timeout(Duration::from_secs(60), talking).await.expect("never held")
}

/// Reads to the close frame, and answers its code.
async fn goodbye(client: &mut Raw) -> u16 {
    loop {
        let (first, payload) = client.frame().await;
        if first == 0x88 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

#[tokio::test]
async fn who_is_held_back_is_not_taken_for_silent() {
    let session = SessionSettings { ping_interval: SHORT, pong_timeout: SHORT, ..SessionSettings::default() };
    let proxy = Proxy::start(GatewaySettings { session, ..GatewaySettings::default() }, small()).await;
    // It came by a door where nobody is pinged: it does not read, nor say anything, and stays all the same.
    let calm = SessionSettings { ping_interval: NEVER, ..SessionSettings::default() };
    let calm = other_door(&proxy, GatewaySettings { session: calm, ..GatewaySettings::default() }).await;
    let mut stuck = narrow(&calm, "/x").await;
    let mut talker = narrow(&proxy, "/x").await;
    let rest = talk_until_held(&proxy, &talker).await;
    // Others who say nothing are closed meanwhile, one after the other: time enough for any ping to be missed.
    for _ in 0..2 {
        let mut silent = proxy.client("/y").await;
        assert_eq!(goodbye(&mut silent).await, 1011);
    }
    assert_eq!(held(&proxy).await.0, 1, "it is there, and held");
    assert_eq!(proxy.channels.clients(), 2);
    // As soon as there is room again it goes on where it was.
    let reading = tokio::spawn(async move { while !stuck.text().await.contains("the last word") {} });
    talker.send(rest).await;
    talker.send(said("the last word")).await;
    timeout(Duration::from_secs(60), reading).await.unwrap().unwrap();
}

/// Who does not read gets no ping either, so it can't answer; when it says nothing of itself it is closed, and whoever it held up
/// goes on.
#[tokio::test]
async fn who_neither_reads_nor_speaks_is_closed_and_holds_nobody_up_any_longer() {
    let session = SessionSettings { ping_interval: SHORT, pong_timeout: SHORT, ..SessionSettings::default() };
    let proxy = Proxy::start(GatewaySettings { session, ..GatewaySettings::default() }, small()).await;
    let calm = SessionSettings { ping_interval: NEVER, ..SessionSettings::default() };
    let calm = other_door(&proxy, GatewaySettings { session: calm, ..GatewaySettings::default() }).await;
    let mut reader = calm.client("/x").await;
    let (stuck, mut talker) = (narrow(&proxy, "/x").await, narrow(&proxy, "/x").await);
    // More than the channel and the system keep for all of them.
    let last = 400;
    let talking = tokio::spawn(async move {
        for number in 0..=last {
            talker.stream.write_all(&said(&format!("{number} {}", "x".repeat(50_000)))).await.unwrap();
        }
        talker
    });
    let (mut next, mut gone) = (0, 0);
    while next <= last {
        let text = reader.text().await;
        gone += usize::from(text.contains(r#""action":"disconnect""#));
        if text.contains(r#""action":"broadcast""#) {
            assert!(text.contains(&format!(r#""data":"{next} x"#)), "{next} is missing");
            next += 1;
        }
    }
    assert_eq!(gone, 1, "whoever was held stayed");
    drop((talking.await.unwrap(), stuck));
}

/// Shuts a gateway down whose clients do what clients may do; says how long that took.
async fn shut_down(drain_deadline: Duration, close_deadline: Duration) -> Duration {
    let session = SessionSettings { close_deadline, ..SessionSettings::default() };
    let proxy = Proxy::start(GatewaySettings { drain_deadline, session, ..GatewaySettings::default() }, small()).await;
    let (stuck, mut talker) = (narrow(&proxy, "/x").await, narrow(&proxy, "/x").await);
    // It reads all, and takes its goodbye without a word.
    let mut mute = proxy.client("/y").await;
    let mut idle = proxy.client("/z").await;
    talk_until_held(&proxy, &talker).await;
    assert_eq!(proxy.channels.clients(), 4);
    let since = Instant::now();
    proxy.shutdown.cancel();
    assert_eq!(goodbye(&mut idle).await, 1001);
    drop(idle);
    assert_eq!(goodbye(&mut talker).await, 1001, "who is held back is told as well");
    drop(talker);
    assert_eq!(goodbye(&mut mute).await, 1001);
    deadline(proxy.task).await.unwrap();
    let took = since.elapsed();
    assert_eq!(proxy.channels.clients(), 0);
    drop((stuck, mute));
    took
}

#[tokio::test]
async fn at_the_end_who_does_not_read_is_waited_for_as_long_as_the_gateway_may_take() {
    let took = shut_down(2 * SHORT, NEVER).await;
    assert!(took >= 2 * SHORT, "{took:?}");
}

#[tokio::test]
async fn at_the_end_who_does_not_read_is_waited_for_as_long_as_a_goodbye_may_take() {
    let took = shut_down(NEVER, 2 * SHORT).await;
    assert!(took >= 2 * SHORT, "{took:?}");
}
