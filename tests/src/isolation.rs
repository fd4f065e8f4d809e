//! The guard in front of multicast DNS: a program of ours may join multicast groups only where nobody but our own
//! hosts can hear it. A test that talked to the real network would announce itself in offices and homes.

use crate::netns::{BRIDGE, INTERFACE, PORT_PREFIX};
use std::{fs, path::PathBuf};

/// Why this process may not speak multicast DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotIsolated(String);

impl std::fmt::Display for NotIsolated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "refusing to use multicast DNS here: {}. Run this on a host of nws_tests::netns::Lab, which is cut off from \
             the machine's network",
            self.0
        )
    }
}

impl std::error::Error for NotIsolated {}

/// Whether this process is in a network namespace of its own in which there is nothing but the loopback interface and
/// what a [`Lab`](crate::netns::Lab) makes.
///
/// # Errors
/// [`NotIsolated`], with the reason.
pub fn ensure_isolated() -> Result<(), NotIsolated> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
    let addresses =
        if_addrs::get_if_addrs().map_err(|error| NotIsolated(format!("the interfaces can't be listed ({error})")))?;
    let own = namespace("self").map_err(|error| NotIsolated(format!("the network namespace is unknown ({error})")))?;
    // That of the first process may be hidden from us, which only happens to those who aren't root.
    judge(&own, namespace("1").ok().as_ref(), addresses.iter().map(|interface| interface.name.as_str()))
}

fn judge<'a>(
    own: &PathBuf,
    first: Option<&PathBuf>,
    mut interfaces: impl Iterator<Item = &'a str>,
) -> Result<(), NotIsolated> {
    if first == Some(own) {
        return Err(NotIsolated("this is the network namespace of the machine itself".to_owned()));
    }
    let ours = |name: &str| name == "lo" || name == INTERFACE || name == BRIDGE || name.starts_with(PORT_PREFIX);
    match interfaces.find(|name| !ours(name)) {
        Some(name) => Err(NotIsolated(format!("the interface {name} was not made by a test"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_namespace_and_the_interfaces_must_be_ours() {
        let [one, two] = ["net:[1]", "net:[2]"].map(PathBuf::from);
        assert!(judge(&one, Some(&one), ["lo"].into_iter()).is_err());
        assert!(judge(&one, Some(&two), ["lo", "eth0"].into_iter()).is_err());
        assert!(judge(&one, None, ["lo", "eth0"].into_iter()).is_err());
        assert_eq!(judge(&one, Some(&two), ["lo", INTERFACE].into_iter()), Ok(()));
        assert_eq!(judge(&one, None, [BRIDGE, "labport1"].into_iter()), Ok(()));
    }
}
