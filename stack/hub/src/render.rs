//! How entries of the log look to a client and on a lane.

use bytes::{Bytes, BytesMut};
use nws_protocol::{
    ChannelKind, PeerId,
    client::{self, ErrorCode},
    limits::FRAME_OVERHEAD_BYTES,
    wire::{self, Kind},
    wsframe::{Opcode, put_header},
};

/// `{"action":"connect","source":"…26…","target":"…26…"}` and its longer brother take less than this.
const PRESENCE_FRAME_BYTES: usize = 128;

/// A text frame that tells `you` that `peer` is there or gone.
pub(crate) fn put_presence(dst: &mut BytesMut, you: &str, peer: PeerId, here: bool) {
    let mut text = BytesMut::with_capacity(PRESENCE_FRAME_BYTES);
    if here {
        client::put_connect(&mut text, you, &peer.text());
    } else {
        client::put_disconnect(&mut text, you, &peer.text());
    }
    put_header(dst, Opcode::Text, text.len());
    dst.extend_from_slice(&text);
}

/// A text frame around a JSON object that `write` appends.
pub(crate) fn text_frame(write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut text = BytesMut::new();
    write(&mut text);
    let mut frame = BytesMut::with_capacity(text.len() + 10);
    put_header(&mut frame, Opcode::Text, text.len());
    frame.extend_from_slice(&text);
    frame.freeze()
}

/// The head of every broadcast as `client::put_broadcast` writes it, up to the sender's id.
const HEAD: usize = r#"{"action":"broadcast","source":""#.len() + nws_protocol::ids::ID_TEXT_BYTES + 1;
/// What stands between the id and the data.
const DATA: usize = r#","data":"#.len();

/// The frames of a data lane that say the same as these WebSocket frames of one peer, which this
/// proxy itself has made.
pub(crate) fn lane_form(kind: ChannelKind, source: PeerId, frames: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(frames.len() + 16);
    let mut rest = frames;
    while let Some((opcode, payload, after)) = split_frame(rest) {
        rest = after;
        match (kind, opcode) {
            (ChannelKind::Network, _) => wire::put_broadcast(&mut out, source, Kind::Json, broadcast_data(payload)),
            (_, 1) => wire::put_broadcast(&mut out, source, Kind::Text, payload),
            (_, _) => wire::put_broadcast(&mut out, source, Kind::Binary, payload),
        }
    }
    out.freeze()
}

/// The data in a broadcast as `client::put_broadcast` wrote it; empty when there was none.
fn broadcast_data(payload: &[u8]) -> &[u8] {
    payload.get(HEAD + DATA..payload.len().saturating_sub(1)).unwrap_or_default()
}

/// Cuts one unmasked frame off: its opcode, its payload, and what follows.
fn split_frame(frames: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, length) = (*frames.first()?, *frames.get(1)?);
    let (head, length): (usize, usize) = match length {
        126 => (4, usize::from(u16::from_be_bytes(frames.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(frames.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let end = head.checked_add(length)?;
    Some((first & 0x0f, frames.get(head..end)?, frames.get(end..)?))
}

/// How many frames of a data lane are larger than this, their prefixes not counted.
pub(crate) fn count_large(form: &[u8], max_frame_bytes: usize) -> usize {
    if form.len() <= max_frame_bytes {
        0
    } else {
        lane_frames(form).filter(|(_, size)| *size > max_frame_bytes).count()
    }
}

/// Frames of a data lane without those that are larger than this.
pub(crate) fn without_large(form: Bytes, max_frame_bytes: usize) -> Bytes {
    if count_large(&form, max_frame_bytes) == 0 {
        return form;
    }
    let mut rest = BytesMut::new();
    for (frame, _) in lane_frames(&form).filter(|(_, size)| *size <= max_frame_bytes) {
        rest.extend_from_slice(frame);
    }
    rest.freeze()
}

/// The frames that [`lane_form`] made, each with its prefix, and its size without.
fn lane_frames(mut form: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    std::iter::from_fn(move || {
        let prefix = form.iter().position(|byte| byte & 0x80 == 0)? + 1;
        let size = form.iter().take(prefix).rev().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let (frame, rest) = form.split_at_checked(prefix.checked_add(size)?)?;
        form = rest;
        Some((frame, size))
    })
}

/// What a client is told who said something that another proxy does not take.
pub(crate) fn too_large(max_frame_bytes: usize, target: Option<&str>) -> Bytes {
    let most = max_frame_bytes.saturating_sub(FRAME_OVERHEAD_BYTES);
    let whom = if target.is_some() { "this peer is" } else { "some peers are" };
    let words = format!("{whom} behind a proxy that takes at most {most} bytes of data");
    text_frame(|text| client::put_error(text, ErrorCode::TooLarge, &words, target))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

    use super::*;
    use nws_protocol::wire::{Data, Payload};
    use tokio_util::codec::Decoder;

    fn decoded(mut wire: BytesMut) -> Vec<Data> {
        let mut codec = nws_protocol::frame::FrameCodec::new(1 << 20);
        std::iter::from_fn(|| codec.decode(&mut wire).unwrap().map(|frame| Data::decode(frame).unwrap())).collect()
    }

    #[test]
    fn a_broadcast_goes_to_the_lane_with_its_data_as_it_was() {
        let source = PeerId::from_bytes([9; 16]);
        let long = format!("\"{}\"", "x".repeat(70_000));
        let mut frames = BytesMut::new();
        let all = [Some(r#" {"a": [1, 2]}"#), None, Some("null"), Some(&long), Some("1")];
        for data in all {
            let mut text = BytesMut::new();
            client::put_broadcast(&mut text, &source.text(), data.map(str::as_bytes));
            put_header(&mut frames, Opcode::Text, text.len());
            frames.extend_from_slice(&text);
        }
        let lane = lane_form(ChannelKind::Network, source, &frames);
        let expected: Vec<Data> = all
            .iter()
            .map(|data| Data::Broadcast {
                source,
                payload: Payload::Json(Bytes::from(data.unwrap_or_default().to_owned())),
            })
            .collect();
        assert_eq!(decoded(lane.as_ref().into()), expected);
    }

    #[test]
    fn raw_frames_go_to_the_lane_by_their_opcode() {
        let source = PeerId::from_bytes([9; 16]);
        let mut frames = BytesMut::new();
        for (opcode, payload) in [(Opcode::Text, "text"), (Opcode::Binary, "\0\u{1}")] {
            put_header(&mut frames, opcode, payload.len());
            frames.extend_from_slice(payload.as_bytes());
        }
        let lane = lane_form(ChannelKind::Broadcast, source, &frames);
        let payloads = [Payload::Text(Bytes::from_static(b"text")), Payload::Binary(Bytes::from_static(b"\0\x01"))];
        let expected: Vec<Data> = payloads.into_iter().map(|payload| Data::Broadcast { source, payload }).collect();
        assert_eq!(decoded(lane.as_ref().into()), expected);
    }
}
