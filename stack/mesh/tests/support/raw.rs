//! A proxy written by hand, to say what ours would never say.
#![allow(dead_code, reason = "shared by several test programs")]

use super::{DEADLINE, key};
use bytes::{Buf, Bytes, BytesMut};
use nws_protocol::{
    ChannelId, InstanceId, LinkCode, NetworkKey,
    matching::{Charge, LinkSecret, MatchEvent, Matcher},
    wire::{Control, Data, Hello},
};
use nws_transports::{BoxLink, LinkError, RecvLane, SendLane, Transport};
use rand_core::OsRng;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// No budget.
#[derive(Debug)]
pub struct Free;

impl Charge for Free {
    fn charge(&mut self, _: u32, _: Duration) -> Result<(), Duration> {
        Ok(())
    }
}

/// The initiator's end of a link.
pub struct Raw {
    pub link: BoxLink,
    pub send: SendLane,
    recv: RecvLane,
    buffer: BytesMut,
    mine: Bytes,
    theirs: Bytes,
}

pub fn hello(id: u8) -> Hello {
    Hello {
        version: 1,
        instance_id: InstanceId::from_bytes([id; 16]),
        capabilities: vec!["unheard-of".to_owned()],
        agent: "by hand".to_owned(),
        max_frame_bytes: 1024 * 1024,
    }
}

impl Raw {
    /// Dials, and says nothing yet.
    pub async fn dial(transport: &dyn Transport, address: &str) -> Self {
        let link = transport.dial(address.parse().unwrap()).await.unwrap();
        let lane = link.control().await.unwrap();
        Self {
            link,
            send: lane.send,
            recv: lane.recv,
            buffer: BytesMut::new(),
            mine: Bytes::new(),
            theirs: Bytes::new(),
        }
    }

    /// Dials and exchanges Hellos.
    pub async fn greet(transport: &dyn Transport, address: &str, id: u8) -> Self {
        let mut raw = Self::dial(transport, address).await;
        let mut frame = BytesMut::new();
        Control::Hello(hello(id)).encode(&mut frame);
        raw.write(&frame).await;
        frame.advance(1);
        if raw.mine.is_empty() {
            // A Hello of over 127 bytes would have a longer prefix.
            assert!(frame.len() < 128);
        }
        raw.mine = frame.freeze();
        raw.theirs = raw.frame().await.unwrap();
        raw
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.unwrap();
        self.send.flush().await.unwrap();
    }

    pub async fn say(&mut self, message: &Control) {
        let mut frame = BytesMut::new();
        message.encode(&mut frame);
        self.write(&frame).await;
    }

    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            let mut length = 0usize;
            let mut head = None;
            for (at, byte) in self.buffer.iter().enumerate() {
                length |= usize::from(byte & 0x7f) << (7 * at);
                if byte & 0x80 == 0 {
                    head = Some(at + 1);
                    break;
                }
            }
            if let Some(head) = head
                && self.buffer.len() >= head + length
            {
                self.buffer.advance(head);
                return Some(self.buffer.split_to(length).freeze());
            }
            let read = timeout(DEADLINE, self.recv.read_buf(&mut self.buffer)).await.expect("nothing came");
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next message but Pings, which are answered.
    pub async fn hear(&mut self) -> Option<Control> {
        loop {
            match Control::decode(self.frame().await?).unwrap() {
                Control::Ping(nonce) => self.say(&Control::Pong(nonce)).await,
                message => return Some(message),
            }
        }
    }

    /// Reads on to Goodbye, and makes sure that the link is closed then.
    pub async fn goodbye(mut self) -> LinkCode {
        let code = loop {
            if let Control::Goodbye { code, .. } = self.hear().await.expect("no goodbye") {
                break code;
            }
        };
        let closed = timeout(DEADLINE, self.link.closed()).await.expect("not closed");
        assert!(matches!(closed, LinkError::ClosedByPeer { code: same, .. } if same == code), "{closed:?}");
        code
    }

    /// A matcher for this link.
    pub fn matcher(&self) -> Matcher {
        let exported = self.link.exporter(b"EXPERIMENTAL-nws-link", b"nws/1").unwrap();
        let secret = LinkSecret::derive(&NetworkKey::default(), &exported, &self.mine, &self.theirs);
        Matcher::initiator(secret, &mut OsRng)
    }

    /// Matches one channel, as it should be done.
    pub async fn matches(&mut self, channel: &str) -> ChannelId {
        let mut matcher = self.matcher();
        matcher.join(&key(channel));
        loop {
            while let Some(message) = matcher.transmit(&mut OsRng) {
                self.say(&message).await;
            }
            if let Some(MatchEvent::Matched { channel_id, .. }) = matcher.event() {
                return channel_id;
            }
            let message = self.hear().await.unwrap();
            matcher.handle(message, &mut Free, Duration::ZERO).unwrap();
        }
    }

    /// Opens a data lane and writes these messages.
    pub async fn lane(&mut self, messages: &[Data]) -> SendLane {
        let mut lane = self.link.open().await.unwrap();
        let mut frames = BytesMut::new();
        for message in messages {
            message.encode(&mut frames);
        }
        lane.write_all(&frames).await.unwrap();
        lane.flush().await.unwrap();
        lane
    }
}
