//! Clients that sit in a hub without a socket, and what they were told.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, reason = "each test file uses what it needs")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "test support")]

pub mod lane;

use bytes::{Bytes, BytesMut};
use nws_hub::{Channels, ClientSeat, Full, HubLimits, LaneOut};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName, ClientClose, PeerId, frame::FrameCodec, wire::Data};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use serde_json::Value;
use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio_util::codec::Decoder;

pub fn key(name: &str) -> ChannelKey {
    ChannelKey { kind: ChannelKind::Network, name: ChannelName::new(name).unwrap() }
}

pub fn small() -> HubLimits {
    HubLimits {
        channel_log_bytes: 10_000,
        client_queue_bytes: 10_000,
        lane_queue_bytes: 10_000,
        client_burst_bytes: 0,
        lane_stall: std::time::Duration::from_secs(10),
        ..HubLimits::default()
    }
}

pub struct House {
    pub channels: Arc<Channels>,
    rng: ChaCha8Rng,
}

impl House {
    pub fn new(limits: HubLimits) -> Self {
        Self { channels: Channels::new(limits), rng: ChaCha8Rng::seed_from_u64(7) }
    }

    pub fn join(&mut self, name: &str) -> Client {
        self.join_key(key(name))
    }

    pub fn join_key(&mut self, key: ChannelKey) -> Client {
        Client::new(self.channels.join(key, &mut self.rng).unwrap())
    }
}

pub struct Client {
    pub seat: ClientSeat,
    pub closed: Option<ClientClose>,
}

impl Client {
    fn new(seat: ClientSeat) -> Self {
        Self { seat, closed: None }
    }

    pub fn id(&self) -> String {
        self.seat.id().to_owned()
    }

    pub fn peer(&self) -> PeerId {
        self.seat.peer()
    }

    pub fn broadcast(&self, data: &str) -> Result<(), Full> {
        let mut batch = BytesMut::new();
        self.seat.put_broadcast(&mut batch, Some(data));
        self.seat.publish(&batch.freeze())
    }

    /// One batch, not yet counted as written.
    pub fn take_some(&mut self) -> Vec<Value> {
        let mut parts = Vec::new();
        match self.seat.poll_take(&mut Context::from_waker(Waker::noop()), &mut parts) {
            Poll::Ready(Ok(())) => parse_frames(&parts),
            Poll::Ready(Err(close)) => {
                self.closed = Some(close);
                Vec::new()
            }
            Poll::Pending => Vec::new(),
        }
    }

    /// Everything there is.
    pub fn take(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let some = self.take_some();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// Everything there is, in short: `+id`, `-id`, `id:data` for a broadcast, `id>data` for a direct
    /// message, `!code` for an error.
    pub fn told(&mut self) -> Vec<String> {
        self.take().iter().map(short).collect()
    }
}

pub fn short(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    match message["action"].as_str().unwrap() {
        "connect" => format!("+{}", text("target")),
        "disconnect" => format!("-{}", text("target")),
        "broadcast" => format!("{}:{}", text("source"), message["data"]),
        "message" => format!("{}>{}", text("source"), message["data"]),
        "error" => format!("!{} {}", text("code"), text("target")),
        other => other.to_owned(),
    }
}

pub fn parse_frames(parts: &[Bytes]) -> Vec<Value> {
    let mut out = Vec::new();
    for part in parts {
        let mut rest: &[u8] = part;
        while !rest.is_empty() {
            assert_eq!(rest[0], 0x81);
            let (head, length) = match rest[1] {
                126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
                127 => (10, u64::from_be_bytes(rest[2..10].try_into().unwrap()) as usize),
                n => (2, usize::from(n)),
            };
            out.push(serde_json::from_slice(&rest[head..head + length]).unwrap());
            rest = &rest[head + length..];
        }
    }
    out
}

/// What a lane would carry now; `None` when it ends.
pub fn lane_takes(lane: &mut LaneOut) -> Option<Vec<Data>> {
    let mut out = Vec::new();
    loop {
        match lane.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Some(parts))) => {
                let mut bytes = BytesMut::new();
                parts.iter().for_each(|part| bytes.extend_from_slice(part));
                let mut codec = FrameCodec::new(1 << 20);
                while let Some(frame) = codec.decode(&mut bytes).unwrap() {
                    out.push(Data::decode(frame).unwrap());
                }
            }
            Poll::Ready(Ok(None)) => return if out.is_empty() { None } else { Some(out) },
            Poll::Ready(Err(stalled)) => panic!("{stalled}"),
            Poll::Pending => return Some(out),
        }
    }
}
