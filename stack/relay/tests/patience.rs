//! Section 10 of spec/06-relay.md: its times are kept, whatever a party does or leaves undone meanwhile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_listen::testing::stepped;
use nws_relay::Limits;
use std::time::Duration;
use support::{Running, deadline};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

/// Close 1013 comes in its time for who only gets data, though nothing else wakes its task.
#[tokio::test(start_paused = true)]
async fn who_only_gets_data_is_closed_in_time_too() {
    let _clock = stepped();
    let relay = Running::limited(|limits| {
        limits.window = 1_000_000_000;
        limits.ping = Duration::from_secs(10_000);
        limits.idle = Duration::from_secs(10_000);
    })
    .await;
    let (stuck, mut client, channel) = relay.pair().await;
    let frame = [&nws_protocol::relay::binary_head(channel)[..], &[7; 100_000]].concat();
    while relay.handle.figures().queued_bytes < 10_000_000 {
        client.socket.send(Message::binary(frame.clone())).await.unwrap();
    }
    let start = tokio::time::Instant::now();
    relay.step_until(|figures| figures.closed_slow == 1).await;
    let taken = start.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(25)).contains(&taken), "{taken:?}");
    drop(stuck);
}

/// Nor does it help to flood the relay meanwhile.
#[tokio::test]
async fn who_floods_and_does_not_read_is_closed_in_time_too() {
    let relay = Running::limited(|limits| {
        limits.window = 1_000_000_000;
        (limits.stall, limits.close) = (Duration::from_millis(300), Duration::from_millis(300));
    })
    .await;
    let (stuck, mut client, channel) = relay.pair().await;
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = stuck.socket.into_inner() else { panic!() };
    let (_unread, mut write) = stream.into_split();
    let pongs = b"\x8a\x80\0\0\0\0".repeat(20_000);
    let flood = tokio::spawn(async move { while write.write_all(&pongs).await.is_ok() {} });
    let frame = [&nws_protocol::relay::binary_head(channel)[..], &[7; 100_000]].concat();
    for _ in 0..100 {
        client.socket.send(Message::binary(frame.clone())).await.unwrap();
    }
    relay.until(|figures| figures.closed_slow == 1).await;
    deadline(flood).await.unwrap();
}

/// 1001 comes to one that floods, which has only the time of a closing handshake to go on with it. That it does not go on before
/// that is shown beside the session.
#[tokio::test]
async fn who_floods_does_not_keep_the_relay_from_its_end() {
    let relay = Running::with(|builder| {
        let mut limits = Limits::default();
        limits.close = Duration::from_millis(300);
        builder.limits(limits).drain(Duration::from_secs(5000))
    })
    .await;
    let (mut server, client, _) = relay.pair().await;
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = client.socket.into_inner() else { panic!() };
    let (mut read, mut write) = stream.into_split();
    let pongs = b"\x8a\x80\0\0\0\0".repeat(20_000);
    write.write_all(&pongs).await.unwrap();
    let flood = tokio::spawn(async move { while write.write_all(&pongs).await.is_ok() {} });
    relay.shutdown.cancel();
    let ending = async {
        let mut told = Vec::new();
        drop(read.read_to_end(&mut told).await);
        assert!(told.windows(2).any(|code| code == 1001_u16.to_be_bytes()), "{told:?}");
        flood.await.unwrap();
        assert_eq!(server.event().await["code"], "shutdown");
        drop(server);
        relay.task.await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(60), ending).await.expect("it ends in time");
}
