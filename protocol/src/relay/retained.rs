//! The items that one end has sent and the other has not consumed: kept, so that a resumption can send them again
//! (section 8). What is kept is at most the window and one message, as the sender has no more credit than that.

use std::collections::VecDeque;

/// Sent items of one direction of a channel, oldest first.
#[derive(Debug, Clone)]
pub struct Retained<T> {
    items: VecDeque<(T, u64)>,
    /// How many items were sent before the first that is kept.
    before: u64,
    /// The cost of those.
    cost_before: u64,
}

impl<T> Default for Retained<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), before: 0, cost_before: 0 }
    }
}

impl<T> Retained<T> {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps an item that is sent now.
    pub fn push(&mut self, item: T, cost: u64) {
        self.items.push_back((item, cost));
    }

    /// Lets go of all items up to this `consumed`.
    pub fn consume(&mut self, consumed: u64) {
        while let Some((_, cost)) = self.items.front() {
            let end = self.cost_before.saturating_add(*cost);
            if end > consumed {
                break;
            }
            self.cost_before = end;
            self.before = self.before.saturating_add(1);
            self.items.pop_front();
        }
    }

    /// How many items were sent so far, kept or not.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.before.saturating_add(self.items.len() as u64)
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many items are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The items that an end has not received which has received so many; `None` if that can't be: more than were sent,
    /// or fewer than it has consumed.
    pub fn after(&self, received: u64) -> Option<impl Iterator<Item = &T>> {
        let skipped = received.checked_sub(self.before).and_then(|skipped| usize::try_from(skipped).ok())?;
        (skipped <= self.items.len()).then(|| self.items.iter().skip(skipped).map(|(item, _)| item))
    }
}
