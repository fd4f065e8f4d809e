//! What the tests of the servers that are built on this have in common: a clock that is stepped, figures that are waited for,
//! and a foreign client. Only with the feature `testing`, which no program turns on.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    fmt::Debug,
    net::SocketAddr,
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error,
        client::IntoClientRequest,
        http::{HeaderValue, Response},
    },
};

/// How long a clock stays stepped, and how long [`until`] waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most steps of [`step_until`].
const MOST_STEPS: usize = 1_000_000;

/// While it lives, a paused clock moves only when it is stepped, not whenever everybody waits for a socket.
/// Or for a minute, so that deadlines are met then.
#[derive(Debug)]
pub struct Stepped {
    _end: mpsc::Sender<()>,
}

/// Holds the clock of this runtime, which is paused, from now on.
#[must_use]
pub fn stepped() -> Stepped {
    let (end, ended) = mpsc::channel();
    // tokio's clock does not advance by itself while a blocking task runs.
    drop(tokio::task::spawn_blocking(move || ended.recv_timeout(PATIENCE)));
    Stepped { _end: end }
}

/// Waits until the figures are like this. Not by tokio's clock, which may be paused.
///
/// # Panics
/// If they are not within a minute.
pub async fn until<F: Debug>(figures: impl Fn() -> F, like: impl Fn(&F) -> bool) {
    let start = Instant::now();
    while !like(&figures()) {
        assert!(start.elapsed() < PATIENCE, "nothing happened in {PATIENCE:?}: {:?}", figures());
        tokio::task::yield_now().await;
    }
}

/// On a paused clock: steps time until the figures are like this.
///
/// # Panics
/// If they are not after a million steps.
pub async fn step_until<F: Debug>(step: Duration, figures: impl Fn() -> F, like: impl Fn(&F) -> bool) {
    for _ in 0..MOST_STEPS {
        if like(&figures()) {
            return;
        }
        tokio::time::advance(step).await;
    }
    panic!("nothing happened: {:?}", figures());
}

/// Sends these bytes and reads until the server closes, for as long as that takes.
///
/// # Panics
/// If nobody is there.
pub async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    // A reset ends the answer too.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of an answer, and the body of one that is no upgrade.
pub type Answer = Response<Option<Vec<u8>>>;

/// A WebSocket that nobody here wrote, or what its upgrade was refused with.
///
/// # Errors
/// The refusal.
///
/// # Panics
/// If there is neither.
pub async fn upgrade(
    address: SocketAddr,
    path: &str,
    protocols: &[&'static str],
) -> Result<(WebSocketStream<MaybeTlsStream<TcpStream>>, Answer), Answer> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for protocol in protocols {
        request.headers_mut().append("sec-websocket-protocol", HeaderValue::from_static(protocol));
    }
    match connect_async(request).await {
        Ok(made) => Ok(made),
        Err(Error::Http(answer)) => Err(*answer),
        Err(error) => panic!("{path}: {error}"),
    }
}
