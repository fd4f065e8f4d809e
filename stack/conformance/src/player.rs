//! The player: the other end of a link, as the documents have it, unless a check makes it do something else. It keeps the
//! books of matching, and holds whatever the target says against the rules that hold for every message.

mod books;
mod ending;
mod matching;
mod words;

pub(crate) use ending::Ending;
pub(crate) use matching::{Matched, data_name, next_data, read_members};
pub(crate) use words::{code_name, name, seen};

use crate::{
    bytes::{HelloBytes, control, framed},
    context::Context,
    link::{Conn, Next, Reader, Sender},
    verdict::{Trouble, Verdict, ensure, failed, lacking},
};
use bytes::Bytes;
use nws_protocol::{
    ChannelId,
    matching::LinkSecret,
    wire::{Control, Data, Hello, Tag},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// What should take no time.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// Why there was no Hello, when the target had too many links that were not established yet.
pub(crate) const LIMIT: &str = "the target closes new links with Limit";

/// The same where the transport has no codes; it may be a fault as well.
pub(crate) const NO_HELLO: &str = "Hello as the target's first message";

/// The largest frame before Hello.
pub(crate) const HELLO_BYTES: usize = 4096;

/// Which end the runner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Initiator,
    Responder,
}

/// What the target says next.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(Control),
    Nothing,
    Over(Ending),
}

/// One link.
#[derive(Debug)]
pub(crate) struct Player {
    context: Context,
    pub(crate) role: Role,
    /// Dropped first: lanes end before their connection.
    pub(crate) send: Sender,
    pub(crate) recv: Reader,
    /// Lanes that were accepted while another one was looked for.
    lanes: Vec<(ChannelId, Reader)>,
    pub(crate) conn: Conn,
    pub(crate) id: [u8; 16],
    pub(crate) their_hello: Hello,
    pub(crate) secret: LinkSecret,
    pub(crate) my_limit: usize,
    /// Pings are answered.
    pub(crate) answers: bool,
    /// R's tags on offer.
    pub(crate) on_offer: BTreeSet<Tag>,
    /// The tags of each Answer or Offer, in their order.
    pub(crate) offers: Vec<Vec<Tag>>,
    /// The last Query, in either direction.
    pub(crate) seq: u32,
    pub(crate) key: crate::oprf::Key,
    /// What the target asked last, as responder.
    pub(crate) asked: Vec<crate::oprf::Element>,
    /// What was asked of the target last, to be asked again when it is Busy.
    said: Vec<crate::oprf::Element>,
    /// An Answer was given or got, and an Accept was got.
    answered: bool,
    accepted: bool,
}

impl Player {
    /// The end that dialled: Hello first.
    pub(crate) async fn initiator(context: &Context, conn: Conn, hello: &HelloBytes) -> Result<Self, Trouble> {
        let (mut send, recv) = conn.open_control().await?;
        send.write(&framed(&hello.message())).await?;
        Self::greet(context, conn, send, recv, hello, Role::Initiator).await
    }

    /// The end that was dialled: Hello as soon as there is the lane.
    pub(crate) async fn responder(context: &Context, conn: Conn, hello: &HelloBytes) -> Result<Self, Trouble> {
        let (mut send, recv) = conn.accept_control(SOON).await?;
        send.write(&framed(&hello.message())).await?;
        Self::greet(context, conn, send, recv, hello, Role::Responder).await
    }

