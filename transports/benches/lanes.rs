//! What a link costs: CPU per small frame with both ends in this process, and the time there and back.
//!
//! `cargo bench -p nws-transports --bench lanes [-- SECONDS]`. CPU is that of all threads, from
//! `/proc/self/task/*/schedstat`, so it only runs on Linux.

#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use nws_transports::{
    BoxLink, MemoryNetwork, QuicConfig, QuicTransport, RecvLane, SendLane, TcpConfig, TcpTransport, Transport,
};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const FRAME_BYTES: usize = 180;
const BATCH: usize = 64;

/// CPU that this process has used.
fn cpu() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.filter_map(|task| {
        let stat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

async fn link(transport: Arc<dyn Transport>, host: IpAddr) -> (BoxLink, BoxLink) {
    let listener = transport.listen((host, 0).into()).await.unwrap();
    let (a, b) = tokio::join!(transport.dial(listener.local_addr()), listener.accept());
    (a.unwrap(), b.unwrap())
}

async fn lane(from: &BoxLink, to: &BoxLink) -> (SendLane, RecvLane) {
    let mut send = from.open().await.unwrap();
    send.write_all(b"!").await.unwrap();
    let mut recv = to.accept().await.unwrap();
    recv.read_u8().await.unwrap();
    (send, recv)
}

/// One lane, as fast as it goes.
async fn throughput(name: &str, a: &BoxLink, b: &BoxLink, time: Duration) {
    let (mut send, mut recv) = lane(a, b).await;
    let reading = tokio::spawn(async move {
        let mut buf = bytes::BytesMut::with_capacity(64 * 1024);
        let mut total = 0;
        while recv.read_buf(&mut buf).await.unwrap() > 0 {
            total += buf.len();
            buf.clear();
        }
        total
    });
    let (cpu_before, began) = (cpu(), Instant::now());
    let writing = tokio::spawn(async move {
        let batch = vec![7; FRAME_BYTES * BATCH];
        let mut batches = 0u64;
        while began.elapsed() < time {
            send.write_all(&batch).await.unwrap();
            batches += 1;
        }
        send.shutdown().await.unwrap();
        (batches, send)
    });
    let (batches, _send) = writing.await.unwrap();
    let total = reading.await.unwrap();
    assert_eq!(total as u64, batches * (FRAME_BYTES * BATCH) as u64);
    let frames = (batches * BATCH as u64) as f64;
    let (cpu, wall) = ((cpu() - cpu_before).as_secs_f64(), began.elapsed().as_secs_f64());
    println!(
        "{name:7} {:6.2} M frames/s   {:5.3} µs CPU per frame   {:6.0} MB/s",
        frames / wall / 1e6,
        cpu / frames * 1e6,
        total as f64 / wall / 1e6
    );
}

/// One frame there, one back.
async fn latency(name: &str, a: &BoxLink, b: &BoxLink, time: Duration) {
    let (mut there, mut at_b) = lane(a, b).await;
    let (mut back, mut at_a) = lane(b, a).await;
    let echo = tokio::spawn(async move {
        let mut frame = [0; FRAME_BYTES];
        while at_b.read_exact(&mut frame).await.is_ok() {
            back.write_all(&frame).await.unwrap();
        }
    });
    let asking = tokio::spawn(async move {
        let mut frame = [1; FRAME_BYTES];
        let mut times = Vec::new();
        let (cpu_before, began) = (cpu(), Instant::now());
        while began.elapsed() < time {
            let sent = Instant::now();
            there.write_all(&frame).await.unwrap();
            at_a.read_exact(&mut frame).await.unwrap();
            times.push(sent.elapsed());
        }
        there.shutdown().await.unwrap();
        (times, cpu() - cpu_before)
    });
    let (mut times, cpu) = asking.await.unwrap();
    echo.await.unwrap();
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).unwrap().as_secs_f64() * 1e6;
    println!(
        "{name:7} there and back p50 {:6.1} µs   p99 {:6.1} µs   {:6.1} µs CPU",
        at(50),
        at(99),
        cpu.as_secs_f64() / times.len() as f64 * 1e6
    );
}

fn main() {
    let seconds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(3.0);
    let time = Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let transports: [(&str, Arc<dyn Transport>); 3] = [
            ("tcp", Arc::new(TcpTransport::new(TcpConfig::default()).unwrap())),
            ("quic", Arc::new(QuicTransport::new(QuicConfig::default()).unwrap())),
            ("memory", Arc::new(MemoryNetwork::new(1).transport(loopback))),
        ];
        for (name, transport) in transports {
            let (a, b) = link(transport, loopback).await;
            throughput(name, &a, &b, time).await;
            latency(name, &a, &b, time).await;
        }
    });
}
