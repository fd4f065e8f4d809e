//! TCP through `nws relay`, `nws tunnel serve` and `nws tunnel connect`, each the real program, with curl and by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_tests::{
    fault::{Faults, Relay as FaultRelay, Way},
    loopback::free_address,
    program::Program,
    proxy::binary,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// Nothing takes this long unless it hangs, on a busy machine with a debug build either.
const PATIENCE: Duration = Duration::from_secs(120);

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// With it a failure says why each channel ended.
const LOG: &str = "info,nws_tunnel=debug";

const MB: usize = 1_000_000;

fn start(name: &str, words: &[&str]) -> Program {
    let mut command = Command::new(binary());
    command.args(words);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NWS_") {
            command.env_remove(name);
        }
    }
    Program::start(name, &mut command)
}

/// What stands behind these words at the beginning of a line.
#[track_caller]
fn says(program: &mut Program, words: &str) -> String {
    program.wait(words, PATIENCE, |line| Some(line.text.strip_prefix(words)?.to_owned()))
}

fn relay(at: SocketAddr) -> (Program, SocketAddr) {
    let words = ["relay", "--listen", &at.ip().to_string(), "--port", &at.port().to_string()];
    let mut relay = start("relay", &words);
    let address = says(&mut relay, "relay: servers and clients at any path, on ").parse().unwrap();
    says(&mut relay, "ready");
    (relay, address)
}

/// Serves these targets as the ports 80, 81 and so on. The server's id.
fn serve(relay: SocketAddr, targets: &[SocketAddr]) -> (Program, String) {
    let url = format!("ws://{relay}/");
    let ports: Vec<_> = targets.iter().enumerate().map(|(at, target)| format!("{}={target}", 80 + at)).collect();
    let mut words = vec!["tunnel", "serve", "--log", LOG, "--relay", &url];
    words.extend(ports.iter().flat_map(|port| ["--port", port]));
    let mut serve = start("serve", &words);
    let server = says(&mut serve, "server: ");
    says(&mut serve, "ready");
    (serve, server)
}

fn connect(relay: SocketAddr, server: &str, port: u16) -> (Program, SocketAddr) {
    let (url, port) = (format!("ws://{relay}/"), port.to_string());
    let words = ["tunnel", "connect", "--log", LOG, "--relay", &url, "--server", server];
    let ports = ["--port", &port, "--listen", "127.0.0.1:0"];
    let mut connect = start("connect", &[&words[..], &ports].concat());
    let address = says(&mut connect, &format!("port {port}: ")).parse().unwrap();
    says(&mut connect, "ready");
    (connect, address)
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut noise);
    noise
}

/// A service that does the same with each connection.
async fn service<F>(each: impl Fn(TcpStream) -> F + Send + 'static) -> (JoinSet<()>, SocketAddr)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let work = each(stream);
            connections.spawn(async move { drop(work.await) });
        }
    });
    (tasks, address)
}

/// Reads a request to its end, then gives it back.
async fn parrot(mut stream: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    stream.read_to_end(&mut request).await?;
    stream.write_all(&request).await
}

/// A web server with one file, which PUT must be equal to: it answers with the number of bytes, and `same` or `other`.
async fn site(stream: TcpStream, file: Arc<Vec<u8>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut method, mut length) = (String::new(), String::new(), 0);
    while stream.read_line(&mut line).await? > 2 {
        if method.is_empty() {
            method = line.split(' ').next().unwrap_or_default().to_owned();
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let answer = if body == *file { "same" } else { "other" };
    let answer = format!("{length} {answer}");
    let answer = if method == "PUT" { answer.as_bytes() } else { &file };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(answer).await
}

/// Runs curl to its end; what it printed.
async fn curl(words: &[&str]) -> Result<String, Option<i32>> {
    let mut command = tokio::process::Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "110", "--noproxy", "*", "-H", "Expect:"]).args(words);
    let ended = timeout(PATIENCE, command.output()).await.unwrap().expect("curl is needed (Debian: curl)");
    if ended.status.success() { Ok(String::from_utf8(ended.stdout).unwrap()) } else { Err(ended.status.code()) }
}

/// Says this, ends its side, and reads the answer to its end.
async fn ask(at: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await?;
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let both = async {
        tokio::join!(
            async {
                write.write_all(request).await?;
                write.shutdown().await
            },
            read.read_to_end(&mut answer)
        )
    };
    let (written, read) = timeout(PATIENCE, both).await.unwrap();
    // A reset that comes between the words and the end of its side makes the latter fail too, in other words.
    read?;
    written?;
    Ok(answer)
}

