#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! Connections that ask and do not read what they are answered: they keep the others out for a moment, not for ever.

mod support;

use nws_gateway::{Folder, GatewaySettings};
use nws_hub::HubLimits;
use std::{fs, time::Duration};
use support::{Proxy, ask, deadline};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep},
};

/// For those who do not read.
const SHORT: Duration = Duration::from_millis(400);
/// For one who does, if slowly.
const LONG: Duration = Duration::from_secs(2);
const LARGE: usize = 8 << 20;

/// Two places, and a file that no socket takes at once.
async fn proxy(patience: Duration) -> (TempDir, Proxy) {
    let www = tempfile::tempdir().unwrap();
    fs::write(www.path().join("large"), vec![b'x'; LARGE]).unwrap();
    let folder = Folder::open(www.path()).unwrap();
    let settings = GatewaySettings { max_visitors: 2, header_timeout: patience, ..GatewaySettings::default() };
    let proxy = Proxy::start_with(settings, HubLimits::default(), |gateway| gateway.with_folder(Some(folder))).await;
    (www, proxy)
}

/// Asks for the file and reads nothing.
async fn asks(proxy: &Proxy) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], proxy.port).into()).await.unwrap();
    let request = format!("GET /www/large HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", proxy.port);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn who_asks_and_does_not_read_loses_its_place() {
    let (_www, proxy) = proxy(SHORT).await;
    let begun = Instant::now();
    let mut stuck = vec![asks(&proxy).await, asks(&proxy).await];
    // Both places are taken: their answers have begun.
    for stream in &mut stuck {
        deadline(stream.readable()).await.unwrap();
    }
    assert_eq!(ask(&proxy, "GET /health", "").await.0, 200);
    assert!(begun.elapsed() >= SHORT, "nobody had to wait: {:?}", begun.elapsed());
    // Clients come in as well, and what the others get is cut, which the length in its head shows.
    let _client = proxy.client("/room").await;
    for stream in &mut stuck {
        let mut got = Vec::new();
        drop(deadline(stream.read_to_end(&mut got)).await);
        assert!(got.len() < LARGE, "{}", got.len());
    }
}

#[tokio::test]
async fn who_reads_slowly_gets_all_of_it() {
    let (_www, proxy) = proxy(LONG).await;
    let mut slow = asks(&proxy).await;
    let (mut got, mut buffer) = (0, vec![0; LARGE / 8]);
    let begun = Instant::now();
    // Pauses are the load here: all together they are longer than the patience, and each is shorter.
    while got < LARGE {
        sleep(LONG * 3 / 16).await;
        got += deadline(slow.read_exact(&mut buffer)).await.unwrap();
    }
    assert!(begun.elapsed() > LONG, "{:?}", begun.elapsed());
}
