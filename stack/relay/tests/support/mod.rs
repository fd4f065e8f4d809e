//! A relay on a port of its own, and parties of either dialect that wait for what must come.
#![allow(dead_code, reason = "not every test file needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use nws_listen::testing::{self, Answer};
use nws_protocol::relay::{Asked, Request, SUBPROTOCOL, Text, binary_head};
use nws_relay::{Builder, Figures, Handle, Limits, Relay, Secret};
use serde_json::Value;
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

/// Of the recording.
pub(crate) const SECRET: &str = "7b495b71-ebe3-4428-942e-18827846ce6c";

/// Waits for what must happen. Longer than all that the relay waits for, so that it may be on a paused clock too.
pub(crate) async fn deadline<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(1000), future).await.expect("nothing happened in 1000 s")
}

/// A running relay.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn limited(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::with(|builder| builder.limits(limits)).await
    }

    pub(crate) async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let builder = Relay::builder().secret(Secret::new(SECRET).unwrap()).listener(listener);
        let relay = change(builder).bind().unwrap();
        let (address, handle, shutdown) = (relay.local_addr(), relay.handle(), CancellationToken::new());
        let task = tokio::spawn(relay.run(shutdown.clone()));
        Self { address, handle, shutdown, task }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What a refused or accepted upgrade gets.
    pub(crate) async fn upgrade(&self, path: &str, protocols: &[&'static str]) -> Result<(Peer, Answer), Answer> {
        let (socket, answer) = deadline(testing::upgrade(self.address, path, protocols)).await?;
        Ok((Peer { socket, next_id: 0 }, answer))
    }

    /// A party of the first dialect.
    pub(crate) async fn first(&self) -> Peer {
        self.upgrade("/", &[]).await.unwrap_or_else(|answer| panic!("{}", answer.status())).0
    }

    /// A party of `nws-relay-1`, which has read its welcome.
    pub(crate) async fn own(&self) -> Peer {
        let (mut peer, _) =
            self.upgrade("/", &[SUBPROTOCOL]).await.unwrap_or_else(|answer| panic!("{}", answer.status()));
        assert_eq!(peer.event().await["type"], "welcome");
        peer
    }

    /// A party that is a server, with its id and credential.
    pub(crate) async fn server(&self) -> (Peer, u64, String) {
        let mut peer = self.own().await;
        let (server, credential) = peer.register().await;
        (peer, server, credential)
    }

    /// A server and a client with an open channel.
    pub(crate) async fn pair(&self) -> (Peer, Peer, u64) {
        let (mut server, id, _) = self.server().await;
        let mut client = self.own().await;
        let channel = open(&mut client, &mut server, id).await;
        (server, client, channel)
    }

    /// Waits until the figures are like this. Not by tokio's clock, which may be paused.
    pub(crate) async fn until(&self, like: impl Fn(&Figures) -> bool) {
        testing::until(|| self.handle.figures(), like).await;
    }

    /// On a paused clock: steps time until the figures are like this.
    pub(crate) async fn step_until(&self, like: impl Fn(&Figures) -> bool) {
        testing::step_until(Duration::from_millis(10), || self.handle.figures(), like).await;
    }

    /// Sends these bytes and reads until the relay closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        deadline(testing::raw(self.address, bytes)).await
    }
}

/// Opens a channel to port 80.
pub(crate) async fn open(client: &mut Peer, server: &mut Peer, id: u64) -> u64 {
    let request = client.ask(Request::Connect { server: id, port: 80 }).await;
    let asked = server.event().await;
    assert_eq!((&asked["type"], &asked["port"]), (&"connected".into(), &80.into()), "{asked}");
    let channel = asked["channel"].as_u64().unwrap();
    server.tell(Request::Accept { channel }).await;
    let answer = client.event().await;
    assert_eq!(answer, serde_json::json!({"type": "connected", "id": request, "channel": channel}));
    channel
}

/// A WebSocket that nobody here wrote.
pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) next_id: u64,
}

