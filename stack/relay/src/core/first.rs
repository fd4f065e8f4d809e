//! What parties of the first dialect ask for. Each command is answered in the order in which it came.

use super::{
    Core, Frame, Heard, Now, PartyId,
    channels::NoChannel,
    credit::{Kind, NoItem},
    frame::{Payload, brief},
    model::{Side, Stage},
};
use crate::{
    counters::Counters,
    credential::Secret,
    script::{self, Command, Malformed, Parameters},
};
use nws_protocol::relay::item_cost;

/// The six that there are.
const INSTRUCTIONS: [&str; 6] = [
    "initialize",
    "create server credential",
    "install server",
    "connect to server",
    "forward to client",
    "forward to server",
];

/// What a command comes to.
enum Outcome {
    /// The value, and the result in words.
    Value(String, String),
    /// It comes when the server has decided.
    Deciding(u64),
    Later,
}

impl Outcome {
    fn yes(words: &str) -> Self {
        Self::Value("1".to_owned(), words.to_owned())
    }

    fn no(words: impl Into<String>) -> Self {
        Self::Value("0".to_owned(), words.into())
    }
}

impl Core {
    /// A party of the first dialect sent this text; `command` is what it says. `secret` is the relay's, `random` gives
    /// 128 bits for a credential.
    pub(crate) fn ask_first(
        &mut self,
        now: Now,
        party: PartyId,
        text: &str,
        command: &Result<Command<'_>, Malformed>,
        secret: Option<&Secret>,
        random: impl FnMut() -> [u8; 16],
    ) -> Heard {
        self.clock = now;
        let deciding = self.parties.get(&party).is_some_and(|party| party.deciding.is_some());
        if deciding || !self.has_own_room(party) {
            return Heard::Later;
        }
        self.touch(now, party);
        let Ok(command) = command else {
            self.answer(party, Frame::words(format!("server: rejected malformed command{}", brief(text))));
            return Heard::Done;
        };
        let name = command.name.as_ref();
        let known = INSTRUCTIONS.into_iter().find(|known| *known == name);
        let is_admin =
            || secret.zip(command.credential.as_deref()).is_some_and(|(secret, guess)| secret.matches(guess));
        match known {
            Some("initialize") if is_admin() => {
                self.preface("initialize", party);
                self.forget_all(now);
                self.answer(party, Frame::fixed("server: initialized tunnel relay"));
                tracing::info!("the relay was initialized: all servers are forgotten");
            }
            Some(known) if known != "initialize" => return self.run(now, party, known, command, random),
            None if name == "add instruction" && is_admin() => self.add_instruction(party, command),
            _ => {
                let name = brief(name);
                self.answer(party, Frame::words(format!("server: received command '{name}'")));
                self.answer(party, Frame::words(format!("server: rejected command '{name}'")));
            }
        }
        Heard::Done
    }

    /// The two frames that come before whatever it comes to.
    fn preface(&mut self, name: &'static str, party: PartyId) {
        let frames = match name {
            // By far the most.
            "forward to server" => (
                Frame::fixed("server: received command 'forward to server'"),
                Frame::fixed("server: evaluating added instruction 'forward to server'"),
            ),
            "forward to client" => (
                Frame::fixed("server: received command 'forward to client'"),
                Frame::fixed("server: evaluating added instruction 'forward to client'"),
            ),
            name => (
                Frame::words(format!("server: received command '{name}'")),
                Frame::words(format!("server: evaluating added instruction '{name}'")),
            ),
        };
        self.answer(party, frames.0);
        self.answer(party, frames.1);
    }

    fn run(
        &mut self,
        now: Now,
        party: PartyId,
        name: &'static str,
        command: &Command<'_>,
        random: impl FnMut() -> [u8; 16],
    ) -> Heard {
        let wakes = self.wakes.len();
        self.preface(name, party);
        let outcome = match command.parameters() {
            _ if self.stopping => Ok(Outcome::no("the relay ends")),
            Err(words) => Ok(Outcome::no(words)),
            Ok(parameters) => match name {
                "create server credential" => Ok(self.create_credential(now, party, random)),
                "install server" => self.install_first(now, party, &parameters),
                "connect to server" => self.connect_first(now, party, &parameters),
                "forward to client" => self.forward_to_client(now, party, &parameters),
                _ => self.forward_to_server(now, party, &parameters),
            },
        };
        match outcome.unwrap_or_else(Outcome::no) {
            Outcome::Value(value, words) => {
                self.answer(party, Frame::words(value));
                self.answer(party, Frame::words(format!("server: {words}")));
            }
            Outcome::Deciding(channel) => {
                if let Some(party) = self.parties.get_mut(&party) {
                    party.deciding = Some(channel);
                }
            }
            Outcome::Later => {
                // As if it had not been said: nothing was put behind these two, and nobody was told of anything but of them. A
                // party that they woke would say this again at once, and be woken again, for ever.
                self.wakes.truncate(wakes);
                for _ in 0..2 {
                    self.unpush(party);
                }
                return Heard::Later;
            }
        }
        Heard::Done
    }

    /// The answer to `connect to server` that waited for the server.
    pub(super) fn decided(&mut self, client: PartyId, accepted: bool, words: &str) {
        let Some(party) = self.parties.get_mut(&client) else { return };
        if party.deciding.take().is_some() {
            self.answer(client, Frame::fixed(if accepted { "1" } else { "0" }));
            self.answer(client, Frame::words(format!("server: {words}")));
            self.wakes.push(client);
        }
    }

