//! Outgoing data lanes: takes what the hub has for another proxy and writes it.
//!
//! All that is ready goes out in as few writes as the transport allows, and is flushed as soon as nothing
//! more is ready: one small message never waits for company.

use crate::activity::Activity;
use bytes::{Buf, Bytes, BytesMut};
use nws_hub::LaneOut;
use nws_protocol::{ChannelId, LinkCode, wire::Data};
use nws_transports::{Link, SendLane};
use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    task::coop::consume_budget,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Pieces of one vectored write.
const PIECES: usize = 64;

/// Pieces up to this size are copied together where the transport has no vectored writes; larger ones are written as
/// they are. A guess: about what a TLS record holds.
const SMALL_BYTES: usize = 16 * 1024;

/// Bytes copied together for one write.
const GATHER_BYTES: usize = 64 * 1024;

/// How a lane that was fed came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutEnd {
    /// All was written, and the lane finished.
    Finished,
    /// The other end wants no more, or the link is gone.
    Stopped,
    /// The other end has left the channel for good.
    Left,
    /// It made no progress for too long: the link is to be closed.
    Stalled,
}

/// A lane's place among those that are opened one after the other for one channel, held by whoever decides. The other end attaches
/// them in the order in which they begin.
#[derive(Debug)]
pub(crate) struct Turn {
    begun: CancellationToken,
    hurry: CancellationToken,
    _over: DropGuard,
}

/// What a lane waits for before it is opened. What is said meanwhile waits in the hub.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Until the lane that was opened before has begun.
    pub(crate) before: Option<CancellationToken>,
    /// Until something was heard, or `patience` is over.
    pub(crate) heard: CancellationToken,
    pub(crate) patience: Duration,
    /// So long in any case, unless it is told to hurry.
    pub(crate) rest: Duration,
}

/// When a lane is to be opened.
#[derive(Debug)]
pub(crate) struct Cue {
    wait: Wait,
    hurry: CancellationToken,
    over: CancellationToken,
    /// Cancelled with the first bytes, or when there will be none.
    begun: DropGuard,
}

impl Turn {
    /// The turn, and the cue that it gives.
    pub(crate) fn after(wait: Wait) -> (Self, Cue) {
        let (begun, hurry, over) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let cue = Cue { wait, hurry: hurry.clone(), over: over.clone(), begun: begun.clone().drop_guard() };
        (Self { begun, hurry, _over: over.drop_guard() }, cue)
    }

    /// Cancelled when the lane has begun, or will not.
    pub(crate) fn begun(&self) -> CancellationToken {
        self.begun.clone()
    }

    /// Nobody here will say more: what was said to somebody there must not be lost.
    pub(crate) fn hurry(self) {
        self.hurry.cancel();
    }
}

impl Cue {
    /// Whether to open the lane. When the turn is dropped first it is not opened at all: another lane will have a list of its own,
    /// and nobody waits for this one.
    async fn comes(&self) -> bool {
        let Wait { before, heard, patience, rest } = &self.wait;
        let rested = Instant::now() + *rest;
        let waited = async {
            let _ = timeout(*patience, heard.cancelled()).await;
            if !rest.is_zero() {
                sleep_until(rested).await;
            }
        };
        // When nothing was heard nobody there was seen here, and nobody was spoken to.
        let hurried = async {
            heard.cancelled().await;
            self.hurry.cancelled().await;
        };
        tokio::select! {
            biased;
            () = waited => {}
            () = hurried => {}
            () = self.over.cancelled() => return false,
        }
        if let Some(before) = before {
            before.cancelled().await;
        }
        true
    }
}

/// Opens a lane when its `cue` comes, and feeds it until it ends. When `left` is cancelled, nobody waits for more of it.
pub(crate) async fn feed(
    link: Arc<dyn Link>,
    channel: ChannelId,
    mut out: LaneOut,
    cue: Cue,
    stall: Duration,
    activity: Arc<Activity>,
    left: CancellationToken,
) -> OutEnd {
    let opened = tokio::select! {
        biased;
        () = left.cancelled() => return OutEnd::Left,
        opened = async { if cue.comes().await { Some(link.open().await) } else { None } } => opened,
        _ = poll_fn(|cx| out.poll_stalled(cx)) => return OutEnd::Stalled,
    };
    let mut lane = match opened {
        None => return OutEnd::Finished,
        Some(Err(_)) => return OutEnd::Stopped,
        Some(Ok(lane)) => lane,
    };
    let end = tokio::select! {
        biased;
        () = left.cancelled() => OutEnd::Left,
        end = pump(&mut lane, channel, &mut out, cue.begun, stall, &activity) => end,
    };
    match end {
        OutEnd::Left => lane.reset(LinkCode::None),
        OutEnd::Stalled => lane.reset(LinkCode::Stalled),
        OutEnd::Finished | OutEnd::Stopped => {}
    }
    end
}

