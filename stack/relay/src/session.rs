//! One party, from its upgrade to its end. It is read from and written to at the same time, so that who writes much before
//! it reads does not stop itself.

use crate::{
    close::Close,
    core::{Dialect, Frame, Heard, PartyId},
    counters::Counters,
    rate::Rate,
    script::Command,
    shared::{Bell, Shared, random},
};
use futures::{Sink, SinkExt, Stream, StreamExt};
use nws_listen::{Counted, Socket};
use nws_protocol::relay::Asked;
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    task::coop::consume_budget,
    time::{Instant, Sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

/// The WebSocket of a party; a test makes one by hand.
trait Line: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin {
    /// Ever, to the system.
    fn written_bytes(&self) -> u64;
}

impl Line for Socket {
    fn written_bytes(&self) -> u64 {
        self.get_ref().written_bytes()
    }
}

/// A party's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    shared: Arc<Shared>,
    id: PartyId,
    dialect: Dialect,
    bell: Arc<Bell>,
    _counted: Counted,
}

impl Seat {
    pub(crate) fn new(shared: &Arc<Shared>, dialect: Dialect, address: std::net::IpAddr, counted: Counted) -> Self {
        let (id, bell) = shared.join(dialect, address);
        Self { shared: Arc::clone(shared), id, dialect, bell, _counted: counted }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.leave(self.id);
    }
}

/// Serves a party until it leaves, or has to.
pub(crate) async fn run(mut socket: Socket, seat: Seat, stopping: &CancellationToken) {
    let deadline = seat.shared.limits.close;
    let close = Session::new(&seat).live(&mut socket, stopping).await;
    close.count(&seat.shared.counters);
    tracing::debug!(party = ?seat.id, ?close, "a party is closed");
    // From now on it gets nothing more, and its servers can be resumed.
    drop(seat);
    if close != Close::Lost {
        nws_listen::part(&mut socket, close.frame().map(Some), deadline, drop).await;
        nws_listen::linger(socket, deadline).await;
    }
}

/// What happened.
enum Step {
    /// The relay ends.
    Stopped,
    /// A time has come.
    Due,
    /// There is something to take, or room for what there was none for.
    Rung,
    /// All that was put into it is written.
    Written,
    Heard(Option<Result<Message, Error>>),
    Broken,
}

struct Session<'a> {
    seat: &'a Seat,
    rate: Rate,
    /// What there was no room for; until there is, nothing more is read.
    held: Option<Message>,
    /// Until when it is not read from, as it said too much.
    quiet_until: Option<Instant>,
    /// Something was put into the socket, and is not written.
    dirty: bool,
    /// Since when nothing could be written at once, and how much had been written then.
    stuck: Option<(Instant, u64)>,
    /// When the next ping is due, and when the first was sent that was not answered.
    ping_at: Instant,
    unanswered: Option<Instant>,
    /// When it may have been idle for too long.
    idle_at: Instant,
}

impl<'a> Session<'a> {
    fn new(seat: &'a Seat) -> Self {
        let limits = &seat.shared.limits;
        let now = Instant::now();
        Self {
            rate: Rate::new(limits.messages_per_second, limits.bytes_per_second, now),
            held: None,
            quiet_until: None,
            dirty: false,
            stuck: None,
            ping_at: now + limits.ping,
            unanswered: None,
            idle_at: now + limits.idle,
            seat,
        }
    }

