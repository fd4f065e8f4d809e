#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
use super::*;
use crate::budget::Budgets;
use nws_hub::{Channels, HubLimits};
use nws_membership::neighbours::Verdict;
use nws_transports::{MemoryNetwork, Transport};

const PEER: InstanceId = InstanceId::from_bytes([9; 16]);

/// A mesh that does nothing by itself, and both ends of a link that was dialled to it.
async fn greeted() -> (Actor, BoxLink, BoxLink) {
    let config = MeshConfig::new(InstanceId::from_bytes([1; 16]));
    let network = MemoryNetwork::new(1);
    let address = SocketAddr::from(([10, 0, 0, 1], 1));
    let listener = network.transport([10, 0, 0, 1]).listen(address).await.unwrap();
    let far = network.transport([10, 0, 0, 9]).dial(address).await.unwrap();
    let near = listener.accept().await.unwrap();
    let shared = Shared {
        budgets: Arc::new(Budgets::new(&config)),
        config: Arc::new(config),
        channels: Channels::new(HubLimits::default()),
        transports: Vec::new(),
        meetings: mpsc::channel(1).0,
        bell: Arc::new(Notify::new()),
    };
    let figures = watch::channel(MeshFigures::default()).0;
    let mut actor = Actor::new(Arc::new(shared), Vec::new(), watch::channel(None).0, figures);
    actor.accepted(Arc::clone(&near));
    (actor, near, far)
}

/// What the link in handshake asks for.
fn meeting(actor: &Actor, link: &BoxLink) -> (Meeting, oneshot::Receiver<Verdict>) {
    let (answer, verdict) = oneshot::channel();
    let meeting = Meeting {
        id: *actor.links.keys().next().unwrap(),
        dial: None,
        peer: PEER,
        link: Arc::clone(link),
        in_common: Arc::new(InCommon::new(Arc::clone(&actor.shared.bell))),
        activity: Arc::new(Activity::new()),
        answer,
    };
    (meeting, verdict)
}

#[tokio::test]
async fn a_link_that_ended_before_its_meeting_is_not_in_use() {
    let (mut actor, near, far) = greeted().await;
    let (late, verdict) = meeting(&actor, &near);
    drop((verdict, far));
    let ended = actor.lives.join_next_with_id().await.unwrap();
    actor.bury(ended);
    actor.meet(late);
    assert_eq!(actor.neighbours.link_to(PEER), None);
    assert!(actor.status().links.is_empty());
}

#[tokio::test]
async fn a_link_that_waits_no_more_is_not_in_use() {
    let (mut actor, near, _far) = greeted().await;
    let (late, verdict) = meeting(&actor, &near);
    drop(verdict);
    actor.meet(late);
    assert_eq!(actor.neighbours.link_to(PEER), None);
    let (in_time, verdict) = meeting(&actor, &near);
    actor.meet(in_time);
    assert!(actor.neighbours.link_to(PEER).is_some());
    assert_eq!(verdict.await, Ok(Verdict::Keep));
}
