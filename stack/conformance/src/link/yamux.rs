//! yamux, version 0, in the few lines that a runner needs: a library hides what is to be checked here, and does not send
//! what is not allowed.
//!
//! What a stream brings is kept up to its window of 256 KiB; the window grows only as the check reads.

use super::{Closed, ReadEnd};
use bytes::{Bytes, BytesMut};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    net::TcpStream,
    sync::{Mutex as Turn, watch},
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsStream;

const WINDOW: u32 = 256 * 1024;
const CHUNK: usize = 16_372;
const MAX_BODY: u32 = 1024 * 1024;

const DATA: u8 = 0;
const UPDATE: u8 = 1;
const PING: u8 = 2;
const GO_AWAY: u8 = 3;

pub(crate) const SYN: u16 = 1;
pub(crate) const ACK: u16 = 2;
pub(crate) const FIN: u16 = 4;
pub(crate) const RST: u16 = 8;

/// One stream as the runner sees it.
#[derive(Debug)]
pub(crate) struct Stream {
    unread: BytesMut,
    /// Bytes that came and were read, for which the window was not opened again.
    read: u32,
    receive_window: u32,
    send_window: u32,
    pub(crate) acknowledged: bool,
    pub(crate) finished: bool,
    pub(crate) reset: bool,
}

