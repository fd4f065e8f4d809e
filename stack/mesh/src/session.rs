//! One established link: joins its lanes to the hubs, for the channels that both ends hold.
//!
//! The session owns every task of the link. Data does not pass through it: each lane has a task of its own
//! between the transport and the hub. Here are only the decisions: what is matched, which lane is for which hub,
//! whether the other end is alive, and when it is over.

mod clock;
mod lanes;

use crate::{
    activity::Activity,
    config::MeshConfig,
    control,
    farewell::farewell,
    in_common::InCommon,
    lane_in::{self, InEnd, Opened},
    lane_out::{OutEnd, Turn},
    life::Strings,
    over::Over,
    rounds::{Input, Outcome, Rounds},
};
use futures::FutureExt;
use nws_hub::{ChannelWatch, Hub, LaneIn, LinkId};
use nws_protocol::{
    ChannelId, ChannelKey, InstanceId, LinkCode,
    limits::MAX_UNMATCHED_LANES,
    matching::{LeftBy, MatchEvent},
    wire::Control,
};
use nws_transports::{Link, SendLane};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Most incoming lanes in use beyond one for each matched channel: those of channels just left, or opened anew.
const SPARE_LANES: usize = 64;

/// Messages handed to matching in one round.
const ROUND_INPUTS: usize = 16;

/// What a session is made of.
pub(crate) struct Parts {
    pub(crate) config: Arc<MeshConfig>,
    pub(crate) link: Arc<dyn Link>,
    pub(crate) id: LinkId,
    pub(crate) peer: InstanceId,
    pub(crate) max_frame_bytes: usize,
    /// The largest frame that the other end takes.
    pub(crate) peer_max_frame_bytes: usize,
    pub(crate) activity: Arc<Activity>,
    pub(crate) send: SendLane,
    pub(crate) reader: control::ControlReader,
    /// The responder's first message, read before the link was established.
    pub(crate) first: Option<Control>,
    pub(crate) rounds: Rounds,
    pub(crate) watch: ChannelWatch,
    pub(crate) strings: Strings,
    pub(crate) in_common: Arc<InCommon>,
}

/// A channel that both ends hold.
struct Matched {
    key: ChannelKey,
    hub: Arc<Hub>,
    /// Which feeding of an outgoing lane is the current one.
    feed: u64,
    /// Cancelled when the other end has left the channel and not come back.
    left: CancellationToken,
    /// Cancelled when the other end is known to have no lane open to a hub that was closed here.
    heard: CancellationToken,
    /// The lane out that was fed last: its turn is over when this is dropped.
    turn: Option<Turn>,
    /// No lane is opened or attached: the link is not believed yet, or gives way already.
    idle: bool,
}

/// A channel that the other end left. Often it comes back at once (a page reload): its next lane may even be here
/// before the words about its going, so nothing is stopped before some time has passed.
struct Leaving {
    channel: ChannelId,
    until: Instant,
    epoch: u64,
    left: CancellationToken,
}

/// The lane in that was attached last for a channel, unless its end was read. When it was stopped because the channel was closed here,
/// the other end may not know yet, and go on feeding it. So when the channel is matched again, the lane from here is not opened
/// before another comes from there: whoever saw us earlier would speak to us in vain.
struct Attached {
    lane: u64,
    epoch: u64,
    /// It was stopped; after that nothing is expected any more.
    stopped: Option<Instant>,
}

/// A lane whose channel is not matched, and until when it is held.
struct Held {
    opened: Opened,
    until: Instant,
}

enum LaneEnd {
    /// Of the lane with this number.
    In(ChannelId, u64, InEnd),
    /// Of this feeding.
    Out(ChannelId, u64, OutEnd),
}

