//! What the target has on offer: which tags, how many, in which order, and when they go.

use crate::{
    check::checks,
    client::Client,
    context::Context,
    player::{Heard, Player, SOON},
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::{ChannelKind, matching::Secrets, wire::Control};
use std::{collections::BTreeSet, time::Duration};

checks! {
    Alone "match-order" "the place of a channel in the offer is drawn at random" ["P-16"] random_order;
    Alone "match-size" "an offer is filled up to the next power of two, and no further" ["P-12" "P-9"] offer_size;
    Alone "match-revoke" "a channel that is left is revoked, and its dummies with it" ["P-30" "P-33"] revoked;
    Beside "match-rejoin" "of a channel that is left and joined again, Revoke comes before Offer" ["P-32"] rejoined;
    Alone "match-local" "a channel of kind local is not on offer under any kind" ["T-9"] local;
    Alone "match-quiet" "a channel that is joined before the first Query is told in the Answer alone" ["P-24" "P-25"] quiet_before;
}

async fn random_order(context: &Context) -> Verdict {
    let mut places = Vec::new();
    for _ in 0..14 {
        let mut player = context.greeted().await?;
        let found = player.ask(&[context.channel()?]).await?;
        let Some(secrets) = found.first() else { return Err(failed("an evaluation", "none")) };
        player.wait_offer(secrets).await?;
        let place = player.offers.first().and_then(|tags| tags.iter().position(|tag| *tag == secrets.tag_r));
        places.push(place);
        player.leave_with(0).await;
    }
    let distinct: BTreeSet<_> = places.iter().collect();
    ensure(distinct.len() > 2, "another place on each of 14 links", format!("{places:?}"))
}

async fn offer_size(context: &Context) -> Verdict {
    // Nothing else runs now, so one channel is joined at a time.
    let mut player = context.established().await?;
    let fresh = context.clients()?.join_raw(&format!("/{}", context.fresh_name())).await?;
    let count = player.wait("an Offer of the new channel", SOON, |message| match message {
        Control::Offer(tags) => Some(tags.len()),
        _ => None,
    });
    let count = count.await?;
    ensure(count == 4, "an Offer of 4 tags for one channel", format!("{count}"))?;
    fresh.leave().await;
    let held = context.clients()?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(held.join_raw(&format!("/{}", context.fresh_name())).await?);
    }
    // The runner holds one, the three new ones make four: eight is the least.
    let other = context.established().await?;
    let sizes: Vec<usize> = other.offers.iter().map(Vec::len).collect();
    ensure(sizes == [8], "an offer of 8 tags for up to 8 channels", format!("{sizes:?}"))
}

/// Joins a fresh channel at the target and waits for the Offer that has it.
async fn offered(context: &Context, player: &mut Player) -> Result<(Client, String, Secrets), Trouble> {
    let name = context.fresh_name();
    let client = context.clients()?.join_raw(&format!("/{name}")).await?;
    let key = Context::key(ChannelKind::Network, &name);
    let mut found = player.ask(&[key]).await?;
    let Some(secrets) = found.pop() else { return Err(failed("an evaluation", "none")) };
    player.wait_offer(&secrets).await?;
    Ok((client, name, secrets))
}

async fn revoked(context: &Context) -> Verdict {
    // Nothing else runs now, so the Offer is of this one channel.
    let mut player = context.established().await?;
    let (client, _, secrets) = offered(context, &mut player).await?;
    let with = player.offers.iter().find(|tags| tags.contains(&secrets.tag_r)).cloned().unwrap_or_default();
    client.leave().await;
    let deadline = tokio::time::Instant::now() + SOON;
    while player.on_offer.contains(&secrets.tag_r) {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        match player.hear(left).await? {
            Heard::Message(_) => {}
            Heard::Nothing => return Err(failed("Revoke of the channel within 5 s", "none")),
            Heard::Over(ending) => return Err(failed("Revoke of the channel", ending.to_string())),
        }
    }
    // They may be revoked before the channel, or with it.
    player.alive().await?;
    let still = with.iter().filter(|tag| player.on_offer.contains(*tag)).count();
    let words = format!("{still} of the {} tags of its Offer are still on offer", with.len());
    ensure(still == 0, "the dummies of an Offer are revoked with the last of its channels", words)
}

async fn rejoined(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    let (client, name, secrets) = offered(context, &mut player).await?;
    client.leave().await;
    let _again = context.clients()?.join_raw(&format!("/{name}")).await?;
    // The books of the player refuse an Offer of what is on offer; here both must have come.
    let mut revoked = false;
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        match player.hear(left).await? {
            Heard::Message(Control::Revoke(tags)) => revoked |= tags.contains(&secrets.tag_r),
            Heard::Message(Control::Offer(tags)) if tags.contains(&secrets.tag_r) => {
                return ensure(revoked, "Revoke before the next Offer", "no Revoke");
            }
            Heard::Message(_) => {}
            Heard::Nothing => return Err(failed("Revoke, then Offer", "not both within 5 s")),
            Heard::Over(ending) => return Err(failed("Revoke, then Offer", ending.to_string())),
        }
    }
}

async fn local(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut player = context.established().await?;
    let _client = context.clients()?.join_raw(&format!("/local/{name}")).await?;
    let kinds = [ChannelKind::Network, ChannelKind::Broadcast, ChannelKind::Local];
    let keys = kinds.map(|kind| Context::key(kind, &name));
    let found = player.ask(&keys).await?;
    player
        .never("no word about a channel of kind local", Duration::from_millis(700), |message| {
            matches!(message, Control::Offer(_) | Control::Revoke(_))
        })
        .await?;
    let offered = found.iter().any(|secrets| player.on_offer.contains(&secrets.tag_r));
    ensure(!offered, "no tag of a channel of kind local on offer", "one")
}

async fn quiet_before(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let name = context.fresh_name();
    let client = context.clients()?.join_raw(&format!("/{name}")).await?;
    client.leave().await;
    let _stays = context.clients()?.join_raw(&format!("/{name}")).await?;
    player.never("nothing of matching before the first Query", Duration::from_millis(500), |_| true).await?;
    let found = player.ask(&[Context::key(ChannelKind::Network, &name)]).await?;
    let offered = found.iter().all(|secrets| player.on_offer.contains(&secrets.tag_r));
    ensure(offered, "the first Answer offers what the target holds at that time", "it doesn't")
}