    fn add_instruction(&mut self, party: PartyId, command: &Command<'_>) {
        let (name, body) = command.instruction_to_add();
        self.answer(party, Frame::fixed("server: received command 'add instruction'"));
        if INSTRUCTIONS.contains(&name.as_ref()) {
            if name == "initialize"
                && let Some(delimiter) = body.as_deref().and_then(script::delimiter)
            {
                self.delimiter = delimiter;
            }
            self.answer(party, Frame::words(format!("server: adding instruction '{name}'")));
        } else {
            let words = "this relay has its six instructions built in, and evaluates nothing";
            self.answer(party, Frame::words(format!("server: rejected instruction '{}': {words}", brief(&name))));
        }
    }

    fn create_credential(&mut self, now: Now, party: PartyId, random: impl FnMut() -> [u8; 16]) -> Outcome {
        match self.new_server(now, party, false, random) {
            Ok(server) => {
                let digits = self.digits(server);
                Outcome::Value(format!("{server} {digits}"), "created server credential".to_owned())
            }
            Err(words) => Outcome::no(format!("too many servers: {words}")),
        }
    }

    fn install_first(&mut self, now: Now, party: PartyId, parameters: &Parameters<'_>) -> Result<Outcome, String> {
        let server = script::id(parameters.needed(0, "server")?);
        let credential = parameters.needed(1, "credential")?;
        // A number as it is written: it may have more digits than JavaScript can count.
        let credential = if credential.starts_with('"') { script::string(credential) } else { credential.into() };
        let known = self.is_credential(server.unwrap_or(u64::MAX), &credential);
        Ok(match server.filter(|_| known) {
            Some(server) => {
                self.install(now, server, party);
                Outcome::yes("installed server")
            }
            None => {
                Counters::add(&self.counters.bad_credentials);
                Outcome::no("bad credential")
            }
        })
    }

    fn connect_first(&mut self, now: Now, party: PartyId, parameters: &Parameters<'_>) -> Result<Outcome, String> {
        let server = script::id(parameters.needed(0, "server")?).unwrap_or(u64::MAX);
        let port = parameters.needed(1, "port")?;
        let number = script::id(port).and_then(|port| u16::try_from(port).ok());
        Ok(match self.connect(now, party, server, None, number, &script::string(port)) {
            Ok((_, true)) => Outcome::yes("connected client"),
            Ok((channel, false)) => Outcome::Deciding(channel),
            Err(NoChannel::NoRoom) => Outcome::Later,
            Err(NoChannel::ClientHasMany(most)) => Outcome::no(format!("too many channels: a client may have {most}")),
            Err(NoChannel::ServerHasMany(most)) => Outcome::no(format!("too many channels: a server may have {most}")),
            Err(NoChannel::Port) => Outcome::no("this server has ports from 0 to 65535 only"),
            Err(NoChannel::Unknown | NoChannel::Away | NoChannel::Own) => Outcome::no("server not connected"),
        })
    }

    /// on the channel that is named, if it is one of this client to this server, else on the newest of them.
    fn forward_to_server(&mut self, now: Now, party: PartyId, parameters: &Parameters<'_>) -> Result<Outcome, String> {
        let server = script::id(parameters.needed(0, "server")?).unwrap_or(u64::MAX);
        let data = parameters.needed(1, "data")?;
        let mine = self.parties.get(&party).map(|party| &party.channels);
        let channel = match parameters.given(2) {
            Some(named) => script::id(named).filter(|named| mine.is_some_and(|mine| mine.contains(&(server, *named)))),
            None => mine
                .and_then(|mine| mine.range((server, 0)..=(server, u64::MAX)).next_back())
                .map(|(_, newest)| *newest),
        };
        let is_there = self.servers.get(&server).is_some_and(|server| server.party().is_some());
        let said = channel.filter(|_| is_there).map(|channel| self.forward(now, party, channel, Side::Client, data));
        Ok(outcome(said, "sent data to server", "no such server channel"))
    }

    /// only to a client of a server of this party.
    fn forward_to_client(&mut self, now: Now, party: PartyId, parameters: &Parameters<'_>) -> Result<Outcome, String> {
        let channel = script::id(parameters.needed(0, "channel")?);
        let data = parameters.needed(1, "data")?;
        let mine = channel.filter(|channel| self.end_of(*channel, Side::Server) == Some(party));
        let said = mine.map(|channel| self.forward(now, party, channel, Side::Server, data));
        Ok(outcome(said, "sent data to client", "no such client channel"))
    }

    fn forward(&mut self, now: Now, party: PartyId, channel: u64, from: Side, data: &str) -> Result<(), NoItem> {
        if self.channels.get(&channel).is_none_or(|channel| channel.stage != Stage::Open) {
            return Err(NoItem::Unknown);
        }
        let text = script::string(data);
        let cost = item_cost(text.len());
        self.say(now, party, channel, from, Kind::Data(cost), || Payload::plain(text.into_owned()))
    }
}

fn outcome(said: Option<Result<(), NoItem>>, yes: &str, no: &str) -> Outcome {
    match said {
        Some(Ok(())) => Outcome::yes(yes),
        Some(Err(NoItem::NoRoom)) => Outcome::Later,
        Some(Err(_)) | None => Outcome::no(no),
    }
}
