//! The core by itself: requests and time in, frames out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod bounds;
mod chaos;
mod ids;
mod resumption;
mod room;
mod sum;

use super::{Core, CoreLimits, Dialect, Frame, Heard, PartyId};
use crate::counters::Counters;
use bytes::BytesMut;
use nws_protocol::relay::{Asked, Request};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tokio_tungstenite::tungstenite::Utf8Bytes;

fn limits() -> CoreLimits {
    crate::Limits::DEFAULT.core()
}

/// Never twice the same, until the numbers of 64 bits are used up.
fn random(drawn: &mut u64) -> impl FnMut() -> [u8; 16] {
    move || {
        *drawn += 1;
        [drawn.to_be_bytes(), drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()].concat().try_into().unwrap()
    }
}

fn connect_to(server: u64) -> String {
    format!(r#"{{"instruction":"connect to server","parameters":[{server},1]}}"#)
}

fn forward_to(server: u64, data: &str) -> String {
    format!(r#"{{"instruction":"forward to server","parameters":[{server},"{data}"]}}"#)
}

/// A core, and what its parties say to it.
struct World {
    core: Core,
    now: Duration,
    bits: u64,
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
        self.core.ask_own(self.now, party, text, &asked, random(&mut self.bits))
    }

    fn command(&mut self, party: PartyId, text: &str) -> Heard {
        let command = crate::script::Command::parse(text);
        self.core.ask_first(self.now, party, text, &command, None, random(&mut self.bits))
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
        assert_eq!(self.take(server).len(), 1);
        let channel = self.open(server, client);
        (server, client, channel)
    }

    /// Of the server that this party is.
    fn id(&self, party: PartyId) -> u64 {
        *self.core.parties[&party].servers.first().unwrap()
    }

    fn open(&mut self, server: PartyId, client: PartyId) -> u64 {
        let id = self.id(server);
        assert_eq!(self.ask(client, Some(0), Request::Connect { server: id, port: 1 }), Heard::Done);
        let channel = self.core.next_channel - 1;
        assert_eq!(self.ask(server, None, Request::Accept { channel }), Heard::Done);
        self.take(server);
        self.take(client);
        channel
    }
}
