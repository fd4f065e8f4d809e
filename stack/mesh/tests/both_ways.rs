//! Two proxies whose clients speak to each other at once, both faster than their link carries it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::{Bytes, BytesMut};
use nws_transports::{MemoryNetwork, QuicConfig, QuicTransport, TcpConfig, TcpTransport, Transport};
use std::{future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, time::Duration};
use support::{Client, Node, Setup, at};
use tokio::time::timeout;

/// Each says so many messages of so many bytes: many times what the logs, the lanes and the system hold.
const MESSAGES: usize = 1500;
const BYTES: usize = 32 * 1024;

const PATIENCE: Duration = Duration::from_secs(50);

/// Says all of it and hears as much, each as soon as it can. One who does not read is not what this is about.
async fn floods(client: &mut Client) {
    let mut frame = BytesMut::new();
    client.seat.put_broadcast(&mut frame, Some(&format!("\"{}\"", "x".repeat(BYTES))));
    let frame = frame.freeze();
    let (mut said, mut heard) = (0, 0);
    let mut parts: Vec<Bytes> = Vec::new();
    poll_fn(|cx| {
        loop {
            parts.clear();
            if let Poll::Ready(taken) = client.seat.poll_take(cx, &mut parts) {
                taken.expect("thrown out");
                heard += parts.iter().map(Bytes::len).sum::<usize>();
                continue;
            }
            if said < MESSAGES {
                if client.seat.publish(&frame).is_ok() {
                    said += 1;
                    continue;
                }
                if client.seat.poll_room(cx).is_ready() {
                    continue;
                }
            } else if heard >= MESSAGES * frame.len() {
                return Poll::Ready(());
            }
            return Poll::Pending;
        }
    })
    .await;
    assert_eq!(heard, MESSAGES * frame.len(), "who came and went was told before");
}

async fn speak_at_once(a: Node, b: Node) {
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    let at_once = timeout(PATIENCE, async { tokio::join!(floods(&mut one), floods(&mut two)) });
    at_once.await.expect("they wait for each other");
    assert_eq!((a.mesh.status().await.links.len(), b.mesh.status().await.links.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn over_memory() {
    let network = MemoryNetwork::new(1);
    let a = Setup::memory(1, &network).await.start();
    let b = Setup::memory(2, &network).await.dials(at(1)).start();
    speak_at_once(a, b).await;
}

async fn over(transport: impl Fn() -> Arc<dyn Transport>) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let a = Setup::new(1).listen(transport(), any).await.start();
    let b = Setup::new(2).listen(transport(), any).await.dials(a.addrs[0]).start();
    speak_at_once(a, b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp() {
    over(|| Arc::new(TcpTransport::new(TcpConfig::default()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_quic() {
    over(|| Arc::new(QuicTransport::new(QuicConfig::default()).unwrap())).await;
}