struct Session {
    config: Arc<MeshConfig>,
    link: Arc<dyn Link>,
    id: LinkId,
    peer: InstanceId,
    max_frame_bytes: usize,
    peer_max_frame_bytes: usize,
    activity: Arc<Activity>,
    rounds: Rounds,
    inputs: VecDeque<Input>,
    /// The channels that matching was told of.
    open: BTreeMap<ChannelKey, Arc<Hub>>,
    matched: BTreeMap<ChannelId, Matched>,
    leaving: VecDeque<Leaving>,
    attached: BTreeMap<ChannelId, Attached>,
    /// Of the lane out that was fed last for a channel: cancelled when it has begun.
    begun: BTreeMap<ChannelId, CancellationToken>,
    pen: VecDeque<Held>,
    lanes: JoinSet<LaneEnd>,
    lanes_in: usize,
    /// Lanes in since the link began.
    lanes_opened: u64,
    feeds: u64,
    kept: VecDeque<(Instant, LaneIn)>,
    /// To the control lane's writer, in order.
    outbox: VecDeque<Control>,
    draining: CancellationToken,
    admitted: CancellationToken,
    /// Lanes may move here.
    moves_lanes: bool,
    drains_since: Option<Instant>,
    /// The other end has no more use for a link that gives way.
    peer_is_done: bool,
    pinged_at: Option<Instant>,
    /// The control lane, when it is not read any more. To the other end a control lane that nobody reads is a broken link, and it could
    /// see that before the goodbye.
    control_read: Option<control::ControlReader>,
    in_common: Arc<InCommon>,
}

/// Runs an established link until it is over and closed. Answers why, and the lanes whose peers are kept for
/// their successors on another link.
pub(crate) async fn run(parts: Parts) -> (Over, Vec<LaneIn>) {
    let (control, to_write) = mpsc::channel(control::OUTGOING);
    let (to_match, inbox) = mpsc::channel(control::INCOMING);
    let (to_attach, opened) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    let reading = parts.reader.run(to_match, control.clone()).map(|(over, reader)| (over, Some(reader)));
    let accepting = lane_in::accept(Arc::clone(&parts.link), Arc::clone(&parts.activity), to_attach);
    tasks.spawn(reading);
    tasks.spawn(accepting.map(|over| (over, None)));
    let mut writer = JoinSet::new();
    writer.spawn(control::write(parts.send, to_write));
    let mut session = Session {
        config: parts.config,
        link: parts.link,
        id: parts.id,
        peer: parts.peer,
        max_frame_bytes: parts.max_frame_bytes,
        peer_max_frame_bytes: parts.peer_max_frame_bytes,
        activity: parts.activity,
        rounds: parts.rounds,
        inputs: parts.first.map(Input::Message).into_iter().collect(),
        open: BTreeMap::new(),
        matched: BTreeMap::new(),
        leaving: VecDeque::new(),
        attached: BTreeMap::new(),
        begun: BTreeMap::new(),
        pen: VecDeque::new(),
        lanes: JoinSet::new(),
        lanes_in: 0,
        lanes_opened: 0,
        feeds: 0,
        kept: VecDeque::new(),
        outbox: VecDeque::new(),
        draining: parts.strings.draining,
        moves_lanes: parts.strings.admitted.is_cancelled(),
        admitted: parts.strings.admitted,
        drains_since: None,
        peer_is_done: false,
        pinged_at: None,
        control_read: None,
        in_common: parts.in_common,
    };
    let Strings { orders, probe, .. } = parts.strings;
    let mut doors = Doors { control, inbox, opened, tasks, writer, watch: parts.watch, orders, probe };
    session.first_round(&mut doors.watch);
    let over = session.until_over(&mut doors).await;
    // Whoever is behind the link is gone now; the goodbye may take its time.
    session.lanes.shutdown().await;
    session.pen.clear();
    // The other end may give the link up before this one was told that another takes its place.
    let gives_way = session.drains_since.is_some() || matches!(over, Over::Theirs(LinkCode::Duplicate, _));
    let kept = if gives_way { std::mem::take(&mut session.kept) } else { VecDeque::new() };
    session.kept.clear();
    session.in_common.clear();
    let Doors { control, mut tasks, writer, .. } = doors;
    let patience = session.drain_patience_left(&over);
    farewell(&session.link, &over, control, writer, patience).await;
    // Not earlier, as the control lane is closed with them.
    tasks.shutdown().await;
    drop(session.control_read);
    (over, kept.into_iter().map(|(_, lane)| lane).collect())
}

