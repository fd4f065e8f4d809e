//! How much a bootstrap server costs, ours or the original, on Linux. Every run ends by itself.
//!
//!     load wait ADDR PID JOINERS           memory of each joiner that waits
//!     load trip ADDR SECRET                joiner, root, joiner: against a bare relay in a process of its own
//!     load rate ADDR SECRET PID WINDOW CANDIDATES
//!                                          requests per CPU second of 100 joiners to the root, with so many in
//!                                          flight; each says an offer of 1 KB and so many candidates, over and over
//!
//! Server and load go on one core (`taskset -c 1`) for `trip`: else it is decided by where the system puts
//! the server, and where the relay. A server that is to be measured needs `max-joiners`, `message-burst` and
//! `messages-per-second` that are high enough, and for `wait` a limit of open files.

use std::{
    error::Error,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An offer: as long as an offer without trickled candidates.
const SIGNAL_BYTES: usize = 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match *args.as_slice() {
        ["wait", address, pid, joiners] => wait(address, pid, joiners.parse()?).await,
        ["trip", address, secret] => trip(address, secret).await,
        ["rate", address, secret, pid, window, candidates] => {
            rate(address, secret, pid, window.parse()?, candidates.parse()?).await
        }
        ["relay"] => relay().await,
        _ => Err("see the head of load.rs for what it takes".into()),
    }
}

/// Opens a WebSocket.
async fn open(address: &str, path: &str) -> Done<BufReader<TcpStream>> {
    let mut stream = BufReader::with_capacity(64 * 1024, TcpStream::connect(address).await?);
    stream.get_ref().set_nodelay(true)?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.starts_with("HTTP/1.1 101 ") {
        return Err(format!("{path}: {line}").into());
    }
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    Ok(stream)
}

/// A text frame of a client, masked with zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The payload of the next frame of a server.
async fn payload(stream: &mut BufReader<TcpStream>, into: &mut Vec<u8>) -> Done<()> {
    let [_, length] = stream.read_u16().await?.to_be_bytes();
    let length = match length {
        127 => stream.read_u64().await?,
        126 => u64::from(stream.read_u16().await?),
        short => u64::from(short),
    };
    into.resize(usize::try_from(length)?, 0);
    stream.read_exact(into).await?;
    Ok(())
}

async fn wait(address: &str, pid: &str, joiners: u32) -> Done<()> {
    // One comes and goes first, so that what the first one costs is not counted.
    drop(open(address, "/join").await?);
    let before = resident_bytes(pid)?;
    let mut waiting = Vec::new();
    for _ in 0..joiners {
        waiting.push(open(address, "/join").await?);
    }
    let each = resident_bytes(pid)?.saturating_sub(before) / u64::from(joiners.max(1));
    println!("{joiners} joiners wait: {each} bytes each");
    Ok(())
}

fn resident_bytes(pid: &str) -> Done<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? * 1024)
}

/// User and system time of a process. A tick is 10 ms on every Linux that is common.
fn cpu(pid: &str) -> Done<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(") ").next().ok_or("no fields")?.split(' ').skip(11).take(2);
    let ticks: u64 = fields.map(str::parse::<u64>).sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// A message of this length with an origin to be filled in, as simple-peer makes it.
