//! A bootstrap server with an echo at `/echo` beside it, and a page of its own application.
//!
//!     cargo run -p nws-bootstrap --example server -- config.toml
//!
//! The file has the settings of `BootstrapConfig`, at least `secret = "…"`. SIGHUP reads the certificate
//! again; SIGINT and SIGTERM end the server. Where it listens is printed.

use axum::{Router, routing::get};
use futures::{SinkExt, StreamExt};
use nws_bootstrap::BootstrapConfig;
use std::{error::Error, io::Write as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of a settings file")?;
    let server = BootstrapConfig::parse(&std::fs::read_to_string(path)?)?
        .builder()?
        .upgrade("/echo", |mut socket, _head| async move {
            while let Some(Ok(message)) = socket.next().await {
                if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                    break;
                }
            }
        })
        .router(Router::new().route("/hello", get(|| async { "hello" })))
        .bind()?;
    println!("listening on {}", server.local_addr());
    std::io::stdout().flush()?;

    let handle = server.handle();
    let shutdown = CancellationToken::new();
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    let signals = async {
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    if let Err(error) = handle.reload() {
                        eprintln!("the old certificate stays: {error}");
                    }
                }
                _ = terminate.recv() => break,
                _ = tokio::signal::ctrl_c() => break,
            }
        }
        stop.cancel();
    };
    tokio::join!(server.run(shutdown), signals);
    Ok(())
}
