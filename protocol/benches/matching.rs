//! What private matching costs: each step for one channel, and whole dialogues, both ends together.
#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nws_protocol::{
    ChannelKey, ChannelKind, ChannelName, NetworkKey,
    matching::{Charge, LinkSecret, MatchEvent, Matcher, Secrets},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{hint::black_box, time::Duration};
use voprf::{BlindedElement, EvaluationElement, OprfClient, OprfServer, Ristretto255};

fn secret() -> LinkSecret {
    LinkSecret::derive(&NetworkKey::default(), &[1; 32], b"hello i", b"hello r")
}

fn channel(n: usize) -> ChannelKey {
    ChannelKey { kind: ChannelKind::Network, name: ChannelName::new(&format!("channel-{n}")).unwrap() }
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching step");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let secret = secret();
    let input = secret.channel_input(&channel(0)).unwrap();
    let server = OprfServer::<Ristretto255>::new(&mut rng).unwrap();
    let client = OprfClient::<Ristretto255>::blind(&input, &mut rng).unwrap();
    let blinded = client.message.serialize();
    let evaluated = server.blind_evaluate(&client.message).serialize();

    group.bench_function("blind", |b| {
        b.iter(|| {
            let input = secret.channel_input(&channel(0)).unwrap();
            OprfClient::<Ristretto255>::blind(black_box(&input), &mut rng).unwrap().message.serialize()
        });
    });
    group.bench_function("evaluate", |b| {
        b.iter(|| server.blind_evaluate(&BlindedElement::deserialize(black_box(&blinded)).unwrap()).serialize());
    });
    group.bench_function("finalize and derive", |b| {
        b.iter(|| {
            let evaluated = EvaluationElement::deserialize(black_box(&evaluated)).unwrap();
            Secrets::derive(&secret, &client.state.finalize(&input, &evaluated).unwrap().into())
        });
    });
    group.bench_function("evaluate own and derive", |b| {
        b.iter(|| Secrets::derive(&secret, &server.evaluate(black_box(&input)).unwrap().into()));
    });
    group.finish();
}

struct Free;

impl Charge for Free {
    fn charge(&mut self, _: u32, _: Duration) -> Result<(), Duration> {
        Ok(())
    }
}

/// Lets both ends talk until neither has anything to say; gives how many channels are matched at both.
fn talk(ends: &mut [Matcher; 2], rng: &mut ChaCha8Rng) -> usize {
    let [initiator, responder] = ends;
    loop {
        let mut quiet = true;
        while let Some(message) = initiator.transmit(rng) {
            quiet = false;
            responder.handle(message, &mut Free, Duration::ZERO).unwrap();
        }
        while let Some(message) = responder.transmit(rng) {
            quiet = false;
            initiator.handle(message, &mut Free, Duration::ZERO).unwrap();
        }
        if quiet {
            break;
        }
    }
    let count = |end: &mut Matcher| {
        std::iter::from_fn(|| end.event()).filter(|event| matches!(event, MatchEvent::Matched { .. })).count()
    };
    count(initiator).min(count(responder))
}

fn dialogues(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching dialogue");
    group.sample_size(20);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for channels in [1, 10, 100] {
        group.throughput(Throughput::Elements(channels as u64));
        group.bench_function(format!("{channels} channels"), |b| {
            b.iter(|| {
                let mut ends = [Matcher::initiator(secret(), &mut rng), Matcher::responder(secret(), &mut rng)];
                for n in 0..channels {
                    ends.iter_mut().for_each(|end| end.join(&channel(n)));
                }
                assert_eq!(talk(&mut ends, &mut rng), channels);
            });
        });
    }
    let mut ends = [Matcher::initiator(secret(), &mut rng), Matcher::responder(secret(), &mut rng)];
    ends.iter_mut().for_each(|end| end.join(&channel(0)));
    talk(&mut ends, &mut rng);
    group.throughput(Throughput::Elements(1));
    for (at, what) in ["a page reload at the initiator", "a page reload at the responder"].into_iter().enumerate() {
        group.bench_function(what, |b| {
            b.iter(|| {
                if let Some(end) = ends.get_mut(at) {
                    end.leave(&channel(0));
                    end.join(&channel(0));
                }
                assert_eq!(talk(&mut ends, &mut rng), 1);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps, dialogues);
criterion_main!(benches);
