//! A server in an application: its routes and WebSockets beside those of the application, TLS, and the end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use axum::{Router, routing::get};
use futures::{SinkExt, StreamExt};
use nws_bootstrap::{Builder, Handle, Server, StartError, tungstenite::Message};
use nws_listen::testing::stepped;
use rcgen::CertifiedKey;
use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use support::{KEY_LINES, ROOT, Running, SECRET, deadline};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider, pki_types::CertificateDer},
};

fn echo(builder: Builder) -> Builder {
    builder.upgrade("/echo", |mut socket, head| async move {
        drop(socket.send(Message::text(head.uri.query().unwrap_or_default())).await);
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

#[tokio::test]
async fn further_paths_have_handlers_of_their_own() {
    let server = Running::with(echo).await;
    let mut echo = server.peer("/echo?a=1").await;
    assert_eq!(echo.text().await, "a=1");
    echo.send("not json").await;
    assert_eq!(echo.text().await, "not json");
    assert_eq!(server.handle.figures().joiners, 0);
    assert!(server.upgrade("/echo/", &[]).await.is_err());
}

#[tokio::test]
async fn an_application_gets_what_is_not_the_servers() {
    let hello = Router::new().route("/hello", get(|| async { "hello" })).route("/health", get(|| async { "mine" }));
    let server = Running::with(|builder| builder.router(hello)).await;
    let ask = async |path| server.raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    assert!(ask("/hello").await.ends_with("\r\n\r\nhello"));
    assert!(ask("/health").await.contains("\"status\":\"ok\""));
    assert!(ask("/other").await.starts_with("HTTP/1.1 404"));
    let mut root = server.root().await;
    server.joiner().await.send("{}").await;
    assert!(root.text().await.starts_with("{\"origin\":"));
}

#[tokio::test]
async fn an_application_may_listen_itself() {
    let application = Router::new().route("/hello", get(|| async { "hello" }));
    let (router, handle): (Router, Handle) =
        echo(Server::builder(SECRET)).seed(1).router(application).into_router().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move { axum::serve(listener, service).await });
    let server = Running { address, handle, shutdown: Default::default(), task: tokio::spawn(async {}) };
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    joiner.send("{}").await;
    assert_eq!(root.text().await, r#"{"origin":"143c5677bb8026ada7ad6dbd4a44e705"}"#);
    assert_eq!(server.peer("/echo?x").await.text().await, "x");
    let stopping = server.handle.stop(Duration::from_secs(5));
    let told = async move { (joiner.closed().await.0, root.closed().await.0) };
    assert_eq!(tokio::join!(stopping, told).1, (1001, 1001));
    task.abort();
}

#[tokio::test]
async fn everyone_is_told_when_it_ends() {
    let server = Running::start().await;
    let mut root = server.root().await;
    let mut joiner = server.joiner().await;
    let idle = server.connect().await;
    server.until(|figures| figures.connections == 3).await;
    server.shutdown.cancel();
    let told = (1001, "the server is shutting down".to_owned());
    assert_eq!((joiner.closed().await, root.closed().await), (told.clone(), told));
    drop((joiner, root));
    deadline(server.task).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_go_is_cut_off() {
    let _clock = stepped();
    let server = Running::with(|builder| echo(builder).drain(Duration::from_secs(2))).await;
    let mut stuck = server.connect().await;
    stuck.write_all(format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n").as_bytes()).await.unwrap();
    // A handler that does not know of the end.
    let _echo = server.peer("/echo").await;
    server.until(|figures| figures.joiners == 1).await;
    server.shutdown.cancel();
    server.until(|figures| figures.closed_shutdown == 1).await;
    for _ in 0..20 {
        assert!(!server.task.is_finished());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    deadline(server.task).await.unwrap();
}

#[tokio::test]
async fn what_can_not_be_had_is_said() {
    let error = |builder: Builder| builder.bind().unwrap_err();
    assert!(matches!(error(Server::builder("")), StartError::Secret(_)));
    let folder = TempDir::new().unwrap();
    assert!(matches!(error(Server::builder(SECRET).public(folder.path().join("nope"))), StartError::Public { .. }));
    let path = error(echo(Server::builder(SECRET)).upgrade("echo", |_, _| async {}));
    assert_eq!(path.to_string(), "\"echo\" is not a path: it begins with /, and has no query");
    assert!(matches!(error(Server::builder(SECRET).tls("nope.pem", "nope.pem")), StartError::Tls(_)));
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = taken.local_addr().unwrap();
    let error = error(Server::builder(SECRET).address(local.ip()).port(local.port()));
    assert!(error.to_string().contains(&format!("port {}", local.port())), "{error}");
}

#[tokio::test]
async fn a_port_is_had_on_all_addresses() {
    let server = Server::builder(SECRET).port(0).bind().unwrap();
    assert!(server.local_addr().ip().is_unspecified());
    let port = server.local_addr().port();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(server.run(shutdown.clone()));
    TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    shutdown.cancel();
    deadline(task).await.unwrap();
}

/// Puts a new certificate into the folder, and gives it.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

async fn connect_tls(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let folder = TempDir::new().unwrap();
    let first = certify(folder.path());
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let server = Running::with(|builder| builder.tls(&cert, &key)).await;
    let open = async |trusted, path: &str| {
        let url = format!("wss://localhost{path}");
        let stream = connect_tls(server.address, trusted).await.unwrap();
        tokio_tungstenite::client_async(url, stream).await.unwrap().0
    };
    let mut root = open(&first, ROOT).await;
    let second = certify(folder.path());
    server.handle.reload().unwrap();
    assert!(connect_tls(server.address, &first).await.is_err());
    let mut joiner = open(&second, "/join").await;
    joiner.send(Message::text("{}")).await.unwrap();
    let heard = deadline(root.next()).await.unwrap().unwrap();
    assert_eq!(heard.to_text().unwrap(), r#"{"origin":"143c5677bb8026ada7ad6dbd4a44e705"}"#);
    // What can't be used does not replace what can.
    fs::write(&cert, "no certificate").unwrap();
    assert!(server.handle.reload().is_err());
    fs::write(&key, "no key").unwrap();
    assert!(server.handle.reload().is_err());
    open(&second, "/join").await;
    // Who does not speak TLS is nobody.
    assert_eq!(server.raw("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.find("200"), None);
    server.until(|figures| figures.tls_failed == 2).await;
}

#[tokio::test]
async fn dropped_it_cuts_everyone_off() {
    let server = Running::start().await;
    let mut joiner = server.connect().await;
    joiner.write_all(format!("GET /join HTTP/1.1\r\nHost: x\r\n{KEY_LINES}\r\n").as_bytes()).await.unwrap();
    server.until(|figures| figures.joiners == 1).await;
    server.task.abort();
    let mut read = Vec::new();
    drop(deadline(joiner.read_to_end(&mut read)).await);
    server.until(|figures| figures.joiners == 0).await;
}
