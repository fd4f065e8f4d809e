//! How much a relay costs, on Linux. Every run ends by itself.
//!
//!     relay_load idle ADDR PID CLIENTS
//!         memory of each client that has an open channel and says nothing
//!     relay_load trip ADDR
//!         text there and back between a client and a server, against a bare relay in a process of its own
//!     relay_load bytes ADDR PID SIZE PAIRS
//!         binary messages of this size from clients to servers, each pair by itself: bytes a second, and a CPU second
//!
//! A relay that is to be measured with `idle` needs a limit of open files. Relay and load go on one core each, or both on one
//! (`taskset`): else it is decided by where the system puts them.

use bytes::BytesMut;
use nws_protocol::relay::{Answer, Asked, Event, FromRelay, Request, Text, binary_head, item_cost};
use std::{
    error::Error,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Of the text that goes there and back.
const TEXT_BYTES: usize = 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match *args.as_slice() {
        ["idle", address, pid, clients] => idle(address, pid, clients.parse()?).await,
        ["trip", address] => trip(address).await,
        ["bytes", address, pid, size, pairs] => throughput(address, pid, size.parse()?, pairs.parse()?).await,
        ["relay"] => bare_relay().await,
        _ => Err("see the head of relay_load.rs for what it takes".into()),
    }
}

/// A WebSocket to the relay.
struct Party {
    stream: BufReader<TcpStream>,
    frame: Vec<u8>,
}

impl Party {
    async fn open(address: &str) -> Done<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut stream = BufReader::with_capacity(64 * 1024, stream);
        let head = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Protocol: nws-relay-1\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if !line.starts_with("HTTP/1.1 101 ") {
            return Err(line.into());
        }
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await?;
        }
        let mut party = Self { stream, frame: Vec::new() };
        // The welcome.
        party.next().await?;
        Ok(party)
    }

    async fn say(&mut self, request: Request<'_>) -> Done<()> {
        self.stream.write_all(&text_frame(request)).await?;
        Ok(())
    }

    /// The payload of the next frame.
    async fn next(&mut self) -> Done<&[u8]> {
        let [_, length] = self.stream.read_u16().await?.to_be_bytes();
        let length = match length {
            127 => self.stream.read_u64().await?,
            126 => u64::from(self.stream.read_u16().await?),
            short => u64::from(short),
        };
        self.frame.resize(usize::try_from(length)?, 0);
        self.stream.read_exact(&mut self.frame).await?;
        Ok(&self.frame)
    }

    /// The next text, which must be this.
    async fn find<T>(&mut self, what: impl Fn(FromRelay<'_>) -> Option<T>) -> Done<T> {
        let text = str::from_utf8(self.next().await?)?;
        what(FromRelay::parse(text)?).ok_or_else(|| text.to_owned().into())
    }

    async fn register(&mut self) -> Done<u64> {
        self.say(Request::Register).await?;
        self.find(|said| match said {
            FromRelay::Answer { answer: Answer::Registered { server, .. }, .. } => Some(server),
            _ => None,
        })
        .await
    }

    /// Opens a channel to a server, which accepts.
    async fn connect(&mut self, server: &mut Self, id: u64) -> Done<u64> {
        self.say(Request::Connect { server: id, port: 1 }).await?;
        let channel = server
            .find(|said| match said {
                FromRelay::Event(Event::Connected { channel, .. }) => Some(channel),
                _ => None,
            })
            .await?;
        server.say(Request::Accept { channel }).await?;
        self.find(|said| matches!(said, FromRelay::Answer { answer: Answer::Connected { .. }, .. }).then_some(()))
            .await?;
        Ok(channel)
    }
}

/// A frame of a client, masked with zeros.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | kind];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        middle @ 126..0x10000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn text_frame(request: Request<'_>) -> Vec<u8> {
    let mut text = BytesMut::new();
    let id = request.needs_id().then_some(0);
    Asked { id, request }.put(&mut text);
    frame(1, &text)
}

