//! A relay as section 8 of the document has it, as small as it can be: one server, one client, and no limits but credit. It
//! stops at whatever an end must not do.

use super::*;
use nws_protocol::relay::{Answer, Event, FromRelay, Position, SendCredit, Text, item_cost, split_binary};
use std::collections::{BTreeMap, VecDeque};

pub(super) const WINDOW: u64 = 500;

#[derive(Debug, Clone)]
enum Item {
    Data(Bytes),
    Text(String),
    Finish,
}

/// One direction of a channel.
#[derive(Debug)]
struct Direction {
    credit: SendCredit,
    items: Vec<Item>,
    finished: bool,
}

impl Direction {
    fn new() -> Self {
        Self { credit: SendCredit::new(WINDOW), items: Vec::new(), finished: false }
    }

    fn take(&mut self, item: Item) {
        assert!(!self.finished, "something came after finish");
        match &item {
            Item::Data(data) => self.credit.send(item_cost(data.len())).expect("without credit"),
            Item::Text(text) => self.credit.send(item_cost(text.len())).expect("without credit"),
            Item::Finish => {
                self.finished = true;
                self.credit.finish();
            }
        }
        self.items.push(item);
    }
}

#[derive(Debug)]
struct Channel {
    open: bool,
    id: u64,
    to_server: Direction,
    to_client: Direction,
}

/// The model. What it says to an end waits in `to_server` and `to_client`.
#[derive(Debug, Default)]
pub(super) struct Model {
    channels: BTreeMap<u64, Channel>,
    /// Over, but the server may not have got all of it: what it lists of these it gets again, and then the end.
    over: BTreeMap<u64, Channel>,
    last: u64,
    /// Whether the server has registered or resumed on its present connection.
    server_here: bool,
    registered: bool,
    pub(super) to_server: VecDeque<Frame>,
    pub(super) to_client: VecDeque<Frame>,
}

fn put(queue: &mut VecDeque<Frame>, message: &FromRelay<'_>) {
    let mut text = bytes::BytesMut::new();
    message.put(&mut text);
    queue.push_back(Frame::Text(text.freeze()));
}

fn put_item(queue: &mut VecDeque<Frame>, channel: u64, item: &Item) {
    match item {
        Item::Data(data) => queue.push_back(Frame::Binary(frame(channel, data))),
        Item::Text(text) => {
            put(queue, &FromRelay::Event(Event::Data { channel, data: Text::new(text) }));
        }
        Item::Finish => put(queue, &FromRelay::Event(Event::Finished { channel })),
    }
}

