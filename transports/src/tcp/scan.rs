//! Reads the headers of yamux frames as they pass, beside the library, which tells its user neither how a
//! stream ended nor how much it holds.
//! <https://github.com/hashicorp/yamux/blob/master/spec.md>

/// A frame's header in bytes.
const HEADER_BYTES: usize = 12;

pub(super) const SYN: u16 = 1;
pub(super) const ACK: u16 = 2;
pub(super) const FIN: u16 = 4;
pub(super) const RST: u16 = 8;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    WindowUpdate,
    Ping,
    GoAway,
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) flags: u16,
    pub(super) stream: u32,
    /// Of data the bytes that follow; otherwise a number whose meaning depends on the kind.
    pub(super) length: u32,
}

/// Bytes that begin no frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotYamux;

/// Follows one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Scan {
    header: [u8; HEADER_BYTES],
    filled: usize,
    body_left: usize,
}

impl Scan {
    /// Whether a new frame begins with the next byte.
    pub(super) const fn at_border(&self) -> bool {
        self.filled == 0 && self.body_left == 0
    }

    /// Takes the next bytes and hands out every header that becomes whole.
    pub(super) fn feed<E: From<NotYamux>>(
        &mut self,
        mut bytes: &[u8],
        mut on: impl FnMut(Header) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            if self.body_left > 0 {
                let skip = self.body_left.min(bytes.len());
                self.body_left -= skip;
                bytes = bytes.get(skip..).unwrap_or_default();
                continue;
            }
            let take = (HEADER_BYTES - self.filled).min(bytes.len());
            let (now, later) = bytes.split_at(take);
            if let Some(place) = self.header.get_mut(self.filled..self.filled + take) {
                place.copy_from_slice(now);
            }
            self.filled += take;
            bytes = later;
            if self.filled == HEADER_BYTES {
                self.filled = 0;
                let header = parse(self.header)?;
                if header.kind == Kind::Data {
                    self.body_left = header.length as usize;
                }
                on(header)?;
            }
        }
        Ok(())
    }
}

const fn parse(raw: [u8; HEADER_BYTES]) -> Result<Header, NotYamux> {
    let [version, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3] = raw;
    let kind = match (version, kind) {
        (0, 0) => Kind::Data,
        (0, 1) => Kind::WindowUpdate,
        (0, 2) => Kind::Ping,
        (0, 3) => Kind::GoAway,
        _ => return Err(NotYamux),
    };
    Ok(Header {
        kind,
        flags: u16::from_be_bytes([f0, f1]),
        stream: u32::from_be_bytes([s0, s1, s2, s3]),
        length: u32::from_be_bytes([l0, l1, l2, l3]),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
    use super::*;

    const DATA: &[u8] = &[0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff];
    const PING: &[u8] = &[0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];

    #[test]
    fn headers_are_found_however_the_bytes_are_cut() {
        let stream = [DATA, PING, DATA].concat();
        for cut in 1..stream.len() {
            let mut scan = Scan::default();
            let mut found = Vec::new();
            for part in stream.chunks(cut) {
                scan.feed(part, |header| {
                    found.push((header.kind, header.flags, header.stream, header.length));
                    Ok::<_, NotYamux>(())
                })
                .unwrap();
            }
            let data = (Kind::Data, SYN | FIN, 3, 4);
            assert_eq!(found, [data, (Kind::Ping, SYN, 0, 9), data], "cut every {cut}");
            assert!(scan.at_border());
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for junk in [&[1u8; 12][..], &[0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], b"GET / HTTP/1"] {
            assert_eq!(Scan::default().feed(junk, |_| Ok::<_, NotYamux>(())), Err(NotYamux));
        }
    }
}
