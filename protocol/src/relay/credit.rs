//! Flow control of one direction of a channel (section 7): how much its sender may send, and when its receiver says what it
//! has consumed. All amounts are costs, in bytes, counted from the channel's first item.

/// An end broke the rules of flow control; its channel ends with `flow_control`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Data without credit.
    #[error("data was sent without credit")]
    NoCredit,
    /// More was consumed than was sent.
    #[error("more was consumed than was sent")]
    ConsumedUnsent,
}

/// The sender's side. The relay, which stands between the ends, keeps one too, to see that the rules are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendCredit {
    window: u64,
    sent: u64,
    consumed: u64,
}

impl SendCredit {
    /// Nothing was sent yet.
    #[must_use]
    pub const fn new(window: u64) -> Self {
        Self { window, sent: 0, consumed: 0 }
    }

    /// Whether data may be sent, of whatever cost. `finish` may be sent at any time.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        self.sent.saturating_sub(self.consumed) < self.window
    }

    /// What is left of the credit: an end that can choose how much to send keeps to it.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.window.saturating_sub(self.in_flight())
    }

    /// The cost of what was sent and is not consumed.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.consumed)
    }

    /// The cost of all that was sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// The highest `consumed` so far.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Data of this cost is sent.
    ///
    /// # Errors
    /// If there is no credit; nothing is changed then.
    pub const fn send(&mut self, cost: u64) -> Result<(), FlowError> {
        if !self.may_send() {
            return Err(FlowError::NoCredit);
        }
        self.sent = self.sent.saturating_add(cost);
        Ok(())
    }

    /// `finish` is sent.
    pub const fn finish(&mut self) {
        self.sent = self.sent.saturating_add(super::ITEM_COST);
    }

    /// The receiver says that it has consumed so much. A lower number than before changes nothing. Says whether it was higher.
    ///
    /// # Errors
    /// If it is more than was sent; nothing is changed then.
    pub const fn consume(&mut self, bytes: u64) -> Result<bool, FlowError> {
        if bytes > self.sent {
            return Err(FlowError::ConsumedUnsent);
        }
        let grown = bytes > self.consumed;
        if grown {
            self.consumed = bytes;
        }
        Ok(grown)
    }
}

/// The receiver's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveCredit {
    window: u64,
    items: u64,
    received: u64,
    consumed: u64,
    told: u64,
}

impl ReceiveCredit {
    /// Nothing was received yet.
    #[must_use]
    pub const fn new(window: u64) -> Self {
        Self { window, items: 0, received: 0, consumed: 0, told: 0 }
    }

    /// An item of this cost arrived: data, or `finish`.
    ///
    /// # Errors
    /// If it was sent without credit, going by what this end has told; nothing is changed then. `finish` needs none.
    pub const fn receive(&mut self, cost: u64, needs_credit: bool) -> Result<(), FlowError> {
        if needs_credit && self.received.saturating_sub(self.told) >= self.window {
            return Err(FlowError::NoCredit);
        }
        self.items = self.items.saturating_add(1);
        self.received = self.received.saturating_add(cost);
        Ok(())
    }

    /// The program is done with items of this cost, which were received before. Gives what to say in `consumed` if it
    /// has grown by half of the window since it was said.
    pub fn take(&mut self, cost: u64) -> Option<u64> {
        self.note(cost);
        (self.untold() >= self.window.div_ceil(2)).then(|| self.tell())
    }

    /// As [`take`](Self::take), while nothing can be said: a connection is lost.
    pub fn note(&mut self, cost: u64) {
        self.consumed = self.consumed.saturating_add(cost).min(self.received);
    }

    /// How much of what is consumed the other side does not know of.
    #[must_use]
    pub const fn untold(&self) -> u64 {
        self.consumed.saturating_sub(self.told)
    }

    /// What is consumed, which the other side gets to know now.
    pub const fn tell(&mut self) -> u64 {
        self.told = self.consumed;
        self.consumed
    }

    /// How many items arrived.
    #[must_use]
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// The cost of all that arrived.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// The cost of what the program is done with.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.consumed
    }
}