    async fn greet(
        context: &Context,
        conn: Conn,
        send: Sender,
        lane: crate::link::Receiver,
        hello: &HelloBytes,
        role: Role,
    ) -> Result<Self, Trouble> {
        let my_limit = usize::try_from(hello.max_frame_bytes).unwrap_or(usize::MAX);
        let mut recv = Reader::new(lane, HELLO_BYTES);
        let theirs = match recv.next(SOON).await {
            Next::Frame(frame) => frame,
            other @ (Next::Nothing | Next::Bad(_)) => {
                return Err(failed(format!("{NO_HELLO} within {SOON:?}"), seen(&other)));
            }
            other => {
                // One link too many, for the moment: that is allowed.
                let closed = conn.closed(Duration::from_millis(200)).await;
                if closed.as_ref().is_some_and(|closed| closed.code == Some(12)) {
                    return Err(lacking(LIMIT));
                }
                let closed = closed.map(|closed| format!(" ({})", closed.words)).unwrap_or_default();
                return Err(failed(NO_HELLO, format!("{}{closed}", seen(&other))));
            }
        };
        recv.limit(my_limit);
        let their_hello = read_hello(&theirs)?;
        let known = context.target_id.get_or_init(|| their_hello.instance_id);
        ensure(
            *known == their_hello.instance_id,
            "one instance id in one run of the proxy",
            format!("{known:?}, then {:?}", their_hello.instance_id),
        )?;
        let mine = hello.message();
        let (hello_i, hello_r) = match role {
            Role::Initiator => (mine.as_slice(), &theirs[..]),
            Role::Responder => (&theirs[..], mine.as_slice()),
        };
        let secret = LinkSecret::derive(&context.network_key, conn.ekm(), hello_i, hello_r);
        Ok(Self {
            context: context.clone(),
            role,
            send,
            recv,
            lanes: Vec::new(),
            conn,
            id: <[u8; 16]>::try_from(hello.instance_id.as_slice()).unwrap_or_default(),
            their_hello,
            secret,
            my_limit,
            answers: true,
            on_offer: BTreeSet::new(),
            offers: Vec::new(),
            seq: 0,
            key: crate::oprf::Key::random(),
            asked: Vec::new(),
            said: Vec::new(),
            answered: false,
            accepted: false,
        })
    }

    /// Says a message.
    pub(crate) async fn say(&mut self, message: &Control) -> Verdict {
        self.send.write(&control(message)).await
    }

    /// Says a message of these bytes.
    pub(crate) async fn say_message(&mut self, message: &[u8]) -> Verdict {
        self.send.write(&framed(message)).await
    }

    /// The next message other than Pong, after Pings were answered; the books are kept, and rules that hold always are checked.
    pub(crate) async fn hear(&mut self, within: Duration) -> Result<Heard, Trouble> {
        let deadline = Instant::now() + within;
        loop {
            match self.hear_any(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Message(Control::Ping(nonce)) if self.answers => {
                    // The link may be over by now.
                    let _ = self.send.try_write(&control(&Control::Pong(nonce))).await;
                }
                Heard::Message(Control::Ping(_) | Control::Pong(_)) => {}
                other => return Ok(other),
            }
        }
    }

    /// The next message, whatever it is.
    pub(crate) async fn hear_any(&mut self, within: Duration) -> Result<Heard, Trouble> {
        match self.recv.next(within).await {
            Next::Frame(frame) => {
                let message = Control::decode(frame)
                    .map_err(|error| failed("only messages of the documents on the control lane", error.to_string()))?;
                if let Control::Goodbye { code, reason } = message {
                    return Ok(Heard::Over(self.ending(Some((code.number(), reason)), SOON).await));
                }
                self.keep_books(&message)?;
                Ok(Heard::Message(message))
            }
            Next::Nothing => Ok(Heard::Nothing),
            Next::Bad(why) => Err(failed("frames on the control lane", why)),
            Next::Finished => {
                let mut ending = self.ending(None, Duration::from_secs(2)).await;
                ending.finished = true;
                Ok(Heard::Over(ending))
            }
            Next::Lost(why) => {
                let mut ending = self.ending(None, Duration::from_secs(2)).await;
                ending.words = why;
                Ok(Heard::Over(ending))
            }
        }
    }

