//! One TCP connection and one channel: what is read goes to the end that owns the channel, within the credit; what is
//! delivered is written, and told when it was. Knows nothing of the relay.
//!
//! Unless all is done, the end of the TCP connection is a reset, whatever ends it: what is cut off must not look complete.

use bytes::{BufMut, Bytes, BytesMut};
use futures::FutureExt;
use nws_protocol::relay::{ITEM_COST, binary_head, item_cost};
use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::pin,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

/// Bytes of one read at first, and at most: while reads fill what they get, they get twice as much. The most is half of the
/// usual credit, so that more than one is under way; with 32 or 64 KiB it takes more CPU, measured with tests/benches/tunnel.
const FIRST_READ_BYTES: usize = 4 * 1024;
const MOST_READ_BYTES: usize = 128 * 1024;

/// Pieces written with one call, at most.
const MOST_SLICES: usize = 32;

/// Names a pump; never given twice.
pub(crate) type PumpId = u64;

/// What goes to a program.
#[derive(Debug)]
pub(crate) enum ToPump {
    /// Write this.
    Data(Bytes),
    /// Then nothing more.
    End,
    /// The channel is over: everything before was all.
    Complete,
}

/// What comes from a program.
#[derive(Debug)]
pub(crate) struct FromPump {
    /// The pump that says it: a relay that was started anew gives the numbers of channels again.
    pub(crate) pump: PumpId,
    pub(crate) channel: u64,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The target answered, or not.
    Dialled(Result<(), String>),
    /// A frame with the channel before what was read.
    Data(Bytes),
    /// The program sends nothing more.
    Finish,
    /// Items of this cost were written.
    Taken(u64),
    /// The connection broke.
    Reset(String),
}

/// The owner's hold of a pump.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) id: PumpId,
    /// Bounded by the credit of the channel: who sends more is cut off before it comes here.
    pub(crate) inbox: mpsc::UnboundedSender<ToPump>,
    /// What the cost of all that is read may reach.
    pub(crate) limit: watch::Sender<u64>,
    /// Nothing more is read.
    pub(crate) quiet: CancellationToken,
    /// Breaks the connection off.
    pub(crate) reset: CancellationToken,
}

/// A pump that does not run yet.
#[derive(Debug)]
pub(crate) struct Pump {
    most_read_bytes: usize,
    inbox: mpsc::UnboundedReceiver<ToPump>,
    limit: watch::Receiver<u64>,
    quiet: CancellationToken,
    reset: CancellationToken,
    owner: Owner,
}

/// Whom a pump tells.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) pump: PumpId,
    pub(crate) channel: u64,
    pub(crate) events: mpsc::Sender<FromPump>,
}

impl Owner {
    /// Whether there still is one.
    async fn tell(&self, what: What) -> bool {
        self.events.send(FromPump { pump: self.pump, channel: self.channel, what }).await.is_ok()
    }
}

impl Pump {
    /// With this credit; no read is larger than what fits into a message of the relay. `reset` breaks it off.
    pub(crate) fn new(owner: Owner, limit: u64, message_bytes: u64, reset: CancellationToken) -> (Self, Handle) {
        let (inbox, receiver) = mpsc::unbounded_channel();
        let (sender, limit) = watch::channel(limit);
        let quiet = CancellationToken::new();
        let handle = Handle { id: owner.pump, inbox, limit: sender, quiet: quiet.clone(), reset: reset.clone() };
        let fits =
            usize::try_from(message_bytes).unwrap_or(usize::MAX).saturating_sub(binary_head(owner.channel).len());
        let most_read_bytes = fits.clamp(1, MOST_READ_BYTES);
        (Self { most_read_bytes, inbox: receiver, limit, quiet, reset, owner }, handle)
    }

    /// Dials the target, then pumps. The owner is told whether it answered.
    pub(crate) async fn dial(self, target: String, patience: Duration) {
        let dialled = tokio::select! {
            dialled = tokio::time::timeout(patience, TcpStream::connect(&target)) => dialled,
            () = self.reset.cancelled() => return,
        };
        let (stream, answer) = match dialled {
            Ok(Ok(stream)) => (Some(stream), Ok(())),
            Ok(Err(error)) => (None, Err(format!("the target cannot be reached: {error}"))),
            Err(_) => (None, Err("the target did not answer in time".to_owned())),
        };
        if let Some(stream) = &stream {
            break_off(stream);
        }
        // If nobody listens any more, everything ends.
        let _ = self.owner.tell(What::Dialled(answer)).await;
        if let Some(stream) = stream {
            self.run(stream).await;
        }
    }

