//! What the two ends bring into a dialogue: a TLS session, network keys, budgets.

use crate::json::{Json, hex, object};
use nws_protocol::{
    NetworkKey,
    matching::{Budget, BudgetLimits, Charge, LinkSecret},
};
use std::time::Duration;

/// What an end knows of the TLS session, and its network key.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) network_key: Option<[u8; 32]>,
    /// All bytes of the exporter's output are this one.
    pub(crate) ekm: u8,
}

impl Session {
    /// Of most dialogues.
    pub(crate) const USUAL: Self = Self { network_key: None, ekm: 1 };

    pub(crate) fn secret(&self) -> LinkSecret {
        let key = self.network_key.map_or_else(NetworkKey::default, NetworkKey::new);
        LinkSecret::derive(&key, &[self.ekm; 32], HELLO_I, HELLO_R)
    }

    pub(crate) fn json(&self) -> Json {
        object! { "network_key": self.network_key.map(hex), "ekm": hex([self.ekm; 32]) }
    }
}

// The matcher knows no Hello; any bytes will do.
pub(crate) const HELLO_I: &[u8] = b"hello of I";
pub(crate) const HELLO_R: &[u8] = b"hello of R";

/// A budget, or none, and what was charged.
pub(crate) struct Purse {
    budget: Option<Budget>,
    pub(crate) charged: u32,
}

impl Purse {
    pub(crate) fn new(limits: Option<BudgetLimits>) -> Self {
        Self { budget: limits.map(Budget::new), charged: 0 }
    }
}

impl Charge for Purse {
    fn charge(&mut self, guesses: u32, now: Duration) -> Result<(), Duration> {
        if let Some(budget) = &mut self.budget {
            budget.charge(guesses, now)?;
        }
        self.charged += guesses;
        Ok(())
    }
}
