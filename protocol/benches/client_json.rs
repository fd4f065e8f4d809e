//! What a client's message costs: read once, written once for all who get it.
#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nws_protocol::client;
use std::hint::black_box;

const SOURCE: &str = "abcdefghijklmnopqrstuvwxyz";
const TARGET: &str = "zyxwvutsrqponmlkjihgfedcba";

/// Data of about this many bytes: one string, and an object as programs send them.
fn data(bytes: usize) -> [(&'static str, String); 2] {
    let entry = r#"{"x":12.5,"y":-3,"name":"über","tags":["a","b"],"on":true}"#;
    let object = vec![entry; (bytes / entry.len()).max(1)].join(",");
    [("string", format!("\"{}\"", "s".repeat(bytes))), ("objects", format!("[{object}]"))]
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("client_json parse");
    let status = r#"{"action":"status"}"#;
    group.bench_function("status", |b| b.iter(|| client::parse(black_box(status)).unwrap()));
    for size in [128, 64 * 1024] {
        for (what, data) in data(size) {
            let broadcast = format!(r#"{{"action":"broadcast","data":{data}}}"#);
            let message = format!(r#"{{"action":"message","target":"{TARGET}","data":{data}}}"#);
            group.throughput(Throughput::Bytes(broadcast.len() as u64));
            group.bench_function(format!("broadcast, {what} of {size} B"), |b| {
                b.iter(|| client::parse(black_box(&broadcast)).unwrap());
            });
            group.bench_function(format!("message, {what} of {size} B"), |b| {
                b.iter(|| client::parse(black_box(&message)).unwrap());
            });
        }
    }
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("client_json write");
    for size in [128, 64 * 1024] {
        let data = format!("\"{}\"", "s".repeat(size));
        let mut out = BytesMut::with_capacity(size + 256);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("broadcast of {size} B"), |b| {
            b.iter(|| {
                out.clear();
                client::put_broadcast(&mut out, black_box(SOURCE), Some(black_box(data.as_bytes())));
            });
        });
        group.bench_function(format!("message of {size} B"), |b| {
            b.iter(|| {
                out.clear();
                client::put_message(&mut out, black_box(SOURCE), TARGET, Some(black_box(data.as_bytes())));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, write);
criterion_main!(benches);
