//! Ids: a sequence for the first dialect, drawn for the own one, and never one of the other kind.

use super::{World, limits, random};
use crate::core::{Dialect, Heard, ids::FIRST_DRAWN};
use nws_protocol::relay::{MAX_NUMBER, Request};
use std::net::Ipv4Addr;

/// A registration with exactly these draws, and a credential after them.
fn register(world: &mut World, draws: &[u64]) -> Result<u64, String> {
    let party = world.core.join(world.now, Dialect::Own, Ipv4Addr::LOCALHOST.into(), Some(Ipv4Addr::LOCALHOST.into()));
    let mut draws = draws.iter();
    let given = world.core.new_server(world.now, party, true, || {
        let draw = draws.next().copied().unwrap_or_default();
        u128::from(draw).to_be_bytes()
    });
    given.map_err(str::to_owned)
}

/// R-15: servers of the other dialect leave no gaps in the sequence of 2017.
#[test]
fn the_first_dialect_counts_and_the_own_one_draws() {
    let mut world = World::new(limits());
    let (first, own) = (world.join(Dialect::First), world.join(Dialect::Own));
    assert_eq!(world.ask(own, Some(1), Request::Register), Heard::Done);
    for id in 0..3 {
        assert_eq!(world.command(first, r#"{"instruction":"create server credential"}"#), Heard::Done);
        assert!(world.texts(first)[2].starts_with(&format!("{id} ")));
        let other = world.join(Dialect::Own);
        assert_eq!(world.ask(other, Some(1), Request::Register), Heard::Done);
        assert!((FIRST_DRAWN..=MAX_NUMBER).contains(&world.id(other)));
    }
    // It ends where the others begin.
    world.core.next_server = FIRST_DRAWN - 1;
    assert_eq!(world.core.new_server(world.now, first, false, random(&mut 0)), Ok(FIRST_DRAWN - 1));
    assert_eq!(world.core.new_server(world.now, first, false, random(&mut 0)), Err("no id is left"));
}

/// R-39: in its range, not a server's, and all of the range can be drawn.
#[test]
fn what_is_drawn_is_free_and_not_of_the_sequence() {
    let mut world = World::new(limits());
    assert_eq!(register(&mut world, &[FIRST_DRAWN - 1, 0, 7, FIRST_DRAWN]), Ok(FIRST_DRAWN));
    assert_eq!(register(&mut world, &[FIRST_DRAWN, FIRST_DRAWN, MAX_NUMBER]), Ok(MAX_NUMBER));
    // Bits beyond the range are not looked at.
    assert_eq!(register(&mut world, &[u64::MAX, u64::MAX - 1]), Ok(MAX_NUMBER - 1));
    // A source that is broken does not stop the relay, nor is a server counted that there is not.
    assert_eq!(register(&mut world, &[]), Err("no id is left".to_owned()));
    assert_eq!(world.core.accounts[&Ipv4Addr::LOCALHOST.into()], 3);
    // One whose server is away is still its own; one whose server has ended is free.
    let party = *world.core.parties.keys().next().unwrap();
    world.core.leave(world.now, party);
    assert_eq!(register(&mut world, &[FIRST_DRAWN, FIRST_DRAWN + 1]), Ok(FIRST_DRAWN + 1));
    world.now = world.core.next_tick().unwrap();
    world.core.tick(world.now);
    assert_eq!(register(&mut world, &[FIRST_DRAWN]), Ok(FIRST_DRAWN));
}
