#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

//! Streams of clients, and what the reader makes of them. Each is read whole and byte by byte.

mod foreign;
mod memory;
mod sections;

use super::{Incoming, Reader};
use nws_protocol::ClientClose;
use std::ops::ControlFlow;

const LIMIT: usize = 1 << 20;
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

const CONT: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING_OP: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    Fault(ClientClose),
}

impl From<Incoming<'_>> for Got {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_owned()),
            Incoming::Binary(data) => Self::Binary(data.to_vec()),
            Incoming::Ping(data) => Self::Ping(data.to_vec()),
            Incoming::Pong(data) => Self::Pong(data.to_vec()),
            Incoming::Close(code) => Self::Close(code),
        }
    }
}

/// A frame of a client; `first` is the first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_with(first, payload, KEY)
}

fn frame_with(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Feeds the stream in these pieces.
fn read_pieces<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Got> {
    let mut reader = Reader::new(limit);
    let mut got = Vec::new();
    for piece in pieces {
        let mut scratch = piece.to_vec();
        let fed = reader.feed(&mut scratch, &mut |incoming| {
            got.push(Got::from(incoming));
            ControlFlow::Continue(())
        });
        match fed {
            Ok(used) => assert_eq!(used, piece.len()),
            Err(close) => got.push(Got::Fault(close)),
        }
    }
    got
}

/// Feeds the stream whole and byte by byte, which must come to the same.
fn read(stream: &[u8]) -> Vec<Got> {
    read_limited(LIMIT, stream)
}

fn read_limited(limit: usize, stream: &[u8]) -> Vec<Got> {
    let whole = read_pieces(limit, [stream]);
    assert_eq!(whole, read_pieces(limit, stream.chunks(1)), "byte by byte");
    whole
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

/// What the stream ends with must be a fault with this code, and nothing follows it.
fn code_of(got: &[Got]) -> Option<u16> {
    match got.last() {
        Some(Got::Fault(close)) => Some(close.code()),
        _ => None,
    }
}