impl Peer {
    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        deadline(self.socket.send(Message::text(text.into()))).await.unwrap();
    }

    /// Sends a request with an id, and gives the id.
    pub(crate) async fn ask(&mut self, request: Request<'_>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.put(Some(id), request).await;
        id
    }

    /// Sends a request without an id.
    pub(crate) async fn tell(&mut self, request: Request<'_>) {
        self.put(None, request).await;
    }

    async fn put(&mut self, id: Option<u64>, request: Request<'_>) {
        let mut text = BytesMut::new();
        Asked { id, request }.put(&mut text);
        self.send(String::from_utf8(text.to_vec()).unwrap()).await;
    }

    pub(crate) async fn data(&mut self, channel: u64, text: &str) {
        self.tell(Request::Data { channel, data: Text::new(text) }).await;
    }

    pub(crate) async fn binary(&mut self, channel: u64, data: &[u8]) {
        let frame: Bytes = [&binary_head(channel)[..], data].concat().into();
        deadline(self.socket.send(Message::Binary(frame))).await.unwrap();
    }

    pub(crate) async fn register(&mut self) -> (u64, String) {
        let id = self.ask(Request::Register).await;
        let answer = self.event().await;
        assert_eq!((&answer["type"], &answer["id"]), (&"registered".into(), &id.into()), "{answer}");
        (answer["server"].as_u64().unwrap(), answer["credential"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match deadline(self.socket.next()).await.expect("the end").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?} is no text"),
        }
    }

    /// The next text, as JSON.
    pub(crate) async fn event(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The next text must be this JSON.
    pub(crate) async fn expect(&mut self, expected: Value) {
        assert_eq!(self.event().await, expected);
    }

    /// The next text must be an error with this code; about a channel, or not.
    pub(crate) async fn expect_error(&mut self, id: Option<u64>, code: &str, channel: Option<u64>) -> String {
        let event = self.event().await;
        assert_eq!(event["type"], "error", "{event}");
        assert_eq!(event.get("id").and_then(Value::as_u64), id, "{event}");
        assert_eq!(event.get("channel").and_then(Value::as_u64), channel, "{event}");
        assert_eq!(event["code"], code, "{event}");
        event["message"].as_str().unwrap().to_owned()
    }

    /// The next frame must be binary data of this channel.
    pub(crate) async fn expect_binary(&mut self, channel: u64, data: &[u8]) {
        match self.next().await {
            Message::Binary(frame) => assert_eq!(frame, [&binary_head(channel)[..], data].concat()),
            other => panic!("{other:?}"),
        }
    }

    /// Shows that nothing else was sent before: the next answer is that to a ping.
    pub(crate) async fn fence(&mut self) {
        let id = self.ask(Request::Ping).await;
        self.expect(serde_json::json!({"type": "pong", "id": id})).await;
    }

    /// The same for the first dialect.
    pub(crate) async fn fence_first(&mut self) {
        self.send(r#"{"instruction":"fence"}"#).await;
        assert_eq!(self.text().await, "server: received command 'fence'");
        assert_eq!(self.text().await, "server: rejected command 'fence'");
    }

    /// Sends a command of the first dialect and gives the value and the result, which follow the two first frames.
    pub(crate) async fn command(&mut self, name: &str, parameters: &str) -> (String, String) {
        self.send(format!(r#"{{"instruction":"{name}","parameters":{parameters}}}"#)).await;
        assert_eq!(self.text().await, format!("server: received command '{name}'"));
        assert_eq!(self.text().await, format!("server: evaluating added instruction '{name}'"));
        let value = self.text().await;
        let result = self.text().await;
        (value, result.strip_prefix("server: ").unwrap().to_owned())
    }

    /// A command that must give this value.
    pub(crate) async fn yes(&mut self, name: &str, parameters: &str) {
        let (value, result) = self.command(name, parameters).await;
        assert_eq!(value, "1", "{name} {parameters}: {result}");
    }

    /// A command that must fail; gives the words.
    pub(crate) async fn no(&mut self, name: &str, parameters: &str) -> String {
        let (value, result) = self.command(name, parameters).await;
        assert_eq!(value, "0", "{name} {parameters}: {result}");
        result
    }

    /// Becomes a server of the first dialect.
    pub(crate) async fn install(&mut self) -> (u64, String) {
        let (value, _) = self.command("create server credential", "[]").await;
        let (id, credential) = value.split_once(' ').unwrap();
        let id = id.parse().unwrap();
        self.yes("install server", &format!("[{id},\"{credential}\"]")).await;
        (id, credential.to_owned())
    }

    /// The code and the reason of the close frame, which is read up to.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.next().await {
                let frame = frame.expect("an empty close frame");
                // The relay may cut off who is at fault.
                while let Some(Ok(_)) = deadline(self.socket.next()).await {}
                return (frame.code.into(), frame.reason.as_str().to_owned());
            }
        }
    }
}
