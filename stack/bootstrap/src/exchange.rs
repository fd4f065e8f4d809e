//! Who is here, and how mail gets from one to the other. It holds no socket.

use crate::{
    close::Close,
    counters::{Counters, Figures},
    ids::{Ids, JoinerId},
    limits::Limits,
    mailbox::{Mail, Mailbox, Refused, Store},
    message::Destination,
    refusal::Refusal,
};
use nws_listen::{Counted, Neighbours};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::{
    collections::HashMap,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

/// All joiners, and the root if there is one.
#[derive(Debug)]
pub(crate) struct Exchange {
    table: Mutex<Table>,
    neighbours: Arc<Neighbours>,
    store: Arc<Store>,
    pub(crate) counters: Counters,
    most_joiners: usize,
    joiner_queue_bytes: usize,
    root_queue_bytes: usize,
}

#[derive(Debug)]
struct Table {
    ids: Ids,
    joiners: HashMap<JoinerId, Joiner>,
    root: Option<Arc<Mailbox>>,
}

#[derive(Debug)]
struct Joiner {
    mailbox: Arc<Mailbox>,
    wants_notices: bool,
}

/// Why mail did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undelivered {
    NoRoot,
    Unknown,
    Gone,
    NoRoom,
}

impl Undelivered {
    const fn code(self) -> &'static str {
        match self {
            Self::NoRoot => "no_root",
            Self::Unknown => "unknown_destination",
            Self::Gone => "gone",
            Self::NoRoom => "no_room",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::NoRoot => "no root is connected",
            Self::Unknown => "nobody who waits here has this destination",
            Self::Gone => "the receiver left before it read the message",
            Self::NoRoom => "too much waits to be read already",
        }
    }
}

impl Exchange {
    pub(crate) fn new(seed: Option<i64>, limits: &Limits) -> Arc<Self> {
        let table = Table { ids: Ids::new(seed), joiners: HashMap::new(), root: None };
        Arc::new(Self {
            table: Mutex::new(table),
            neighbours: Neighbours::new(limits.joiners_per_address, limits.count_loopback),
            store: Store::new(limits.joiners_queue_bytes),
            counters: Counters::default(),
            most_joiners: limits.joiners,
            joiner_queue_bytes: limits.joiner_queue_bytes,
            root_queue_bytes: limits.root_queue_bytes,
        })
    }

    pub(crate) fn figures(&self) -> Figures {
        let (joiners, root) = {
            let table = self.table();
            (table.joiners.len(), table.root.is_some())
        };
        self.counters.figures(joiners as u64, root)
    }

    /// From now on the joiner gets mail.
    pub(crate) fn seat_joiner(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        wants_notices: bool,
    ) -> Result<JoinerSeat, Refusal> {
        let counted = self.neighbours.count(address).ok_or(Refusal::ManyNeighbours)?;
        let mut table = self.table();
        if table.joiners.len() >= self.most_joiners {
            return Err(Refusal::Full);
        }
        let mut id = table.ids.next();
        while table.joiners.contains_key(&id) {
            id = table.ids.next();
        }
        let mailbox = Mailbox::new(self.joiner_queue_bytes, Some(Arc::clone(&self.store)));
        table.joiners.insert(id, Joiner { mailbox: Arc::clone(&mailbox), wants_notices });
        Counters::add(&self.counters.joined);
        Ok(JoinerSeat { exchange: Arc::clone(self), id, mailbox, _counted: counted })
    }

    /// From now on this root gets what is for the root, what the one before has not taken yet included.
    pub(crate) fn seat_root(self: &Arc<Self>) -> RootSeat {
        let mailbox = Mailbox::new(self.root_queue_bytes, None);
        let mut table = self.table();
        let before = table.root.replace(Arc::clone(&mailbox));
        let mut lost = Vec::new();
        if let Some(before) = before {
            for mail in before.close(Close::Replaced) {
                if let Err(Refused::Full(mail) | Refused::StoreFull(mail) | Refused::Closed(mail)) = mailbox.put(mail) {
                    lost.push(mail);
                }
            }
        }
        drop(table);
        for mail in lost {
            self.undelivered(&mail, Undelivered::NoRoom);
        }
        Counters::add(&self.counters.rooted);
        RootSeat { exchange: Arc::clone(self), mailbox }
    }

    /// Passes mail on. Gives it back if it is for the root, and the root has no room now.
    pub(crate) fn pass(&self, mail: Mail, destination: Destination) -> Option<Mail> {
        let id = match destination {
            Destination::Root => return self.pass_to_root(mail),
            Destination::Joiner(id) => id,
            Destination::Nobody => {
                self.undelivered(&mail, Undelivered::Unknown);
                return None;
            }
        };
        let mailbox = self.table().joiners.get(&id).map(|joiner| Arc::clone(&joiner.mailbox));
        let Some(mailbox) = mailbox else {
            self.undelivered(&mail, Undelivered::Unknown);
            return None;
        };
        let bytes = mail.text.len();
        match mailbox.put(mail) {
            Ok(()) => {
                Counters::add(&self.counters.to_joiner);
                self.counters.bytes.fetch_add(bytes as u64, Relaxed);
            }
            Err(Refused::Full(mail)) => {
                // It would hold up whoever writes to it, or fill the memory.
                for mail in mailbox.close(Close::SlowConsumer) {
                    self.undelivered(&mail, Undelivered::Gone);
                }
                self.undelivered(&mail, Undelivered::NoRoom);
            }
            Err(Refused::StoreFull(mail)) => self.undelivered(&mail, Undelivered::NoRoom),
            Err(Refused::Closed(mail)) => self.undelivered(&mail, Undelivered::Gone),
        }
        None
    }

