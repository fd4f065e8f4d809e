//! `spec/vectors/membership.json` run against the roster. Reads the file alone: it shares nothing with the program that
//! writes it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use data_encoding::HEXLOWER;
use nws_membership::{Change, Misbehaved, Roster, Whereabouts};
use nws_protocol::{InstanceId, PeerId, wire::Data};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// The roster of one trace.
struct Channel<'a> {
    case: &'a Value,
    roster: Roster,
}

impl Channel<'_> {
    fn peer(&self, name: &Value) -> PeerId {
        PeerId::from_bytes(bytes(&self.case["peers"][name.as_str().unwrap()]).try_into().unwrap())
    }

    fn name(&self, peer: PeerId) -> &str {
        let mut peers = self.case["peers"].as_object().unwrap().iter();
        peers.find(|(_, id)| bytes(id) == peer.as_bytes()).unwrap().0
    }

    fn told(&self, changes: &[Change]) -> Value {
        changes
            .iter()
            .map(|change| match change {
                Change::Connect(peer) => json!(["connect", self.name(*peer)]),
                Change::Disconnect(peer) => json!(["disconnect", self.name(*peer)]),
            })
            .collect()
    }

    /// What a step has to say of its outcome, as the trace writes it.
    fn take(&mut self, step: &Value) -> Value {
        let from = || InstanceId::from_bytes([step["from"].as_str().unwrap().as_bytes()[0]; 16]);
        let mut out = Vec::new();
        match step["input"].as_str().unwrap() {
            "join" => return json!({ "taken": !self.roster.join(self.peer(&step["peer"])) }),
            "part" => {
                assert!(self.roster.part(self.peer(&step["peer"])));
                return json!({});
            }
            "lane_begins" => self.roster.lane_begins(from()),
            "lane_finished" => self.roster.lane_ends(from(), true, &mut out),
            "lane_given_up" | "expired" => self.roster.lane_ends(from(), false, &mut out),
            "frame" => return self.frame(step, from()),
            other => panic!("{other}"),
        }
        json!({ "tell": self.told(&out) })
    }

    fn frame(&mut self, step: &Value, from: InstanceId) -> Value {
        let mut out = Vec::new();
        let message = Data::decode(bytes(&step["frame"]).into()).unwrap();
        assert!(format!("{message:?}").starts_with(step["type"].as_str().unwrap()), "{step}");
        let result = match &message {
            Data::Members { peers, more } => self.roster.members(from, peers, *more, &mut out),
            Data::Join(peer) => self.roster.remote_join(from, *peer, &mut out),
            Data::Part(peer) => self.roster.remote_part(from, *peer, &mut out),
            Data::Broadcast { source, .. } | Data::Direct { source, .. } => self.roster.speaks(from, *source),
            Data::Undeliverable { .. } => Ok(()),
            Data::Open(_) => panic!("Open is read before the lane begins"),
        };
        if let Err(fault) = result {
            return closed(fault);
        }
        match message {
            Data::Broadcast { .. } => {
                json!({ "deliver_to": self.roster.locals().map(|peer| self.name(peer)).collect::<Vec<_>>() })
            }
            Data::Direct { source, target, .. } => {
                if self.roster.locate(target) == Some(Whereabouts::Local) {
                    return json!({ "deliver_to": [self.name(target)] });
                }
                let mut wire = bytes::BytesMut::new();
                Data::Undeliverable { source, target }.encode(&mut wire);
                json!({ "answer": HEXLOWER.encode(&wire[1..]) })
            }
            Data::Undeliverable { source, .. } => {
                let is_here = self.roster.locate(source) == Some(Whereabouts::Local);
                json!({ "error_to": is_here.then(|| self.name(source)) })
            }
            _ => json!({ "tell": self.told(&out) }),
        }
    }
}

fn closed(fault: Misbehaved) -> Value {
    json!({ "close": { "code": fault.code().number(), "code_name": format!("{:?}", fault.code()) } })
}

#[test]
fn each_trace_comes_out_as_it_should() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/membership.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(file["count"], cases.len());
    for case in cases {
        let mut channel = Channel { case, roster: Roster::new() };
        let mut closed_with = &Value::Null;
        for (number, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            let outcome = channel.take(step);
            for name in ["taken", "tell", "deliver_to", "answer", "error_to", "close"] {
                assert_eq!(outcome.get(name), step.get(name), "{}, step {number}: {name}", case["id"]);
            }
            if let Some(close) = step.get("close") {
                closed_with = &close["code"];
            }
        }
        assert_eq!(closed_with, &case["code"], "{}", case["id"]);
        assert_eq!(case["result"] == "invalid", !closed_with.is_null(), "{}", case["id"]);
    }
}