fn request(destination: &str) -> String {
    let sdp = "x".repeat(SIGNAL_BYTES);
    format!(r#"{{"origin":null,"destination":{destination},"signal":{{"type":"offer","sdp":"{sdp}"}},"rank":0}}"#)
}

/// A trickled candidate, as Chromium and simple-peer make it.
fn candidate(rank: usize) -> String {
    format!(
        r#"{{"origin":null,"destination":null,"signal":{{"type":"candidate","candidate":{{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EsAw network-cost 999","sdpMLineIndex":0,"sdpMid":"0"}}}},"rank":{rank}}}"#
    )
}

async fn trip(address: &str, secret: &str) -> Done<()> {
    const ROUNDS: usize = 20;
    const TRIPS: usize = 500;
    let mut root = open(address, &format!("/{secret}/webrtc-bootstrap-root")).await?;
    let (mut joiner, mut answerer) = (open(address, "/join").await?, open(address, "/join").await?);
    let mut read = Vec::new();
    joiner.write_all(&frame(&request("null"))).await?;
    payload(&mut root, &mut read).await?;
    let id = String::from_utf8(read.get(11..43).ok_or("no origin")?.to_vec())?;
    let (offer, answer) = (frame(&request("null")), frame(&request(&format!("\"{id}\""))));

    let mut program = Command::new(std::env::current_exe()?).arg("relay").stdout(Stdio::piped()).spawn()?;
    let mut relay_address = String::new();
    let mut said = std::io::BufReader::new(program.stdout.take().ok_or("no output")?);
    std::io::BufRead::read_line(&mut said, &mut relay_address)?;
    let mut bare = Vec::new();
    for _ in 0..3 {
        let stream = TcpStream::connect(relay_address.trim()).await?;
        stream.set_nodelay(true)?;
        bare.push(BufReader::with_capacity(64 * 1024, stream));
    }
    let [bare_joiner, bare_root, bare_answerer] = bare.as_mut_slice() else { return Err("not three".into()) };

    let (mut served, mut relayed) = (Vec::new(), Vec::new());
    // By turns, so that a busy machine is busy for both.
    for _ in 0..ROUNDS {
        for _ in 0..TRIPS {
            let start = Instant::now();
            joiner.write_all(&offer).await?;
            payload(&mut root, &mut read).await?;
            answerer.write_all(&answer).await?;
            payload(&mut joiner, &mut read).await?;
            served.push(start.elapsed());
        }
        for _ in 0..TRIPS {
            let start = Instant::now();
            bare_joiner.write_all(&offer).await?;
            read.resize(offer.len(), 0);
            bare_root.read_exact(&mut read).await?;
            bare_answerer.write_all(&answer).await?;
            read.resize(answer.len(), 0);
            bare_joiner.read_exact(&mut read).await?;
            relayed.push(start.elapsed());
        }
    }
    program.kill()?;
    program.wait()?;
    served.sort_unstable();
    relayed.sort_unstable();
    for (name, at) in [("p50", 50), ("p99", 99)] {
        let of = |trips: &[Duration]| trips.get(trips.len() * at / 100).copied().unwrap_or_default();
        let (served, relayed) = (of(&served), of(&relayed));
        println!("{name}: {served:?}, bare {relayed:?}, ratio {:.2}", served.as_secs_f64() / relayed.as_secs_f64());
    }
    Ok(())
}

/// Copies what the first connection says to the second, and what the third says to the first: the least that a
/// server between them can do.
async fn relay() -> Done<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        streams.push(stream.into_split());
    }
    let mut streams = streams.into_iter();
    let (Some((mut from_joiner, mut to_joiner)), Some((_root, mut to_root)), Some((mut from_answerer, _answerer))) =
        (streams.next(), streams.next(), streams.next())
    else {
        return Err("not three".into());
    };
    let copied = tokio::join!(
        tokio::io::copy(&mut from_joiner, &mut to_root),
        tokio::io::copy(&mut from_answerer, &mut to_joiner)
    );
    copied.0?;
    copied.1?;
    Ok(())
}

async fn rate(address: &str, secret: &str, pid: &str, window: usize, candidates: usize) -> Done<()> {
    const JOINERS: usize = 100;
    const LENGTH: Duration = Duration::from_secs(6);
    let mut root = open(address, &format!("/{secret}/webrtc-bootstrap-root")).await?;
    let room = Arc::new(Semaphore::new(window));
    let handshake: Arc<[Vec<u8>]> =
        std::iter::once(request("null")).chain((1..=candidates).map(candidate)).map(|text| frame(&text)).collect();
    let mut joiners = JoinSet::new();
    for _ in 0..JOINERS {
        let mut joiner = open(address, "/join").await?;
        let (room, handshake) = (Arc::clone(&room), Arc::clone(&handshake));
        joiners.spawn(async move {
            for message in handshake.iter().cycle() {
                room.acquire().await?.forget();
                joiner.write_all(message).await?;
            }
            Done::Ok(())
        });
    }
    let (start, used) = (Instant::now(), cpu(pid)?);
    let mut read = Vec::new();
    let mut messages = 0_u32;
    while start.elapsed() < LENGTH {
        payload(&mut root, &mut read).await?;
        room.add_permits(1);
        messages += 1;
    }
    let used = cpu(pid)?.saturating_sub(used);
    println!(
        "{messages} messages in {LENGTH:?}, {window} in flight, {candidates} candidates an offer: {:.0} per CPU second, {:.2} µs of CPU each",
        f64::from(messages) / used.as_secs_f64(),
        used.as_secs_f64() * 1e6 / f64::from(messages)
    );
    Ok(())
}
