//! Data lanes, right and wrong, as far as they show without a client at the target.

use super::hello::about;
use crate::{
    bytes::{data, field, framed, number, unknown},
    check::checks,
    context::{Context, random_id},
    link::{Next, Sender},
    player::{Matched, Player, SOON, data_name, next_data, read_members, seen},
    verdict::{Trouble, Verdict, ensure, failed},
};
use bytes::Bytes;
use nws_protocol::{
    ChannelId, PeerId,
    wire::{Data, Payload},
};
use std::time::{Duration, Instant};

checks! {
    Beside "lane-begins" "a lane begins at once with Open and the full list" ["M-5" "M-6" "M-7" "M-14"] begins;
    Beside "lane-one-way" "a data lane is one-way, and its opener's" ["L-16"] one_way;
    Beside "lane-unknown-fields" "unknown fields are ignored" ["L-30"] unknown_fields;
    Beside "lane-odd-json" "data that is odd JSON is JSON" ["M-3"] odd_json;
    Beside "lane-unmatched" "a lane for a channel that is not matched is stopped after 1 s, and the link lives on" ["M-16"] unmatched;
    Beside "lane-silent" "a lane without Open is stopped, and the link lives on" ["M-16"] silent;
    Beside "lane-early" "a lane that overtakes the Accept is held and attached" ["M-16"] early;
    Beside "lane-stopped" "after its lane was stopped the target opens another, with a list" ["M-17"] stopped;
    Beside "lane-newer" "a newer lane is not read before the older one has ended" ["M-18"] newer;
    Beside "direct-undeliverable" "a Direct to nobody is answered with Undeliverable" ["M-28"] undeliverable;
    Beside "undeliverable-ignored" "Undeliverable for nobody is ignored" ["M-29"] ignored;
    Beside "no-forwarding" "what one link brings does not go out on another" ["M-1" "M-12"] forwarding;
}

/// A peer of the runner.
pub(super) fn peer() -> PeerId {
    PeerId::from_bytes(random_id())
}

/// A broadcast of JSON.
pub(super) fn broadcast(source: PeerId, json: &str) -> Data {
    Data::Broadcast { source, payload: Payload::Json(Bytes::copy_from_slice(json.as_bytes())) }
}

/// A direct message of JSON.
pub(super) fn direct(source: PeerId, target: PeerId, json: &str) -> Data {
    Data::Direct { source, target, payload: Payload::Json(Bytes::copy_from_slice(json.as_bytes())) }
}

/// A link on which the channel is matched, and a lane of the runner with this list.
pub(super) async fn up(context: &Context, list: &[PeerId]) -> Result<(Player, Matched, Sender), Trouble> {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    let lane = player.open(&matched.secrets, list).await?;
    Ok((player, matched, lane))
}

/// The lane is attached and has been read up to here: a Direct to nobody comes back.
pub(super) async fn read_up_to_here(matched: &mut Matched, lane: &mut Sender, source: PeerId) -> Verdict {
    let target = peer();
    lane.write(&data(&direct(source, target, "1"))).await?;
    let expected = Data::Undeliverable { source, target };
    loop {
        match next_data(&mut matched.lane, SOON).await? {
            got if got == expected => return Ok(()),
            // The target's own clients may come, go and speak.
            Data::Join(_) | Data::Part(_) | Data::Broadcast { .. } => {}
            other => return Err(failed(data_name(&expected), data_name(&other))),
        }
    }
}

async fn begins(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let secrets = player.accept_channel(&context.channel()?).await?;
    let mut lane = player.lane(secrets.channel_id, SOON).await?;
    let members = read_members(&mut lane).await?;
    // With a client of the runner in it the list has at least that one.
    let enough = context.client.is_none() || !members.is_empty();
    ensure(enough, "all clients that the target has in the channel", "an empty list")
}

