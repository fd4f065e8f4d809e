//! A relay played by hand: the test says what it says, and looks at what it hears.

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use nws_protocol::relay::{Asked, Event, FromRelay, Request, SUBPROTOCOL, Welcome, binary_head, split_binary};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request as Upgrade, Response},
    },
};

/// Nothing here takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const WINDOW: u64 = 64 * 1024;

/// Where it listens.
pub(crate) struct ByHand {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl ByHand {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// The next party, welcomed.
    pub(crate) async fn party(&self) -> Party<TcpStream> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        Party::on(stream).await
    }
}

/// A party at the relay.
pub(crate) struct Party<S>(WebSocketStream<S>);

/// What a party said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(u64, Bytes),
    Closed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Party<S> {
    pub(crate) async fn on(stream: S) -> Self {
        Self::with_window(stream, WINDOW).await
    }

    /// With other credit than usual.
    pub(crate) async fn with_window(stream: S, window: u64) -> Self {
        #[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the shape that is asked for")]
        let choose = |_: &Upgrade, mut answer: Response| {
            answer.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
            Ok(answer)
        };
        let mut party = Self(accept_hdr_async(stream, choose).await.unwrap());
        let welcome = Welcome { window, message_bytes: 1 << 20, grace_ms: 30_000 };
        party.say(&FromRelay::Event(Event::Welcome(welcome))).await;
        party
    }

    pub(crate) async fn say(&mut self, message: &FromRelay<'_>) {
        let mut text = BytesMut::new();
        message.put(&mut text);
        self.text(std::str::from_utf8(&text).unwrap()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn binary(&mut self, channel: u64, payload: &[u8]) {
        let frame = [&binary_head(channel)[..], payload].concat();
        self.0.send(Message::binary(frame)).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Said {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("nothing was said") {
                Some(Ok(Message::Text(text))) => return Said::Text(text.to_string()),
                Some(Ok(Message::Binary(bytes))) => {
                    let (channel, payload) = split_binary(bytes).unwrap();
                    return Said::Binary(channel, payload);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Said::Closed,
            }
        }
    }

    /// The next request, which must be one; its id and what it is.
    pub(crate) async fn request<T>(&mut self, wanted: impl FnOnce(Request<'_>) -> Option<T>) -> (Option<u64>, T) {
        let said = self.hear().await;
        let Said::Text(text) = &said else { panic!("{said:?}") };
        let Asked { id, request } = Asked::parse(text).unwrap();
        (id, wanted(request).unwrap_or_else(|| panic!("{text}")))
    }

    /// Data of the channel until so many bytes have come; `consumed` on the way is passed over.
    pub(crate) async fn data(&mut self, channel: u64, bytes: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < bytes {
            match self.hear().await {
                Said::Binary(of, payload) => {
                    assert_eq!(of, channel);
                    all.extend(payload);
                }
                Said::Text(text) => assert!(text.contains("consumed"), "{text}"),
                Said::Closed => panic!("closed"),
            }
        }
        all
    }

    /// Answers `register` as server 3.
    pub(crate) async fn registers(&mut self) {
        let (id, ()) = self.request(|request| (request == Request::Register).then_some(())).await;
        let id = id.unwrap();
        self.text(&format!(r#"{{"type":"registered","id":{id},"server":3,"credential":"55"}}"#)).await;
    }

    /// A client asks for a port, and is taken.
    pub(crate) async fn asks(&mut self, channel: u64, port: u16) {
        self.wants(channel, port).await;
        let (id, accepted) = self.request(|request| channel_of(&request)).await;
        assert_eq!(accepted, channel);
        self.text(&format!(r#"{{"type":"done","id":{}}}"#, id.unwrap())).await;
    }

    pub(crate) async fn wants(&mut self, channel: u64, port: u16) {
        let event = Event::Connected { channel, server: 3, port, address: "::1".into() };
        self.say(&FromRelay::Event(event)).await;
    }
}

fn channel_of(request: &Request<'_>) -> Option<u64> {
    if let Request::Accept { channel } = request { Some(*channel) } else { None }
}
