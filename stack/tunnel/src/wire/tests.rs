//! What the wire tells of what it has written.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::core::Connecting;
use tokio::{
    io::{AsyncReadExt, sink},
    net::TcpListener,
};
use tokio_tungstenite::tungstenite::protocol::Role;

const PATIENCE: Duration = Duration::from_secs(20);

/// A client with the channel 7 open.
fn client() -> Connecting {
    let mut core = Connecting::new(3);
    core.connected();
    core.text(r#"{"type":"welcome","window":9000000,"message_bytes":9000000,"grace_ms":1000}"#).unwrap();
    let opening = core.open(80);
    core.text(&format!(r#"{{"type":"connected","id":{opening},"channel":7}}"#)).unwrap();
    while core.frame().is_some() {}
    core
}

/// Else programs would be read from only when the relay says something.
#[tokio::test]
async fn a_turn_ends_when_there_is_room_for_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    // A relay that says nothing.
    tokio::spawn(async move { tokio::io::copy(&mut peer.take(u64::MAX), &mut sink()).await });
    let socket = WebSocketStream::from_raw_socket(Either::Left(stream), Role::Client, None).await;
    let mut wire = Wire::new(socket);
    let heard = wire.heard;
    let mut core = client();
    let piece = Bytes::from([&7u64.to_be_bytes()[..], &[0; 100_000]].concat());
    while core.waiting_bytes() < MOST_WAITING_BYTES {
        core.data(7, piece.clone());
    }
    let turn = tokio::time::timeout(PATIENCE, wire.exchange(&mut core)).await.unwrap();
    assert!(matches!(turn, Ok(Incoming::Other)), "{turn:?}");
    assert!(core.waiting_bytes() < MOST_WAITING_BYTES);
    // Nothing was heard of the relay.
    assert_eq!(wire.heard, heard);
}
