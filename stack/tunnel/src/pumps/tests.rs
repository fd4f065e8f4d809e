//! Whose word counts for a channel, and what a pump still does when its channel is over.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use super::*;
use crate::core::{Connecting, Frame};
use bytes::Bytes;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// More than the system keeps for a connection whose program does not read, if it keeps little on that side.
const MUCH: usize = 48 << 20;

/// A client with the channel 7 open.
fn client() -> Connecting {
    let mut core = Connecting::new(3);
    core.connected();
    core.text(r#"{"type":"welcome","window":100000,"message_bytes":100000,"grace_ms":1000}"#).unwrap();
    let opening = core.open(80);
    core.text(&format!(r#"{{"type":"connected","id":{opening},"channel":7}}"#)).unwrap();
    while core.effect().is_some() {}
    while core.frame().is_some() {}
    core
}

fn frame(payload: &[u8]) -> Bytes {
    [&7u64.to_be_bytes()[..], payload].concat().into()
}

async fn say(pumps: &mut Pumps, core: &mut Connecting, pump: PumpId, what: What) {
    pumps.sender.send(FromPump { pump, channel: 7, what }).await.unwrap();
    pumps.ready(0).await;
    pumps.tell(core, |_, _, _| panic!("a pump that has no say answered"));
}

#[tokio::test]
async fn a_pump_that_is_no_longer_the_channels_has_no_say() {
    let (mut core, mut pumps) = (client(), Pumps::new());
    for over in [Some(Ending::Complete), None] {
        pumps.start(7, 100, &core, |_| std::future::pending());
        if let Some(ending) = over {
            pumps.act(Effect::Over { channel: 7, ending });
        }
        pumps.start(7, 100, &core, |_| std::future::pending());
        let now = pumps.handles[&7].id;
        for what in [
            What::Dialled(Ok(())),
            What::Dialled(Err("no".to_owned())),
            What::Data(frame(b"of another")),
            What::Taken(1),
            What::Reset("broken".to_owned()),
            What::Finish,
        ] {
            say(&mut pumps, &mut core, now - 1, what).await;
        }
        assert_eq!(core.frame(), None);
        assert!(!pumps.handles[&7].reset.is_cancelled());
        say(&mut pumps, &mut core, now, What::Data(frame(b"its own"))).await;
        assert_eq!(core.frame(), Some(Frame::Binary(frame(b"its own"))));
    }
}

#[tokio::test]
async fn a_pump_whose_channel_is_given_to_another_is_broken_off() {
    let (core, mut pumps) = (client(), Pumps::new());
    pumps.start(7, 100, &core, |_| std::future::pending());
    let before = pumps.handles[&7].reset.clone();
    pumps.start(7, 100, &core, |_| std::future::pending());
    assert!(before.is_cancelled());
}

#[tokio::test]
async fn a_pump_reads_nothing_more_when_its_channel_is_complete() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let program = TcpSocket::new_v4().unwrap();
    // Some systems would else take very much.
    program.set_recv_buffer_size(64 * 1024).unwrap();
    let mut program = program.connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (core, mut pumps) = (client(), Pumps::new());
    pumps.start(7, 100_000, &core, |pump| pump.run(stream));
    program.write_all(b"before").await.unwrap();
    let said = timeout(PATIENCE, pumps.events.recv()).await.unwrap().unwrap();
    assert!(matches!(said.what, What::Data(data) if data == frame(b"before")));
    pumps.act(Effect::Deliver { channel: 7, data: vec![1; MUCH].into() });
    pumps.act(Effect::Over { channel: 7, ending: Ending::Complete });
    program.write_all(b"after").await.unwrap();
    // It is still writing.
    timeout(PATIENCE, program.read_exact(&mut vec![0; MUCH / 2])).await.unwrap().unwrap();
    assert!(!pumps.is_empty());
    let mut rest = Vec::new();
    // What it has not read may make the end a reset.
    let (read, ()) = tokio::join!(timeout(PATIENCE, program.read_to_end(&mut rest)), async {
        while !pumps.is_empty() {
            pumps.ready(0).await;
            for said in pumps.batch.drain(..) {
                assert!(matches!(said.what, What::Taken(_)), "{said:?}");
            }
        }
    });
    drop(read.unwrap());
}
