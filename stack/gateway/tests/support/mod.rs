//! A gateway on a port of its own, and a client that sends and reads plain bytes.
#![allow(dead_code, reason = "each test takes what it needs")]

use nws_gateway::{Gateway, GatewaySettings, Listeners};
use nws_hub::{Channels, HubLimits};
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message},
};
use tokio_util::sync::CancellationToken;

/// The lines of a good handshake, with the example key of RFC 6455.
pub(crate) const KEY_LINES: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Waits for what must happen.
pub(crate) async fn deadline<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("nothing happened in 60 s")
}

/// A running gateway.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(settings: GatewaySettings, limits: HubLimits) -> Self {
        Self::start_with(settings, limits, |gateway| gateway).await
    }

    /// With a gateway that serves more than channels.
    pub(crate) async fn start_with(
        settings: GatewaySettings,
        limits: HubLimits,
        more: impl FnOnce(Gateway) -> Gateway,
    ) -> Self {
        let listeners = Listeners::bind(0).await.unwrap();
        let (port, addresses) = (listeners.port(), listeners.addresses());
        let channels = Channels::new(limits);
        let shutdown = CancellationToken::new();
        let gateway = more(Gateway::new(listeners, Arc::clone(&channels), settings));
        let task = tokio::spawn(gateway.run(shutdown.clone()));
        Self { port, addresses, channels, shutdown, task }
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw::new(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap())
    }

    /// A client that is in the channel.
    pub(crate) async fn client(&self, path: &str) -> Raw {
        let mut raw = self.connect().await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{KEY_LINES}\r\n", self.port)).await;
        assert_eq!(raw.answer(false).await.0, 101);
        raw
    }

    pub(crate) async fn wait_for_clients(&self, clients: usize) {
        deadline(async {
            while self.channels.clients() != clients {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Asks with these request lines after the Host, and gives the answer's status, head and body.
pub(crate) async fn ask(proxy: &Proxy, first: &str, lines: &str) -> (u16, String, String) {
    let (status, head, body) = ask_bytes(proxy, first, lines).await;
    (status, head, String::from_utf8(body).unwrap())
}

/// The same for what is not text.
pub(crate) async fn ask_bytes(proxy: &Proxy, first: &str, lines: &str) -> (u16, String, Vec<u8>) {
    let mut raw = proxy.connect().await;
    raw.send(format!("{first} HTTP/1.1\r\nHost: localhost:{}\r\n{lines}\r\n", proxy.port)).await;
    raw.answer_bytes(first.starts_with("HEAD")).await
}

/// The header lines in lower-case names and sorted, as their order and case mean nothing.
pub(crate) fn header_set(head: &str) -> Vec<String> {
    let lines = head.lines().skip(1).filter(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        format!("{}: {value}", name.to_lowercase())
    });
    let mut lines: Vec<String> = lines.filter(|line| !line.starts_with("date: ")).collect();
    lines.sort();
    lines
}

/// The value of a header that comes once.
pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    let prefix = format!("{name}: ");
    let mut found = header_set(head).into_iter().filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned));
    let first = found.next();
    assert!(found.next().is_none(), "{name} comes twice: {head}");
    first
}

/// Plain bytes to and from the gateway.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Writes as much as the gateway takes; that it may close before all is read is no fault.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(deadline(self.stream.write_all(bytes.as_ref())).await);
    }

    /// Reads until so many bytes are there; false at the end of the stream.
    async fn fill(&mut self, bytes: usize) -> bool {
        while self.read.len() < bytes {
            if deadline(self.stream.read_buf(&mut self.read)).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    }

    /// Status, head and body of an HTTP answer, the body as text.
    pub(crate) async fn answer(&mut self, headless: bool) -> (u16, String, String) {
        let (status, head, body) = self.answer_bytes(headless).await;
        (status, head, String::from_utf8(body).unwrap())
    }

    /// Status, head and body of an HTTP answer.
    pub(crate) async fn answer_bytes(&mut self, headless: bool) -> (u16, String, Vec<u8>) {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let more = self.read.len() + 1;
            assert!(self.fill(more).await, "no answer: {:?}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let length = if headless { 0 } else { length.unwrap_or(0) };
        assert!(self.fill(length).await, "the body is cut");
        let body = self.read.drain(..length).collect();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head, body)
    }

    /// The first byte and the payload of the next frame.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        assert!(self.fill(2).await, "the stream ended");
        let (header, length) = match self.read[1] {
            126 => {
                assert!(self.fill(4).await);
                (4, usize::from(u16::from_be_bytes([self.read[2], self.read[3]])))
            }
            127 => {
                assert!(self.fill(10).await);
                (10, usize::try_from(u64::from_be_bytes(self.read[2..10].try_into().unwrap())).unwrap())
            }
            short => (2, usize::from(short)),
        };
        assert!(self.fill(header + length).await, "the frame is cut");
        let frame: Vec<u8> = self.read.drain(..header + length).collect();
        (frame[0], frame[header..].to_vec())
    }

    pub(crate) async fn text(&mut self) -> String {
        let (first, payload) = self.frame().await;
        assert_eq!(first, 0x81, "{:?}", String::from_utf8_lossy(&payload));
        String::from_utf8(payload).unwrap()
    }

    /// Waits for the end of the stream, of whatever kind.
    pub(crate) async fn end(&mut self) {
        assert!(!self.fill(self.read.len() + 1).await, "more came: {:?}", String::from_utf8_lossy(&self.read));
    }
}

/// A masked text frame of a client.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let key = [1, 2, 3, 4];
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
        medium => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(text.bytes().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

type Foreign = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The next message at the foreign client.
pub(crate) async fn next(client: &mut Foreign) -> Message {
    deadline(futures::StreamExt::next(client)).await.unwrap().unwrap()
}

/// Sends a message from the foreign client.
pub(crate) async fn send(client: &mut Foreign, message: Message) {
    let sent: Result<(), Error> = deadline(futures::SinkExt::send(client, message)).await;
    sent.unwrap();
}
