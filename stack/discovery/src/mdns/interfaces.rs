//! What the machine's interfaces are, asked anew each time since they come and go.

use if_addrs::Interface;
use std::collections::BTreeSet;

/// The interfaces that are up and have an address.
#[derive(Debug)]
pub(crate) struct Interfaces(Vec<Interface>);

impl Interfaces {
    /// As they are now; none if the system does not tell.
    pub(crate) fn now() -> Self {
        let up = |interface: &Interface| interface.is_oper_up() && !interface.is_p2p();
        Self(if_addrs::get_if_addrs().unwrap_or_default().into_iter().filter(up).collect())
    }

    /// Whether the interface with this index is the loopback interface.
    pub(crate) fn is_loopback(&self, index: u32) -> bool {
        self.0.iter().any(|interface| interface.is_loopback() && interface.index == Some(index))
    }

    /// Whether any leads to other machines, of those with these names; no names means all.
    pub(crate) fn has_network(&self, names: &[String]) -> bool {
        self.0.iter().any(|interface| !interface.is_loopback() && (names.is_empty() || names.contains(&interface.name)))
    }

    /// Those of `names` that are not there.
    pub(crate) fn absent<'a>(&self, names: &'a [String]) -> BTreeSet<&'a str> {
        let there = |name: &String| self.0.iter().any(|interface| interface.name == *name);
        names.iter().filter(|name| !there(name)).map(String::as_str).collect()
    }
}
