//! What parties of `nws-relay-1` ask for, and what they are answered.

use super::{
    Core, Frame, Heard, Now, PartyId,
    channels::NoChannel,
    credit::{Kind, NoItem},
    frame::{Payload, brief},
    model::{Side, Stage},
};
use bytes::Bytes;
use nws_protocol::relay::{
    Answer, Asked, Credential, DisconnectCode, Disconnected, ErrorCode, Event, Failure, MAX_NUMBER, Request,
    RequestError, item_cost, split_binary,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Why a request failed: for the answer.
#[derive(Debug)]
pub(super) struct Refused {
    code: ErrorCode,
    message: String,
    channel: Option<u64>,
}

impl Refused {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), channel: None }
    }

    fn about(channel: u64, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), channel: Some(channel) }
    }
}

/// What a request comes to.
pub(super) enum Reply {
    Answer(Answer<'static>),
    /// The answer was given, or comes when the server has decided, or there is none.
    Nothing,
    Later,
}

type Replied = Result<Reply, Refused>;

impl Core {
    /// A party of the own dialect sent this text; `asked` is what it says. `random` gives 128 bits for a credential or
    /// an id.
    pub(crate) fn ask_own(
        &mut self,
        now: Now,
        party: PartyId,
        text: &Utf8Bytes,
        asked: &Result<Asked<'_>, RequestError>,
        random: impl FnMut() -> [u8; 16],
    ) -> Heard {
        self.clock = now;
        if !self.has_own_room(party) {
            return Heard::Later;
        }
        // A ping says only that it is there.
        if !matches!(asked, Ok(Asked { request: Request::Ping, .. })) {
            self.touch(now, party);
        }
        let (id, reply) = match asked {
            Ok(asked) => (asked.id, self.reply(now, party, text, asked, random)),
            Err(error) => {
                let refused = Refused {
                    code: error.code(),
                    message: brief(&error.to_string()).into_owned(),
                    channel: error.channel,
                };
                (error.id, Err(refused))
            }
        };
        match reply {
            Ok(Reply::Later) => return Heard::Later,
            Ok(Reply::Nothing) => {}
            Ok(Reply::Answer(answer)) => {
                if let Some(id) = id {
                    self.answer(party, Frame::answer(id, &answer));
                }
            }
            Err(refused) => self.answer(party, refused.frame(id)),
        }
        Heard::Done
    }

    /// A party of the own dialect sent this binary frame.
    pub(crate) fn ask_own_binary(&mut self, now: Now, party: PartyId, frame: &Bytes) -> Heard {
        self.clock = now;
        if !self.has_own_room(party) {
            return Heard::Later;
        }
        self.touch(now, party);
        let said = match split_binary(frame.clone()) {
            Ok((channel, data)) => {
                let kind = Kind::Data(item_cost(data.len()));
                self.say_own(now, party, channel, kind, || Payload::binary(frame))
            }
            Err(error) => Err(Some(Refused::new(ErrorCode::BadMessage, error.to_string()))),
        };
        match said {
            Ok(()) => {}
            Err(None) => return Heard::Later,
            Err(Some(refused)) => {
                let broken = refused.channel.filter(|_| refused.code == ErrorCode::TextOnly);
                // Eight bytes have room for what is no number of a channel, and can't be said in JSON.
                let channel = refused.channel.filter(|channel| *channel <= MAX_NUMBER);
                self.answer(party, Refused { channel, ..refused }.frame(None));
                // After the error, as nothing of a channel comes after its end.
                if let Some(channel) = broken {
                    self.end_channel(now, channel, None, DisconnectCode::TextOnly);
                }
            }
        }
        Heard::Done
    }

    fn reply(
        &mut self,
        now: Now,
        party: PartyId,
        text: &Utf8Bytes,
        asked: &Asked<'_>,
        random: impl FnMut() -> [u8; 16],
    ) -> Replied {
        let done = Ok(Reply::Answer(Answer::Done));
        if self.stopping && !matches!(asked.request, Request::Ping) {
            return Err(Refused::new(ErrorCode::Shutdown, "the relay ends"));
        }
        match &asked.request {
            Request::Data { channel, data } => {
                let cost = item_cost(data.bytes());
                self.say_item(now, party, *channel, Kind::Data(cost), || Payload::of(text, *channel, *data))
            }
            Request::Finish { channel } => self.say_item(now, party, *channel, Kind::Finish, || Payload::Finish),
            Request::Consumed { channel, bytes } => match self.consumed(now, party, *channel, *bytes) {
                Ok(()) | Err(NoItem::Ended) => done,
                Err(no) => Err(refusal(*channel, no)),
            },
            Request::Register => self.register(now, party, random),
            Request::Resume { server, credential, channels } => {
                self.resume(now, party, *server, credential.reveal(), channels, asked.id)
            }
            Request::Unregister => self.unregister(now, party),
            Request::Connect { server, port } => self.connect_own(now, party, *server, *port, asked.id),
            Request::Accept { channel } => {
                self.asked_of(party, *channel)?;
                self.accept(now, *channel);
                done
            }
            Request::Refuse { channel, reason } => {
                self.asked_of(party, *channel)?;
                let words = reason.as_deref().unwrap_or("the server refused");
                self.reject(now, *channel, ErrorCode::Refused, words);
                done
            }
            Request::Close { channel, status, reason } => {
                let side = self.open_side(party, *channel)?;
                if !self.other_has_room(party, *channel, side) {
                    return Ok(Reply::Later);
                }
                let end = Disconnected {
                    channel: *channel,
                    code: DisconnectCode::Closed,
                    status: *status,
                    reason: reason.clone().map(|reason| reason.into_owned().into()),
                };
                self.end_channel_with(now, *channel, Some(side), end);
                done
            }
            Request::Ping => Ok(Reply::Answer(Answer::Pong)),
        }
    }

