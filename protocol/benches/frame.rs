//! Cutting a lane's bytes into frames, in batches as a busy link delivers them.
#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nws_protocol::frame::FrameCodec;
use std::hint::black_box;
use tokio_util::codec::{Decoder, Encoder};

const BATCH: usize = 64;

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    for size in [180, 64 * 1024] {
        let frame = Bytes::from(vec![7; size]);
        let mut codec = FrameCodec::new(1 << 20);
        let mut wire = BytesMut::new();
        for _ in 0..BATCH {
            codec.encode(frame.clone(), &mut wire).unwrap();
        }
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function(format!("decode {BATCH} of {size} B"), |b| {
            b.iter_batched_ref(
                || wire.clone(),
                |wire| {
                    while let Some(frame) = codec.decode(wire).unwrap() {
                        black_box(frame);
                    }
                },
                BatchSize::LargeInput,
            );
        });
        let mut out = BytesMut::with_capacity(wire.len() + 64);
        group.bench_function(format!("encode {BATCH} of {size} B"), |b| {
            b.iter(|| {
                out.clear();
                for _ in 0..BATCH {
                    codec.encode(frame.clone(), &mut out).unwrap();
                }
                black_box(&out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
