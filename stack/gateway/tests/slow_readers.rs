#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! Who reads, however slowly down to the least rate, is not taken for one that does not: over real sockets, whose
//! buffers take what is written in bursts. The reading is paced by the clock, as that is the load.

mod support;

use bytes::{Bytes, BytesMut};
use nws_gateway::{GatewaySettings, SessionSettings};
use nws_hub::{ClientSeat, HubLimits};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName};
use rand_core::OsRng;
use std::{future::poll_fn, time::Duration};
use support::{Proxy, Raw, deadline};
use tokio::{
    io::AsyncReadExt,
    task::JoinHandle,
    time::{Instant, interval, timeout},
};

/// Someone who says all that there is room for, and judges while it is held back, as a session does.
fn flood(seat: ClientSeat) -> JoinHandle<()> {
    let mut batch = BytesMut::new();
    for _ in 0..32 {
        seat.put_broadcast(&mut batch, Some(&format!("\"{}\"", "x".repeat(1000))));
    }
    let frames: Bytes = batch.freeze();
    tokio::spawn(async move {
        loop {
            match timeout(seat.judge_interval(), poll_fn(|cx| seat.poll_room(cx))).await {
                Ok(()) => drop(seat.publish(&frames)),
                Err(_) => seat.judge(),
            }
            tokio::task::yield_now().await;
        }
    })
}

struct Scene {
    proxy: Proxy,
    flood: JoinHandle<()>,
    reader: Raw,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.flood.abort();
    }
}

async fn scene(limits: HubLimits) -> Scene {
    let proxy = Proxy::start(GatewaySettings::default(), limits).await;
    let reader = proxy.client("/x").await;
    let key = ChannelKey { kind: ChannelKind::Network, name: ChannelName::new("x").unwrap() };
    let seat = proxy.channels.join(key, &mut OsRng).unwrap();
    Scene { proxy, flood: flood(seat), reader }
}

impl Scene {
    /// Reads so many bytes at full speed, and then so many a second for so long. Two are in the channel as long as nobody
    /// was thrown out.
    async fn stays(&mut self, at_once: usize, rate: usize, seconds: u64) -> Result<(), Duration> {
        let mut buffer = vec![0; 64 << 10];
        for _ in 0..at_once / buffer.len() {
            deadline(self.reader.stream.read_exact(&mut buffer)).await.unwrap();
        }
        let step = Duration::from_millis(50);
        buffer.truncate(rate / 20);
        let begun = Instant::now();
        let mut steps = interval(step);
        while begun.elapsed() < Duration::from_secs(seconds) {
            steps.tick().await;
            deadline(self.reader.stream.read_exact(&mut buffer)).await.unwrap();
            if self.proxy.channels.clients() < 2 {
                return Err(begun.elapsed());
            }
        }
        Ok(())
    }
}

/// At all defaults. Who was fast before has larger buffers, and so larger bursts: see `client_burst_bytes`. Its rate leaves room for
/// what a system with much memory keeps for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_least_rate_or_more_stays() {
    let readers = [(0, 80), (0, 128), (0, 256), (0, 512), (32 << 20, 512)];
    let readers = readers.map(|(at_once, rate)| {
        tokio::spawn(async move {
            let stayed = scene(HubLimits::default()).await.stays(at_once, rate << 10, 18).await;
            (at_once, rate, stayed)
        })
    });
    let mut gone = Vec::new();
    for reader in readers {
        let (at_once, rate, stayed) = reader.await.unwrap();
        gone.extend(stayed.err().map(|after| format!("{rate} KiB/s, after {at_once} at full speed: {after:?}")));
    }
    assert!(gone.is_empty(), "{gone:?}");
}

/// A ping lies behind what is not read yet: a message of 1 MiB takes eight seconds here, and the answer is due in four.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_long_on_its_way_to_a_ping_is_not_silent() {
    const RATE: usize = 128 << 10;
    let session = SessionSettings {
        ping_interval: Duration::from_millis(500),
        pong_timeout: Duration::from_secs(4),
        ..SessionSettings::default()
    };
    let proxy = Proxy::start(GatewaySettings { session, ..GatewaySettings::default() }, HubLimits::default()).await;
    let mut reader = proxy.client("/x").await;
    let key = ChannelKey { kind: ChannelKind::Network, name: ChannelName::new("x").unwrap() };
    let seat = proxy.channels.join(key, &mut OsRng).unwrap();
    let mut batch = BytesMut::new();
    seat.put_broadcast(&mut batch, Some(&format!("\"{}\"", "x".repeat(1 << 20))));
    for _ in 0..2 {
        seat.publish(&batch.clone().freeze()).unwrap();
    }
    let (mut steps, mut piece) = (interval(Duration::from_millis(50)), vec![0; RATE / 20]);
    let (mut messages, mut pings) = (0, 0);
    while messages < 2 {
        let mut head = [0; 2];
        deadline(reader.stream.read_exact(&mut head)).await.unwrap();
        let mut left = match head[1] {
            126 => usize::from(deadline(reader.stream.read_u16()).await.unwrap()),
            127 => usize::try_from(deadline(reader.stream.read_u64()).await.unwrap()).unwrap(),
            short => usize::from(short),
        };
        assert!(matches!(head[0], 0x81 | 0x89), "{head:?} after {messages} messages and {pings} pings");
        messages += usize::from(left > RATE);
        pings += usize::from(head[0] == 0x89);
        while left > 0 {
            steps.tick().await;
            let step = left.min(piece.len());
            left -= deadline(reader.stream.read_exact(&mut piece[..step])).await.unwrap();
        }
        if head[0] == 0x89 {
            reader.send([0x8a, 0x80, 0, 0, 0, 0]).await;
        }
    }
    assert!(pings > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_is_closed_when_the_allowance_is_used_up() {
    // Half a second at the least rate, and four for the bursts.
    let limits = HubLimits {
        client_stall: Duration::from_millis(500),
        client_burst_bytes: 256 << 10,
        channel_log_bytes: 1 << 20,
        ..HubLimits::default()
    };
    let mut scene = scene(limits).await;
    assert_eq!(scene.stays(1 << 20, 8 << 20, 1).await, Ok(()));
    let stopped = Instant::now();
    scene.proxy.wait_for_clients(1).await;
    assert!(stopped.elapsed() >= Duration::from_secs(2), "{:?}", stopped.elapsed());
    // What was under way, and the reason.
    let mut rest = Vec::new();
    deadline(scene.reader.stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.ends_with(b"\x88\x0f\x03\xf5slow consumer"));
}
