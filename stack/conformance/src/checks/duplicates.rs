//! Two links between the same proxies: which one stays, and how peers move from one to the other.

use super::{
    lanes::{broadcast, peer},
    members::network,
};
use crate::{
    bytes::data,
    check::checks,
    client::Client,
    context::{Context, random_id},
    link::{Next, Sender},
    player::{Heard, Matched, Player, SOON, next_data, read_members, seen},
    verdict::{Trouble, Verdict, ensure, failed, not_run},
};
use nws_protocol::{
    PeerId,
    matching::Secrets,
    wire::{Control, Data},
};
use std::time::{Duration, Instant};

checks! {
    Beside "dup-alive" "a link that answers the probe is not given up for a newer one of the same dialler" ["L-45" "L-46" "L-47"] alive;
    Beside "dup-dead" "a link that does not answer the probe gives way to a newer one" ["L-45" "L-46"] dead;
    Beside "dup-idle" "a link on which nothing is matched gives way at once" ["L-45"] idle;
    Beside dialled "dup-larger" "a newer link that the larger id dialled is closed" ["L-45" "L-46" "T-5"] larger;
    Long dialled "dup-trial" "a newer link that the smaller id dialled is on trial, proves itself, and takes the lanes over" ["L-46" "L-48" "L-50" "L-45" "M-19" "T-5"] trial;
    Long dialled "dup-unproven" "a link on trial that does not prove itself in 5 s is closed" ["L-49" "L-48" "L-45"] unproven;
    Long dialled "dup-drains" "what the other end still says on a link that drains is read" ["L-51" "M-18"] drains;
    Long dialled "dup-old-cut" "when the old link breaks before its lanes were moved, the new one is closed with Stalled" ["L-52"] old_cut;
    Long dialled "dup-new-cut" "when the new link ends while the old one drains, the old one is closed too" ["L-53"] new_cut;
}

/// What must not take as long as a trial, or as a link that drains without movement, which is 5 s.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Another link that the runner dials under the same id.
async fn again(context: &Context, id: [u8; 16]) -> Result<Player, Trouble> {
    context.greeted_with(|hello| hello.instance_id = id.to_vec()).await
}

/// Says a first Query on a link, and waits for no answer.
async fn query(player: &mut Player) -> Verdict {
    let inputs: Vec<Vec<u8>> = (0..8u8).map(|n| vec![n, 8]).collect();
    let elements = Player::blind(&inputs).iter().map(|blinded| blinded.element).collect();
    player.query(elements).await
}

async fn alive(context: &Context) -> Verdict {
    let mut attempts = 0;
    loop {
        let mut late = false;
        let verdict = answered(context, &mut late).await;
        attempts += 1;
        // Who answers after a second is taken for dead, and rightly so: it was this machine that stood still.
        if verdict.is_ok() || !late || attempts == 3 {
            return verdict;
        }
    }
}

/// The probe is answered; `late`, if that may have been too late.
async fn answered(context: &Context, late: &mut bool) -> Verdict {
    let mut old = context.greeted().await?;
    let _matched = old.matched(&context.channel()?).await?;
    let mut new = again(context, old.id).await?;
    let begun = Instant::now();
    query(&mut new).await?;
    // The probe is a Ping, which the player answers.
    loop {
        let heard = old.hear_any(SOON).await;
        *late = begun.elapsed() > Duration::from_millis(900);
        match heard? {
            Heard::Message(Control::Ping(nonce)) => {
                old.say(&Control::Pong(nonce)).await?;
                *late = begun.elapsed() > Duration::from_millis(900);
                break;
            }
            Heard::Message(_) => {}
            Heard::Nothing => return Err(failed("a Ping on the link in use", format!("none within {SOON:?}"))),
            Heard::Over(ending) => return Err(failed("the link in use lives on", ending.to_string())),
        }
    }
    let lane = new.conn.accept_lane(Duration::from_millis(100)).await;
    ensure(lane.is_none(), "no data lane on a link that waits", "one")?;
    // Not when a trial would be over.
    new.closed_within(2, AT_ONCE).await?;
    old.alive().await
}

async fn dead(context: &Context) -> Verdict {
    let mut old = context.greeted().await?;
    let _matched = old.matched(&context.channel()?).await?;
    old.answers = false;
    let begun = Instant::now();
    let mut new = again(context, old.id).await?;
    // Its Query is answered when the old one is found dead.
    let secrets = new.accept_channel(&context.channel()?).await?;
    let after = begun.elapsed();
    ensure(after > Duration::from_millis(800), "the probe waits for 1 s", format!("{after:?}"))?;
    let mut lane = new.lane(secrets.channel_id, SOON).await?;
    read_members(&mut lane).await?;
    old.closed_with(2).await?;
    new.alive().await
}

async fn idle(context: &Context) -> Verdict {
    let mut old = context.established().await?;
    let mut new = again(context, old.id).await?;
    new.ask(&[]).await?;
    old.closed_with(2).await?;
    new.alive().await
}

