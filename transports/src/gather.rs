//! Joins the slices of a vectored write where a stream takes only one.

use std::io::IoSlice;

/// Room for up to `N` bytes, kept between writes.
#[derive(Debug, Default)]
pub(crate) struct Gather<const N: usize> {
    room: Vec<u8>,
}

impl<const N: usize> Gather<N> {
    pub(crate) const fn new() -> Self {
        Self { room: Vec::new() }
    }

    /// The first slices in one piece: the first one as it is when it alone has `N` bytes, otherwise up to
    /// `N` bytes of all.
    pub(crate) fn join<'a>(&'a mut self, bufs: &'a [IoSlice<'_>]) -> &'a [u8] {
        let mut filled = bufs.iter().filter(|buf| !buf.is_empty());
        let Some(first) = filled.next() else { return &[] };
        let Some(second) = filled.next() else { return first };
        if first.len() >= N {
            return first;
        }
        self.room.clear();
        for buf in [first, second].into_iter().chain(filled) {
            let fits = buf.len().min(N - self.room.len());
            self.room.extend_from_slice(buf.get(..fits).unwrap_or_default());
            if fits < buf.len() {
                break;
            }
        }
        &self.room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_joined_in_order_up_to_the_limit() {
        let mut gather = Gather::<8>::new();
        assert_eq!(gather.join(&[]), b"");
        assert_eq!(gather.join(&[IoSlice::new(b""), IoSlice::new(b"one")]), b"one");
        assert_eq!(gather.join(&[IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")]), b"onetwo");
        assert_eq!(gather.join(&[IoSlice::new(b"12345"), IoSlice::new(b"678"), IoSlice::new(b"9")]), b"12345678");
        assert_eq!(gather.join(&[IoSlice::new(b"12345"), IoSlice::new(b"6789")]), b"12345678");
        assert_eq!(gather.join(&[IoSlice::new(b"123456789"), IoSlice::new(b"0")]), b"123456789");
    }
}
