//! One end of one channel: what it may send, what it has received, and what it keeps until the other end has consumed it.

use super::Outgoing;
use bytes::Bytes;
use nws_protocol::relay::{
    BINARY_HEAD_BYTES, FlowError, ITEM_COST, Position, ReceiveCredit, Request, Retained, SendCredit, item_cost,
};

/// An item that was sent.
#[derive(Debug, Clone)]
enum Item {
    /// The whole frame, with the channel before the payload.
    Data(Bytes),
    Finish,
}

#[derive(Debug)]
pub(super) struct Channel {
    number: u64,
    window: u64,
    send: SendCredit,
    kept: Retained<Item>,
    receive: ReceiveCredit,
    finished_here: bool,
    finished_there: bool,
}

impl Channel {
    pub(super) fn new(number: u64, window: u64) -> Self {
        Self {
            number,
            window,
            send: SendCredit::new(window),
            kept: Retained::new(),
            receive: ReceiveCredit::new(window),
            finished_here: false,
            finished_there: false,
        }
    }

    /// Sends a frame of data: keeps it, and queues it if there is a connection.
    pub(super) fn data(&mut self, frame: Bytes, out: Option<&mut Outgoing>) -> Result<(), FlowError> {
        let cost = item_cost(frame.len().saturating_sub(BINARY_HEAD_BYTES));
        if self.finished_here {
            return Err(FlowError::NoCredit);
        }
        self.send.send(cost)?;
        self.kept.push(Item::Data(frame.clone()), cost);
        if let Some(out) = out {
            out.data(frame);
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, out: Option<&mut Outgoing>) {
        if std::mem::replace(&mut self.finished_here, true) {
            return;
        }
        self.send.finish();
        self.kept.push(Item::Finish, ITEM_COST);
        if let Some(out) = out {
            out.request(None, Request::Finish { channel: self.number });
        }
    }

    /// Data of so many bytes arrived.
    pub(super) fn received(&mut self, payload_bytes: usize) -> Result<(), FlowError> {
        if self.finished_there {
            return Err(FlowError::NoCredit);
        }
        self.receive.receive(item_cost(payload_bytes), true)
    }

    /// `finished` arrived.
    pub(super) fn received_finish(&mut self) -> Result<(), FlowError> {
        if std::mem::replace(&mut self.finished_there, true) {
            return Err(FlowError::NoCredit);
        }
        self.receive.receive(ITEM_COST, false)
    }

    /// The program took items of this cost.
    pub(super) fn taken(&mut self, cost: u64, out: Option<&mut Outgoing>) {
        match out {
            None => self.receive.note(cost),
            Some(out) => {
                if let Some(bytes) = self.receive.take(cost) {
                    out.request(None, Request::Consumed { channel: self.number, bytes });
                }
            }
        }
    }

    /// The other end consumed so much; the new limit of what may be sent, if it has grown.
    pub(super) fn consumed(&mut self, bytes: u64) -> Result<Option<u64>, FlowError> {
        let grown = self.send.consume(bytes)?;
        self.kept.consume(bytes);
        Ok(grown.then(|| self.limit()))
    }

    /// What the cost of all that is sent may reach: while it is below, data may be sent.
    pub(super) const fn limit(&self) -> u64 {
        self.window.saturating_add(self.send.consumed())
    }

    pub(super) const fn finished_there(&self) -> bool {
        self.finished_there
    }

    /// For `resume`. What it says is consumed is told by it.
    pub(super) const fn position(&mut self) -> Position {
        Position { channel: self.number, received: self.receive.items(), consumed: self.receive.tell() }
    }

    /// Goes on from where the relay stands: sends again what it has not received. The new limit.
    pub(super) fn resumed(&mut self, relay: &Position, out: &mut Outgoing) -> Result<u64, &'static str> {
        self.send.consume(relay.consumed).map_err(|_| "the relay says that more was consumed than was sent")?;
        self.kept.consume(relay.consumed);
        let missing = self.kept.after(relay.received).ok_or("the relay asks for what is no longer kept")?;
        for item in missing {
            match item {
                Item::Data(frame) => out.data(frame.clone()),
                Item::Finish => out.request(None, Request::Finish { channel: self.number }),
            }
        }
        // What was taken since `resume` was written.
        if self.receive.untold() > 0 {
            out.request(None, Request::Consumed { channel: self.number, bytes: self.receive.tell() });
        }
        Ok(self.limit())
    }
}
