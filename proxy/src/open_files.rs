//! A client is an open file. Systems start programs with room for about a thousand of them and let
//! them ask for more.

use crate::{beside::Sections, settings::Settings};

/// Visitors, listeners, and what the runtime needs itself. A guess.
const BESIDE: u64 = 1024;

/// Asks for room for all connections that the settings allow to the proxy and to the servers beside it, which share the
/// limit of their one process, and warns when there is less.
pub(crate) fn make_room(settings: &Settings, beside: &Sections) {
    let proxy = settings.max_clients.0.saturating_add(settings.max_links.0);
    make_room_for(proxy.saturating_add(beside.connections()), "--max-clients");
}

/// Asks for room for so many connections, and warns when there is less; `limit_name` is where fewer can be asked for.
#[cfg(unix)]
pub(crate) fn make_room_for(connections: usize, limit_name: &str) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = (connections as u64).saturating_add(BESIDE);
    let limit = getrlimit(Resource::Nofile);
    let Some(now) = limit.current.filter(|now| *now < needed) else { return };
    let allowed = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let asked = Rlimit { current: Some(allowed), maximum: limit.maximum };
    let got = if setrlimit(Resource::Nofile, asked).is_ok() { allowed } else { now };
    if got < needed {
        tracing::warn!(
            "this system allows {got} open files, too few for {connections} connections; raise the limit (ulimit -Hn) or lower \
             {limit_name}"
        );
    }
}

/// Other systems set no such limit.
#[cfg(not(unix))]
pub(crate) fn make_room_for(_: usize, _: &str) {}
