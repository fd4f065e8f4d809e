//! The whole life of one link, as one task: dialled or accepted, greeted, judged, in session, over.

use crate::{
    activity::Activity,
    budget::{Budgets, LinkCharge},
    config::MeshConfig,
    control::ControlReader,
    dial::{self, DialError, Place},
    farewell::refuse,
    handshake::{self, Greeted},
    in_common::InCommon,
    over::Over,
    rounds::Rounds,
    session,
};
use nws_hub::{Channels, LaneIn, LinkId};
use nws_membership::neighbours::{DialId, Verdict};
use nws_protocol::{InstanceId, LinkCode, matching::Matcher, wire::Control};
use nws_transports::{BoxLink, Role, SendLane, Transport};
use rand_core::OsRng;
use std::sync::Arc;
use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// What all links share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<MeshConfig>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) transports: Vec<Arc<dyn Transport>>,
    pub(crate) budgets: Arc<Budgets>,
    /// To the mesh. Bounded: a link waits until the mesh has time for it.
    pub(crate) meetings: mpsc::Sender<Meeting>,
    /// Rung when something was matched or unmatched on any link.
    pub(crate) bell: Arc<Notify>,
}

/// How a link begins.
#[derive(Debug)]
pub(crate) enum Origin {
    Dial(DialId, Place),
    Accepted(BoxLink),
}

/// A link that knows who is at the other end, and asks whether it may stay.
#[derive(Debug)]
pub(crate) struct Meeting {
    pub(crate) id: LinkId,
    pub(crate) dial: Option<DialId>,
    pub(crate) peer: InstanceId,
    pub(crate) link: BoxLink,
    pub(crate) in_common: Arc<InCommon>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) answer: oneshot::Sender<Verdict>,
}

/// How the mesh reaches a link.
#[derive(Debug, Clone)]
pub(crate) struct Strings {
    /// Cancelled when the link gives way to another.
    pub(crate) draining: CancellationToken,
    /// Cancelled when the link may move lanes; before, it only matches channels.
    pub(crate) admitted: CancellationToken,
    /// Rung to have it send a Ping.
    pub(crate) probe: Arc<Notify>,
    /// Set to close it.
    pub(crate) orders: watch::Receiver<Option<LinkCode>>,
}

/// How a link ended.
#[derive(Debug)]
pub(crate) struct Obituary {
    pub(crate) over: Over,
    /// Lanes whose peers are kept for successors on another link.
    pub(crate) kept: Vec<LaneIn>,
}

impl Obituary {
    const fn early(over: Over) -> Self {
        Self { over, kept: Vec::new() }
    }
}

/// Lives one link's life.
pub(crate) async fn live(shared: Arc<Shared>, id: LinkId, origin: Origin, mut strings: Strings) -> Obituary {
    // Its time counts from the dial, or from when the transport's handshake was done.
    let by = Instant::now() + shared.config.handshake_timeout;
    let (dial, link) = match origin {
        Origin::Accepted(link) => (None, link),
        Origin::Dial(dial, place) => {
            let dialling =
                dial::dial(&shared.transports, place, shared.config.fallback_after, shared.config.handshake_timeout);
            let dialled = tokio::select! {
                code = ordered(&mut strings.orders) => return Obituary::early(Over::ours(code)),
                dialled = dialling => dialled,
            };
            match dialled {
                Ok(link) => (Some(dial), link),
                Err(error) => return Obituary::early(unreached(&error)),
            }
        }
    };
    let by = by.max(Instant::now() + shared.config.handshake_timeout / 2);
    let activity = Arc::new(Activity::new());
    let mut lane = None;
    let met = tokio::select! {
        code = ordered(&mut strings.orders) => Err(Over::ours(code)),
        met = timeout_at(by, meet(&shared, id, dial, &link, &mut lane, &activity)) => match met {
            Ok(met) => met,
            Err(_) => Err(Over::Ours(LinkCode::Silent, "no handshake in time".into())),
        },
    };
    let (met, send, reader) = match (met, lane.take()) {
        (Ok(met), Some((send, reader))) => (met, send, reader),
        (Err(over), lane) => {
            // What the other end still says must not fail before it has heard the goodbye.
            let (send, _reader) = lane.unzip();
            refuse(&link, &over, send).await;
            return Obituary::early(over);
        }
        (Ok(_), None) => return Obituary::early(Over::ours(LinkCode::Internal)),
    };
    let parts = session_parts(&shared, id, link, activity, met, (send, reader), strings);
    let (over, kept) = session::run(parts).await;
    Obituary { over, kept }
}

