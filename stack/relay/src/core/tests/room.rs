//! Queues: who is held up when one is long, or all of them are, and that what waits is not more than was sent.

use super::{World, connect_to, forward_to, limits};
use crate::core::{Dialect, Heard};
use nws_protocol::relay::{Credential, Position, Request, Text};

fn data(channel: u64, text: &str) -> Request<'_> {
    Request::Data { channel, data: Text::new(text) }
}

/// Section 7: who does not read holds up its own channels and nothing else, as each of them has its credit.
#[test]
fn a_full_queue_holds_up_nobody_who_has_credit() {
    let mut core_limits = limits();
    (core_limits.queue_bytes, core_limits.window) = (10_000, 50_000);
    let mut world = World::new(core_limits);
    let (server, slow, first) = world.pair();
    let other = world.join(Dialect::Own);
    let busy = world.open(server, other);
    let text = "x".repeat(20_000);
    for channel in [first, world.open(server, slow)] {
        for _ in 0..3 {
            assert_eq!(world.ask(server, None, data(channel, &text)), Heard::Done);
        }
    }
    assert!(world.core.held_bytes().0 > 100_000);
    assert_eq!(world.ask(server, None, data(busy, "goes on")), Heard::Done);
    assert_eq!(world.texts(other).len(), 1);
    // Nor do its ends, its clients and what it has consumed, the last of which is told when its queue is shorter.
    assert_eq!(world.ask(slow, None, data(first, &text)), Heard::Done);
    for bytes in 1..1000 {
        let before = world.core.held_bytes().0;
        assert_eq!(world.ask(server, None, Request::Consumed { channel: first, bytes }), Heard::Done);
        assert_eq!(world.core.held_bytes().0, before);
    }
    world.take(server);
    let told = world.texts(slow);
    assert_eq!(told.len(), 7);
    assert_eq!(told[6], format!(r#"{{"type":"consumed","channel":{first},"bytes":999}}"#));
    assert_eq!(world.core.held_bytes().0, 0);
    for _ in 0..3 {
        let again = world.open(server, slow);
        for _ in 0..3 {
            assert_eq!(world.ask(server, None, data(again, &text)), Heard::Done);
        }
        assert_eq!(world.ask(server, None, Request::Close { channel: again, status: None, reason: None }), Heard::Done);
    }
}

/// R-36, R-40: when as much waits for somebody as is still free for all, those who send to it are held up, and go on when there is
/// less; nothing is lost.
#[test]
fn when_all_queues_are_long_those_who_send_to_one_wait() {
    let mut core_limits = limits();
    (core_limits.queue_bytes, core_limits.queued_bytes, core_limits.window) = (10_000, 50_000, 1_000_000);
    let mut world = World::new(core_limits);
    let (server, client, channel) = world.pair();
    let (other_server, other_client, other) = world.pair();
    let text = "x".repeat(1000);
    for _ in 0..20 {
        assert_eq!(world.ask(other_client, None, data(other, &text)), Heard::Done);
    }
    let mut sent = 0;
    while world.ask(client, None, data(channel, &text)) == Heard::Done {
        sent += 1;
        assert!(sent < 50);
    }
    // As much as is still free then.
    assert!((10..15).contains(&sent), "{sent}");
    assert!((35_000..38_000).contains(&world.core.held_bytes().0));
    // Whose own queue is short gets more, and who has one of answers only waits a little earlier than else.
    assert_eq!(world.ask(server, None, data(channel, "goes on")), Heard::Done);
    let mut asked = 0;
    while world.ask(other_client, Some(1), Request::Ping) == Heard::Done {
        asked += 1;
        assert!(asked < 1000);
    }
    world.core.wakes();
    // What another takes makes room when it is written.
    let mut frames = Vec::new();
    world.core.take(world.now, other_server, &mut frames);
    assert_eq!((frames.len(), world.core.wakes().contains(&client)), (20, false));
    world.core.take(world.now, other_server, &mut frames);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.ask(client, None, data(channel, &text)), Heard::Done);
    assert_eq!(world.texts(server).len(), sent + 1);
    assert_eq!((world.texts(client).len(), world.texts(other_client).len()), (1, asked));
    assert_eq!(world.core.held_bytes().0, 0);
}

/// When nothing is free nobody is heard, and it is what the others take that wakes those who wait: not that they look whether there is
/// something for them.
#[test]
fn who_waits_while_nothing_is_free_does_not_wake_itself() {
    let mut core_limits = limits();
    (core_limits.queued_bytes, core_limits.window) = (20_000, 1_000_000);
    let mut world = World::new(core_limits);
    let (server, hoarder, channel) = world.pair();
    let talker = world.join(Dialect::Own);
    assert_eq!(world.ask(server, None, data(channel, &"x".repeat(30_000))), Heard::Done);
    world.core.wakes();
    for _ in 0..3 {
        assert_eq!(world.ask(talker, Some(1), Request::Ping), Heard::Later);
        assert!(world.take(talker).is_empty());
        assert!(!world.core.wakes().contains(&talker));
    }
    world.take(hoarder);
    assert!(world.core.wakes().contains(&talker));
    assert_eq!(world.ask(talker, Some(1), Request::Ping), Heard::Done);
}

/// A server that another party takes over waits no more for what the one before does not read, nor do its clients.
#[test]
fn who_waited_for_the_party_before_goes_on_with_the_next() {
    let mut core_limits = limits();
    (core_limits.queue_bytes, core_limits.window) = (10_000, 1_000_000);
    let mut world = World::new(core_limits);
    let (server, _, _) = world.pair();
    let client = world.join(Dialect::First);
    let id = world.id(server);
    assert_eq!(world.command(client, &connect_to(id)), Heard::Done);
    assert_eq!(world.ask(server, None, Request::Accept { channel: 1 }), Heard::Done);
    world.take(client);
    let forward = forward_to(id, &"x".repeat(1000));
    let mut sent = 0;
    while world.command(client, &forward) == Heard::Done {
        world.take(client);
        sent += 1;
        assert!(sent < 20);
    }
    world.core.wakes();
    let next = world.join(Dialect::Own);
    let credential = Credential::new(world.core.digits(id)).unwrap();
    let channels = vec![Position { channel: 1, received: 0, consumed: 0 }];
    assert_eq!(world.ask(next, Some(1), Request::Resume { server: id, credential, channels }), Heard::Done);
    assert!(world.core.wakes().contains(&client));
    world.take(next);
    assert_eq!(world.command(client, &forward), Heard::Done);
    assert_eq!(world.take(next).len(), 1);
}

/// What the first dialect sends has no credit before it is taken on, and answers have none at all: the queue of a party is
/// their bound.
#[test]
fn a_full_queue_holds_up_the_first_dialect_and_who_asks_too_much() {
    let mut core_limits = limits();
    (core_limits.queue_bytes, core_limits.window) = (10_000, 1_000_000);
    let mut world = World::new(core_limits);
    let (server, _, _) = world.pair();
    let client = world.join(Dialect::First);
    assert_eq!(world.command(client, &connect_to(world.id(server))), Heard::Done);
    assert_eq!(world.ask(server, None, Request::Accept { channel: 1 }), Heard::Done);
    world.take(server);
    let forward = forward_to(world.id(server), &"x".repeat(1000));
    let mut sent = 0;
    while world.command(client, &forward) == Heard::Done {
        world.take(client);
        sent += 1;
        assert!(sent < 20);
    }
    assert!(world.core.held_bytes().0 < 12_000);
    world.core.wakes();
    assert_eq!(world.texts(server).len(), sent);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.command(client, &forward), Heard::Done);
    // Who asks much and does not read the answers is held up, in either dialect.
    let other = world.join(Dialect::Own);
    let mut asked = 0;
    while world.ask(other, Some(1), Request::Ping) == Heard::Done {
        asked += 1;
        assert!(asked < 1000);
    }
    world.core.wakes();
    assert_eq!(world.texts(other).len(), asked);
    assert!(world.core.wakes().contains(&other));
    while world.command(client, "no JSON") == Heard::Done {
        asked += 1;
        assert!(asked < 2000);
    }
    world.take(client);
    assert!(world.core.wakes().contains(&client));
}