impl Model {
    pub(super) fn welcome(to: &mut VecDeque<Frame>) {
        to.push_back(Frame::Text(
            format!(r#"{{"type":"welcome","window":{WINDOW},"message_bytes":1000,"grace_ms":1}}"#).into(),
        ));
    }

    /// The server's connection is lost.
    pub(super) fn server_lost(&mut self) {
        self.server_here = false;
        self.to_server.clear();
    }

    fn say_to_server(&mut self, event: Event<'_>) {
        if self.server_here {
            put(&mut self.to_server, &FromRelay::Event(event));
        }
    }

    pub(super) fn client_says(&mut self, frame: Frame) {
        match frame {
            Frame::Binary(bytes) => {
                let (channel, payload) = split_binary(bytes).unwrap();
                self.item(channel, true, Item::Data(payload));
            }
            Frame::Text(text) => {
                let asked = Asked::parse(std::str::from_utf8(&text).unwrap()).unwrap();
                match asked.request {
                    Request::Connect { port, .. } => {
                        self.last += 1;
                        let channel = Channel {
                            open: false,
                            id: asked.id.unwrap(),
                            to_server: Direction::new(),
                            to_client: Direction::new(),
                        };
                        self.channels.insert(self.last, channel);
                        let event = Event::Connected { channel: self.last, server: 1, port, address: "::1".into() };
                        self.say_to_server(event);
                    }
                    other => self.both(other, true),
                }
            }
        }
    }

    pub(super) fn server_says(&mut self, frame: Frame) {
        match frame {
            Frame::Binary(bytes) => {
                let (channel, payload) = split_binary(bytes).unwrap();
                self.item(channel, false, Item::Data(payload));
            }
            Frame::Text(text) => {
                let asked = Asked::parse(std::str::from_utf8(&text).unwrap()).unwrap();
                match asked.request {
                    Request::Register => {
                        assert!(!self.registered, "registered twice");
                        (self.registered, self.server_here) = (true, true);
                        let credential = nws_protocol::relay::Credential::new("1").unwrap();
                        let answer = Answer::Registered { server: 1, credential };
                        put(&mut self.to_server, &FromRelay::Answer { id: asked.id.unwrap(), answer });
                        // The model lets clients ask for a server before it is there.
                        for channel in self.channels.keys() {
                            let address = "::1".into();
                            let event = Event::Connected { channel: *channel, server: 1, port: 80, address };
                            put(&mut self.to_server, &FromRelay::Event(event));
                        }
                    }
                    Request::Resume { channels, .. } => self.resume(asked.id.unwrap(), &channels),
                    Request::Accept { channel } => self.open(channel),
                    Request::Refuse { channel, .. } => {
                        if let Some(refused) = self.channels.remove(&channel) {
                            let failure = nws_protocol::relay::Failure {
                                code: nws_protocol::relay::ErrorCode::Refused,
                                message: "refused".into(),
                                channel: None,
                            };
                            let answer = FromRelay::Answer { id: refused.id, answer: Answer::Error(failure) };
                            put(&mut self.to_client, &answer);
                        }
                    }
                    other => self.both(other, false),
                }
            }
        }
    }

    fn open(&mut self, channel: u64) {
        if let Some(open) = self.channels.get_mut(&channel) {
            assert!(!std::mem::replace(&mut open.open, true), "accepted twice");
            let answer = FromRelay::Answer { id: open.id, answer: Answer::Connected { channel } };
            put(&mut self.to_client, &answer);
        }
    }

    fn resume(&mut self, id: u64, listed: &[Position]) {
        assert!(self.registered);
        self.server_here = true;
        for position in listed {
            if self.channels.get(&position.channel).is_some_and(|channel| !channel.open) {
                self.open(position.channel);
            }
        }
        let mut positions = Vec::new();
        let mut repeated = VecDeque::new();
        let mut closed = Vec::new();
        let mut over = std::mem::take(&mut self.over);
        let ended: Vec<u64> = over.keys().copied().collect();
        for (number, channel) in self.channels.iter_mut().chain(&mut over) {
            let Some(position) = listed.iter().find(|position| position.channel == *number) else {
                if ended.contains(number) {
                } else if channel.open {
                    closed.push(*number);
                } else {
                    let event = Event::Connected { channel: *number, server: 1, port: 80, address: "::1".into() };
                    put(&mut repeated, &FromRelay::Event(event));
                }
                continue;
            };
            if channel.to_server.credit.consume(position.consumed).expect("consumed what was not sent") {
                let event = Event::Consumed { channel: *number, bytes: position.consumed };
                put(&mut self.to_client, &FromRelay::Event(event));
            }
            positions.push(Position {
                channel: *number,
                received: channel.to_client.items.len() as u64,
                consumed: channel.to_client.credit.consumed(),
            });
            let received = usize::try_from(position.received).unwrap();
            for item in &channel.to_server.items[received..] {
                put_item(&mut repeated, *number, item);
            }
            if ended.contains(number) {
                let event = disconnected(*number, nws_protocol::relay::DisconnectCode::Finished);
                put(&mut repeated, &FromRelay::Event(event));
            }
        }
        // Until a resumption that doesn't list it.
        over.retain(|number, _| listed.iter().any(|position| position.channel == *number));
        self.over = over;
        put(&mut self.to_server, &FromRelay::Answer { id, answer: Answer::Resumed { server: 1, channels: positions } });
        self.to_server.extend(repeated);
        for number in closed {
            self.close(number, false);
        }
        self.end_finished();
    }

    /// What both may say. Of a channel that is over it is under way, and ignored.
    fn both(&mut self, request: Request<'_>, by_client: bool) {
        match request {
            Request::Data { channel, data } => self.item(channel, by_client, Item::Text(data.decode().into_owned())),
            Request::Finish { channel } => self.item(channel, by_client, Item::Finish),
            Request::Consumed { channel, bytes } => {
                let Some(open) = self.channels.get_mut(&channel) else { return };
                let direction = if by_client { &mut open.to_client } else { &mut open.to_server };
                direction.credit.consume(bytes).expect("consumed what was not sent");
                let event = Event::Consumed { channel, bytes };
                if by_client { self.say_to_server(event) } else { put(&mut self.to_client, &FromRelay::Event(event)) }
            }
            Request::Close { channel, .. } => self.close(channel, by_client),
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn item(&mut self, channel: u64, by_client: bool, item: Item) {
        let Some(open) = self.channels.get_mut(&channel) else { return };
        assert!(open.open, "data before the channel is open");
        if by_client {
            open.to_server.take(item.clone());
            if self.server_here {
                put_item(&mut self.to_server, channel, &item);
            }
        } else {
            open.to_client.take(item.clone());
            put_item(&mut self.to_client, channel, &item);
        }
        self.end_finished();
    }

    /// While the server is away, a channel stays until it has got everything.
    fn end_finished(&mut self) {
        if !self.server_here {
            return;
        }
        let finished: Vec<u64> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.to_server.finished && channel.to_client.finished)
            .map(|(number, _)| *number)
            .collect();
        for channel in finished {
            let over = self.channels.remove(&channel).unwrap();
            self.over.insert(channel, over);
            let event = || disconnected(channel, nws_protocol::relay::DisconnectCode::Finished);
            self.say_to_server(event());
            put(&mut self.to_client, &FromRelay::Event(event()));
        }
    }

    fn close(&mut self, channel: u64, by_client: bool) {
        if self.channels.remove(&channel).is_some() {
            let event = disconnected(channel, nws_protocol::relay::DisconnectCode::Closed);
            if by_client { self.say_to_server(event) } else { put(&mut self.to_client, &FromRelay::Event(event)) }
        }
    }
}

fn disconnected(channel: u64, code: nws_protocol::relay::DisconnectCode) -> Event<'static> {
    Event::Disconnected(nws_protocol::relay::Disconnected { channel, code, status: None, reason: None })
}
