//! What a broadcast costs on a link: written once for all links, read and checked once by each receiving proxy.
#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nws_protocol::{
    PeerId,
    wire::{Data, Kind, Payload, proto, put_broadcast},
};
use prost::Message;
use std::hint::black_box;

fn broadcast(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire broadcast");
    let source = PeerId::from_bytes([7; 16]);
    for size in [128, 64 * 1024] {
        let json = Bytes::from(format!("\"{}\"", "s".repeat(size)));
        group.throughput(Throughput::Bytes(size as u64));

        let mut out = BytesMut::with_capacity(size + 256);
        group.bench_function(format!("put {size} B"), |b| {
            b.iter(|| {
                out.clear();
                put_broadcast(&mut out, source, Kind::Json, black_box(&json));
            });
        });
        group.bench_function(format!("the same by prost, {size} B"), |b| {
            b.iter(|| {
                out.clear();
                let message = proto::Broadcast {
                    source: Bytes::copy_from_slice(source.as_bytes()),
                    kind: 0,
                    data: black_box(&json).clone(),
                };
                let body = Some(proto::data::Body::Broadcast(message));
                proto::Data { body }.encode_length_delimited(&mut out).unwrap();
            });
        });

        for (kind, payload) in [("JSON", Payload::Json(json.clone())), ("binary", Payload::Binary(json.clone()))] {
            let mut wire = BytesMut::new();
            Data::Broadcast { source, payload }.encode(&mut wire);
            let prefix = if size < 1000 { 2 } else { 3 };
            let frame = wire.split_off(prefix).freeze();
            group.bench_function(format!("decode {kind} of {size} B"), |b| {
                b.iter(|| Data::decode(black_box(&frame).clone()).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, broadcast);
criterion_main!(benches);