async fn idle(address: &str, pid: &str, clients: u32) -> Done<()> {
    let mut server = Party::open(address).await?;
    let id = server.register().await?;
    // One comes and goes first, so that what the first one costs is not counted.
    let mut first = Party::open(address).await?;
    first.connect(&mut server, id).await?;
    drop(first);
    server.next().await?;
    let before = resident_bytes(pid)?;
    let mut waiting = Vec::new();
    for _ in 0..clients {
        let mut client = Party::open(address).await?;
        client.connect(&mut server, id).await?;
        waiting.push(client.stream.into_inner());
    }
    let each = resident_bytes(pid)?.saturating_sub(before) / u64::from(clients.max(1));
    println!("{clients} clients with an open channel each: {each} bytes each");
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

async fn trip(address: &str) -> Done<()> {
    const ROUNDS: u64 = 20;
    /// After so many, both sides say what they have consumed.
    const TRIPS: u64 = 100;
    let mut server = Party::open(address).await?;
    let id = server.register().await?;
    let mut client = Party::open(address).await?;
    let channel = client.connect(&mut server, id).await?;
    let text = "x".repeat(TEXT_BYTES);
    let said = text_frame(Request::Data { channel, data: Text::new(&text) });

    let mut program = Command::new(std::env::current_exe()?).arg("relay").stdout(Stdio::piped()).spawn()?;
    let mut place = String::new();
    let mut output = std::io::BufReader::new(program.stdout.take().ok_or("no output")?);
    std::io::BufRead::read_line(&mut output, &mut place)?;
    let mut bare = Vec::new();
    for _ in 0..2 {
        let stream = TcpStream::connect(place.trim()).await?;
        stream.set_nodelay(true)?;
        bare.push(BufReader::with_capacity(64 * 1024, stream));
    }
    let [bare_client, bare_server] = bare.as_mut_slice() else { return Err("not two".into()) };

    let (mut served, mut relayed) = (Vec::new(), Vec::new());
    let mut read = vec![0; said.len()];
    // By turns, so that a busy machine is busy for both.
    for round in 0..ROUNDS * 5 {
        for _ in 0..TRIPS {
            let start = Instant::now();
            client.stream.write_all(&said).await?;
            server.next().await?;
            server.stream.write_all(&said).await?;
            client.next().await?;
            served.push(start.elapsed());
        }
        let bytes = (round + 1) * TRIPS * item_cost(TEXT_BYTES);
        for (who, other) in [(0, 1), (1, 0)] {
            let mut parties = [&mut client, &mut server];
            if let Some(party) = parties.get_mut(who) {
                party.say(Request::Consumed { channel, bytes }).await?;
            }
            if let Some(party) = parties.get_mut(other) {
                party.next().await?;
            }
        }
        for _ in 0..TRIPS {
            let start = Instant::now();
            bare_client.write_all(&said).await?;
            bare_server.read_exact(&mut read).await?;
            bare_server.write_all(&said).await?;
            bare_client.read_exact(&mut read).await?;
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

/// Copies what either of two connections says to the other: the least that a relay can do.
async fn bare_relay() -> Done<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (mut one, _) = listener.accept().await?;
    let (mut other, _) = listener.accept().await?;
    one.set_nodelay(true)?;
    other.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut one, &mut other).await?;
    Ok(())
}

async fn throughput(address: &str, pid: &str, size: usize, pairs: u32) -> Done<()> {
    const LENGTH: Duration = Duration::from_secs(5);
    const WINDOW: u64 = 512 * 1024;
    let mut tasks = JoinSet::new();
    let used = cpu(pid)?;
    for _ in 0..pairs {
        let mut server = Party::open(address).await?;
        let id = server.register().await?;
        let mut client = Party::open(address).await?;
        let channel = client.connect(&mut server, id).await?;
        let said = frame(2, &[&binary_head(channel)[..], &vec![7; size]].concat());
        let cost = item_cost(size);
        let mut reader = server;
        // Ends when the client has gone.
        tasks.spawn(async move {
            let (mut consumed, mut told) = (0, 0);
            while reader.next().await.is_ok_and(|payload| payload.len() == size + 8) {
                consumed += cost;
                if consumed - told >= WINDOW / 2 {
                    told = consumed;
                    if reader.say(Request::Consumed { channel, bytes: consumed }).await.is_err() {
                        break;
                    }
                }
            }
            consumed / cost
        });
        tasks.spawn(async move {
            let (mut sent, mut consumed) = (0, 0);
            let start = Instant::now();
            while start.elapsed() < LENGTH {
                while sent - consumed >= WINDOW {
                    let more = client.find(|said| match said {
                        FromRelay::Event(Event::Consumed { bytes, .. }) => Some(bytes),
                        _ => None,
                    });
                    match more.await {
                        Ok(bytes) => consumed = bytes,
                        Err(_) => return 0,
                    }
                }
                if client.stream.write_all(&said).await.is_err() {
                    return 0;
                }
                sent += cost;
            }
            0
        });
    }
    let start = Instant::now();
    let mut messages = 0;
    while let Some(done) = tasks.join_next().await {
        messages += done?;
    }
    let (took, used) = (start.elapsed(), cpu(pid)?.saturating_sub(used));
    let mib = messages as f64 * size as f64 / 1_048_576.0;
    println!(
        "{size} bytes, {pairs} pairs: {:.0} MiB/s, {:.0} messages/s; of the relay's CPU {:.2} µs each, {:.0} MiB a CPU second",
        mib / took.as_secs_f64(),
        messages as f64 / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / messages as f64,
        mib / used.as_secs_f64()
    );
    Ok(())
}
