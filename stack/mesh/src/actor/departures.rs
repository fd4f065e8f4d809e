//! What becomes of a link that has ended, and what the user is told of it.

use super::{Actor, Kept, Place, Stage};
use crate::{life::Obituary, over::Over, status::short};
use nws_hub::LaneIn;
use nws_membership::neighbours;
use nws_protocol::{InstanceId, LinkCode};
use rand_core::OsRng;
use tokio::{
    task::{self, JoinError},
    time::Instant,
};

impl Actor {
    /// A link's task has ended. Answers with a proxy that may have died, for all that is known here.
    pub(super) fn bury(&mut self, ended: Result<(task::Id, Obituary), JoinError>) -> Option<InstanceId> {
        let (task, obituary) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!("a link's task failed: {error}");
                (error.id(), Obituary { over: Over::ours(LinkCode::Internal), kept: Vec::new() })
            }
        };
        let id = self.by_task.remove(&task)?;
        let entry = self.links.remove(&id)?;
        self.trials.remove(&id);
        let Obituary { over, kept } = obituary;
        let mut lost = None;
        let now = self.now();
        match entry.stage {
            Stage::Dialling(dial, place) => {
                self.complain(&place, &over);
                self.neighbours.dial_failed(dial, now, &mut OsRng);
            }
            Stage::Greeting(link) => tracing::debug!(address = %link.remote_addr(), "link refused: {over}"),
            Stage::Waiting(_) => {
                self.neighbours.link_down(neighbours::LinkId(id.0), over.code(), now, &mut OsRng);
            }
            Stage::Refused => {}
            Stage::Up(up) => {
                tracing::info!(
                    instance = short(up.peer),
                    transport = %up.link.kind(),
                    address = %up.link.remote_addr(),
                    "link down: {over}"
                );
                self.neighbours.link_down(neighbours::LinkId(id.0), over.code(), now, &mut OsRng);
                self.keep(up.peer, kept);
                let silent = matches!(over, Over::Lost(_) | Over::Ours(LinkCode::Silent, _));
                lost = (silent && self.neighbours.link_to(up.peer).is_none()).then_some(up.peer);
            }
        }
        self.act();
        lost
    }

    fn keep(&mut self, peer: InstanceId, lanes: Vec<LaneIn>) {
        if self.neighbours.link_to(peer).is_none() {
            // No successor comes.
            self.kept.retain(|kept| kept.peer != peer);
        } else if !lanes.is_empty() {
            let until = Instant::now() + self.config.drain_patience;
            self.kept.push_back(Kept { peer, until, lanes });
        }
    }

    /// Someone whom the user named can't be reached: said once for each reason.
    fn complain(&mut self, place: &Place, over: &Over) {
        let Place::Named(peer) = place else {
            tracing::debug!(?place, "not reached: {over}");
            return;
        };
        if matches!(over, Over::Ours(LinkCode::Duplicate | LinkCode::GoingAway, _)) {
            return;
        }
        let words = match over {
            Over::Lost(why) => why.clone(),
            over => over.to_string(),
        };
        if self.complaints.get(peer) != Some(&words) {
            tracing::warn!(%peer, "not reached, and tried again: {words}");
            self.complaints.insert(peer.clone(), words);
        }
    }
}
