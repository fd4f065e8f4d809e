//! A WebSocket client that is cheap enough to move gigabytes: it writes ready-made frames and reads a stream of the server's. It
//! checks nothing of RFC 6455 that it doesn't need; that is what the other clients are for.

use serde_json::Value;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, tcp},
    time::timeout,
};

/// Nothing takes this long unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The half that talks.
#[derive(Debug)]
pub struct Talker {
    write: tcp::OwnedWriteHalf,
}

/// The half that listens.
#[derive(Debug)]
pub struct Listener {
    read: BufReader<tcp::OwnedReadHalf>,
}

/// Joins a channel of the proxy on this port of loopback.
///
/// # Panics
/// If it isn't let in.
pub async fn join(port: u16, path: &str) -> (Talker, Listener) {
    let socket = TcpSocket::new_v4().unwrap_or_else(|error| panic!("no socket: {error}"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = timeout(DEADLINE, socket.connect(address)).await.ok().and_then(Result::ok);
    let stream = stream.unwrap_or_else(|| panic!("nobody listens on {address}"));
    stream.set_nodelay(true).unwrap_or_else(|error| panic!("{error}"));
    let (read, write) = stream.into_split();
    let (mut talker, mut listener) = (Talker { write }, Listener { read: BufReader::with_capacity(1 << 18, read) });
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    talker.raw(request.as_bytes()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(listener.read.read_u8().await.unwrap_or_else(|error| panic!("refused: {error}")));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "refused: {}", String::from_utf8_lossy(&head));
    (talker, listener)
}

/// A client's frame with a mask of zero, so that the payload travels as it is.
#[must_use]
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => frame.push(0x80 | short),
        (_, Ok(medium)) => {
            frame.push(0xfe);
            frame.extend(medium.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

impl Talker {
    /// Writes bytes as they are.
    ///
    /// # Panics
    /// If the proxy has closed the connection.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.try_raw(bytes).await.unwrap_or_else(|error| panic!("cannot send: {error}"));
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn try_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write.write_all(bytes).await
    }

    /// Sends a text frame.
    ///
    /// # Panics
    /// If the proxy has closed the connection.
    pub async fn text(&mut self, text: &str) {
        self.raw(&frame(0x81, text.as_bytes())).await;
    }

    /// Broadcasts numbered messages of `bytes` of data each. Held back for as long as it takes.
    ///
    /// # Panics
    /// If the proxy has closed the connection.
    pub async fn flood(&mut self, numbers: std::ops::Range<u64>, bytes: usize) {
        let filling = "x".repeat(bytes);
        for number in numbers {
            self.text(&format!(r#"{{"action":"broadcast","data":"{number:016}{filling}"}}"#)).await;
        }
    }
}

impl Listener {
    /// The next frame: its opcode and payload.
    ///
    /// # Errors
    /// The end of the stream, as `UnexpectedEof`, or what the socket says; `TimedOut` after [`DEADLINE`].
    pub async fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        timeout(DEADLINE, async {
            let first = self.read.read_u8().await?;
            let length = match self.read.read_u8().await? {
                126 => u64::from(self.read.read_u16().await?),
                127 => self.read.read_u64().await?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            self.read.read_exact(&mut payload).await?;
            Ok((first & 0x0f, payload))
        })
        .await?
    }

    /// The next JSON message.
    ///
    /// # Panics
    /// If the connection ends, or what comes is not JSON.
    pub async fn told(&mut self) -> Value {
        loop {
            let (opcode, payload) = self.frame().await.unwrap_or_else(|error| panic!("nothing more is told: {error}"));
            match opcode {
                1 => return serde_json::from_slice(&payload).unwrap_or_else(|error| panic!("not JSON: {error}")),
                8 => panic!("closed: {}", String::from_utf8_lossy(&payload)),
                _ => {}
            }
        }
    }

    /// Waits for a message with this action.
    ///
    /// # Panics
    /// As [`told`](Self::told).
    pub async fn told_action(&mut self, action: &str) -> Value {
        loop {
            let told = self.told().await;
            if told.get("action").and_then(Value::as_str) == Some(action) {
                return told;
            }
        }
    }

    /// Reads the messages of [`Talker::flood`], in order and whole; how many bytes of data that were.
    ///
    /// # Panics
    /// If one is missing, cut, doubled or out of order.
    pub async fn hear_flood(&mut self, numbers: std::ops::Range<u64>, bytes: usize) -> u64 {
        const DATA: &[u8] = br#","data":""#;
        let mut total = 0;
        for number in numbers {
            let payload = loop {
                let (_, payload) = self.frame().await.unwrap_or_else(|error| panic!("{number} is missing: {error}"));
                if payload.starts_with(br#"{"action":"broadcast""#) {
                    break payload;
                }
            };
            let data = payload.windows(DATA.len()).take(200).position(|window| window == DATA);
            let data = data.and_then(|at| payload.get(at + DATA.len()..)).unwrap_or_default();
            assert!(data.starts_with(format!("{number:016}").as_bytes()), "{number} was due");
            assert_eq!(data.len(), 16 + bytes + 2, "{number} is cut");
            total += data.len() as u64 - 2;
        }
        total
    }
}
