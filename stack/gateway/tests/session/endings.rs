//! How connections end that no client closes: shutdown, and silence.

use crate::parties::{DEADLINE, Proxy};
use nws_gateway::SessionSettings;
use nws_hub::HubLimits;
use std::time::Duration;
use tokio::{io::AsyncReadExt, time::timeout};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn shutdown_tells_every_client() {
    let proxy = Proxy::default().await;
    let (mut a, mut b) = (proxy.client("x").await, proxy.client("y").await);
    a.id().await;
    b.id().await;
    proxy.shutdown.cancel();
    assert_eq!(a.closed().await, (1001, "the proxy is shutting down".to_owned()));
    assert_eq!(b.closed().await.0, 1001);
    timeout(DEADLINE, proxy.task).await.unwrap().unwrap();
    assert_eq!(proxy.channels.clients(), 0);
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_one_that_does_not_answer_is_closed() {
    let session = SessionSettings {
        ping_interval: Duration::from_millis(200),
        // The one that answers may take a moment on a busy machine.
        pong_timeout: Duration::from_secs(2),
        ..SessionSettings::default()
    };
    let proxy = Proxy::start(HubLimits::default(), session).await;
    let mut dead = proxy.raw("x", 65536).await;
    let mut alive = proxy.client("x").await;
    let mut pings = 0;
    let mut gone = false;
    while pings < 3 || !gone {
        match alive.frame().await {
            Message::Ping(_) => pings += 1,
            Message::Text(text) => gone |= text.contains("disconnect"),
            other => panic!("{other:?}"),
        }
    }
    let mut got = Vec::new();
    timeout(DEADLINE, dead.read_to_end(&mut got)).await.unwrap().unwrap();
    assert!(got.windows(2).any(|bytes| bytes == [0x89, 0x00]));
    assert!(got.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 1011u16.to_be_bytes()));
}