async fn one_way(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    if let Some(id) = matched.lane.lane.id() {
        ensure(id.is_multiple_of(2), "even yamux ids for streams that R opens", format!("{id}"))?;
        let faults = player.conn.mux()?.state().faults.clone();
        ensure(faults.is_empty(), "yamux by its rules", faults.join("; "))?;
    }
    // On QUIC it was accepted as a one-way stream; a two-way one must not be there too.
    if let Ok(connection) = player.conn.quic() {
        let other = tokio::time::timeout(Duration::from_millis(300), connection.accept_bi()).await;
        ensure(other.is_err(), "no two-way stream of R", "one")?;
    }
    Ok(())
}

async fn unknown_fields(context: &Context) -> Verdict {
    let source = peer();
    let mut player = context.greeted().await?;
    let mut matched = player.matched(&context.channel()?).await?;
    let mut lane = player.conn.open_lane().await?;
    let open = framed(&field(1, &[field(1, matched.secrets.channel_id.as_bytes()), unknown()].concat()));
    let list = framed(&[unknown(), field(2, &[unknown(), field(1, source.as_bytes())].concat())].concat());
    let said = framed(
        &[field(5, &[unknown(), field(1, source.as_bytes()), field(3, b"1"), unknown()].concat()), unknown()].concat(),
    );
    lane.write(&[open, list, said].concat()).await?;
    read_up_to_here(&mut matched, &mut lane, source).await
}

pub(super) fn said(source: PeerId, kind: u64, text: &[u8]) -> Vec<u8> {
    framed(&field(5, &[field(1, source.as_bytes()), number(2, kind), field(3, text)].concat()))
}

