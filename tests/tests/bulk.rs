//! Much data: everything arrives, and memory stays within the limits.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use nws_tests::{bulk, proxy::Proxy};
use std::time::Instant;

/// 64 KiB messages, a gigabyte of them.
const BYTES: usize = 64 * 1024 - 16;
const MESSAGES: u64 = (1 << 30) / (64 * 1024);

/// What a proxy may have in memory: itself (about 20 MiB), the log of one channel (4 MiB), and what sockets, the
/// link's windows and a client in mid-message hold.
const MAX_RESIDENT_KIB: u64 = 96 * 1024;

async fn gigabyte(from: &Proxy, to: &Proxy, what: &str) {
    let (mut talker, mut at_talker) = bulk::join(from.port(), "/bulk").await;
    let (_keep, mut listener) = bulk::join(to.port(), "/bulk").await;
    at_talker.told_action("connect").await;
    let begin = Instant::now();
    let talking = tokio::spawn(async move {
        talker.flood(0..MESSAGES, BYTES).await;
        talker
    });
    let heard = listener.hear_flood(0..MESSAGES, BYTES).await;
    drop(talking.await.unwrap());
    assert_eq!(heard, 1 << 30);
    let resident = from.resident_kib().max(to.resident_kib());
    println!("{what}: 1 GiB in {:?}, at most {resident} KiB resident", begin.elapsed());
    assert!(resident < MAX_RESIDENT_KIB, "{resident} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_through_one_proxy() {
    let proxy = Proxy::local(&[]);
    gigabyte(&proxy, &proxy, "one proxy").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_across_a_link_of_each_transport() {
    for transport in ["quic", "tcp"] {
        let transport_words = format!("--transport={transport}");
        let one = Proxy::local(&[&transport_words]);
        let two = Proxy::local(&[&transport_words, &format!("--peer=127.0.0.1:{}", one.link_port())]);
        gigabyte(&one, &two, transport).await;
    }
}
