//! A gateway on a port of its own, clients of another library, and connections of which a test writes the bytes itself.

use futures::{SinkExt, StreamExt};
use nws_gateway::{Gateway, GatewaySettings, Listeners, SessionSettings};
use nws_hub::{Channels, HubLimits};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Nothing that is waited for takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) channels: Arc<Channels>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(limits: HubLimits, session: SessionSettings) -> Self {
        let listeners = Listeners::bind(0).await.unwrap();
        let (port, channels, shutdown) = (listeners.port(), Channels::new(limits), CancellationToken::new());
        let settings = GatewaySettings { session, ..GatewaySettings::default() };
        let gateway = Gateway::new(listeners, Arc::clone(&channels), settings);
        let task = tokio::spawn(gateway.run(shutdown.clone()));
        Self { port, channels, shutdown, task }
    }

    pub(crate) async fn default() -> Self {
        Self::start(HubLimits::default(), SessionSettings::default()).await
    }

    pub(crate) async fn client(&self, channel: &str) -> Client {
        let url = format!("ws://127.0.0.1:{}/{channel}", self.port);
        let (socket, _) = timeout(DEADLINE, tokio_tungstenite::connect_async(url)).await.unwrap().unwrap();
        Client { socket }
    }

    /// A connection of which the test reads and writes the bytes itself.
    pub(crate) async fn raw(&self, channel: &str, receive_buffer_bytes: u32) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(receive_buffer_bytes).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], self.port).into()).await.unwrap();
        let request = format!(
            "GET /{channel} HTTP/1.1\r\nHost: localhost:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.port
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        stream
    }
}

pub(crate) struct Client {
    pub(crate) socket: Socket,
}

impl Client {
    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        timeout(DEADLINE, self.socket.send(Message::text(text.into()))).await.unwrap().unwrap();
    }

    pub(crate) async fn frame(&mut self) -> Message {
        timeout(DEADLINE, self.socket.next()).await.unwrap().unwrap().unwrap()
    }

    pub(crate) async fn told(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.frame().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(close) = self.frame().await {
                return close.map_or((1005, String::new()), |close| (close.code.into(), close.reason.to_string()));
            }
        }
    }

    pub(crate) async fn id(&mut self) -> String {
        self.send(r#"{"action":"status"}"#).await;
        loop {
            let told = self.told().await;
            if told["action"] == "status" {
                assert_eq!(told["source"], told["target"]);
                return told["source"].as_str().unwrap().to_owned();
            }
        }
    }
}

pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        n if n < 126 => frame.push(0x80 | n as u8),
        n if n < 65536 => {
            frame.push(0xfe);
            frame.extend((n as u16).to_be_bytes());
        }
        n => {
            frame.push(0xff);
            frame.extend((n as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