/// Where everything comes in, apart from the state so that both can be borrowed at once.
struct Doors {
    control: mpsc::Sender<Control>,
    inbox: mpsc::Receiver<Control>,
    opened: mpsc::Receiver<Opened>,
    tasks: JoinSet<(Over, Option<control::ControlReader>)>,
    writer: JoinSet<Result<(), Over>>,
    watch: ChannelWatch,
    orders: watch::Receiver<Option<LinkCode>>,
    probe: Arc<Notify>,
}

impl Session {
    async fn until_over(&mut self, doors: &mut Doors) -> Over {
        let Doors { control, inbox, opened, tasks, writer, watch, orders, probe } = doors;
        let link = Arc::clone(&self.link);
        let mut closed = std::pin::pin!(link.closed());
        let (draining, admitted) = (self.draining.clone(), self.admitted.clone());
        loop {
            self.begin_round();
            if let Some(over) = self.drained() {
                return over;
            }
            let active = self.drains_since.is_none();
            let ready = self.rounds.at_home() && self.outbox.is_empty();
            let room = self.pen.len() < MAX_UNMATCHED_LANES && self.lanes_in < self.matched.len() + SPARE_LANES;
            let wake = self.next_timeout();
            tokio::select! {
                biased;
                changed = orders.changed() => {
                    let code = *orders.borrow_and_update();
                    // Without the mesh there is no link.
                    if let Some(code) = code.or(changed.is_err().then_some(LinkCode::GoingAway)) {
                        return Over::ours(code);
                    }
                }
                () = draining.cancelled(), if active => self.drains_since = Some(Instant::now()),
                () = admitted.cancelled(), if !self.moves_lanes => self.is_admitted(),
                () = probe.notified() => self.ping(),
                Some(ended) = tasks.join_next() => {
                    let (over, reader) = ended.unwrap_or_else(|_| (Over::ours(LinkCode::Internal), None));
                    self.control_read = self.control_read.take().or(reader);
                    match over {
                        Over::Theirs(LinkCode::Duplicate, _) if draining.is_cancelled() && !self.peer_is_done => {
                            self.peer_is_done = true;
                        }
                        over => return over,
                    }
                }
                Some(ended) = writer.join_next() => match ended {
                    Ok(Err(over)) => return over,
                    Ok(Ok(())) => return Over::Lost("the control lane was finished".to_owned()),
                    Err(_) => return Over::ours(LinkCode::Internal),
                },
                error = &mut closed => return Over::of_link(error),
                Some(ended) = self.lanes.join_next(), if !self.lanes.is_empty() => {
                    let Ok(ended) = ended else { return Over::ours(LinkCode::Internal) };
                    self.in_common.has_lanes(!self.lanes.is_empty());
                    if let Some(over) = self.lane_ended(ended) {
                        return over;
                    }
                }
                outcome = self.rounds.finished() => match outcome {
                    Ok(outcome) => if let Some(over) = self.take_in(outcome) { return over },
                    Err(_) => return Over::ours(LinkCode::Internal),
                },
                permit = control.reserve(), if !self.outbox.is_empty() => {
                    if let (Ok(permit), Some(message)) = (permit, self.outbox.pop_front()) {
                        permit.send(message);
                    }
                }
                Some(message) = inbox.recv(), if ready => {
                    self.inputs.push_back(Input::Message(message));
                    while self.inputs.len() < ROUND_INPUTS && let Ok(message) = inbox.try_recv() {
                        self.inputs.push_back(Input::Message(message));
                    }
                }
                changes = watch.changed(), if ready => for change in changes {
                    self.channel_changed(change.key, change.hub);
                },
                Some(lane) = opened.recv(), if room => self.lane_opened(lane),
                () = sleep_until(wake) => if let Some(over) = self.timeout() { return over },
            }
        }
    }

