//! Incoming data lanes: the first frame, and then reading into the hub.
//!
//! A lane is read at the hub's pace; what is not read holds the far sender back by the lane's own flow control.

use crate::{activity::Activity, over::Over};
use bytes::BytesMut;
use nws_hub::{LaneFault, LaneIn};
use nws_protocol::{
    ChannelId, LinkCode,
    frame::FrameCodec,
    limits::{MAX_UNMATCHED_LANE_BYTES, UNMATCHED_LANE_TIMEOUT},
    wire::Data,
};
use nws_transports::{Link, RecvLane};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::AsyncReadExt,
    sync::mpsc,
    task::coop::consume_budget,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{codec::Decoder, sync::CancellationToken};

/// Open is under 16 bytes; more is no Open.
const MAX_OPEN_FRAME_BYTES: usize = 64;

/// Least and most bytes read at once. A lane that brings little keeps a small buffer.
const LEAST_READ_BYTES: usize = 4 * 1024;
const MOST_READ_BYTES: usize = 64 * 1024;

// All that is read of a lane before its channel is matched: the first frame, and what came with it.
const _: () = assert!(MAX_OPEN_FRAME_BYTES + 2 * LEAST_READ_BYTES <= MAX_UNMATCHED_LANE_BYTES);

/// A lane that has said which channel it is for.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) channel: ChannelId,
    pub(crate) lane: RecvLane,
    /// What was read beyond the first frame.
    pub(crate) buffer: BytesMut,
}

/// Accepts lanes one after the other, so that they are attached in the order in which they were opened.
/// A full queue leaves the rest to the transport, which holds the opener back.
pub(crate) async fn accept(link: Arc<dyn Link>, activity: Arc<Activity>, opened: mpsc::Sender<Opened>) -> Over {
    loop {
        let mut lane = match link.accept().await {
            Ok(lane) => lane,
            Err(error) => return Over::of_link(error),
        };
        let mut buffer = BytesMut::new();
        match timeout(UNMATCHED_LANE_TIMEOUT, first_frame(&mut lane, &mut buffer, &activity)).await {
            Ok(Ok(Some(channel))) => {
                if opened.send(Opened { channel, lane, buffer }).await.is_err() {
                    return std::future::pending().await;
                }
            }
            // Given up before it began: nothing was promised.
            Ok(Ok(None)) => {}
            Ok(Err(over)) => return over,
            Err(_) => lane.stop(LinkCode::Unmatched),
        }
    }
}

async fn first_frame(
    lane: &mut RecvLane,
    buffer: &mut BytesMut,
    activity: &Activity,
) -> Result<Option<ChannelId>, Over> {
    let mut codec = FrameCodec::new(MAX_OPEN_FRAME_BYTES);
    loop {
        if let Some(frame) = codec.decode(buffer).map_err(Over::of_frame)? {
            return match Data::decode(frame) {
                Ok(Data::Open(channel)) => Ok(Some(channel)),
                Ok(_) => Err(Over::Ours(LinkCode::Malformed, "the first message of a lane was no Open".into())),
                Err(error) => Err(Over::of_wire(&error)),
            };
        }
        buffer.reserve(LEAST_READ_BYTES);
        match lane.read_buf(buffer).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => activity.heard(),
        }
    }
}

/// How a lane that was read came to its end.
#[derive(Debug)]
pub(crate) enum InEnd {
    /// The other end gave it up.
    GivenUp,
    /// It was stopped: the channel is closed here, or the other end has left it and says no more.
    Stopped,
    /// Its end was read. If it had peers, a lane that goes on with them is on its way: to be dropped when that one must
    /// have begun. (A proxy that leaves a channel takes its peers out of it before it ends the lane.)
    Finished(LaneIn),
    /// The other end broke the rules: the link is to be closed.
    Fault(Over),
}

/// When the other end is known to have left the channel for good, and how long its lane may rest then. Much may be under way still
/// when it goes; so its lane is stopped when nothing comes any more, not when it has gone.
#[derive(Debug)]
pub(crate) struct LastWords {
    pub(crate) left: CancellationToken,
    pub(crate) patience: Duration,
}

impl LastWords {
    /// It has left, and nothing came for so long. Our own slowness does not count: while nothing is read, nothing is waited for.
    async fn is_over(&self, waits_since: Instant) {
        self.left.cancelled().await;
        sleep_until(waits_since + self.patience).await;
    }
}

/// Reads a lane into the hub until it ends, or until its [`LastWords`] is over.
pub(crate) async fn read(
    opened: Opened,
    mut lane_in: LaneIn,
    max_frame_bytes: usize,
    activity: Arc<Activity>,
    last_words: LastWords,
) -> InEnd {
    let Opened { mut lane, mut buffer, .. } = opened;
    let end = pump(&mut lane, &mut buffer, &mut lane_in, max_frame_bytes, &activity, &last_words).await;
    match end {
        Ok(End::Finished) => {
            lane_in.hand_over();
            InEnd::Finished(lane_in)
        }
        Ok(End::GivenUp) => InEnd::GivenUp,
        Ok(End::Closed) => {
            lane.stop(LinkCode::None);
            InEnd::Stopped
        }
        Err(over) => {
            if let Over::Ours(code, _) = &over {
                lane.stop(*code);
            }
            InEnd::Fault(over)
        }
    }
}