/// An id that is smaller, or larger, than the target's as bytes, and where it can be the other way round as text.
fn id_beside(context: &Context, smaller: bool) -> Result<[u8; 16], Trouble> {
    let theirs = context.target_id.get().ok_or_else(|| not_run("the target's id is not known"))?;
    let theirs = *theirs.as_bytes();
    let digit = theirs[0] >> 3;
    let mut id = random_id();
    // In base32 the values from 26 on are digits, which come before letters in ASCII.
    let wanted = match (smaller, digit) {
        (true, 0) | (false, 31) => return beside_anywhere(theirs, smaller),
        (true, 26..) => 25,
        (true, _) => digit - 1,
        (false, 0..26) => 31,
        (false, _) => digit + 1,
    };
    id[0] = wanted << 3 | id[0] & 7;
    Ok(id)
}

/// Where the first digit leaves no room: anywhere on that side. Checks run beside each other, so each needs an id of its own.
fn beside_anywhere(theirs: [u8; 16], smaller: bool) -> Result<[u8; 16], Trouble> {
    let (number, draw) = (u128::from_be_bytes(theirs), u128::from_be_bytes(random_id()));
    let room = if smaller { number } else { u128::MAX - number };
    let step = draw.checked_rem(room).ok_or_else(|| not_run("the target's id is the first or the last of all"))?;
    let other = if smaller { step } else { number + 1 + step };
    Ok(other.to_be_bytes())
}

/// A link that the target dialled, on which a fresh channel with one client is matched, and the runner's lane with one peer.
struct Old {
    name: String,
    client: Client,
    player: Player,
    matched: Matched,
    lane: Sender,
    peer: PeerId,
}

async fn old(context: &Context, id: &[u8; 16]) -> Result<Old, Trouble> {
    let name = context.fresh_name();
    let (mut client, mut player) = context.greeted_with_client(id, &name).await?;
    let matched = player.matched(&network(&name)).await?;
    let peer = peer();
    let lane = player.open(&matched.secrets, &[peer]).await?;
    client.connected(&peer.text()).await?;
    Ok(Old { name, client, player, matched, lane, peer })
}

/// One more channel of the target is matched on the link that it dialled.
async fn one_more(context: &Context, older: &mut Player) -> Result<(Client, String, Matched), Trouble> {
    let name = context.fresh_name();
    let client = context.client(&name).await?;
    let secrets = older.secrets(&network(&name));
    let offer = older.offer_of(&[secrets.tag_r], 4);
    older.say(&Control::Offer(offer)).await?;
    older.wait_accept(&secrets).await?;
    let mut lane = older.lane(secrets.channel_id, SOON).await?;
    let members = read_members(&mut lane).await?;
    Ok((client, name, Matched { secrets, lane, members }))
}

/// One of the channels is matched on the new link, which is no proof yet: no lane for it is opened there in this time.
async fn matched_on_trial(new: &mut Player, name: &str, during: Duration) -> Result<Secrets, Trouble> {
    let secrets = new.accept_channel(&network(name)).await?;
    let early = new.conn.accept_lane(during).await;
    ensure(early.is_none(), "no data lane on a link on trial, for what is matched on it neither", "one")?;
    Ok(secrets)
}

/// Proves the new link: the channel is matched on it.
async fn prove(new: &mut Player, name: &str) -> Result<Secrets, Trouble> {
    new.accept_channel(&network(name)).await
}

async fn larger(context: &Context) -> Verdict {
    let id = id_beside(context, false)?;
    let mut old = context.greeted_by_target(&id).await?;
    let _matched = old.matched(&context.channel()?).await?;
    let mut new = again(context, id).await?;
    // It may be closed before or after the Query.
    let _ = query(&mut new).await;
    // At once: a link on trial is closed too, but after 5 s.
    new.closed_within(2, AT_ONCE).await?;
    old.alive().await
}

