//! A server on a port of its own, and clients that wait for what must come.
#![allow(dead_code, reason = "not every test file needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use futures::{SinkExt, StreamExt};
use nws_bootstrap::{
    Builder, Figures, Handle, Server,
    tungstenite::{Message, protocol::CloseFrame},
};
use nws_listen::testing::{self, Answer};
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "s3cret-s3cret-s3cret";
pub(crate) const ROOT: &str = "/s3cret-s3cret-s3cret/webrtc-bootstrap-root";

/// The lines of a good handshake, with the example key of RFC 6455.
pub(crate) const KEY_LINES: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Waits for what must happen. Longer than all that the server waits for, so that it may be on a paused clock too.
pub(crate) async fn deadline<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(120), future).await.expect("nothing happened in 120 s")
}

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    /// One whose ids are those of seed 1.
    pub(crate) async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = change(Server::builder(SECRET).seed(1).listener(listener)).bind().unwrap();
        let (address, handle, shutdown) = (server.local_addr(), server.handle(), CancellationToken::new());
        let task = tokio::spawn(server.run(shutdown.clone()));
        Self { address, handle, shutdown, task }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What a refused or accepted upgrade gets.
    pub(crate) async fn upgrade(&self, path: &str, protocols: &[&'static str]) -> Result<(Peer, Answer), Answer> {
        let (socket, answer) = deadline(testing::upgrade(self.address, path, protocols)).await?;
        Ok((Peer { socket }, answer))
    }

    pub(crate) async fn peer(&self, path: &str) -> Peer {
        self.upgrade(path, &[]).await.unwrap_or_else(|answer| panic!("{path}: {}", answer.status())).0
    }

    pub(crate) async fn joiner(&self) -> Peer {
        self.peer("/join").await
    }

    pub(crate) async fn root(&self) -> Peer {
        self.peer(ROOT).await
    }

    /// Waits until the figures are like this. Not by tokio's clock, which may be paused.
    pub(crate) async fn until(&self, like: impl Fn(&Figures) -> bool) {
        testing::until(|| self.handle.figures(), like).await;
    }

    /// On a paused clock: steps time until the figures are like this.
    pub(crate) async fn step_until(&self, like: impl Fn(&Figures) -> bool) {
        testing::step_until(Duration::from_millis(1), || self.handle.figures(), like).await;
    }

    /// Sends these bytes and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        deadline(testing::raw(self.address, bytes)).await
    }
}

/// A WebSocket that nobody here wrote.
pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Peer {
    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        deadline(self.socket.send(Message::text(text.into()))).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Message {
        deadline(self.socket.next()).await.expect("the end").unwrap()
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?} is no text"),
        }
    }

    /// Reads on until the close frame, and answers it.
    pub(crate) async fn close(&mut self) -> Option<CloseFrame> {
        loop {
            if let Message::Close(frame) = self.next().await {
                // The server may cut off who is at fault.
                while let Some(Ok(_)) = deadline(self.socket.next()).await {}
                return frame;
            }
        }
    }

    /// The code and the reason of a close frame that is not empty.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let frame = self.close().await.expect("an empty close frame");
        (frame.code.into(), frame.reason.as_str().to_owned())
    }
}