    fn say_item(
        &mut self,
        now: Now,
        party: PartyId,
        channel: u64,
        kind: Kind,
        make: impl FnOnce() -> Payload,
    ) -> Replied {
        let said = self.say_own(now, party, channel, kind, make).map(|()| true).or_else(later)?;
        Ok(if said { Reply::Answer(Answer::Done) } else { Reply::Later })
    }

    /// `Err(None)` is to be tried again.
    fn say_own(
        &mut self,
        now: Now,
        party: PartyId,
        channel: u64,
        kind: Kind,
        make: impl FnOnce() -> Payload,
    ) -> Result<(), Option<Refused>> {
        let said = match self.side(party, channel) {
            Some(side) => self.say(now, party, channel, side, kind, make),
            None => Err(NoItem::Unknown),
        };
        match said {
            // That the channel is over was said already.
            Ok(()) | Err(NoItem::Ended) => Ok(()),
            Err(NoItem::NoRoom) => Err(None),
            Err(no) => Err(Some(refusal(channel, no))),
        }
    }

    fn register(&mut self, now: Now, party: PartyId, random: impl FnMut() -> [u8; 16]) -> Replied {
        if self.parties.get(&party).is_some_and(|party| !party.servers.is_empty()) {
            return Err(Refused::new(ErrorCode::AlreadyRegistered, "you are a server already"));
        }
        let server = self
            .new_server(now, party, true, random)
            .map_err(|words| Refused::new(ErrorCode::TooManyServers, words))?;
        let Some(credential) = Credential::new(self.digits(server)) else { return Ok(Reply::Nothing) };
        Ok(Reply::Answer(Answer::Registered { server, credential }))
    }

    fn unregister(&mut self, now: Now, party: PartyId) -> Replied {
        let server = self.parties.get(&party).and_then(|party| party.servers.first().copied());
        let server = server.ok_or_else(|| Refused::new(ErrorCode::NotRegistered, "you are no server"))?;
        self.end_server(now, server, DisconnectCode::Gone, ErrorCode::UnknownServer, "the server has ended");
        Ok(Reply::Answer(Answer::Done))
    }

    fn connect_own(&mut self, now: Now, party: PartyId, server: u64, port: u16, id: Option<u64>) -> Replied {
        let no = match self.connect(now, party, server, id, Some(port), &port.to_string()) {
            Ok((channel, true)) => return Ok(Reply::Answer(Answer::Connected { channel })),
            Ok((_, false)) => return Ok(Reply::Nothing),
            Err(NoChannel::NoRoom) => return Ok(Reply::Later),
            Err(no) => no,
        };
        Err(match no {
            NoChannel::Away => Refused::new(ErrorCode::ServerAway, "the server is away"),
            NoChannel::Own => Refused::new(ErrorCode::BadMessage, "a party can't connect to its own server"),
            NoChannel::ClientHasMany(most) => {
                Refused::new(ErrorCode::TooManyChannels, format!("a client may have {most} channels"))
            }
            NoChannel::ServerHasMany(most) => {
                Refused::new(ErrorCode::TooManyChannels, format!("a server may have {most} channels"))
            }
            NoChannel::Unknown | NoChannel::Port | NoChannel::NoRoom => {
                Refused::new(ErrorCode::UnknownServer, "there is no server of this id")
            }
        })
    }

    /// Whether the channel is one that this party, as its server, has still to decide about.
    fn asked_of(&self, party: PartyId, id: u64) -> Result<(), Refused> {
        match (self.side(party, id), self.channels.get(&id).map(|channel| channel.stage)) {
            (Some(Side::Server), Some(Stage::Asked { .. })) => Ok(()),
            (Some(Side::Server), _) => Err(Refused::about(id, ErrorCode::NotOpen, "this channel was accepted already")),
            _ => Err(refusal(id, NoItem::Unknown)),
        }
    }

    fn open_side(&self, party: PartyId, id: u64) -> Result<Side, Refused> {
        let side = self.side(party, id).ok_or_else(|| refusal(id, NoItem::Unknown))?;
        match self.channels.get(&id).map(|channel| channel.stage) {
            Some(Stage::Open) => Ok(side),
            _ => Err(refusal(id, NoItem::NotOpen)),
        }
    }

    fn other_has_room(&mut self, party: PartyId, id: u64, side: Side) -> bool {
        match self.end_of(id, side.other()) {
            Some(other) => self.has_room(other, party),
            None => true,
        }
    }
}

impl Refused {
    fn frame(self, id: Option<u64>) -> Frame {
        let failure = Failure { code: self.code, message: self.message.into(), channel: self.channel };
        match id {
            Some(id) => Frame::answer(id, &Answer::Error(failure)),
            None => Frame::event(&Event::Error(failure)),
        }
    }
}

fn refusal(channel: u64, no: NoItem) -> Refused {
    let (code, message) = no.error().unwrap_or((ErrorCode::UnknownChannel, "you have no channel of this number"));
    Refused::about(channel, code, message)
}

/// `false` if it is to be tried again.
fn later(refused: Option<Refused>) -> Result<bool, Refused> {
    refused.map_or(Ok(false), Err)
}