async fn trial(context: &Context) -> Verdict {
    let id = id_beside(context, true)?;
    let Old { name, mut client, player: mut older, mut matched, mut lane, peer } = old(context, &id).await?;
    let (_second, second_name, _second_lane) = one_more(context, &mut older).await?;
    let mut new = again(context, id).await?;
    let second = matched_on_trial(&mut new, &second_name, Duration::from_millis(700)).await?;
    client.text(r#"{"action":"broadcast","data":1}"#).await?;
    let me = client.peer()?;
    let got = next_data(&mut matched.lane, SOON).await?;
    ensure(got == broadcast(me, "1"), "the link in use goes on during the trial", crate::player::data_name(&got))?;
    let secrets = prove(&mut new, &name).await?;
    let mut newer = new.lane(secrets.channel_id, SOON).await?;
    let members = read_members(&mut newer).await?;
    ensure(members.contains(&me), "the client in the list on the new link", "it is not")?;
    new.lane(second.channel_id, SOON).await?;
    let _own_second = new.open(&second, &[]).await?;
    // The target's older lane ends without Part.
    match matched.lane.next(SOON).await {
        Next::Finished => {}
        Next::Frame(frame) => {
            let words =
                Data::decode(frame).map_or_else(|error| error.to_string(), |got| crate::player::data_name(&got));
            return Err(failed("the older lane is finished, without Part", words));
        }
        other => return Err(failed("the older lane is finished", seen(&other))),
    }
    // The runner does the same: the last words on the older lane, its end, and the newer lane with the same peer.
    let mut own = new.open(&secrets, &[peer]).await?;
    own.write(&data(&broadcast(peer, "\"on the new\""))).await?;
    lane.write(&data(&broadcast(peer, "\"on the old\""))).await?;
    lane.finish().await;
    let text = peer.text().to_string();
    client.expect(&format!(r#"{{"action":"broadcast","source":"{text}","data":"on the old"}}"#)).await?;
    client.expect(&format!(r#"{{"action":"broadcast","source":"{text}","data":"on the new"}}"#)).await?;
    client.synced().await?;
    older.closed_within(2, Duration::from_secs(8)).await?;
    new.alive().await
}

async fn unproven(context: &Context) -> Verdict {
    let id = id_beside(context, true)?;
    let Old { mut client, player: mut older, mut matched, lane: _lane, .. } = old(context, &id).await?;
    let (_second, second_name, _second_lane) = one_more(context, &mut older).await?;
    let mut new = again(context, id).await?;
    let begun = Instant::now();
    new.ask(&[]).await?;
    matched_on_trial(&mut new, &second_name, Duration::from_secs(3)).await?;
    new.closed_within(2, Duration::from_secs(8)).await?;
    let after = begun.elapsed();
    ensure(after > Duration::from_secs(4), "the trial lasts 5 s", format!("{after:?}"))?;
    older.alive().await?;
    client.text(r#"{"action":"broadcast","data":1}"#).await?;
    let got = next_data(&mut matched.lane, SOON).await?;
    ensure(got == broadcast(client.peer()?, "1"), "the old link stays in use", crate::player::data_name(&got))
}

async fn drains(context: &Context) -> Verdict {
    const COUNT: usize = 500;
    let id = id_beside(context, true)?;
    let Old { name, mut client, player: mut older, matched: _matched, mut lane, peer } = old(context, &id).await?;
    let mut new = again(context, id).await?;
    let secrets = prove(&mut new, &name).await?;
    let _theirs = new.lane(secrets.channel_id, SOON).await?;
    let mut own = new.open(&secrets, &[peer]).await?;
    own.write(&data(&broadcast(peer, "\"last\""))).await?;
    // Goodbye is there before most of the lane.
    let goodbye = Control::Goodbye { code: nws_protocol::LinkCode::Duplicate, reason: String::new() };
    let mut bytes = Vec::new();
    for n in 0..COUNT {
        bytes.extend(data(&broadcast(peer, &format!("\"{n:06}{}\"", "x".repeat(200)))));
    }
    let (head, tail) = bytes.split_at(1000);
    lane.write(head).await?;
    older.say(&goodbye).await?;
    older.send.finish().await;
    lane.write(tail).await?;
    lane.finish().await;
    let text = peer.text().to_string();
    for n in 0..COUNT {
        let got = client.message(&format!("message {n} of the link that drains")).await?;
        let begins = format!(r#"{{"action":"broadcast","source":"{text}","data":"{n:06}"#);
        ensure(got.starts_with(&begins), begins, got.get(..120).unwrap_or(&got).to_owned())?;
    }
    client.expect(&format!(r#"{{"action":"broadcast","source":"{text}","data":"last"}}"#)).await?;
    client.synced().await
}

async fn old_cut(context: &Context) -> Verdict {
    let id = id_beside(context, true)?;
    let Old { name, client: _client, player: mut older, matched: _matched, lane: _lane, .. } =
        old(context, &id).await?;
    let mut new = again(context, id).await?;
    let secrets = prove(&mut new, &name).await?;
    let _theirs = new.lane(secrets.channel_id, SOON).await?;
    older.leave_with(0).await;
    new.closed_with(11).await
}

async fn new_cut(context: &Context) -> Verdict {
    let id = id_beside(context, true)?;
    let Old { name, client: _client, player: mut older, matched: _matched, lane: _lane, .. } =
        old(context, &id).await?;
    let mut new = again(context, id).await?;
    let secrets = prove(&mut new, &name).await?;
    let _theirs = new.lane(secrets.channel_id, SOON).await?;
    new.leave_with(0).await;
    // With which code is not said, but that it is for this: without it, old would drain for 5 s.
    older.end(AT_ONCE).await.map(|_| ()).map_err(|trouble| match trouble {
        Trouble::Failed { seen, .. } => failed("the old link is closed too", seen),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_beside_are_on_the_right_side() {
        for first in [0u8, 1, 8, 100, 207, 208, 215, 247, 248, 255] {
            let mut theirs = [9; 16];
            theirs[0] = first;
            for smaller in [true, false] {
                let context = crate::context::for_tests(theirs);
                if let Ok(id) = id_beside(&context, smaller) {
                    assert_eq!(id < theirs, smaller, "{first} {smaller} {id:?}");
                }
            }
        }
    }
}