    async fn live(mut self, socket: &mut impl Line, stopping: &CancellationToken) -> Close {
        let mut timer = pin!(sleep_until(self.next_timer()));
        let mut stopped = pin!(stopping.cancelled());
        let mut stops = false;
        let mut batch = Vec::new();
        // The first message is there already.
        let mut may_take = true;
        loop {
            if may_take && !self.dirty {
                may_take = false;
                if self.fill(socket, &mut batch).is_err() {
                    return Close::Theirs;
                }
            }
            if stops && !self.dirty {
                return Close::ShuttingDown;
            }
            let reads = self.held.is_none() && self.quiet_until.is_none() && !stops;
            let mut bell = pin!(self.seat.bell.rung.notified());
            // What ends it comes first, so that no flood keeps it from that.
            let step = poll_fn(|cx| {
                if !stops && stopped.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Step::Stopped);
                }
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Step::Due);
                }
                if bell.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Step::Rung);
                }
                let step = self.step(cx, socket, reads);
                // It may be stuck only now, and nothing else would wake it.
                if step.is_pending() && self.set(timer.as_mut()) && timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Step::Due);
                }
                step
            });
            match step.await {
                Step::Stopped => {
                    stops = true;
                    may_take = true;
                }
                Step::Due => {
                    if let Some(close) = self.tick(socket) {
                        return close;
                    }
                }
                Step::Rung => {
                    if self.seat.bell.is_last() {
                        return Close::SlowConsumer;
                    }
                    may_take = true;
                    if let Some(message) = self.held.take() {
                        self.hear(message);
                    }
                    // A bell is always heard at once, and before the socket: whoever rings its own is not to be alone here.
                    consume_budget().await;
                }
                Step::Written => {
                    (self.dirty, self.stuck) = (false, None);
                    may_take = true;
                }
                Step::Heard(Some(Ok(Message::Close(_))) | None) | Step::Broken => return Close::Theirs,
                Step::Heard(Some(Err(error))) => {
                    return Close::of(&error, self.seat.shared.limits.message_bytes);
                }
                Step::Heard(Some(Ok(message))) => {
                    self.unanswered = None;
                    self.weigh(&message);
                    self.hear(message);
                    // Much may have been read at once; the others have their turn before all of it is heard.
                    consume_budget().await;
                }
            }
            self.set(timer.as_mut());
        }
    }

    /// Takes what waits, and puts it into the socket.
    fn fill(&mut self, socket: &mut impl Line, batch: &mut Vec<Frame>) -> Result<(), ()> {
        self.seat.shared.with(|core, now| core.take(now, self.seat.id, batch));
        for frame in batch.drain(..) {
            self.dirty = true;
            let message = match frame {
                Frame::Text(text) => Message::Text(text),
                Frame::Binary(bytes) => Message::Binary(bytes),
            };
            socket.start_send_unpin(message).map_err(drop)?;
        }
        // Long batches are rare; room for short ones stays.
        batch.shrink_to(8);
        Ok(())
    }

    fn step(&mut self, cx: &mut Context<'_>, socket: &mut impl Line, reads: bool) -> Poll<Step> {
        if self.dirty {
            match socket.poll_flush_unpin(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Step::Written),
                Poll::Ready(Err(_)) => return Poll::Ready(Step::Broken),
                Poll::Pending => {
                    self.stuck.get_or_insert_with(|| (Instant::now(), socket.written_bytes()));
                }
            }
        }
        if reads { socket.poll_next_unpin(cx).map(Step::Heard) } else { Poll::Pending }
    }

    /// Too much in a second, and it is not read from for a time.
    fn weigh(&mut self, message: &Message) {
        let limits = &self.seat.shared.limits;
        if limits.messages_per_second.is_some() || limits.bytes_per_second.is_some() {
            self.quiet_until = self.rate.take(Instant::now(), message.len());
            if self.quiet_until.is_some() {
                Counters::add(&self.seat.shared.counters.held_rate);
            }
        }
    }

    fn hear(&mut self, message: Message) {
        let Seat { shared, id, dialect, .. } = self.seat;
        let heard = match (&message, dialect) {
            (Message::Text(text), Dialect::Own) => {
                let asked = Asked::parse(text);
                shared.with(|core, now| core.ask_own(now, *id, text, &asked, random))
            }
            (Message::Binary(bytes), Dialect::Own) => shared.with(|core, now| core.ask_own_binary(now, *id, bytes)),
            (Message::Text(text), Dialect::First) => self.hear_first(text),
            (Message::Binary(bytes), Dialect::First) => self.hear_first(&String::from_utf8_lossy(bytes)),
            _ => Heard::Done,
        };
        if heard == Heard::Later {
            Counters::add(&shared.counters.held);
            self.held = Some(message);
        }
    }

    fn hear_first(&self, text: &str) -> Heard {
        let Seat { shared, id, .. } = self.seat;
        let command = Command::parse(text);
        shared.with(|core, now| core.ask_first(now, *id, text, &command, shared.secret.as_ref(), random))
    }

    /// When there is something to look at.
    fn next_timer(&self) -> Instant {
        let stuck = self.stuck.map(|(since, _)| since + self.seat.shared.limits.stall);
        [stuck, self.quiet_until].into_iter().flatten().fold(self.ping_at.min(self.idle_at), Instant::min)
    }

    /// Says whether the timer was set anew, and so is to be polled.
    fn set(&self, timer: Pin<&mut Sleep>) -> bool {
        let next = self.next_timer();
        let is_new = next < timer.deadline() || timer.is_elapsed();
        if is_new {
            timer.reset(next);
        }
        is_new
    }

    fn tick(&mut self, socket: &mut impl Line) -> Option<Close> {
        let limits = &self.seat.shared.limits;
        let now = Instant::now();
        if self.quiet_until.is_some_and(|until| until <= now) {
            self.quiet_until = None;
        }
        if let Some((since, before)) = self.stuck
            && now >= since + limits.stall
        {
            let written = socket.written_bytes();
            if written.saturating_sub(before) < limits.stall_bytes as u64 {
                return Some(Close::SlowConsumer);
            }
            self.stuck = Some((now, written));
        }
        if now >= self.idle_at {
            let since = self.seat.shared.with(|core, _| core.idle_since(self.seat.id));
            let since = since.map_or(now, |since| self.seat.shared.instant(since));
            if since + limits.idle <= now {
                return Some(Close::Idle);
            }
            self.idle_at = since + limits.idle;
        }
        if now >= self.ping_at {
            self.ping_at = now + limits.ping;
            // Who is not read from can't be heard to answer.
            if self.held.is_some() || self.quiet_until.is_some() {
                self.unanswered = None;
            } else if self.unanswered.is_some_and(|since| since + limits.pong <= now) {
                return Some(Close::Lost);
            }
            self.unanswered.get_or_insert(now);
            if socket.start_send_unpin(Message::Ping(Vec::new().into())).is_err() {
                return Some(Close::Theirs);
            }
            self.dirty = true;
        }
        None
    }
}

#[cfg(test)]
mod tests;
