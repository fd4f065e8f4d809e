//! Private matching with the target as initiator.

use super::{hello::about, matching::bad_elements};
use crate::{
    check::checks,
    context::{Context, random_id},
    oprf::Blinded,
    player::{Player, SOON, name, read_members},
    verdict::{Verdict, ensure},
};
use nws_protocol::{
    ChannelId, ChannelKind,
    wire::{Control, Tag},
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

checks! {
    Beside dialled "ask-hit" "a channel that is offered and held is accepted, and a lane is opened for it" ["P-21" "M-14" "P-9"] hit;
    Beside dialled "ask-miss" "an offer without hits is accepted all the same" ["P-21" "P-15" "P-12"] miss;
    Beside dialled "ask-later" "a channel that is offered later is accepted, with four tags" ["P-21" "P-9"] later;
    Beside dialled "ask-anew" "a channel that is revoked and offered anew is accepted anew" ["P-21"] anew;
    Beside dialled "ask-one" "no Query while another one is outstanding, and then for what is new" ["P-18" "P-2"] one_at_a_time;
    Beside dialled "ask-element" "an evaluated element that is not canonical is refused" ["P-3" "P-4" "P-19"] bad_element;
    Beside dialled "ask-identity" "the identity among evaluated elements is refused" ["P-3" "P-4" "P-19"] identity;
    Beside dialled "ask-count" "an Answer with fewer elements than were asked is refused" ["P-10" "P-19"] count;
    Beside dialled "ask-offer-size" "a first offer of 12 tags is refused" ["P-10" "P-19"] offer_size;
    Beside dialled "ask-seq" "an Answer to another Query is refused" ["P-36" "P-19"] sequence;
    Beside dialled "ask-unasked" "an Answer to nothing that was asked is refused" ["P-36"] unasked;
    Beside dialled "ask-busy-unasked" "Busy to nothing that was asked is refused" ["P-36"] busy_unasked;
    Beside dialled "ask-role-query" "a Query to I is refused" ["P-8"] role_query;
    Beside dialled "ask-role-accept" "an Accept to I is refused" ["P-8"] role_accept;
    Beside dialled "ask-role-leave" "a Leave to I is refused" ["P-8"] role_leave;
    Beside dialled "ask-twice" "a tag that is on offer and offered again is refused" ["P-29"] twice;
    Beside dialled "ask-revoke" "a Revoke of what is not on offer is refused" ["P-31"] revoke_stranger;
    Beside dialled "ask-sizes" "an Offer of 6 tags is refused" ["P-10"] sizes;
    Beside dialled "ask-revoke-none" "a Revoke of nothing is refused" ["P-10"] revoke_none;
    Beside dialled "ask-busy" "after Busy the Query comes again, with the next number, not too early" ["P-39" "P-18"] busy;
    Beside dialled "ask-busy-zero" "after Busy for 0 ms the Query comes no earlier than 100 ms" ["P-39"] busy_zero;
    Beside dialled "ask-leave" "a channel that is left is told by Leave, and Leave comes before the next Accept" ["P-22" "P-23"] leave;
    Beside dialled "ask-leave-unmatched" "Leave follows the last word, matched or not" ["P-22"] leave_unmatched;
    Beside dialled "ask-order" "the place of tag_I in Accepts is drawn at random" ["P-16"] random_order;
    Alone dialled "ask-size" "Queries and Accepts are filled up to the next power of two, and no further" ["P-12" "P-9"] exact_sizes;
}

async fn hit(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    player.matched(&context.channel()?).await?;
    player.alive().await
}

async fn miss(context: &Context) -> Verdict {
    let mut seen: BTreeSet<Tag> = BTreeSet::new();
    // What is drawn at random is drawn anew, in each Accept and on each link.
    for _ in 0..2 {
        let mut player = context.asked().await?;
        let offer = player.offer_of(&[], 8);
        let offered: BTreeSet<Tag> = offer.iter().copied().collect();
        player.evaluate(offer).await?;
        let first = player.next_accept("Accept without hits").await?;
        ensure(first.len() == 8, "a first Accept of 8 tags for no hit", format!("{}", first.len()))?;
        let offer = player.offer_of(&[], 4);
        player.say(&Control::Offer(offer)).await?;
        let second = player.next_accept("Accept of an Offer without hits").await?;
        let random = first.iter().chain(&second).all(|tag| !offered.contains(tag) && seen.insert(*tag));
        ensure(random, "16 random bytes for each dummy of an Accept", "tags that repeat others")?;
    }
    Ok(())
}

async fn later(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    let offer = player.offer_of(&[], 8);
    player.evaluate(offer).await?;
    accept_of(&mut player).await?;
    let secrets = player.secrets(&context.channel()?);
    let offer = player.offer_of(&[secrets.tag_r], 4);
    player.say(&Control::Offer(offer)).await?;
    player.wait_accept(&secrets).await?;
    let mut lane = player.lane(secrets.channel_id, SOON).await?;
    read_members(&mut lane).await?;
    // An Offer without hits is answered too.
    let offer = player.offer_of(&[], 16);
    player.say(&Control::Offer(offer)).await?;
    accept_of(&mut player).await.map(|_| ())
}

async fn accept_of(player: &mut Player) -> Result<Vec<Tag>, crate::verdict::Trouble> {
    player.next_accept("an Accept").await
}

async fn anew(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    let matched = player.matched(&context.channel()?).await?;
    let tag = matched.secrets.tag_r;
    player.say(&Control::Revoke(vec![tag])).await?;
    let offer = player.offer_of(&[tag], 4);
    player.say(&Control::Offer(offer)).await?;
    player.wait_accept(&matched.secrets).await?;
    let mut lane = player.lane(matched.secrets.channel_id, SOON).await?;
    read_members(&mut lane).await?;
    player.alive().await
}

async fn one_at_a_time(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    let _ = context.clients()?;
    let new = context.fresh_name();
    let _client = context.clients()?.join_raw(&format!("/{new}")).await?;
    let again = |message: &Control| matches!(message, Control::Query { .. });
    player.never("no Query while one is outstanding", Duration::from_millis(800), again).await?;
    let before: BTreeSet<_> = player.asked.iter().copied().collect();
    let offer = player.offer_of(&[], 8);
    player.evaluate(offer).await?;
    player.wait("a Query for the new channel", SOON, |message| again(message).then_some(())).await?;
    let repeats = player.asked.iter().any(|element| before.contains(element));
    ensure(!repeats, "new blinds in another Query", "an element of the Query before")?;
    let secrets = player.secrets(&Context::key(ChannelKind::Network, &new));
    player.evaluate(Vec::new()).await?;
    let offer = player.offer_of(&[secrets.tag_r], 4);
    player.say(&Control::Offer(offer)).await?;
    player.wait_accept(&secrets).await
}

/// An Answer whose last element is this.
async fn answer_with(context: &Context, element: [u8; 32]) -> Verdict {
    let mut player = context.asked().await?;
    let mut evaluated = Vec::new();
    for asked in player.asked.iter().skip(1) {
        evaluated.push(player.key.evaluate_blinded(asked)?);
    }
    evaluated.push(element);
    let (seq, offer) = (player.seq, player.offer_of(&[], 8));
    player.say(&Control::Answer { seq, evaluated, offer }).await?;
    player.closed_with(8).await
}

async fn bad_element(context: &Context) -> Verdict {
    let bad = bad_elements();
    let at = usize::from(random_id()[0]) % bad.len();
    let Some((what, element)) = bad.get(at) else { return Ok(()) };
    answer_with(context, *element).await.map_err(|trouble| about(what, trouble))
}

async fn identity(context: &Context) -> Verdict {
    answer_with(context, [0; 32]).await
}

async fn count(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    player.asked.pop();
    let offer = player.offer_of(&[], 8);
    player.evaluate(offer).await?;
    player.closed_with(5).await
}

async fn offer_size(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    let mut offer = player.offer_of(&[], 16);
    offer.truncate(12);
    player.evaluate(offer).await?;
    player.closed_with(5).await
}

async fn sequence(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    player.seq = 2;
    let offer = player.offer_of(&[], 8);
    player.evaluate(offer).await?;
    player.closed_with(5).await
}

/// The first Query answered, and the Accept read.
async fn answered(context: &Context) -> Result<Player, crate::verdict::Trouble> {
    let mut player = context.asked().await?;
    let offer = player.offer_of(&[], 8);
    player.evaluate(offer.clone()).await?;
    player.offers.push(offer);
    accept_of(&mut player).await?;
    Ok(player)
}

/// On an established link this message must close it.
async fn refused(context: &Context, code: u32, message: impl FnOnce(&Player) -> Control + Send) -> Verdict {
    let mut player = answered(context).await?;
    let message = message(&player);
    player.say(&message).await?;
    player.closed_with(code).await.map_err(|trouble| about(&name(&message), trouble))
}

async fn unasked(context: &Context) -> Verdict {
    refused(context, 5, |player| Control::Answer {
        seq: player.seq,
        evaluated: player.asked.clone(),
        offer: Vec::new(),
    })
    .await
}

async fn busy_unasked(context: &Context) -> Verdict {
    refused(context, 5, |player| Control::Busy { seq: player.seq, retry_after: Duration::from_secs(1) }).await
}

async fn role_query(context: &Context) -> Verdict {
    let blinded = (0..8u8).map(|n| Blinded::new(&[n, 6]).element).collect();
    refused(context, 5, |_| Control::Query { seq: 1, blinded }).await
}

async fn role_accept(context: &Context) -> Verdict {
    refused(context, 5, |_| Control::Accept(vec![[7; 16]; 8])).await
}

async fn role_leave(context: &Context) -> Verdict {
    refused(context, 5, |_| Control::Leave(ChannelId::from_bytes([7; 8]))).await
}

async fn twice(context: &Context) -> Verdict {
    refused(context, 5, |player| {
        let mut tags = player.offer_of(&[], 4);
        let known = player.offers.first().and_then(|offer| offer.first()).copied().unwrap_or_default();
        tags.truncate(3);
        tags.push(known);
        Control::Offer(tags)
    })
    .await
}

async fn revoke_stranger(context: &Context) -> Verdict {
    refused(context, 5, |_| Control::Revoke(vec![random_id()])).await
}

async fn sizes(context: &Context) -> Verdict {
    refused(context, 5, |_| Control::Offer((0..6).map(|_| random_id()).collect())).await
}

async fn revoke_none(context: &Context) -> Verdict {
    refused(context, 5, |_| Control::Revoke(Vec::new())).await
}

/// Says Busy and waits for the Query that comes again.
async fn busy_for(context: &Context, time: Duration, least: Duration) -> Verdict {
    let mut player = context.asked().await?;
    let size = player.asked.len();
    let (seq, begun) = (player.seq, Instant::now());
    player.say(&Control::Busy { seq, retry_after: time }).await?;
    player.first_query().await?;
    let after = begun.elapsed();
    ensure(after >= least, format!("no Query before {least:?}"), format!("one after {after:?}"))?;
    ensure(player.seq == seq + 1, format!("Query {}", seq + 1), format!("Query {}", player.seq))?;
    ensure(
        player.asked.len() >= size,
        "the Query repeated",
        format!("{} elements, then {}", size, player.asked.len()),
    )?;
    player.matched(&context.channel()?).await.map(|_| ())
}

async fn busy(context: &Context) -> Verdict {
    // Clocks may differ by a little.
    busy_for(context, Duration::from_millis(1500), Duration::from_millis(1480)).await
}

async fn busy_zero(context: &Context) -> Verdict {
    busy_for(context, Duration::ZERO, Duration::from_millis(98)).await
}

async fn leave(context: &Context) -> Verdict {
    let new = context.fresh_name();
    let clients = context.clients()?;
    let (client, mut player) = context.greeted_with_client(&random_id(), &new).await?;
    let matched = player.matched(&Context::key(ChannelKind::Network, &new)).await?;
    client.leave().await;
    let _again = clients.join_raw(&format!("/{new}")).await?;
    let (id, tag) = (matched.secrets.channel_id, matched.secrets.tag_i);
    let mut left = false;
    player
        .wait("Leave, then Accept", SOON, |message| match message {
            Control::Leave(got) if *got == id => {
                left = true;
                None
            }
            Control::Accept(tags) if tags.contains(&tag) => Some(()),
            _ => None,
        })
        .await?;
    ensure(left, "Leave before the next Accept", "an Accept without a Leave before it")
}

async fn leave_unmatched(context: &Context) -> Verdict {
    let new = context.fresh_name();
    let (client, mut player) = context.greeted_with_client(&random_id(), &new).await?;
    let matched = player.matched(&Context::key(ChannelKind::Network, &new)).await?;
    // Revoked: not matched any more, but the last word about it was Accept.
    player.say(&Control::Revoke(vec![matched.secrets.tag_r])).await?;
    player.alive().await?;
    client.leave().await;
    let id = matched.secrets.channel_id;
    player
        .wait("Leave of the channel", SOON, |message| {
            matches!(message, Control::Leave(got) if *got == id).then_some(())
        })
        .await
}

async fn random_order(context: &Context) -> Verdict {
    // One link is enough: the channel is revoked and offered anew each time.
    let mut player = context.asked().await?;
    let secrets = player.secrets(&context.channel()?);
    let offer = player.offer_of(&[secrets.tag_r], 8);
    player.evaluate(offer).await?;
    let mut places = Vec::new();
    while places.len() < 14 {
        let tags = accept_of(&mut player).await?;
        if let Some(place) = tags.iter().position(|tag| *tag == secrets.tag_i) {
            places.push(place);
            player.say(&Control::Revoke(vec![secrets.tag_r])).await?;
            let offer = player.offer_of(&[secrets.tag_r], 4);
            player.say(&Control::Offer(offer)).await?;
        }
    }
    // The first of them has eight places, the others four.
    let distinct: BTreeSet<_> = places.iter().skip(1).collect();
    ensure(distinct.len() > 1, "another place in each Accept", format!("{places:?}"))
}

async fn exact_sizes(context: &Context) -> Verdict {
    // Nothing else runs now, so the target holds the one channel, and then one more.
    let mut player = context.asked().await?;
    let count = player.asked.len();
    ensure(count == 8, "a first Query of 8 elements for up to 8 channels", format!("{count}"))?;
    let secrets = player.secrets(&context.channel()?);
    let offer = player.offer_of(&[secrets.tag_r], 8);
    player.evaluate(offer).await?;
    let tags = accept_of(&mut player).await?;
    ensure(tags.contains(&secrets.tag_i) && tags.len() == 8, "a first Accept of 8 tags", format!("{}", tags.len()))?;
    player.say(&Control::Revoke(vec![secrets.tag_r])).await?;
    let offer = player.offer_of(&[secrets.tag_r], 32);
    player.say(&Control::Offer(offer)).await?;
    let tags = accept_of(&mut player).await?;
    let words = "a later Accept of 4 tags for one hit, whatever the size of the Offer";
    ensure(tags.contains(&secrets.tag_i) && tags.len() == 4, words, format!("{}", tags.len()))?;
    let _client = context.clients()?.join_raw(&format!("/{}", context.fresh_name())).await?;
    let query = |message: &Control| matches!(message, Control::Query { .. }).then_some(());
    player.wait("a Query for the new channel", SOON, query).await?;
    let count = player.asked.len();
    ensure(count == 4, "a later Query of 4 elements for one channel", format!("{count}"))
}