async fn download(at: SocketAddr, folder: &Path, file: &[u8]) {
    let got = folder.join("got");
    curl(&["--output", got.to_str().unwrap(), &format!("http://{at}/file")]).await.unwrap();
    assert!(std::fs::read(got).unwrap() == file, "what came is not what was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_gets_100_megabytes_and_puts_them() {
    let file = Arc::new(noise(1, 100 * MB));
    let folder = tempfile::tempdir().unwrap();
    let (_service, target) = service({
        let file = file.clone();
        move |stream| site(stream, file.clone())
    })
    .await;
    let (_relay, relay) = relay(LOOPBACK);
    let (_serve, server) = serve(relay, &[target]);
    let (_connect, local) = connect(relay, &server, 80);
    download(local, folder.path(), &file).await;
    let put = folder.path().join("put");
    std::fs::write(&put, &*file).unwrap();
    let said = curl(&["--upload-file", put.to_str().unwrap(), &format!("http://{local}/file")]).await.unwrap();
    assert_eq!(said, format!("{} same", 100 * MB));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_end_their_side_first_and_are_answered_side_by_side() {
    let (_service, target) = service(parrot).await;
    let (_relay, relay) = relay(LOOPBACK);
    let (_serve, server) = serve(relay, &[target]);
    let (_connect, local) = connect(relay, &server, 80);
    let mut asking = JoinSet::new();
    for seed in 0..150_u64 {
        asking.spawn(async move {
            let request = noise(seed, if seed == 0 { 0 } else { 1 << (seed % 20) });
            assert!(ask(local, &request).await.unwrap() == request, "{seed}");
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_stalls_nobody_else() {
    let (_service, target) = service(parrot).await;
    let (_endless, endless) = service(|mut stream| async move {
        loop {
            stream.write_all(&[1; 65_536]).await?;
        }
    })
    .await;
    let (_relay, relay) = relay(LOOPBACK);
    let (_serve, server) = serve(relay, &[target, endless]);
    let (_connect, local) = connect(relay, &server, 80);
    let (_other, full) = connect(relay, &server, 81);
    let mut reader = TcpStream::connect(full).await.unwrap();
    timeout(PATIENCE, reader.read_exact(&mut [0; 10])).await.unwrap().unwrap();
    let request = noise(3, 5 * MB);
    assert!(ask(local, &request).await.unwrap() == request);
    timeout(PATIENCE, reader.read_exact(&mut vec![0; 5 * MB])).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_served_is_a_reset_and_a_target_may_come_later() {
    let target = free_address();
    let (_relay, relay) = relay(LOOPBACK);
    let (_serve, server) = serve(relay, &[target]);
    let (mut connect_80, down) = connect(relay, &server, 80);
    let (mut connect_81, unknown) = connect(relay, &server, 81);
    for local in [down, unknown] {
        assert_eq!(ask(local, b"").await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        // In curl's numbers: reset, or reset so soon that it could not ask, or never saw it open.
        let ended = curl(&[&format!("http://{local}/")]).await;
        assert!(matches!(ended, Err(Some(7 | 55 | 56))), "{ended:?}");
    }
    connect_80.wait("why", PATIENCE, |line| line.text.contains("cannot be reached").then_some(()));
    connect_81.wait("why", PATIENCE, |line| line.text.contains("not served").then_some(()));
    let listener = TcpListener::bind(target).await.unwrap();
    let late = tokio::spawn(async move { parrot(listener.accept().await.unwrap().0).await });
    assert_eq!(ask(down, b"there").await.unwrap(), b"there");
    late.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_after_its_connection_to_the_relay_was_cut() {
    let file = Arc::new(noise(4, 60 * MB));
    let (_relay, relay) = relay(LOOPBACK);
    let (target, mut told) = {
        let (progress, told) = tokio::sync::mpsc::unbounded_channel();
        let file = file.clone();
        let each = move |mut stream: TcpStream| {
            let (file, progress) = (file.clone(), progress.clone());
            async move {
                for piece in file.chunks(MB) {
                    stream.write_all(piece).await?;
                    let _ = progress.send(());
                }
                Ok(())
            }
        };
        (service(each).await, told)
    };
    let faults = FaultRelay::tcp(LOOPBACK, relay, Faults::default()).await.unwrap();
    let (mut serving, server) = serve(faults.addr(), &[target.1]);
    let (_connect, local) = connect(relay, &server, 80);
    let reading = tokio::spawn(async move { ask(local, b"").await });
    for _ in 0..3 {
        // Somewhere in the middle of it.
        for _ in 0..10 {
            timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
        }
        faults.set(Way::Cut);
        serving.wait("lost", PATIENCE, |line| line.text.contains("trying again").then_some(()));
        faults.set(Way::Open);
        serving.wait("resumed", PATIENCE, |line| line.text.contains("resumed").then_some(()));
    }
    assert!(reading.await.unwrap().unwrap() == *file, "what came is not what was sent");
    assert_eq!(serving.output().matches("server: ").count(), 1, "{serving:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_its_connection_to_the_relay_was_cut() {
    let file = noise(5, 40 * MB);
    let (progress, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (_service, target) = service(move |mut stream| {
        let progress = progress.clone();
        async move {
            let mut request = Vec::new();
            while (&mut stream).take(MB as u64).read_to_end(&mut request).await? > 0 {
                let _ = progress.send(());
            }
            stream.write_all(&request).await
        }
    })
    .await;
    let (_relay, relay) = relay(LOOPBACK);
    let faults = FaultRelay::tcp(LOOPBACK, relay, Faults::default()).await.unwrap();
    let (mut serving, server) = serve(faults.addr(), &[target]);
    let (_connect, local) = connect(relay, &server, 80);
    let asking = tokio::spawn({
        let file = file.clone();
        async move { ask(local, &file).await }
    });
    for _ in 0..3 {
        for _ in 0..10 {
            timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
        }
        faults.set(Way::Cut);
        serving.wait("lost", PATIENCE, |line| line.text.contains("trying again").then_some(()));
        faults.set(Way::Open);
        serving.wait("resumed", PATIENCE, |line| line.text.contains("resumed").then_some(()));
    }
    assert!(asking.await.unwrap().unwrap() == file, "what came is not what was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_while_the_server_is_away_waits_for_it() {
    let (_service, target) = service(parrot).await;
    let (_relay, relay) = relay(LOOPBACK);
    let faults = FaultRelay::tcp(LOOPBACK, relay, Faults::default()).await.unwrap();
    let (mut serving, server) = serve(faults.addr(), &[target]);
    let (mut connecting, local) = connect(relay, &server, 80);
    faults.set(Way::Cut);
    serving.wait("lost", PATIENCE, |line| line.text.contains("trying again").then_some(()));
    let asking = tokio::spawn(async move { ask(local, b"patience").await });
    connecting.wait("away", PATIENCE, |line| line.text.contains("away").then_some(()));
    faults.set(Way::Open);
    assert_eq!(asking.await.unwrap().unwrap(), b"patience");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_of_the_connecting_end_resets_what_it_carried_and_new_ones_work() {
    let (_service, target) = service(parrot).await;
    let (_relay, relay) = relay(LOOPBACK);
    let faults = FaultRelay::tcp(LOOPBACK, relay, Faults::default()).await.unwrap();
    let (_serve, server) = serve(relay, &[target]);
    let (mut connecting, local) = connect(faults.addr(), &server, 80);
    let mut open = TcpStream::connect(local).await.unwrap();
    open.write_all(b"not all of it").await.unwrap();
    assert_eq!(ask(local, b"one").await.unwrap(), b"one");
    faults.set(Way::Cut);
    let read = timeout(PATIENCE, open.read(&mut [0])).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    connecting.wait("lost", PATIENCE, |line| line.text.contains("trying again").then_some(()));
    // It waits for the relay.
    let asking = tokio::spawn(async move { ask(local, b"two").await });
    faults.set(Way::Open);
    assert_eq!(asking.await.unwrap().unwrap(), b"two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_was_killed_and_started_anew_gets_a_new_server() {
    let (_service, target) = service(parrot).await;
    let (mut first, address) = relay(free_address());
    let (mut serving, before) = serve(address, &[target]);
    let (_connect, local) = connect(address, &before, 80);
    assert_eq!(ask(local, b"one").await.unwrap(), b"one");
    first.kill();
    serving.wait("lost", PATIENCE, |line| line.text.contains("trying again").then_some(()));
    let (mut second, _) = relay(address);
    let after = says(&mut serving, "server: ");
    // The id of before is nobody's now, not another server's.
    assert_ne!(after, before);
    assert_eq!(ask(local, b"stale").await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let (_again, local) = connect(address, &after, 80);
    assert_eq!(ask(local, b"two").await.unwrap(), b"two");
    // All of them end when asked.
    serving.signal("TERM");
    assert!(serving.ended(PATIENCE).success());
    second.signal("TERM");
    assert!(second.ended(PATIENCE).success());
}