impl Stream {
    fn new() -> Self {
        Self {
            unread: BytesMut::new(),
            read: 0,
            receive_window: WINDOW,
            send_window: WINDOW,
            acknowledged: false,
            finished: false,
            reset: false,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct State {
    streams: BTreeMap<u32, Stream>,
    opened_there: VecDeque<u32>,
    /// All that the other end ever opened, in order.
    pub(crate) all_opened_there: Vec<u32>,
    pub(crate) pongs: Vec<u32>,
    go_away: Option<u32>,
    closed: Option<String>,
    /// Rules of yamux that the other end broke.
    pub(crate) faults: Vec<String>,
}

/// One TLS connection with yamux in it.
pub(crate) struct Mux {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    writer: Turn<WriteHalf<TlsStream<TcpStream>>>,
    next_id: Mutex<u32>,
    client: bool,
    reader: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Mux {
    pub(crate) fn start(tls: TlsStream<TcpStream>, client: bool) -> Arc<Self> {
        let (read, write) = tokio::io::split(tls);
        let mux = Arc::new(Self {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            writer: Turn::new(write),
            next_id: Mutex::new(if client { 1 } else { 2 }),
            client,
            reader: Mutex::default(),
        });
        // Holds the connection as long as it lives; ended by `Drop` of the connection's owner.
        let task = tokio::spawn(Arc::clone(&mux).run(read)).abort_handle();
        *mux.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        mux
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits until something is so.
    pub(crate) async fn wait<T>(&self, within: Duration, mut wanted: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(found) = wanted(&mut self.state()) {
                return Some(found);
            }
            if !matches!(timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
                return wanted(&mut self.state());
            }
        }
    }

    /// Writes one frame, as it is.
    pub(crate) async fn frame(&self, kind: u8, flags: u16, id: u32, length: u32, body: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(12 + body.len());
        frame.extend([0, kind]);
        frame.extend(flags.to_be_bytes());
        frame.extend(id.to_be_bytes());
        frame.extend(length.to_be_bytes());
        frame.extend(body);
        let mut writer = self.writer.lock().await;
        writer.write_all(&frame).await?;
        writer.flush().await
    }

    pub(crate) async fn ping(&self, value: u32) -> io::Result<()> {
        self.frame(PING, SYN, 0, value, &[]).await
    }

    /// A body on any stream, against all rules.
    pub(crate) async fn body(&self, id: u32, body: &[u8]) -> io::Result<()> {
        self.frame(DATA, 0, id, u32::try_from(body.len()).unwrap_or(u32::MAX), body).await
    }

    /// Opens the next stream.
    pub(crate) async fn open(&self) -> io::Result<u32> {
        let id = {
            let mut next = self.next_id.lock().unwrap_or_else(PoisonError::into_inner);
            let id = *next;
            *next += 2;
            id
        };
        self.state().streams.insert(id, Stream::new());
        self.frame(UPDATE, SYN, id, 0, &[]).await?;
        Ok(id)
    }

    /// The next stream that the other end opened.
    pub(crate) async fn accept(&self, within: Duration) -> Option<u32> {
        self.wait(within, |state| {
            state.opened_there.pop_front().map(Some).or_else(|| state.closed.is_some().then_some(None))
        })
        .await
        .flatten()
    }

    /// Waits until a stream is so.
    async fn stream_is(&self, id: u32, within: Duration, so: fn(&Stream) -> bool) -> bool {
        self.wait(within, |state| state.streams.get(&id).is_some_and(so).then_some(())).await.is_some()
    }

    /// Waits until the other end has acknowledged a stream.
    pub(crate) async fn acknowledged(&self, id: u32, within: Duration) -> bool {
        self.stream_is(id, within, |stream| stream.acknowledged).await
    }

    /// Waits until the other end has ended its half of a stream.
    pub(crate) async fn ended(&self, id: u32, within: Duration) -> bool {
        self.stream_is(id, within, |stream| stream.finished || stream.reset).await
    }

    /// Waits until the other end resets a stream.
    pub(crate) async fn reset_of(&self, id: u32, within: Duration) -> bool {
        self.stream_is(id, within, |stream| stream.reset).await
    }

    /// Sends within the other end's window. `Err` when it wants no more, or is gone.
    pub(crate) async fn send(&self, id: u32, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            let most = bytes.len().min(CHUNK);
            let room = self
                .wait(Duration::from_secs(120), |state| {
                    if let Some(why) = &state.closed {
                        return Some(Err(why.clone()));
                    }
                    let Some(stream) = state.streams.get_mut(&id) else {
                        return Some(Err("no such stream".to_owned()));
                    };
                    if stream.reset {
                        return Some(Err("the stream was reset".to_owned()));
                    }
                    if stream.send_window == 0 {
                        return None;
                    }
                    let now = u32::try_from(most).unwrap_or(u32::MAX).min(stream.send_window);
                    stream.send_window -= now;
                    Some(Ok(now as usize))
                })
                .await
                .unwrap_or_else(|| Err("no room came".to_owned()))?;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            let length = u32::try_from(now.len()).unwrap_or(u32::MAX);
            self.frame(DATA, 0, id, length, now).await.map_err(|error| error.to_string())?;
            bytes = rest;
        }
        Ok(())
    }

    pub(crate) async fn flag(&self, id: u32, flags: u16) {
        // A connection that is gone needs no flag.
        let _ = self.frame(UPDATE, flags, id, 0, &[]).await;
    }

    /// The next bytes of a stream.
    pub(crate) async fn read(&self, id: u32, within: Duration) -> Result<Bytes, ReadEnd> {
        let found = self.wait(within, |state| {
            let closed = state.closed.clone();
            let Some(stream) = state.streams.get_mut(&id) else {
                return Some((Err(ReadEnd::Gone("no stream".into())), 0));
            };
            if !stream.unread.is_empty() {
                let bytes = stream.unread.split().freeze();
                stream.read += u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let mut update = 0;
                if stream.read >= WINDOW / 4 && !stream.finished && !stream.reset {
                    update = std::mem::take(&mut stream.read);
                    stream.receive_window += update;
                }
                return Some((Ok(bytes), update));
            }
            if stream.reset {
                return Some((Err(ReadEnd::Reset(0)), 0));
            }
            if stream.finished {
                return Some((Err(ReadEnd::Finished), 0));
            }
            closed.map(|why| (Err(ReadEnd::Gone(why)), 0))
        });
        let Some((read, update)) = found.await else { return Err(ReadEnd::Nothing) };
        if update > 0 {
            let _ = self.frame(UPDATE, 0, id, update, &[]).await;
        }
        read
    }

    /// Waits for the end of the connection.
    pub(crate) async fn closed(&self, within: Duration) -> Option<Closed> {
        self.wait(within, |state| state.closed.clone().map(|words| Closed { code: None, words })).await
    }

    /// GoAway and close_notify, in order.
    pub(crate) async fn close(&self) {
        let _ = self.frame(GO_AWAY, 0, 0, 0, &[]).await;
        let _ = self.writer.lock().await.shutdown().await;
    }

    /// Cuts the connection.
    pub(crate) fn abort(&self) {
        if let Some(task) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    async fn run(self: Arc<Self>, mut read: ReadHalf<TlsStream<TcpStream>>) {
        let end = self.read_all(&mut read).await;
        let words = end.err().map_or_else(|| "closed by the other end".to_owned(), |error| error.to_string());
        self.state().closed = Some(words);
        self.changed();
    }

    async fn read_all(&self, read: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        loop {
            let mut head = [0; 12];
            match read.read_exact(&mut head).await {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
            let [version, kind, f0, f1, i0, i1, i2, i3, l0, l1, l2, l3] = head;
            let flags = u16::from_be_bytes([f0, f1]);
            let id = u32::from_be_bytes([i0, i1, i2, i3]);
            let length = u32::from_be_bytes([l0, l1, l2, l3]);
            if version != 0 || kind > GO_AWAY {
                self.fault(format!("a yamux frame of version {version} and type {kind}"));
                return Ok(());
            }
            let mut body = Vec::new();
            if kind == DATA && length > 0 {
                if length > MAX_BODY {
                    self.fault(format!("a yamux data frame of {length} bytes"));
                    return Ok(());
                }
                body.resize(length as usize, 0);
                read.read_exact(&mut body).await?;
            }
            match kind {
                PING if flags & SYN != 0 => self.frame(PING, ACK, 0, length, &[]).await?,
                PING => self.state().pongs.push(length),
                GO_AWAY => self.state().go_away = Some(length),
                _ => self.stream_frame(kind, flags, id, length, &body).await?,
            }
            self.changed();
        }
    }

    fn fault(&self, words: String) {
        self.state().faults.push(words);
    }

    async fn stream_frame(&self, kind: u8, flags: u16, id: u32, length: u32, body: &[u8]) -> io::Result<()> {
        if flags & SYN != 0 {
            let theirs = (id % 2 == 1) != self.client && id != 0;
            if !theirs || self.state().streams.contains_key(&id) {
                self.fault(format!("a stream was opened with the id {id}"));
                return Ok(());
            }
            self.opened(id);
            self.frame(UPDATE, ACK, id, 0, &[]).await?;
        }
        self.keep(kind, flags, id, length, body);
        Ok(())
    }

    fn opened(&self, id: u32) {
        let mut state = self.state();
        state.streams.insert(id, Stream { acknowledged: true, ..Stream::new() });
        state.opened_there.push_back(id);
        state.all_opened_there.push(id);
    }

    fn keep(&self, kind: u8, flags: u16, id: u32, length: u32, body: &[u8]) {
        let mut state = self.state();
        let State { streams, faults, .. } = &mut *state;
        let Some(stream) = streams.get_mut(&id) else {
            faults.push(format!("a frame for stream {id}, which is not there"));
            return;
        };
        if kind == UPDATE {
            stream.send_window = stream.send_window.saturating_add(length);
        } else {
            if length > stream.receive_window {
                faults.push(format!("stream {id} brought more than its window"));
            }
            stream.receive_window = stream.receive_window.saturating_sub(length);
            stream.unread.extend_from_slice(body);
        }
        stream.acknowledged |= flags & ACK != 0;
        stream.finished |= flags & FIN != 0;
        stream.reset |= flags & RST != 0;
    }
}

impl std::fmt::Debug for Mux {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mux").field("client", &self.client).finish_non_exhaustive()
    }
}
