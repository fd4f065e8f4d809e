//! One channel's roster, and a record of what is put in and what comes out.

use crate::{
    file::Case,
    json::{Json, hex, object},
};
use bytes::BytesMut;
use nws_membership::{Change, Misbehaved, Roster, Whereabouts};
use nws_protocol::{
    InstanceId, PeerId,
    wire::{Data, Payload},
};
use std::collections::BTreeMap;

/// A trace as it grows.
#[derive(Default)]
pub(crate) struct Trace {
    roster: Roster,
    peers: BTreeMap<String, PeerId>,
    steps: Vec<Json>,
    fault: Option<Misbehaved>,
    data_sent: u8,
}

/// The peer of this name: its letter, then its number.
fn id(name: &str) -> PeerId {
    let mut bytes = [name.as_bytes()[0]; 16];
    bytes[15] = name[1..].parse().unwrap();
    PeerId::from_bytes(bytes)
}

fn instance(name: &str) -> InstanceId {
    InstanceId::from_bytes([name.as_bytes()[0]; 16])
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn peer(&mut self, name: &str) -> PeerId {
        self.peers.insert(name.to_owned(), id(name));
        id(name)
    }

    fn names(&self, changes: &[Change]) -> Json {
        let name = |peer: &PeerId| self.peers.iter().find(|(_, known)| *known == peer).unwrap().0.clone();
        changes
            .iter()
            .map(|change| match change {
                Change::Connect(peer) => vec!["connect".to_owned(), name(peer)],
                Change::Disconnect(peer) => vec!["disconnect".to_owned(), name(peer)],
            })
            .collect()
    }

    pub(crate) fn join(mut self, name: &str) -> Self {
        let peer = self.peer(name);
        let step = object! { "input": "join", "peer": name, "taken": !self.roster.join(peer) };
        self.steps.push(step);
        self
    }

    pub(crate) fn part(mut self, name: &str) -> Self {
        let peer = self.peer(name);
        assert!(self.roster.part(peer));
        self.steps.push(object! { "input": "part", "peer": name });
        self
    }

    pub(crate) fn begins(mut self, from: &str) -> Self {
        self.roster.lane_begins(instance(from));
        self.steps.push(object! { "input": "lane_begins", "from": from, "tell": Json::List(Vec::new()) });
        self
    }

    fn ends(mut self, input: &str, from: &str, handed_over: bool) -> Self {
        let mut out = Vec::new();
        self.roster.lane_ends(instance(from), handed_over, &mut out);
        let step = object! { "input": input, "from": from, "tell": self.names(&out) };
        self.steps.push(step);
        self
    }

    pub(crate) fn finished(self, from: &str) -> Self {
        self.ends("lane_finished", from, true)
    }

    pub(crate) fn given_up(self, from: &str) -> Self {
        self.ends("lane_given_up", from, false)
    }

    pub(crate) fn expired(self, from: &str) -> Self {
        self.ends("expired", from, false)
    }

    /// A frame of that instance, and what the roster says of it.
    fn frame(
        mut self,
        from: &str,
        message: &Data,
        described: Json,
        call: impl FnOnce(&mut Roster, InstanceId, &mut Vec<Change>) -> Result<Json, Misbehaved>,
    ) -> Self {
        let step = object! { "input": "frame", "from": from, "frame": hex(body(message)) };
        let Json::Object(fields) = described else { unreachable!("a message is an object") };
        let mut step = fields.into_iter().fold(step, |step, (name, value)| step.with(&name, value));
        let mut out = Vec::new();
        match call(&mut self.roster, instance(from), &mut out) {
            Ok(Json::Null) => step = step.with("tell", self.names(&out)),
            Ok(Json::Object(outcome)) => {
                step = outcome.into_iter().fold(step, |step, (name, value)| step.with(&name, value))
            }
            Ok(other) => unreachable!("{other:?}"),
            Err(fault) => {
                assert!(out.is_empty(), "nothing is told of what is refused");
                let code = fault.code();
                step = step.with("close", object! { "code": code.number(), "code_name": format!("{code:?}") });
                self.fault = Some(fault);
            }
        }
        self.steps.push(step);
        self
    }

    pub(crate) fn members(mut self, from: &str, names: &[&str], more: bool) -> Self {
        let peers: Vec<_> = names.iter().map(|name| self.peer(name)).collect();
        let described = object! { "type": "Members", "peer_ids": names.to_vec(), "more": more };
        self.frame(from, &Data::Members { peers: peers.clone(), more }, described, |roster, from, out| {
            roster.members(from, &peers, more, out).map(|()| Json::Null)
        })
    }

    pub(crate) fn joins(mut self, from: &str, name: &str) -> Self {
        let peer = self.peer(name);
        self.frame(from, &Data::Join(peer), object! { "type": "Join", "peer_id": name }, |roster, from, out| {
            roster.remote_join(from, peer, out).map(|()| Json::Null)
        })
    }

    pub(crate) fn parts(mut self, from: &str, name: &str) -> Self {
        let peer = self.peer(name);
        self.frame(from, &Data::Part(peer), object! { "type": "Part", "peer_id": name }, |roster, from, out| {
            roster.remote_part(from, peer, out).map(|()| Json::Null)
        })
    }

    fn data(&mut self) -> Payload {
        self.data_sent += 1;
        Payload::Json(self.data_sent.to_string().into())
    }

    pub(crate) fn says(mut self, from: &str, source: &str) -> Self {
        let (peer, payload) = (self.peer(source), self.data());
        let locals: Json = self.local_names().into();
        self.frame(
            from,
            &Data::Broadcast { source: peer, payload },
            object! { "type": "Broadcast", "source": source },
            |roster, from, _| roster.speaks(from, peer).map(|()| object! { "deliver_to": locals }),
        )
    }

    fn local_names(&self) -> Vec<String> {
        let name = |peer: PeerId| self.peers.iter().find(|(_, known)| **known == peer).unwrap().0.clone();
        self.roster.locals().map(name).collect()
    }

    pub(crate) fn tells(mut self, from: &str, source: &str, target: &str) -> Self {
        let (speaker, listener, payload) = (self.peer(source), self.peer(target), self.data());
        let described = object! { "type": "Direct", "source": source, "target": target };
        let message = Data::Direct { source: speaker, target: listener, payload };
        self.frame(from, &message, described, |roster, from, _| {
            roster.speaks(from, speaker)?;
            Ok(match roster.locate(listener) {
                Some(Whereabouts::Local) => object! { "deliver_to": vec![target] },
                _ => object! { "answer": hex(body(&Data::Undeliverable { source: speaker, target: listener })) },
            })
        })
    }

    pub(crate) fn undeliverable(mut self, from: &str, source: &str, target: &str) -> Self {
        let (speaker, listener) = (self.peer(source), self.peer(target));
        let described = object! { "type": "Undeliverable", "source": source, "target": target };
        self.frame(from, &Data::Undeliverable { source: speaker, target: listener }, described, |roster, _, _| {
            Ok(match roster.locate(speaker) {
                Some(Whereabouts::Local) => object! { "error_to": source },
                _ => object! { "error_to": Json::Null },
            })
        })
    }

    pub(crate) fn case(self, id: &str, comment: &str, requirements: &'static [&'static str]) -> Case {
        let case = match self.fault {
            None => Case::valid(id, comment, requirements),
            Some(fault) => {
                Case::invalid(id, comment, requirements, &fault.to_string()).flag("Fault").code(fault.code())
            }
        };
        let peers = self.peers.into_iter().map(|(name, peer)| (name, hex(peer.as_bytes()))).collect();
        case.input("peers", Json::Object(peers)).input("steps", self.steps)
    }
}

fn body(message: &Data) -> Vec<u8> {
    let mut wire = BytesMut::new();
    message.encode(&mut wire);
    let prefix = wire.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    wire[prefix..].to_vec()
}