    /// Waits for a message of a kind; others that may come are passed.
    pub(crate) async fn wait<T>(
        &mut self,
        what: &str,
        within: Duration,
        mut wanted: impl FnMut(&Control) -> Option<T>,
    ) -> Result<T, Trouble> {
        let deadline = Instant::now() + within;
        let mut passed = Vec::new();
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Message(message) => match wanted(&message) {
                    Some(found) => return Ok(found),
                    None => passed.push(name(&message)),
                },
                Heard::Nothing => {
                    let seen = if passed.is_empty() { "nothing".to_owned() } else { passed.join(", ") };
                    return Err(failed(format!("{what} within {within:?}"), seen));
                }
                Heard::Over(ending) => return Err(failed(what, ending.to_string())),
            }
        }
    }

    /// Fails when any message but Ping and Pong comes in this time that is unwanted.
    pub(crate) async fn never(
        &mut self,
        expected: &str,
        during: Duration,
        unwanted: impl Fn(&Control) -> bool,
    ) -> Verdict {
        let deadline = Instant::now() + during;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Message(message) if unwanted(&message) => return Err(failed(expected, name(&message))),
                Heard::Message(_) => {}
                Heard::Nothing => return Ok(()),
                Heard::Over(ending) => return Err(failed(expected, ending.to_string())),
            }
        }
    }

    /// Sends Ping and waits for its Pong: what was sent before was read and is no fault.
    pub(crate) async fn alive(&mut self) -> Verdict {
        self.pong_within(SOON).await
    }

    pub(crate) async fn pong_within(&mut self, within: Duration) -> Verdict {
        let nonce = crate::context::random_number();
        self.say(&Control::Ping(nonce)).await?;
        let deadline = Instant::now() + within;
        loop {
            match self.hear_any(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Message(Control::Pong(got)) if got == nonce => return Ok(()),
                Heard::Message(Control::Pong(got)) => {
                    return Err(failed(format!("Pong with the nonce {nonce}"), format!("Pong with the nonce {got}")));
                }
                Heard::Message(Control::Ping(nonce)) if self.answers => self.say(&Control::Pong(nonce)).await?,
                Heard::Message(_) => {}
                Heard::Nothing => return Err(failed(format!("Pong within {within:?}"), "nothing")),
                Heard::Over(ending) => {
                    return Err(failed("the link lives on, and Ping is answered", ending.to_string()));
                }
            }
        }
    }

    /// Waits for the Pong of this nonce.
    pub(crate) async fn wait_pong(&mut self, nonce: u64) -> Verdict {
        let deadline = Instant::now() + SOON;
        loop {
            match self.hear_any(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Message(Control::Pong(got)) => {
                    return ensure(got == nonce, format!("Pong {nonce}"), format!("Pong {got}"));
                }
                Heard::Message(_) => {}
                Heard::Nothing => return Err(failed(format!("Pong {nonce} within {SOON:?}"), "nothing")),
                Heard::Over(ending) => return Err(failed(format!("Pong {nonce}"), ending.to_string())),
            }
        }
    }

    /// The next data lane with its Open; the one for this channel, if there are several.
    pub(crate) async fn lane(&mut self, id: ChannelId, within: Duration) -> Result<Reader, Trouble> {
        let found = self.try_lane(id, within).await?;
        found.ok_or_else(|| failed(format!("a data lane for the channel within {within:?}"), "none"))
    }

    /// The same; `None` when there is none.
    pub(crate) async fn try_lane(&mut self, id: ChannelId, within: Duration) -> Result<Option<Reader>, Trouble> {
        if let Some(at) = self.lanes.iter().position(|(of, _)| *of == id) {
            return Ok(Some(self.lanes.remove(at).1));
        }
        let deadline = Instant::now() + within;
        while let Some(lane) = self.conn.accept_lane(deadline.saturating_duration_since(Instant::now())).await {
            let mut reader = Reader::new(lane, 64);
            let of = match reader.next(Duration::from_secs(2)).await {
                Next::Frame(frame) => match Data::decode(frame) {
                    Ok(Data::Open(of)) => of,
                    Ok(other) => return Err(failed("Open as first frame of a data lane", format!("{other:?}"))),
                    Err(error) => return Err(failed("Open as first frame of a data lane", error.to_string())),
                },
                other => return Err(failed("Open at once on a data lane", seen(&other))),
            };
            reader.limit(self.my_limit);
            if of == id {
                return Ok(Some(reader));
            }
            self.lanes.push((of, reader));
        }
        Ok(None)
    }
}

/// Hello as the target sent it, with all limits.
fn read_hello(frame: &Bytes) -> Result<Hello, Trouble> {
    match Control::decode(frame.clone()) {
        Ok(Control::Hello(hello)) => Ok(hello),
        Ok(other) => Err(failed("Hello as the first message", name(&other))),
        Err(error) => Err(failed("Hello within its limits as the first message", error.to_string())),
    }
}
