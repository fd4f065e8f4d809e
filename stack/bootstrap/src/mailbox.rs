//! What waits for one client, bounded in bytes. Who puts decides what it means that there is no room.

use crate::{close::Close, ids::JoinerId};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::{Notify, futures::Notified};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Taken at once, to be written at once. A guess.
const BATCH_BYTES: usize = 128 * 1024;

/// Room for so many messages is kept when a queue is empty. A guess.
const QUIET_MAIL: usize = 8;

/// One message on its way.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) text: Utf8Bytes,
    /// Who is to be told if it can't be delivered; nobody, if it tells that itself.
    pub(crate) from: Option<JoinerId>,
}

/// Why mail was not taken; with it.
#[derive(Debug)]
pub(crate) enum Refused {
    Full(Mail),
    /// Too much waits in all mailboxes together.
    StoreFull(Mail),
    Closed(Mail),
}

/// The bytes that several mailboxes may hold together.
#[derive(Debug)]
pub(crate) struct Store {
    used: AtomicUsize,
    capacity: usize,
}

impl Store {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), capacity })
    }

    fn take(&self, bytes: usize) -> bool {
        self.used
            .fetch_update(Relaxed, Relaxed, |used| used.checked_add(bytes).filter(|sum| *sum <= self.capacity))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }
}

/// The queue to one client. One task takes; anybody puts.
#[derive(Debug)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    arrived: Notify,
    room: Notify,
    capacity: usize,
    store: Option<Arc<Store>>,
}

#[derive(Debug, Default)]
struct State {
    mail: VecDeque<Mail>,
    bytes: usize,
    closed: Option<Close>,
}

impl Mailbox {
    /// With the bytes that it holds; the first mail may have more.
    pub(crate) fn new(capacity: usize, store: Option<Arc<Store>>) -> Arc<Self> {
        let (arrived, room) = (Notify::new(), Notify::new());
        Arc::new(Self { state: Mutex::default(), arrived, room, capacity, store })
    }

    pub(crate) fn put(&self, mail: Mail) -> Result<(), Refused> {
        let mut state = self.state();
        let bytes = mail.text.len();
        if state.closed.is_some() {
            return Err(Refused::Closed(mail));
        }
        if !state.mail.is_empty() && state.bytes + bytes > self.capacity {
            return Err(Refused::Full(mail));
        }
        if self.store.as_ref().is_some_and(|store| !store.take(bytes)) {
            return Err(Refused::StoreFull(mail));
        }
        state.bytes += bytes;
        state.mail.push_back(mail);
        // Else the one who takes knows already.
        if state.mail.len() == 1 {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for mail, or for the end. Cancel safe.
    pub(crate) async fn has_some(&self) {
        while {
            let state = self.state();
            state.closed.is_none() && state.mail.is_empty()
        } {
            self.arrived.notified().await;
        }
    }

    /// Waits for mail, and takes some of it; fails when the mailbox is closed. Cancel safe.
    pub(crate) async fn take(&self, batch: &mut Vec<Mail>) -> Result<(), Close> {
        loop {
            {
                let mut state = self.state();
                if let Some(close) = state.closed {
                    return Err(close);
                }
                if !state.mail.is_empty() {
                    self.fill(&mut state, batch);
                    return Ok(());
                }
            }
            self.arrived.notified().await;
        }
    }

    fn fill(&self, state: &mut State, batch: &mut Vec<Mail>) {
        let mut taken = 0;
        while taken < BATCH_BYTES
            && let Some(mail) = state.mail.pop_front()
        {
            taken += mail.text.len();
            batch.push(mail);
        }
        if state.mail.is_empty() {
            // A burst leaves little behind.
            state.mail.shrink_to(QUIET_MAIL);
        } else {
            // There is more to take than what was waited for.
            self.arrived.notify_one();
        }
        self.give_back(state, taken);
    }

    fn give_back(&self, state: &mut State, bytes: usize) {
        state.bytes -= bytes;
        if let Some(store) = &self.store {
            store.give_back(bytes);
        }
        self.room.notify_waiters();
    }

    /// Wakes when there may be room, or the mailbox was closed; from when it is first polled or enabled on.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.room.notified()
    }

    /// Takes no more; what is in it is given back. The first reason stays.
    pub(crate) fn close(&self, why: Close) -> VecDeque<Mail> {
        let mut state = self.state();
        state.closed.get_or_insert(why);
        let mail = std::mem::take(&mut state.mail);
        let bytes = state.bytes;
        self.give_back(&mut state, bytes);
        self.arrived.notify_one();
        mail
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use futures::FutureExt;
    use std::pin::pin;

    fn mail(bytes: usize) -> Mail {
        Mail { text: "x".repeat(bytes).into(), from: None }
    }

    fn took(mailbox: &Mailbox) -> Option<Result<usize, Close>> {
        let mut batch = Vec::new();
        mailbox.take(&mut batch).now_or_never().map(|taken| taken.map(|()| batch.len()))
    }

    #[test]
    fn bytes_bound_it_but_one_message_always_fits() {
        let mailbox = Mailbox::new(10, None);
        mailbox.put(mail(100)).unwrap();
        assert!(matches!(mailbox.put(mail(1)), Err(Refused::Full(_))));
        assert_eq!(took(&mailbox), Some(Ok(1)));
        mailbox.put(mail(5)).unwrap();
        mailbox.put(mail(5)).unwrap();
        assert!(matches!(mailbox.put(mail(1)), Err(Refused::Full(_))));
        assert_eq!(took(&mailbox), Some(Ok(2)));
        assert_eq!(took(&mailbox), None);
    }

    #[test]
    fn much_is_taken_in_several_batches() {
        let mailbox = Mailbox::new(usize::MAX, None);
        for _ in 0..5 {
            mailbox.put(mail(BATCH_BYTES / 2)).unwrap();
        }
        assert_eq!([took(&mailbox), took(&mailbox), took(&mailbox)], [Some(Ok(2)), Some(Ok(2)), Some(Ok(1))]);
        assert_eq!(took(&mailbox), None);
    }

    #[test]
    fn mailboxes_share_a_store() {
        let store = Store::new(10);
        let (one, two) = (Mailbox::new(100, Some(Arc::clone(&store))), Mailbox::new(100, Some(Arc::clone(&store))));
        one.put(mail(6)).unwrap();
        assert!(matches!(two.put(mail(5)), Err(Refused::StoreFull(_))));
        two.put(mail(4)).unwrap();
        assert_eq!(took(&one), Some(Ok(1)));
        two.put(mail(5)).unwrap();
        assert_eq!(two.close(Close::Theirs).len(), 2);
        assert_eq!(store.used.load(Relaxed), 0);
    }

    #[test]
    fn closing_wakes_both_sides_and_gives_back_what_was_left() {
        let mailbox = Mailbox::new(1, None);
        let mut batch = Vec::new();
        let mut taking = pin!(mailbox.take(&mut batch));
        assert!(taking.as_mut().now_or_never().is_none());
        let mut room = pin!(mailbox.room());
        room.as_mut().enable();
        assert_eq!(mailbox.close(Close::Replaced).len(), 0);
        assert!(room.now_or_never().is_some());
        assert_eq!(taking.now_or_never(), Some(Err(Close::Replaced)));
        assert!(matches!(mailbox.put(mail(1)), Err(Refused::Closed(_))));
    }
}