    /// Pumps until both directions are done, the channel is over, or the connection breaks.
    pub(crate) async fn run(self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        break_off(&stream);
        let Self { most_read_bytes, inbox, limit, quiet, reset, owner } = self;
        // Halves that don't end their direction when they are dropped.
        let (read, write) = stream.split();
        let mut reading = Reading { most_read_bytes, limit, owner: owner.clone(), read, read_bytes: FIRST_READ_BYTES };
        let mut writing = Writing { inbox, owner: owner.clone(), write };
        let both = async {
            let reading = async {
                // Dropped when it is over, with the place in the queue that it may wait for.
                tokio::select! {
                    biased;
                    () = quiet.cancelled() => Ok(()),
                    result = reading.run() => result,
                }
            };
            let (mut reading, mut writing) = (pin!(reading), pin!(writing.run()));
            let (mut read, mut written) = (false, false);
            while !(read && written) {
                tokio::select! {
                    result = &mut reading, if !read => { result?; read = true; }
                    result = &mut writing, if !written => match result? {
                        Written::End => written = true,
                        Written::Over => break,
                    }
                }
            }
            Ok::<_, io::Error>(())
        };
        let result = tokio::select! {
            biased;
            () = reset.cancelled() => Err(None),
            result = both => result.map_err(Some),
        };
        match result {
            Ok(()) => end_in_good_order(&stream),
            Err(Some(error)) => {
                drop(stream);
                let _ = owner.tell(What::Reset(format!("the connection broke: {error}"))).await;
            }
            Err(None) => {}
        }
    }
}

/// Makes the end of a connection a reset, even if this program is killed.
pub(crate) fn break_off(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Takes that back: what was written is still delivered.
fn end_in_good_order(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(None);
}

struct Reading<'a> {
    most_read_bytes: usize,
    limit: watch::Receiver<u64>,
    owner: Owner,
    read: ReadHalf<'a>,
    read_bytes: usize,
}

impl Reading<'_> {
    /// Reads to the end. Called once; it may be dropped at any await, with all else.
    async fn run(&mut self) -> io::Result<()> {
        let head = binary_head(self.owner.channel);
        let mut sent: u64 = 0;
        let mut buffer = BytesMut::new();
        loop {
            let limit = *self.limit.borrow_and_update();
            if sent >= limit {
                if self.limit.changed().await.is_err() {
                    return std::future::pending().await;
                }
                continue;
            }
            // Without a buffer, as most connections are silent most of the time.
            self.read.readable().await?;
            let credit = usize::try_from(limit.saturating_sub(sent).saturating_sub(ITEM_COST)).unwrap_or(usize::MAX);
            let wanted = self.read_bytes.min(self.most_read_bytes);
            let room = wanted.min(credit.max(1));
            // Small reads share a buffer, so that what is kept of them is not much larger than they are.
            if buffer.capacity() < head.len().saturating_add(room.min(FIRST_READ_BYTES)) {
                buffer = BytesMut::with_capacity(head.len().saturating_add(wanted));
            }
            let room = room.min(buffer.capacity().saturating_sub(head.len()));
            buffer.put_slice(&head);
            // Polled once: unlike a mere attempt, that notes when a read has emptied the socket, and spares the next one.
            let Some(read) = self.read.read_buf(&mut (&mut buffer).limit(room)).now_or_never() else {
                buffer.truncate(0);
                // It may have been refused as this task has had its turn, which the socket's readiness does not know of:
                // without this, the others would never have theirs.
                tokio::task::consume_budget().await;
                continue;
            };
            let read = read?;
            let what = if read == 0 { What::Finish } else { What::Data(buffer.split().freeze()) };
            sent = sent.saturating_add(item_cost(read));
            if !self.owner.tell(what).await {
                return std::future::pending().await;
            }
            if read == 0 {
                return Ok(());
            }
            if read == room {
                self.read_bytes = wanted.saturating_mul(2).min(MOST_READ_BYTES);
            } else if read < room / 4 {
                self.read_bytes = (wanted / 2).max(FIRST_READ_BYTES);
            }
        }
    }
}

enum Written {
    End,
    Over,
}

struct Writing<'a> {
    inbox: mpsc::UnboundedReceiver<ToPump>,
    owner: Owner,
    write: WriteHalf<'a>,
}

impl Writing<'_> {
    async fn run(&mut self) -> io::Result<Written> {
        let mut batch = VecDeque::new();
        let mut next = self.inbox.recv().await;
        loop {
            let mut cost: u64 = 0;
            while let Some(ToPump::Data(data)) = next {
                cost = cost.saturating_add(item_cost(data.len()));
                if !data.is_empty() {
                    batch.push_back(data);
                }
                next = if batch.len() < MOST_SLICES { self.inbox.try_recv().ok() } else { None };
            }
            if cost > 0 {
                self.write_all(&mut batch).await?;
                let _ = self.owner.tell(What::Taken(cost)).await;
            }
            match next.take() {
                Some(ToPump::End) => {
                    self.write.shutdown().await?;
                    let _ = self.owner.tell(What::Taken(ITEM_COST)).await;
                    return Ok(Written::End);
                }
                Some(ToPump::Complete) => {
                    let _ = self.write.shutdown().await;
                    return Ok(Written::Over);
                }
                _ => match self.inbox.recv().await {
                    // Nobody says any more whether this was all.
                    None => return Err(io::ErrorKind::ConnectionAborted.into()),
                    message => next = message,
                },
            }
        }
    }

    async fn write_all(&mut self, batch: &mut VecDeque<Bytes>) -> io::Result<()> {
        while !batch.is_empty() {
            let slices: Vec<_> = batch.iter().map(|data| IoSlice::new(data)).collect();
            let mut written = self.write.write_vectored(&slices).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            while let Some(first) = batch.front_mut() {
                if written < first.len() {
                    bytes::Buf::advance(first, written);
                    break;
                }
                written = written.saturating_sub(first.len());
                batch.pop_front();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