fn unreached(error: &DialError) -> Over {
    Over::Lost(error.to_string())
}

/// Waits for the order to close.
async fn ordered(orders: &mut watch::Receiver<Option<LinkCode>>) -> LinkCode {
    match orders.wait_for(Option::is_some).await {
        Ok(code) => code.unwrap_or(LinkCode::GoingAway),
        Err(_) => LinkCode::GoingAway,
    }
}

struct Met {
    greeted: Greeted,
    first: Option<Control>,
    in_common: Arc<InCommon>,
}

/// From the transport's link to the mesh's verdict.
async fn meet(
    shared: &Shared,
    id: LinkId,
    dial: Option<DialId>,
    link: &BoxLink,
    lane: &mut Option<(SendLane, ControlReader)>,
    activity: &Arc<Activity>,
) -> Result<Met, Over> {
    let control = link.control().await.map_err(Over::of_link)?;
    let (send, reader) = lane.insert((control.send, handshake::first_reader(control.recv, activity)));
    let greeted = handshake::greet(&shared.config, link.as_ref(), send, reader).await?;
    let first = match link.role() {
        // Also when it is this proxy itself that answered: the mesh is to know.
        Role::Initiator => None,
        Role::Responder if greeted.hello.instance_id == shared.config.instance => {
            return Err(Over::ours(LinkCode::SelfDial));
        }
        Role::Responder => Some(first_query(reader, send).await?),
    };
    let in_common = Arc::new(InCommon::new(Arc::clone(&shared.bell)));
    let (answer, verdict) = oneshot::channel();
    let meeting = Meeting {
        id,
        dial,
        peer: greeted.hello.instance_id,
        link: Arc::clone(link),
        in_common: Arc::clone(&in_common),
        activity: Arc::clone(activity),
        answer,
    };
    shared.meetings.send(meeting).await.map_err(|_| Over::ours(LinkCode::GoingAway))?;
    match verdict.await.map_err(|_| Over::ours(LinkCode::GoingAway))? {
        Verdict::Close(code) => Err(Over::ours(code)),
        Verdict::Keep | Verdict::Prove | Verdict::Wait => Ok(Met { greeted, first, in_common }),
    }
}

/// The initiator's first Query: only with it has it decided for this link.
async fn first_query(reader: &mut ControlReader, send: &mut SendLane) -> Result<Control, Over> {
    loop {
        match reader.message().await? {
            query @ Control::Query { .. } => return Ok(query),
            Control::Goodbye { code, reason } => return Err(Over::Theirs(code, reason)),
            Control::Ping(nonce) => {
                let mut frame = bytes::BytesMut::new();
                Control::Pong(nonce).encode(&mut frame);
                let answered = async {
                    send.write_all(&frame).await?;
                    send.flush().await
                };
                answered.await.map_err(|error| Over::of_io(&error))?;
            }
            _ => return Err(Over::Ours(LinkCode::Malformed, "something else before the first Query".into())),
        }
    }
}

fn session_parts(
    shared: &Shared,
    id: LinkId,
    link: BoxLink,
    activity: Arc<Activity>,
    met: Met,
    (send, reader): (SendLane, ControlReader),
    strings: Strings,
) -> session::Parts {
    let Met { greeted: Greeted { hello, secret }, first, in_common } = met;
    let charge = LinkCharge::new(Arc::clone(&shared.budgets), link.remote_addr().ip());
    let start = Instant::now();
    let matcher = match link.role() {
        Role::Initiator => Matcher::initiator(secret, &mut OsRng),
        Role::Responder => Matcher::responder(secret, &mut OsRng),
    };
    session::Parts {
        config: Arc::clone(&shared.config),
        id,
        peer: hello.instance_id,
        max_frame_bytes: handshake::max_frame_bytes(&shared.config),
        peer_max_frame_bytes: hello.max_frame_bytes,
        activity,
        send,
        reader,
        first,
        rounds: Rounds::new(matcher, charge, start),
        watch: shared.channels.watch(),
        strings,
        in_common,
        link,
    }
}