async fn odd_json(context: &Context) -> Verdict {
    let source = peer();
    let (mut player, mut matched, mut lane) = up(context, &[source]).await?;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for text in
        [r#""\ud800""#, " {\"a\" : 1 , \"a\":2}\r\n", "1e400", "-0.10", "", "null", "\"\u{0}e9\"", deep.as_str()]
    {
        let text = text.replace('\u{0}', "\\u00");
        lane.write(&said(source, 0, text.as_bytes())).await?;
        let read = read_up_to_here(&mut matched, &mut lane, source).await;
        read.map_err(|trouble| about(&format!("the data {}", text.get(..30).unwrap_or(&text)), trouble))?;
    }
    player.alive().await
}

/// The lane must be stopped about a second after now.
async fn stopped_soon(player: &mut Player, lane: &mut Sender, begun: Instant) -> Verdict {
    let code = lane.stopped(SOON).await;
    let Some(code) = code else { return Err(failed("the lane is stopped 1 s after it came", "it is not, after 5 s")) };
    let after = begun.elapsed();
    let expected = "the lane is held for 1 s";
    ensure(after > Duration::from_millis(800), expected, format!("stopped after {after:?}"))?;
    // yamux carries no code.
    ensure(code.is_none_or(|code| code == 7), "the lane is stopped with Unmatched (7)", format!("{code:?}"))?;
    player.alive().await
}

async fn unmatched(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    let mut lane = player.conn.open_lane().await?;
    let begun = Instant::now();
    lane.write(&data(&Data::Open(ChannelId::from_bytes([3; 8])))).await?;
    stopped_soon(&mut player, &mut lane, begun).await
}

async fn silent(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    let begun = Instant::now();
    let mut lane = player.conn.open_lane().await?;
    // The length of a frame that never comes.
    lane.write(&[12]).await?;
    stopped_soon(&mut player, &mut lane, begun).await
}

async fn early(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let found = player.ask(&[context.channel()?]).await?;
    let Some(secrets) = found.into_iter().next() else { return Err(failed("an evaluation", "none")) };
    player.wait_offer(&secrets).await?;
    let source = peer();
    let mut own = player.open(&secrets, &[source]).await?;
    own.write(&data(&broadcast(source, "\"early\""))).await?;
    // Well within the second that it is held.
    tokio::time::sleep(Duration::from_millis(150)).await;
    player.accept(&[secrets.tag_i], 8).await?;
    let mut lane = player.lane(secrets.channel_id, SOON).await?;
    let members = read_members(&mut lane).await?;
    let mut matched = Matched { secrets, lane, members };
    read_up_to_here(&mut matched, &mut own, source).await
}

async fn stopped(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let mut matched = player.matched(&context.channel()?).await?;
    matched.lane.lane.stop(7).await;
    let mut lane = player.lane(matched.secrets.channel_id, SOON).await?;
    let members = read_members(&mut lane).await?;
    let same = members == matched.members || context.client.is_none();
    ensure(same, "the full list again", format!("{} peers for {}", members.len(), matched.members.len()))?;
    player.alive().await
}

async fn newer(context: &Context) -> Verdict {
    let (p1, p2) = (peer(), peer());
    let (player, mut matched, mut older) = up(context, &[p1]).await?;
    read_up_to_here(&mut matched, &mut older, p1).await?;
    let mut newer = player.open(&matched.secrets, &[p2]).await?;
    let target = peer();
    newer.write(&data(&direct(p2, target, "1"))).await?;
    // The older one is read meanwhile.
    read_up_to_here(&mut matched, &mut older, p1).await?;
    match matched.lane.next(Duration::from_millis(700)).await {
        Next::Nothing => {}
        Next::Frame(frame) => {
            if let Ok(Data::Undeliverable { source, .. }) = Data::decode(frame) {
                ensure(source != p2, "the newer lane is not read before the older one has ended", "it was read")?;
            }
        }
        other => return Err(failed("the target's lane goes on", seen(&other))),
    }
    older.finish().await;
    let expected = Data::Undeliverable { source: p2, target };
    loop {
        match next_data(&mut matched.lane, SOON).await? {
            got if got == expected => return Ok(()),
            Data::Join(_) | Data::Part(_) | Data::Broadcast { .. } => {}
            other => return Err(failed(data_name(&expected), data_name(&other))),
        }
    }
}

async fn undeliverable(context: &Context) -> Verdict {
    let source = peer();
    let (mut player, mut matched, mut lane) = up(context, &[source]).await?;
    for _ in 0..3 {
        read_up_to_here(&mut matched, &mut lane, source).await?;
    }
    player.alive().await
}

async fn ignored(context: &Context) -> Verdict {
    let source = peer();
    let (mut player, mut matched, mut lane) = up(context, &[source]).await?;
    lane.write(&data(&Data::Undeliverable { source: peer(), target: source })).await?;
    lane.write(&data(&Data::Undeliverable { source: peer(), target: peer() })).await?;
    read_up_to_here(&mut matched, &mut lane, source).await?;
    player.alive().await
}

async fn forwarding(context: &Context) -> Verdict {
    let (p1, p2) = (peer(), peer());
    let (_one, mut of_one, mut lane_of_one) = up(context, &[p1]).await?;
    let (_two, mut of_two, mut lane_of_two) = up(context, &[p2]).await?;
    lane_of_one.write(&data(&broadcast(p1, "\"for local clients\""))).await?;
    lane_of_one.write(&data(&direct(p1, p2, "\"not through you\""))).await?;
    read_up_to_here(&mut of_two, &mut lane_of_two, p2).await?;
    // The Direct to a peer of another link can't be delivered either.
    loop {
        match next_data(&mut of_one.lane, SOON).await? {
            Data::Undeliverable { source, target } if (source, target) == (p1, p2) => break,
            Data::Join(_) | Data::Part(_) | Data::Broadcast { .. } => {}
            other => return Err(failed("Undeliverable", data_name(&other))),
        }
    }
    ensure(!of_two.members.contains(&p1), "only own clients in the member list", "a peer of another link")?;
    loop {
        match of_two.lane.next(Duration::from_millis(500)).await {
            Next::Nothing => break,
            Next::Frame(frame) => {
                let foreign = match Data::decode(frame) {
                    Ok(Data::Join(of) | Data::Part(of) | Data::Broadcast { source: of, .. }) => of == p1,
                    Ok(Data::Direct { source, .. }) => source == p1,
                    _ => false,
                };
                ensure(!foreign, "nothing of one link on another", "a word of a peer of the first link")?;
            }
            other => return Err(failed("the target's lane goes on", seen(&other))),
        }
    }
    // Who comes later is not told of it either.
    let (_three, of_three, _lane) = up(context, &[]).await?;
    ensure(!of_three.members.contains(&p1), "only own clients in the member list", "a peer of another link")
}