    fn root(&self) -> Option<Arc<Mailbox>> {
        self.table().root.clone()
    }

    fn pass_to_root(&self, mut mail: Mail) -> Option<Mail> {
        let bytes = mail.text.len();
        // A root that is replaced meanwhile takes nothing, but the next one does.
        while let Some(root) = self.root() {
            match root.put(mail) {
                Ok(()) => {
                    Counters::add(&self.counters.to_root);
                    self.counters.bytes.fetch_add(bytes as u64, Relaxed);
                    return None;
                }
                Err(Refused::Full(mail) | Refused::StoreFull(mail)) => return Some(mail),
                Err(Refused::Closed(refused)) => mail = refused,
            }
            if self.root().is_some_and(|now| Arc::ptr_eq(&now, &root)) {
                break;
            }
        }
        self.undelivered(&mail, Undelivered::NoRoot);
        None
    }

    /// Waits until the root has room for what is held, or is gone. Cancel safe: what is not passed stays held.
    pub(crate) async fn pass_when_room(&self, held: &mut Option<Mail>) {
        loop {
            let root = self.root();
            let mut room = pin!(root.as_deref().map(Mailbox::room));
            // From here on, room that is made is not missed.
            if let Some(room) = room.as_mut().as_pin_mut() {
                room.enable();
            }
            *held = held.take().and_then(|mail| self.pass_to_root(mail));
            match room.as_pin_mut() {
                Some(room) if held.is_some() => room.await,
                _ if held.is_some() => {}
                _ => return,
            }
        }
    }

    /// Counts it, and tells who sent it, if that one wants to know.
    pub(crate) fn undelivered(&self, mail: &Mail, why: Undelivered) {
        let Some(from) = mail.from else { return };
        let counter = match why {
            Undelivered::NoRoot => &self.counters.undelivered_no_root,
            Undelivered::Unknown => &self.counters.undelivered_unknown,
            Undelivered::Gone => &self.counters.undelivered_gone,
            Undelivered::NoRoom => &self.counters.undelivered_no_room,
        };
        Counters::add(counter);
        tracing::debug!(?from, bytes = mail.text.len(), reason = why.code(), "a message can't be delivered");
        let sender = {
            let table = self.table();
            table.joiners.get(&from).filter(|joiner| joiner.wants_notices).map(|joiner| Arc::clone(&joiner.mailbox))
        };
        if let Some(sender) = sender {
            let notice = Mail { text: notice(mail, why).into(), from: None };
            if let Err(refused) = sender.put(notice) {
                tracing::debug!(?refused, "nor can its sender be told");
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a sender gets that asked for it with the subprotocol `nws-bootstrap-1`. The members `destination` and
/// `rank` are those of the message, by which it can be told which one it was.
fn notice(mail: &Mail, why: Undelivered) -> String {
    #[derive(Deserialize)]
    struct Which<'a> {
        #[serde(borrow, default, deserialize_with = "as_it_is")]
        destination: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "as_it_is")]
        rank: Option<&'a RawValue>,
    }
    /// `null` too.
    fn as_it_is<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
        Deserialize::deserialize(deserializer).map(Some)
    }
    /// What is longer was never a destination or a rank.
    const MAX_BYTES: usize = 64;
    let which: Option<Which<'_>> = serde_json::from_str(&mail.text).ok();
    let mut text = format!("{{\"action\":\"error\",\"code\":\"{}\",\"message\":\"{}\"", why.code(), why.words());
    for (name, value) in [
        ("destination", which.as_ref().and_then(|which| which.destination)),
        ("rank", which.as_ref().and_then(|which| which.rank)),
    ] {
        if let Some(value) = value.map(RawValue::get).filter(|value| value.len() <= MAX_BYTES) {
            text.extend([",\"", name, "\":", value]);
        }
    }
    text.push('}');
    text
}

/// A joiner's place; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct JoinerSeat {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) id: JoinerId,
    pub(crate) mailbox: Arc<Mailbox>,
    _counted: Counted,
}

impl Drop for JoinerSeat {
    fn drop(&mut self) {
        self.exchange.table().joiners.remove(&self.id);
        for mail in self.mailbox.close(Close::Theirs) {
            self.exchange.undelivered(&mail, Undelivered::Gone);
        }
    }
}

/// The root's place, until another takes it or this is dropped.
#[derive(Debug)]
pub(crate) struct RootSeat {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Drop for RootSeat {
    fn drop(&mut self) {
        {
            let mut table = self.exchange.table();
            if table.root.as_ref().is_some_and(|root| Arc::ptr_eq(root, &self.mailbox)) {
                table.root = None;
            }
        }
        for mail in self.mailbox.close(Close::Theirs) {
            self.exchange.undelivered(&mail, Undelivered::Gone);
        }
    }
}