/// Section 9: what is only repeated is cut, so that nobody is sent more than it sent, over and over.
#[test]
fn what_is_echoed_is_short() {
    let mut world = World::new(limits());
    let (party, server) = (world.join(Dialect::First), world.join(Dialect::First));
    let name = format!(r#"{{"instruction":[{}]}}"#, vec!["{}"; 10_000].join(","));
    assert_eq!(world.command(party, &name), Heard::Done);
    let malformed = format!("x{}", "é".repeat(1000));
    assert_eq!(world.command(party, &malformed), Heard::Done);
    let texts = world.texts(party);
    assert!(texts[0].starts_with("server: received command '[object Object],[object") && texts[0].ends_with("…'"));
    assert!(texts.iter().all(|text| text.len() < 320), "{texts:?}");
    assert_eq!(texts[2], format!("server: rejected malformed commandx{}…", "é".repeat(127)));
    let digits = |world: &mut World| {
        assert_eq!(world.command(server, r#"{"instruction":"create server credential"}"#), Heard::Done);
        world.texts(server)[2].replace(' ', ",\"") + "\""
    };
    let install = format!(r#"{{"instruction":"install server","parameters":[{}]}}"#, digits(&mut world));
    assert_eq!(world.command(server, &install), Heard::Done);
    world.take(server);
    let port = "7".repeat(1000);
    let connect = format!(r#"{{"instruction":"connect to server","parameters":[0,"{port}"]}}"#);
    assert_eq!(world.command(party, &connect), Heard::Done);
    assert_eq!(world.texts(server), [format!("connected:atPort:for: 0|{}…|::ffff:127.0.0.1", "7".repeat(256))]);
    let own = world.join(Dialect::Own);
    assert_eq!(world.say(own, &format!(r#"{{"type":"{}"}}"#, "y".repeat(1000)).into()), Heard::Done);
    assert!(world.texts(own)[0].len() < 350);
}

/// Eight bytes have room for numbers that JSON has not; our own reader would not take the error.
#[test]
fn an_error_names_no_channel_that_can_not_be_said() {
    let mut world = World::new(limits());
    let party = world.join(Dialect::Own);
    for (channel, is_named) in [((1 << 53) - 1, true), (1 << 53, false), (u64::MAX, false)] {
        let frame = nws_protocol::relay::binary_head(channel).to_vec().into();
        assert_eq!(world.core.ask_own_binary(world.now, party, &frame), Heard::Done);
        let error = world.texts(party).remove(0);
        assert!(error.contains(r#""code":"unknown_channel""#), "{error}");
        assert_eq!(error.contains(r#""channel":"#), is_named, "{error}");
        assert!(nws_protocol::relay::FromRelay::parse(&error).is_ok(), "{error}");
    }
}

/// What waits is copied if it is short: else one byte may keep the whole buffer that was read.
#[test]
fn what_waits_keeps_no_large_buffer() {
    let mut world = World::new(limits());
    let (server, client, channel) = world.pair();
    for (length, is_copied) in [(8000, true), (20_000, false)] {
        let head = nws_protocol::relay::binary_head(channel);
        let buffer = bytes::Bytes::from([&head[..], &vec![0; length], &vec![1; 100_000]].concat());
        let frame = buffer.slice(..8 + length);
        assert_eq!(world.core.ask_own_binary(world.now, client, &frame), Heard::Done);
        let crate::core::Frame::Binary(waiting) = world.take(server).remove(0) else { panic!() };
        assert_eq!(waiting, frame);
        assert_eq!(waiting.as_ptr() != frame.as_ptr(), is_copied, "{length}");
    }
}
