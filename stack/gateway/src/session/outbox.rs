//! What is on its way to one client: whole frames, the first of them perhaps half written.

use bytes::{Buf, Bytes};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::AsyncWrite;

/// Pieces in one vectored write. More gain nothing measurable.
const MAX_SLICES: usize = 64;

/// Frames in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Parts, each of whole frames; written from the front by counting `next` up.
    parts: Vec<Bytes>,
    /// The part that is written now.
    next: usize,
    /// Whether some of that part is written.
    inside: bool,
    /// The answer to the latest ping, to be written at the next border; an earlier one not yet written
    /// is dropped, as RFC 6455 section 5.5.3 allows.
    pong: Option<Bytes>,
    broken: bool,
    /// The last write found no room.
    is_full: bool,
    /// There was room again since.
    had_room: bool,
}

impl Outbox {
    /// Whether there is nothing to write.
    pub(crate) const fn is_empty(&self) -> bool {
        self.next >= self.parts.len() && self.pong.is_none()
    }

    /// Where the channel puts new parts, when the outbox is empty.
    pub(crate) fn parts(&mut self) -> &mut Vec<Bytes> {
        self.parts.clear();
        self.next = 0;
        &mut self.parts
    }

    /// New parts were put.
    pub(crate) const fn refilled(&mut self) {
        self.inside = false;
    }

    /// Whether writing failed.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether, since it was asked last, the stream took something after it had no room: its reader reads.
    pub(crate) const fn found_room_again(&mut self) -> bool {
        std::mem::replace(&mut self.had_room, false)
    }

    /// Writing has no sense any more; drops all there is.
    pub(crate) fn break_off(&mut self) {
        *self = Self { broken: true, ..Self::default() };
    }

    /// Puts the answer to a ping at the next border between parts.
    pub(crate) fn put_pong(&mut self, pong: Bytes) {
        self.pong = Some(pong);
    }

    /// Puts a control frame at the next border between parts.
    pub(crate) fn put_control(&mut self, frame: Bytes) {
        self.place_pong();
        self.insert(frame);
    }

    /// Puts last words behind all that is in hand.
    pub(crate) fn extend(&mut self, parts: impl IntoIterator<Item = Bytes>) {
        self.place_pong();
        self.parts.extend(parts);
    }

    fn insert(&mut self, frame: Bytes) {
        if self.next >= self.parts.len() {
            self.parts.clear();
            self.next = 0;
            self.inside = false;
        }
        let border = (self.next + usize::from(self.inside)).min(self.parts.len());
        self.parts.insert(border, frame);
    }

    fn place_pong(&mut self) {
        if let Some(pong) = self.pong.take() {
            self.insert(pong);
        }
    }

    /// Writes once; says how many bytes.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if !self.inside {
            self.place_pong();
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(self.parts.iter().skip(self.next)) {
            *slice = IoSlice::new(part);
            count += 1;
        }
        let slices = slices.get(..count).unwrap_or_default();
        let result = Pin::new(stream).poll_write_vectored(cx, slices);
        let was_full = std::mem::replace(&mut self.is_full, result.is_pending());
        self.had_room |= was_full && result.is_ready();
        let written = match ready!(result) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            result => result,
        };
        self.broken |= written.is_err();
        let written = written?;
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    fn advance(&mut self, mut bytes: usize) {
        while bytes > 0 {
            let Some(part) = self.parts.get_mut(self.next) else { return };
            if bytes < part.len() {
                part.advance(bytes);
                self.inside = true;
                return;
            }
            bytes -= part.len();
            *part = Bytes::new();
            self.next += 1;
            self.inside = false;
        }
    }

    /// Gives memory back that a burst took.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() && self.parts.capacity() > 8 {
            self.parts = Vec::new();
            self.next = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use std::task::Waker;

    /// Takes so many bytes a write.
    struct Sink {
        step: usize,
        got: Vec<u8>,
    }

    impl AsyncWrite for Sink {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let step = bytes.len().min(self.step);
            self.got.extend(bytes.iter().take(step));
            Poll::Ready(Ok(step))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn write_once(outbox: &mut Outbox, sink: &mut Sink) {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(outbox.poll_write(sink, &mut cx).is_ready());
    }

    #[test]
    fn control_frames_go_between_parts_never_into_one() {
        for step in 1..12 {
            let (mut outbox, mut sink) = (Outbox::default(), Sink { step, got: Vec::new() });
            outbox.parts().extend([Bytes::from_static(b"aaaa"), Bytes::from_static(b"bbbb")]);
            outbox.refilled();
            write_once(&mut outbox, &mut sink);
            outbox.put_control(Bytes::from_static(b"<ping>"));
            outbox.put_pong(Bytes::from_static(b"<old pong>"));
            outbox.put_pong(Bytes::from_static(b"<pong>"));
            while !outbox.is_empty() {
                write_once(&mut outbox, &mut sink);
            }
            let text = String::from_utf8(sink.got).unwrap();
            let mut rest = text.as_str();
            let mut parts = Vec::new();
            while let Some(part) = ["aaaa", "bbbb", "<ping>", "<pong>"].into_iter().find(|part| rest.starts_with(part))
            {
                parts.push(part);
                rest = &rest[part.len()..];
            }
            assert_eq!(rest, "", "by {step}: {text}");
            parts.retain(|part| !part.starts_with('<'));
            assert_eq!(parts, ["aaaa", "bbbb"], "by {step}: {text}");
            assert_eq!(text.len(), "aaaabbbb<ping><pong>".len(), "by {step}: {text}");
        }
    }

    #[test]
    fn close_is_the_last_word() {
        let (mut outbox, mut sink) = (Outbox::default(), Sink { step: 3, got: Vec::new() });
        outbox.parts().push(Bytes::from_static(b"aaaa"));
        outbox.refilled();
        outbox.put_pong(Bytes::from_static(b"<pong>"));
        outbox.extend([Bytes::from_static(b"\x88\x00")]);
        while !outbox.is_empty() {
            write_once(&mut outbox, &mut sink);
        }
        assert_eq!(sink.got, b"<pong>aaaa\x88\x00");
    }

    #[test]
    fn an_empty_outbox_takes_new_parts_after_a_lone_pong() {
        let (mut outbox, mut sink) = (Outbox::default(), Sink { step: 100, got: Vec::new() });
        outbox.put_pong(Bytes::from_static(b"<pong>"));
        write_once(&mut outbox, &mut sink);
        assert!(outbox.is_empty());
        outbox.parts().push(Bytes::from_static(b"a"));
        outbox.refilled();
        write_once(&mut outbox, &mut sink);
        assert_eq!(sink.got, b"<pong>a");
    }
}