async fn pump(
    lane: &mut SendLane,
    channel: ChannelId,
    out: &mut LaneOut,
    begun: DropGuard,
    stall: Duration,
    activity: &Activity,
) -> OutEnd {
    let mut open = BytesMut::new();
    Data::Open(channel).encode(&mut open);
    let mut open = Some(open.freeze());
    let mut begun = Some(begun);
    let mut scratch = BytesMut::new();
    let mut flushed = true;
    loop {
        let next = poll_fn(|cx| poll_next(lane, out, &mut flushed, cx)).await;
        let parts = match next {
            Next::Parts(parts) => parts,
            Next::Finish => break,
            Next::Stalled => return OutEnd::Stalled,
            Next::Failed => return OutEnd::Stopped,
        };
        let mut parts: VecDeque<Bytes> = parts.into();
        if let Some(open) = open.take() {
            parts.push_front(open);
        }
        flushed = false;
        loop {
            let written = match unless_stalled(out, stall, write_some(lane, &mut parts, &mut scratch)).await {
                Some(Ok(written)) => written,
                Some(Err(_)) => return OutEnd::Stopped,
                None => return OutEnd::Stalled,
            };
            activity.moved();
            drop(begun.take());
            // No transport's lane counts against the task's budget, and one that always takes more would keep its thread from others.
            consume_budget().await;
            if parts.is_empty() && scratch.is_empty() {
                break;
            }
            out.advance(written);
        }
        if scratch.capacity() > GATHER_BYTES + SMALL_BYTES {
            scratch = BytesMut::new();
        }
    }
    match unless_stalled(out, stall, lane.shutdown()).await {
        Some(Ok(())) => OutEnd::Finished,
        Some(Err(_)) => OutEnd::Stopped,
        None => OutEnd::Stalled,
    }
}

/// Waits for the transport, until it has taken too long or the hub gave the lane up.
async fn unless_stalled<T>(out: &LaneOut, stall: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = timeout(stall, work) => done.ok(),
        _ = poll_fn(|cx| out.poll_stalled(cx)) => None,
    }
}

enum Next {
    Parts(Vec<Bytes>),
    Finish,
    Stalled,
    Failed,
}

/// What the hub has next; while it has nothing, what was written is flushed, and the reader may want no more.
fn poll_next(lane: &mut SendLane, out: &mut LaneOut, flushed: &mut bool, cx: &mut Context<'_>) -> Poll<Next> {
    match out.poll_next(cx) {
        Poll::Ready(Ok(Some(parts))) => return Poll::Ready(Next::Parts(parts)),
        Poll::Ready(Ok(None)) => return Poll::Ready(Next::Finish),
        Poll::Ready(Err(_)) => return Poll::Ready(Next::Stalled),
        Poll::Pending => {}
    }
    if !*flushed {
        match Pin::new(&mut *lane).poll_flush(cx) {
            Poll::Ready(Ok(())) => *flushed = true,
            Poll::Ready(Err(_)) => return Poll::Ready(Next::Failed),
            Poll::Pending => {}
        }
    }
    // A lane that was stopped is opened again, whether or not there is something to say on it: it has a list.
    lane.poll_stopped(cx).map(|()| Next::Failed)
}

/// One write of as much as may go in one. What is in `scratch` goes before `parts`. Cancel safe.
async fn write_some(lane: &mut SendLane, parts: &mut VecDeque<Bytes>, scratch: &mut BytesMut) -> io::Result<usize> {
    if lane.is_write_vectored() {
        let written = poll_fn(|cx| poll_write_parts(lane, parts, cx)).await?;
        return some(skip(parts, written));
    }
    gather(parts, scratch);
    if !scratch.is_empty() {
        let written = lane.write(scratch).await?;
        scratch.advance(written);
        return some(written);
    }
    let Some(part) = parts.front_mut() else { return Ok(0) };
    let written = lane.write(part).await?;
    part.advance(written);
    if part.is_empty() {
        parts.pop_front();
    }
    some(written)
}

fn some(written: usize) -> io::Result<usize> {
    if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) }
}

fn poll_write_parts(lane: &mut SendLane, parts: &VecDeque<Bytes>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let mut count = 0;
    for (slice, part) in slices.iter_mut().zip(parts) {
        *slice = IoSlice::new(part);
        count += 1;
    }
    Pin::new(lane).poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
}

/// Moves small parts from the head of the queue into the buffer. A part that goes alone stays as it is.
fn gather(parts: &mut VecDeque<Bytes>, scratch: &mut BytesMut) {
    let small = |part: &Bytes| part.len() <= SMALL_BYTES;
    let company = parts.get(1).is_some_and(small) || !scratch.is_empty();
    while let Some(part) = parts.front().filter(|part| small(part))
        && company
        && scratch.len() < GATHER_BYTES
    {
        scratch.extend_from_slice(part);
        parts.pop_front();
    }
}

/// Takes written bytes off the queue.
fn skip(parts: &mut VecDeque<Bytes>, written: usize) -> usize {
    let mut left = written;
    while let Some(part) = parts.front_mut() {
        if part.len() > left {
            part.advance(left);
            break;
        }
        left -= part.len();
        parts.pop_front();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sizes: &[usize]) -> VecDeque<Bytes> {
        sizes.iter().map(|size| Bytes::from(vec![1; *size])).collect()
    }

    #[test]
    fn small_parts_are_gathered_and_large_or_lonely_ones_are_not() {
        let mut scratch = BytesMut::new();
        let mut queue = parts(&[10, 20, 100_000, 30]);
        gather(&mut queue, &mut scratch);
        assert_eq!((scratch.len(), queue.len()), (30, 2));

        let mut scratch = BytesMut::new();
        let mut queue = parts(&[10]);
        gather(&mut queue, &mut scratch);
        assert_eq!((scratch.len(), queue.len()), (0, 1));

        let mut queue = parts(&[SMALL_BYTES; 10]);
        gather(&mut queue, &mut scratch);
        assert_eq!(scratch.len(), GATHER_BYTES);
    }

    #[test]
    fn written_bytes_are_skipped_across_parts() {
        let mut queue = parts(&[10, 20, 30]);
        skip(&mut queue, 10);
        assert_eq!(queue, parts(&[20, 30]));
        skip(&mut queue, 25);
        assert_eq!(queue, parts(&[25]));
        skip(&mut queue, 25);
        assert!(queue.is_empty());
    }
}
