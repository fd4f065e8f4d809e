//! What is bounded, and what happens at the bound.

use super::{World, connect_to, forward_to, limits};
use crate::core::{Dialect, Heard};
use nws_protocol::relay::{Request, Text};
use std::time::Duration;

fn data(channel: u64, text: &str) -> Request<'_> {
    Request::Data { channel, data: Text::new(text) }
}

/// R-21, R-24: data without credit, and `consumed` of what was not sent, break the channel; both ends are told once.
#[test]
fn who_breaks_the_rules_of_credit_loses_the_channel() {
    let mut core_limits = limits();
    core_limits.window = 100;
    let mut world = World::new(core_limits);
    let (server, client, channel) = world.pair();
    let broken = format!(r#"{{"type":"disconnected","channel":{channel},"code":"flow_control"}}"#);
    // More than the credit may be sent, once.
    assert_eq!(world.ask(client, None, data(channel, &"x".repeat(1000))), Heard::Done);
    assert_eq!(world.texts(server).len(), 1);
    assert_eq!(world.ask(client, None, data(channel, "")), Heard::Done);
    assert_eq!(world.texts(server), std::slice::from_ref(&broken));
    assert_eq!(world.texts(client), [broken]);
    assert_eq!(world.core.held_bytes(), (0, 0));
    for side in [true, false] {
        let channel = world.open(server, client);
        assert_eq!(world.ask(client, None, data(channel, "1234")), Heard::Done);
        assert_eq!(world.ask(server, None, data(channel, "1234")), Heard::Done);
        let who = if side { server } else { client };
        assert_eq!(world.ask(who, None, Request::Consumed { channel, bytes: 20 }), Heard::Done);
        assert_eq!(world.ask(who, None, Request::Consumed { channel, bytes: 21 }), Heard::Done);
        let broken = format!(r#"{{"type":"disconnected","channel":{channel},"code":"flow_control"}}"#);
        assert_eq!(world.texts(server).last(), Some(&broken));
        assert_eq!(world.texts(client).last(), Some(&broken));
    }
    // `finish` may be said without credit.
    let channel = world.open(server, client);
    assert_eq!(world.ask(client, None, data(channel, &"x".repeat(84))), Heard::Done);
    assert_eq!(world.ask(client, None, Request::Finish { channel }), Heard::Done);
    assert_eq!(world.texts(server)[1], format!(r#"{{"type":"finished","channel":{channel}}}"#));
}

/// Section 8: what is said to a server that is away is kept as far as there is credit, and not longer than the grace time.
#[test]
fn a_server_that_is_away_costs_so_much_for_so_long() {
    let mut core_limits = limits();
    (core_limits.queue_bytes, core_limits.window) = (10_000, 50_000);
    core_limits.grace = Duration::from_secs(30);
    let mut world = World::new(core_limits);
    let (server, client, channel) = world.pair();
    let first = world.join(Dialect::First);
    assert_eq!(world.command(first, &connect_to(world.id(server))), Heard::Done);
    assert_eq!(world.ask(server, None, Request::Accept { channel: 1 }), Heard::Done);
    world.core.leave(world.now, server);
    let text = "x".repeat(1000);
    // Its other channels are not held up by this one.
    for _ in 0..45 {
        assert_eq!(world.ask(client, None, data(channel, &text)), Heard::Done);
    }
    assert!((45_000..55_000).contains(&world.core.held_bytes().1));
    world.now = world.core.next_tick().unwrap();
    assert_eq!(world.now, Duration::from_secs(30));
    world.core.tick(world.now);
    assert_eq!(world.texts(client), [format!(r#"{{"type":"disconnected","channel":{channel},"code":"gone"}}"#)]);
    world.take(first);
    assert_eq!(world.core.held_bytes(), (0, 0));
    assert_eq!((world.core.sizes(), world.core.next_tick()), ((2, 0, 0), None));
}

/// What is kept for all servers has a bound as well, and who uses it up pays for it: not whoever speaks next.
#[test]
fn the_greediest_gives_way_when_too_much_is_kept() {
    let mut core_limits = limits();
    core_limits.kept_bytes = 20_000;
    let mut world = World::new(core_limits);
    let (honest_server, honest, channel) = world.pair();
    assert_eq!(world.ask(honest, None, data(channel, &"x".repeat(3000))), Heard::Done);
    let (server, client, small) = world.pair();
    let large = world.open(server, client);
    assert_eq!(world.ask(client, None, data(small, &"x".repeat(2000))), Heard::Done);
    for _ in 0..14 {
        assert_eq!(world.ask(client, None, data(large, &"x".repeat(850))), Heard::Done);
    }
    world.take(server);
    world.take(client);
    assert_eq!(world.ask(honest, None, data(channel, &"x".repeat(3000))), Heard::Done);
    let broken = format!(r#"{{"type":"disconnected","channel":{large},"code":"flow_control"}}"#);
    assert_eq!((world.texts(server), world.texts(client)), (vec![broken.clone()], vec![broken]));
    assert_eq!((world.texts(honest_server).len(), world.texts(honest).len()), (2, 0));
    assert!((8000..9000).contains(&world.core.held_bytes().1));
    assert_eq!(world.ask(client, None, data(small, "still there")), Heard::Done);
}

/// What is kept for all servers has a bound as well.
#[test]
fn over_what_may_be_kept_a_channel_ends() {
    let mut core_limits = limits();
    core_limits.kept_bytes = 5000;
    let mut world = World::new(core_limits);
    let (server, client, channel) = world.pair();
    let text = "x".repeat(1000);
    for _ in 0..4 {
        assert_eq!(world.ask(client, None, data(channel, &text)), Heard::Done);
    }
    assert_eq!(world.texts(client).len(), 0);
    assert_eq!(world.ask(client, None, data(channel, &text)), Heard::Done);
    let broken = format!(r#"{{"type":"disconnected","channel":{channel},"code":"flow_control"}}"#);
    assert_eq!(world.texts(client), std::slice::from_ref(&broken));
    assert_eq!(world.texts(server).last(), Some(&broken));
    assert_eq!(world.core.held_bytes().1, 0);
}

/// A party of the first dialect has the flow control of section 7 done for it: what it was written is consumed, and without
/// credit it is not read from.
#[test]
fn the_relay_keeps_the_credit_of_the_first_dialect() {
    let mut core_limits = limits();
    core_limits.window = 200;
    let mut world = World::new(core_limits);
    let (server, _, _) = world.pair();
    let client = world.join(Dialect::First);
    assert_eq!(world.command(client, &connect_to(world.id(server))), Heard::Done);
    let channel = 1;
    // The answer has to come first.
    let forward = &*forward_to(world.id(server), "0123456789");
    assert_eq!(world.command(client, forward), Heard::Later);
    assert_eq!(world.ask(server, None, Request::Accept { channel }), Heard::Done);
    assert!(world.core.wakes().contains(&client));
    world.take(client);
    world.take(server);
    let mut sent = 0;
    while world.command(client, forward) == Heard::Done {
        sent += 1;
        assert!(sent < 20);
    }
    // 26 each, while there is some credit of 200.
    assert_eq!(sent, 8);
    assert_eq!(world.texts(client).len(), 4 * sent);
    world.core.wakes();
    assert_eq!(world.ask(server, None, Request::Consumed { channel, bytes: 26 }), Heard::Done);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.command(client, forward), Heard::Done);
    assert_eq!(world.command(client, forward), Heard::Later);
    // The other way: what is written to it is consumed, told when it is half of the window.
    world.take(server);
    for _ in 0..4 {
        assert_eq!(world.ask(server, None, data(channel, "0123456789")), Heard::Done);
    }
    assert_eq!(world.texts(server).len(), 0);
    world.take(client);
    assert_eq!(world.texts(server), [format!(r#"{{"type":"consumed","channel":{channel},"bytes":104}}"#)]);
    // When the channel ends, it is woken to hear that.
    assert_eq!(world.ask(server, None, Request::Close { channel, status: None, reason: None }), Heard::Done);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.command(client, forward), Heard::Done);
    assert_eq!(world.texts(client)[2..], ["0", "server: no such server channel"]);
}

/// A channel can end while a party of the first dialect waits for credit on it, and be kept for its server.
#[test]
fn who_waits_for_credit_hears_of_the_end() {
    let mut core_limits = limits();
    core_limits.window = 100;
    core_limits.channel_idle = Some(Duration::from_secs(60));
    let mut world = World::new(core_limits);
    let (server, ..) = world.pair();
    let client = world.join(Dialect::First);
    assert_eq!(world.command(client, &connect_to(world.id(server))), Heard::Done);
    assert_eq!(world.ask(server, None, Request::Accept { channel: 1 }), Heard::Done);
    let forward = forward_to(world.id(server), &"x".repeat(100));
    assert_eq!(world.command(client, &forward), Heard::Done);
    assert_eq!(world.command(client, &forward), Heard::Later);
    world.take(client);
    world.core.wakes();
    world.now = Duration::from_secs(60);
    world.core.tick(world.now);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.command(client, &forward), Heard::Done);
    assert_eq!(world.texts(client)[2..], ["0", "server: no such server channel"]);
}

/// A party of the first dialect that waits for credit is woken by the credit, and not by what it says: its session would hear it
/// again at once, for ever, and let no other have its turn.
#[test]
fn who_waits_for_credit_does_not_wake_itself() {
    let mut core_limits = limits();
    core_limits.window = 200;
    let mut world = World::new(core_limits);
    let (server, _, _) = world.pair();
    let client = world.join(Dialect::First);
    assert_eq!(world.command(client, &connect_to(world.id(server))), Heard::Done);
    assert_eq!(world.ask(server, None, Request::Accept { channel: 1 }), Heard::Done);
    let forward = forward_to(world.id(server), &"x".repeat(200));
    assert_eq!(world.command(client, &forward), Heard::Done);
    world.take(client);
    world.core.wakes();
    for _ in 0..3 {
        assert_eq!(world.command(client, &forward), Heard::Later);
        assert!(!world.core.wakes().contains(&client));
        assert!(world.take(client).is_empty());
        assert!(!world.core.wakes().contains(&client));
    }
    assert_eq!(world.ask(server, None, Request::Consumed { channel: 1, bytes: 216 }), Heard::Done);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.command(client, &forward), Heard::Done);
    assert_eq!(world.texts(client).len(), 4);
}

/// Section 10: `idle` of a channel.
#[test]
fn a_channel_on_which_nothing_is_said_ends_if_there_is_such_a_limit() {
    let mut core_limits = limits();
    core_limits.channel_idle = Some(Duration::from_secs(60));
    let mut world = World::new(core_limits);
    let (server, client, channel) = world.pair();
    world.now = Duration::from_secs(40);
    assert_eq!(world.ask(client, None, data(channel, "x")), Heard::Done);
    world.take(server);
    world.now = Duration::from_secs(99);
    world.core.tick(world.now);
    assert_eq!(world.core.next_tick(), Some(Duration::from_secs(100)));
    world.now = Duration::from_secs(100);
    world.core.tick(world.now);
    let over = format!(r#"{{"type":"disconnected","channel":{channel},"code":"idle"}}"#);
    assert_eq!((world.texts(server), world.texts(client)), (vec![over.clone()], vec![over]));
    assert_eq!(world.core.sizes(), (2, 1, 0));
    // The server had not consumed all of it: it may come back and ask for it, for a time.
    assert!(world.core.held_bytes().1 > 0);
    world.now = world.core.next_tick().unwrap();
    assert_eq!(world.now, Duration::from_secs(130));
    world.core.tick(world.now);
    assert_eq!((world.core.next_tick(), world.core.held_bytes()), (None, (0, 0)));
    // No timer stays of one that was spoken on.
    let channel = world.open(server, client);
    world.now += Duration::from_secs(1);
    assert_eq!(world.ask(server, None, data(channel, "x")), Heard::Done);
    assert_eq!(world.ask(client, None, Request::Close { channel, status: None, reason: None }), Heard::Done);
    assert_eq!(world.core.next_tick(), None);
}

/// Nothing of who was here stays.
#[test]
fn who_has_left_leaves_nothing() {
    let mut world = World::new(limits());
    for _ in 0..10 {
        let (server, client, channel) = world.pair();
        assert_eq!(world.ask(client, None, data(channel, "x")), Heard::Done);
        world.core.leave(world.now, client);
        assert_eq!(world.ask(server, Some(1), Request::Unregister), Heard::Done);
        world.core.leave(world.now, server);
    }
    assert_eq!((world.core.sizes(), world.core.held_bytes()), ((0, 0, 0), (0, 0)));
    assert_eq!(world.core.next_tick(), None);
    assert!(world.core.accounts.is_empty());
}