    // Matching.

    /// All channels go into the first round, so that they are asked for, or offered, at once.
    fn first_round(&mut self, watch: &mut ChannelWatch) {
        let first = std::mem::take(&mut self.inputs);
        for change in watch.changed().now_or_never().unwrap_or_default() {
            self.channel_changed(change.key, change.hub);
        }
        self.inputs.extend(first);
        self.rounds.begin(self.inputs.drain(..).collect());
    }

    fn begin_round(&mut self) {
        if !self.inputs.is_empty() && self.rounds.at_home() {
            self.rounds.begin(self.inputs.drain(..).collect());
        }
    }

    /// A channel was opened or closed here. Only called while matching is at home.
    fn channel_changed(&mut self, key: ChannelKey, hub: Option<Arc<Hub>>) {
        let before = self.open.remove(&key);
        match (before, hub) {
            (Some(before), Some(hub)) if before.epoch() == hub.epoch() => {
                self.open.insert(key, hub);
            }
            (before, hub) => {
                if before.is_some() {
                    self.inputs.push_back(Input::Leave(key.clone()));
                }
                if let Some(hub) = hub {
                    self.inputs.push_back(Input::Join(key.clone()));
                    self.open.insert(key, hub);
                }
            }
        }
    }

    fn take_in(&mut self, outcome: Outcome) -> Option<Over> {
        self.outbox.extend(outcome.messages);
        if let Some(fault) = outcome.fault {
            return Some(Over::Ours(fault.code(), fault.to_string().into()));
        }
        for event in outcome.events {
            match event {
                MatchEvent::Matched { key, channel_id, .. } => self.matched(key, channel_id),
                MatchEvent::Unmatched { channel_id, by, .. } => self.unmatched(channel_id, by),
            }
        }
        None
    }

    fn matched(&mut self, key: ChannelKey, channel: ChannelId) {
        // It was closed here within the same round; Unmatched follows.
        let Some(hub) = self.open.get(&key).map(Arc::clone) else { return };
        let back = self.leaving.iter().position(|leaving| leaving.channel == channel && leaving.epoch == hub.epoch());
        let left = back.and_then(|at| self.leaving.remove(at)).map_or_else(CancellationToken::new, |back| back.left);
        self.in_common.insert(hub.epoch());
        let idle = !self.moves_lanes || self.drains_since.is_some();
        let heard = CancellationToken::new();
        let stale =
            |last: &Attached| last.epoch != hub.epoch() && last.stopped.is_none_or(|until| Instant::now() < until);
        if !self.attached.get(&channel).is_some_and(stale) {
            heard.cancel();
        }
        self.matched.insert(channel, Matched { key, hub, feed: 0, left, heard, turn: None, idle });
        if !idle {
            self.begin_lanes(channel);
        }
    }

    fn unmatched(&mut self, channel: ChannelId, by: LeftBy) {
        let Some(Matched { key, hub, left, turn, .. }) = self.matched.remove(&channel) else { return };
        self.in_common.remove(hub.epoch());
        // When it was closed here the hub ends both lanes, once all has been said.
        let open_here = self.open.get(&key).is_some_and(|open| open.epoch() == hub.epoch());
        if by == LeftBy::There && open_here {
            let until = Instant::now() + self.config.drain_patience;
            self.leaving.push_back(Leaving { channel, until, epoch: hub.epoch(), left });
        } else if by == LeftBy::Here
            && let Some(turn) = turn
        {
            turn.hurry();
        }
    }
}