enum End {
    /// All bytes came.
    Finished,
    /// The other end, or the link, broke it off.
    GivenUp,
    /// Nobody here wants more.
    Closed,
}

async fn pump(
    lane: &mut RecvLane,
    buffer: &mut BytesMut,
    lane_in: &mut LaneIn,
    max_frame_bytes: usize,
    activity: &Activity,
    last_words: &LastWords,
) -> Result<End, Over> {
    let mut codec = FrameCodec::new(max_frame_bytes);
    let mut batch = Vec::new();
    let mut step = LEAST_READ_BYTES;
    lane_in.begin().await;
    loop {
        while let Some(frame) = codec.decode(buffer).map_err(Over::of_frame)? {
            batch.push(Data::decode(frame).map_err(|error| Over::of_wire(&error))?);
        }
        if !batch.is_empty() {
            match lane_in.deliver(&mut batch).await {
                Ok(()) => activity.moved(),
                Err(LaneFault::Closed) => return Ok(End::Closed),
                Err(fault) => return Err(Over::Ours(fault.code(), fault.to_string().into())),
            }
            batch.clear();
        }
        // No transport's lane counts against the task's budget, and one that always has more would keep its thread from others.
        consume_budget().await;
        let read = match next_bytes(lane, buffer, step, lane_in, last_words).await {
            Next::Bytes(read) => read,
            Next::Closed => return Ok(End::Closed),
            // Why the lane broke does not matter here; a broken link is noticed by the session.
            Next::Failed => return Ok(End::GivenUp),
        };
        if read == 0 {
            // An end within a frame is a lane that was given up, where the transport can't tell.
            return Ok(if buffer.is_empty() { End::Finished } else { End::GivenUp });
        }
        activity.heard();
        activity.moved();
        step = if read >= step { (step * 4).min(MOST_READ_BYTES) } else { step };
        if read < LEAST_READ_BYTES / 4 && step > LEAST_READ_BYTES {
            step = LEAST_READ_BYTES;
        }
    }
}

enum Next {
    Bytes(usize),
    Closed,
    Failed,
}

async fn next_bytes(
    lane: &mut RecvLane,
    buffer: &mut BytesMut,
    step: usize,
    lane_in: &LaneIn,
    last_words: &LastWords,
) -> Next {
    if buffer.is_empty() && buffer.capacity() < step {
        *buffer = BytesMut::with_capacity(step);
    } else {
        buffer.reserve(step);
    }
    tokio::select! {
        biased;
        read = lane.read_buf(buffer) => match read {
            Ok(read) => Next::Bytes(read),
            Err(_) => Next::Failed,
        },
        () = lane_in.closed() => Next::Closed,
        () = last_words.is_over(Instant::now()) => Next::Closed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
    use super::*;
    use nws_hub::{Channels, HubLimits, LinkId};
    use nws_protocol::{ChannelKey, ChannelKind, ChannelName, InstanceId};
    use nws_transports::LaneReader;
    use rand_core::OsRng;
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };
    use tokio::io::{AsyncRead, ReadBuf};

    /// Always has one more frame of a list that has no end, and nobody in it.
    #[derive(Debug)]
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let mut frame = BytesMut::new();
            Data::Members { peers: Vec::new(), more: true }.encode(&mut frame);
            buf.put_slice(&frame);
            Poll::Ready(Ok(()))
        }
    }

    impl LaneReader for Endless {
        fn stop(&mut self, _: LinkCode) {}
    }

    #[tokio::test]
    async fn a_lane_that_never_pauses_lets_others_have_their_turn() {
        let channels = Channels::new(HubLimits::default());
        let mut watch = channels.watch();
        let key = ChannelKey { kind: ChannelKind::Network, name: ChannelName::new("chat").unwrap() };
        let _seat = channels.join(key, &mut OsRng).unwrap();
        let hub = watch.changed().await.remove(0).hub.unwrap();
        let opened =
            Opened { channel: ChannelId::from_bytes([1; 8]), lane: Box::new(Endless), buffer: BytesMut::new() };
        let lane_in = hub.lane_in(InstanceId::from_bytes([9; 16]), LinkId(1));
        let last_words = LastWords { left: CancellationToken::new(), patience: Duration::from_secs(5) };
        let reading = read(opened, lane_in, 1024, Arc::new(Activity::new()), last_words);
        tokio::select! {
            biased;
            end = reading => panic!("it ended: {end:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
}
