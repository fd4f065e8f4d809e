//! Both sides dial: two links come up, one stays, and nobody notices. Time is paused: sleeping sets the pace.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_transports::MemoryNetwork;
use std::{collections::BTreeMap, time::Duration};
use support::{Client, Event, Setup, at};
use tokio::time::sleep;

/// Reads until the other's last word; everything must be there, in order, from one who is there once.
async fn all_of(client: &mut Client, from: &str, last: u32) {
    let mut next: Option<u32> = None;
    let mut connects = BTreeMap::<String, u32>::new();
    loop {
        match client.next().await {
            Event::Connect(peer) => *connects.entry(peer).or_default() += 1,
            Event::Broadcast(peer, data) => {
                assert_eq!(peer, from);
                let number: u32 = data.parse().unwrap();
                assert_eq!(*next.get_or_insert(number), number, "lost or doubled");
                next = Some(number + 1);
                if number == last {
                    break;
                }
            }
            event => panic!("{event:?}"),
        }
    }
    assert_eq!(connects, BTreeMap::from([(from.to_owned(), 1)]));
}

async fn mutual(seed: u64) {
    let network = MemoryNetwork::new(seed);
    // Each seed has other delays, so that the two links meet at other moments.
    network.set_default_delay(Duration::from_micros(seed * 311 % 5000));
    network.set_jitter(Duration::from_micros(seed * 173 % 3000));
    let a = Setup::memory(1, &network).await.dials(at(2)).start();
    if seed % 2 == 1 {
        // The smaller id fails first, and dials again when the other's link is up and in use.
        sleep(Duration::from_millis(30)).await;
    }
    let b_setup = Setup::memory(2, &network).await.dials(at(1));
    sleep(Duration::from_micros(seed * 997 % 20_000)).await;
    let b = b_setup.start();
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    let (one_id, two_id) = (one.id(), two.id());
    let last = 400;
    for number in 0..=last {
        one.say(&number.to_string()).await;
        two.say(&number.to_string()).await;
        one.catch_up();
        two.catch_up();
        sleep(Duration::from_micros(100)).await;
    }
    // What was said before they met was said to nobody; make sure that something is said after.
    one.meets(&two_id).await;
    two.meets(&one_id).await;
    for number in last + 1..=2 * last {
        one.say(&number.to_string()).await;
        two.say(&number.to_string()).await;
        one.catch_up();
        two.catch_up();
        sleep(Duration::from_micros(100)).await;
    }
    all_of(&mut one, &two_id, 2 * last).await;
    all_of(&mut two, &one_id, 2 * last).await;
    one.nothing_for(Duration::from_secs(30)).await;
    two.nothing_for(Duration::from_secs(30)).await;
    a.linked(1).await;
    b.linked(1).await;
    assert_eq!(network.links(), 1, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn links_dialled_from_both_sides_become_one_and_nothing_is_lost() {
    for seed in 0..60 {
        println!("seed {seed}");
        mutual(seed).await;
    }
}
