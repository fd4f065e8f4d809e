//! The load of `tests/benches/tunnel`: so many bytes from one end to the other, once, and how long it took. Both ends are in this
//! process, each on a thread of its own, whatever is between them.
//!
//! ```text
//! tunnel_load tcp LISTEN CONNECT BYTES [up]   a TCP service at LISTEN, reached by a client at CONNECT; down unless said
//! tunnel_load raw URL BYTES                   two plain WebSocket clients of a raw relay
//! tunnel_load echo LISTEN CONNECT ROUNDS      16 bytes there and back over one TCP connection: the median
//! ```
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a load tool may stop at the first surprise")]

use futures::{SinkExt, StreamExt};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// As a native end reads at most.
const PIECE_BYTES: usize = 64 * 1024;

/// Nothing takes this long.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["tcp", listen, connect, bytes] => tcp(listen, connect, bytes.parse().unwrap(), false),
        ["tcp", listen, connect, bytes, "up"] => tcp(listen, connect, bytes.parse().unwrap(), true),
        ["raw", url, bytes] => raw(url, bytes.parse().unwrap()),
        ["echo", listen, connect, rounds] => echo(listen, connect, rounds.parse().unwrap()),
        _ => {
            eprintln!("see the head of the source of this program");
            std::process::exit(64);
        }
    }
}

fn report(what: &str, bytes: u64, took: Duration) {
    println!("{what} {bytes} bytes {:.3} s {:.0} MB/s", took.as_secs_f64(), bytes as f64 / 1e6 / took.as_secs_f64());
}

fn give(stream: &mut TcpStream, bytes: u64) {
    let piece = vec![0x5a; PIECE_BYTES];
    let mut left = bytes;
    while left > 0 {
        let now = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        stream.write_all(&piece[..now]).unwrap();
        left -= now as u64;
    }
    stream.shutdown(std::net::Shutdown::Write).unwrap();
}

fn take(stream: &mut TcpStream) -> u64 {
    let mut buffer = vec![0; 4 * PIECE_BYTES];
    let mut all = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return all,
            read => all += read as u64,
        }
    }
}

fn patient(stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
}

fn tcp(listen: &str, connect: &str, bytes: u64, up: bool) {
    let listener = TcpListener::bind(listen).unwrap();
    let service = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        patient(&stream);
        if up {
            take(&mut stream)
        } else {
            give(&mut stream, bytes);
            bytes
        }
    });
    let begin = Instant::now();
    let mut stream = TcpStream::connect(connect).unwrap();
    patient(&stream);
    let arrived = if up {
        give(&mut stream, bytes);
        service.join().unwrap()
    } else {
        take(&mut stream)
    };
    assert_eq!(arrived, bytes);
    report(if up { "tcp up" } else { "tcp down" }, bytes, begin.elapsed());
}

fn raw(url: &str, bytes: u64) {
    let messages = bytes / PIECE_BYTES as u64;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ready, joined) = std::sync::mpsc::channel();
    let listener = thread::spawn({
        let url = url.to_owned();
        move || {
            runtime().block_on(async {
                let (mut socket, _) = connect_async(url).await.unwrap();
                ready.send(()).unwrap();
                let mut arrived = 0;
                while arrived < messages * PIECE_BYTES as u64 {
                    let message = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
                    arrived += message.unwrap().unwrap().len() as u64;
                }
                arrived
            })
        }
    });
    joined.recv().unwrap();
    let mut begin = Instant::now();
    runtime().block_on(async {
        let (mut socket, _) = connect_async(url).await.unwrap();
        let piece = bytes::Bytes::from(vec![0x5a; PIECE_BYTES]);
        begin = Instant::now();
        for _ in 0..messages {
            socket.feed(Message::Binary(piece.clone())).await.unwrap();
        }
        socket.flush().await.unwrap();
        let arrived = listener.join().unwrap();
        report("raw relay", arrived, begin.elapsed());
    });
}

fn echo(listen: &str, connect: &str, rounds: usize) {
    let listener = TcpListener::bind(listen).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        patient(&stream);
        let mut piece = [0; 16];
        while stream.read_exact(&mut piece).is_ok() {
            stream.write_all(&piece).unwrap();
        }
    });
    let mut stream = TcpStream::connect(connect).unwrap();
    patient(&stream);
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        stream.write_all(&[1; 16]).unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        times.push(begin.elapsed());
    }
    times.sort();
    println!("echo {rounds} rounds p50 {:.1} us", times[rounds / 2].as_secs_f64() * 1e6);
}
