//! The pumps of one end, by channel: what the core wants is done to them, what they say goes to the core.

use crate::{
    core::{Effect, End, Ending},
    pump::{FromPump, Handle, Owner, Pump, PumpId, ToPump, What},
};
use std::{collections::HashMap, future::Future};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Messages that may wait for the core. Pumps wait when there are as many, and read nothing meanwhile.
const EVENTS: usize = 64;

/// While so many bytes wait to be written to the relay, nothing more is taken from the pumps. The wire says when it is less.
pub(crate) const MOST_WAITING_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Pumps {
    /// The pump that each channel has now. Others may still write what was completed, and have no say any more.
    handles: HashMap<u64, Handle>,
    next_id: PumpId,
    /// Breaks all of them off.
    reset: CancellationToken,
    tasks: JoinSet<()>,
    events: mpsc::Receiver<FromPump>,
    sender: mpsc::Sender<FromPump>,
    batch: Vec<FromPump>,
}

impl Pumps {
    pub(crate) fn new() -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        Self {
            handles: HashMap::new(),
            next_id: 0,
            reset: CancellationToken::new(),
            tasks: JoinSet::new(),
            events,
            sender,
            batch: Vec::with_capacity(EVENTS),
        }
    }

    /// Whether none runs any more.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// A pump for this channel, and whoever runs it.
    pub(crate) fn start<F>(&mut self, channel: u64, limit: u64, end: &impl End, run: impl FnOnce(Pump) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let message_bytes = end.welcome().map_or(u64::MAX, |welcome| welcome.message_bytes);
        let owner = Owner { pump: self.next_id, channel, events: self.sender.clone() };
        self.next_id = self.next_id.saturating_add(1);
        let (pump, handle) = Pump::new(owner, limit, message_bytes, self.reset.child_token());
        if let Some(before) = self.handles.insert(channel, handle) {
            before.reset.cancel();
        }
        self.tasks.spawn(run(pump));
    }

    /// Waits until pumps have something to say, or one has ended. Never ready while the relay must first take what there is.
    /// Cancel safe.
    pub(crate) async fn ready(&mut self, waiting_bytes: usize) {
        if self.batch.is_empty() {
            if waiting_bytes >= MOST_WAITING_BYTES {
                return std::future::pending().await;
            }
            tokio::select! {
                _ = self.events.recv_many(&mut self.batch, EVENTS) => {}
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    /// Tells the core what they said. Whether a target answered is for the caller to say, and whether its pump is to go on.
    pub(crate) fn tell<E: End>(&mut self, end: &mut E, dialled: impl Fn(&mut E, u64, Result<(), String>) -> bool) {
        let mut batch = std::mem::take(&mut self.batch);
        for FromPump { pump, channel, what } in batch.drain(..) {
            // The number may be another connection's by now.
            if self.handles.get(&channel).is_none_or(|handle| handle.id != pump) {
                continue;
            }
            match what {
                What::Dialled(answer) => {
                    if !dialled(end, channel, answer) {
                        self.forget(channel);
                    }
                }
                What::Data(frame) => end.data(channel, frame),
                What::Finish => end.finish(channel),
                What::Taken(cost) => end.taken(channel, cost),
                What::Reset(words) => {
                    tracing::debug!(channel, "{words}");
                    end.reset(channel, &words);
                    self.handles.remove(&channel);
                }
            }
        }
        self.batch = batch;
    }

    /// Does what the core wants with a channel's pump.
    pub(crate) fn act(&mut self, effect: Effect) {
        let send = |channel: u64, message| {
            if let Some(handle) = self.handles.get(&channel) {
                // One that has ended by itself says so, or has said all.
                let _ = handle.inbox.send(message);
            }
        };
        match effect {
            Effect::Deliver { channel, data } => send(channel, ToPump::Data(data)),
            Effect::DeliverEnd { channel } => send(channel, ToPump::End),
            Effect::Credit { channel, limit } => {
                if let Some(handle) = self.handles.get(&channel) {
                    handle.limit.send_replace(limit);
                }
            }
            Effect::Over { channel, ending } => {
                let Some(handle) = self.handles.remove(&channel) else { return };
                match ending {
                    Ending::Complete => {
                        handle.quiet.cancel();
                        let _ = handle.inbox.send(ToPump::Complete);
                    }
                    Ending::Reset(words) => {
                        tracing::debug!(channel, "the channel is over: {words}");
                        handle.reset.cancel();
                    }
                }
            }
            _ => {}
        }
    }

    /// Breaks off all that still run, and waits until that is done.
    pub(crate) async fn break_off(&mut self) {
        self.reset.cancel();
        // None waits to be heard.
        self.events.close();
        while self.tasks.join_next().await.is_some() {}
    }

    /// The client was not taken, or left before it was.
    fn forget(&mut self, channel: u64) {
        if let Some(handle) = self.handles.remove(&channel) {
            handle.reset.cancel();
        }
    }
}

#[cfg(test)]
mod tests;
