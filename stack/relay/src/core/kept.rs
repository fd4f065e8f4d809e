//! What is kept for servers that may come back: how much of it there is, and who has to give way when it is too much.

use super::{
    Core, Now,
    channels::plain_end,
    model::{Holder, Stage},
};
use crate::counters::Counters;
use nws_protocol::relay::DisconnectCode;

impl Core {
    /// So much more is kept of a channel of this server.
    pub(super) fn keep_more(&mut self, server: u64, grown: usize) {
        self.kept_bytes = self.kept_bytes.saturating_add(grown);
        let Some(server) = self.servers.get_mut(&server) else { return };
        server.kept_bytes = server.kept_bytes.saturating_add(grown);
        if let Holder::Away { bytes, .. } = &mut server.holder {
            *bytes = bytes.saturating_add(grown);
        }
    }

    /// So much less.
    pub(super) fn keep_less(&mut self, server: u64, less: usize) {
        self.kept_bytes = self.kept_bytes.saturating_sub(less);
        if let Some(server) = self.servers.get_mut(&server) {
            server.kept_bytes = server.kept_bytes.saturating_sub(less);
        }
    }

    /// While too much is kept, the channel of which most is kept ends, of the server for which most is: not whoever speaks
    /// next, so that nobody can use up what others need.
    pub(super) fn keep_within(&mut self, now: Now) {
        while self.kept_bytes > self.limits.kept_bytes {
            let greediest = self.servers.values().max_by_key(|server| server.kept_bytes);
            let channels = greediest.into_iter().flat_map(|server| &server.channels);
            let kept = |id: &u64| self.channels.get(id).map_or(0, |channel| channel.kept_bytes());
            let Some(id) = channels.copied().max_by_key(kept).filter(|id| kept(id) > 0) else { return };
            if self.channels.get(&id).is_some_and(|channel| channel.stage == Stage::Open) {
                Counters::add(&self.counters.flow_control);
                self.end_channel(now, id, None, DisconnectCode::FlowControl);
            } else {
                // Its end was told already, and only a server that comes back would miss it; or it is told now.
                if self.channels.get(&id).is_some_and(|channel| channel.behind.is_some()) {
                    self.tell_server(id, &plain_end(id, DisconnectCode::FlowControl));
                }
                self.forget(now, id);
            }
        }
    }
}
