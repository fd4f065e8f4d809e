//! The core by itself: requests and time in, frames out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod bounds;
mod chaos;
mod resumption;
mod room;

use super::{Core, CoreLimits, Dialect, Frame, Heard, PartyId};
use crate::counters::Counters;
use bytes::BytesMut;
use nws_protocol::relay::{Asked, FromRelay, Request};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tokio_tungstenite::tungstenite::Utf8Bytes;

fn limits() -> CoreLimits {
    crate::Limits::DEFAULT.core()
}

/// A core, and what its parties say to it.
struct World {
    core: Core,
    now: Duration,
    bits: u8,
}

impl World {
    fn new(limits: CoreLimits) -> Self {
        let core = Core::new(limits, "|".to_owned(), Arc::<Counters>::default());
        Self { core, now: Duration::ZERO, bits: 0 }
    }

    fn join(&mut self, dialect: Dialect) -> PartyId {
        let id = self.core.join(self.now, dialect, Ipv4Addr::LOCALHOST.into(), None);
        if dialect == Dialect::Own {
            assert_eq!(self.take(id).len(), 1);
        }
        id
    }

    fn ask(&mut self, party: PartyId, id: Option<u64>, request: Request<'_>) -> Heard {
        let mut text = BytesMut::new();
        Asked { id, request }.put(&mut text);
        self.say(party, &Utf8Bytes::try_from(text).unwrap())
    }

    fn say(&mut self, party: PartyId, text: &Utf8Bytes) -> Heard {
        let asked = Asked::parse(text);
        self.bits = self.bits.wrapping_add(1);
        let bits = [self.bits; 16];
        self.core.ask_own(self.now, party, text, &asked, || bits)
    }

    fn command(&mut self, party: PartyId, text: &str) -> Heard {
        self.bits = self.bits.wrapping_add(1);
        let bits = [self.bits; 16];
        let command = crate::script::Command::parse(text);
        self.core.ask_first(self.now, party, text, &command, None, || bits)
    }

    /// All that waits for a party, which is written then.
    fn take(&mut self, party: PartyId) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let before = frames.len();
            self.core.take(self.now, party, &mut frames);
            if frames.len() == before {
                return frames;
            }
        }
    }

    fn texts(&mut self, party: PartyId) -> Vec<String> {
        let text = |frame| match frame {
            Frame::Text(text) => text.as_str().to_owned(),
            Frame::Binary(bytes) => format!("{bytes:?}"),
        };
        self.take(party).into_iter().map(text).collect()
    }

    /// An open channel between two parties of the own dialect.
    fn pair(&mut self) -> (PartyId, PartyId, u64) {
        let (server, client) = (self.join(Dialect::Own), self.join(Dialect::Own));
        assert_eq!(self.ask(server, Some(0), Request::Register), Heard::Done);
        let id = match FromRelay::parse(&self.texts(server)[0]).unwrap() {
            FromRelay::Answer { answer: nws_protocol::relay::Answer::Registered { server, .. }, .. } => server,
            other => panic!("{other:?}"),
        };
        let channel = self.open(server, client, id);
        (server, client, channel)
    }

    fn open(&mut self, server: PartyId, client: PartyId, id: u64) -> u64 {
        assert_eq!(self.ask(client, Some(0), Request::Connect { server: id, port: 1 }), Heard::Done);
        let channel = self.core.next_channel - 1;
        assert_eq!(self.ask(server, None, Request::Accept { channel }), Heard::Done);
        self.take(server);
        self.take(client);
        channel
    }
}
