//! Who goes, and who comes back: when clients of the target are told, and what its lanes do.

use super::{
    lanes::{broadcast, peer},
    members::{Shared, share, text},
};
use crate::{
    bytes::data,
    check::checks,
    client::Client,
    context::Context,
    player::{SOON, data_name, next_data, read_members},
    verdict::{Verdict, ensure, failed},
};
use nws_protocol::{
    PeerId,
    wire::{Control, Data},
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

checks! {
    Beside "member-difference" "a newer lane tells the difference" ["M-24" "M-18"] difference;
    Long "member-kept" "peers of a finished lane are kept for 5 s, and then gone once" ["M-21" "M-22"] kept;
    Beside "member-reset" "peers of a lane that is reset are gone at once" ["M-21" "M-22"] reset;
    Beside "member-cut" "peers of a lane that ends within a frame are gone at once" ["L-22" "M-21"] cut;
    Beside "member-goodbye" "peers behind a link that is closed are gone at once, each once" ["M-22"] link_closed;
    Beside "member-lost" "peers behind a control lane that ends without Goodbye are gone at once" ["L-24" "M-22"] link_lost;
    Beside "member-left" "a channel that the runner leaves and joins again" ["M-19" "M-21"] left;
    Beside "member-reload" "the target's page is loaded anew: its lane waits for the runner's, up to 1 s" ["M-23" "M-20"] reload;
}

async fn difference(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let (p1, p2, p3) = (peer(), peer(), peer());
    let mut older = shared.open(&[p1, p2]).await?;
    let mut newer = shared.player.open(&shared.matched.secrets, &[p2, p3]).await?;
    newer.write(&data(&broadcast(p3, "3"))).await?;
    shared.client.quiet(Duration::from_millis(500)).await?;
    older.write(&data(&broadcast(p2, "2"))).await?;
    older.finish().await;
    let client = &mut shared.client;
    client.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":2}}"#, text(p2))).await?;
    client.disconnected(&text(p1), SOON).await?;
    client.connected(&text(p3)).await?;
    client.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":3}}"#, text(p3))).await?;
    client.synced().await
}

/// How long peers outlive the lane that ended in order.
const KEPT: Duration = Duration::from_secs(5);

async fn kept(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let p1 = peer();
    let mut lane = shared.open(&[p1]).await?;
    let begun = Instant::now();
    lane.finish().await;
    shared.client.disconnected(&text(p1), KEPT + SOON).await?;
    let after = begun.elapsed();
    // Clocks may differ by a little.
    let early = after + Duration::from_millis(100) < KEPT;
    ensure(!early, "nothing for the client for 5 s after the end of the lane", format!("disconnect after {after:?}"))?;
    shared.client.quiet(Duration::from_millis(500)).await?;
    shared.player.alive().await
}

/// What must not take as long as peers are kept.
const AT_ONCE: Duration = Duration::from_secs(4);

/// The client must be told of both peers' going at once, and of nothing else.
async fn gone_at_once(client: &mut Client, peers: [PeerId; 2]) -> Verdict {
    let mut told = BTreeSet::new();
    for _ in 0..2 {
        let text = client.message_within(AT_ONCE).await?;
        let words = || failed("disconnect of each peer at once", format!("nothing within {AT_ONCE:?}"));
        let text = text.ok_or_else(words)?;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        ensure(crate::client::of(&value, "action") == "disconnect", "disconnect", text.clone())?;
        told.insert(crate::client::of(&value, "target").to_owned());
    }
    let expected: BTreeSet<String> = peers.map(text).into();
    ensure(told == expected, format!("disconnect of {expected:?}"), format!("{told:?}"))?;
    client.quiet(Duration::from_millis(400)).await?;
    client.synced().await
}

async fn reset(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let peers = [peer(), peer()];
    let mut lane = shared.open(&peers).await?;
    lane.reset(0).await;
    gone_at_once(&mut shared.client, peers).await?;
    shared.player.alive().await
}

async fn cut(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let peers = [peer(), peer()];
    let mut lane = shared.open(&peers).await?;
    let [first, _] = peers;
    let whole = data(&broadcast(first, "\"never whole\""));
    let (piece, _) = whole.split_at(whole.len() - 3);
    lane.write(piece).await?;
    lane.finish().await;
    gone_at_once(&mut shared.client, peers).await
}

async fn link_closed(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let peers = [peer(), peer()];
    let _lane = shared.open(&peers).await?;
    shared.player.leave_with(0).await;
    gone_at_once(&mut shared.client, peers).await
}

async fn link_lost(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let peers = [peer(), peer()];
    let _lane = shared.open(&peers).await?;
    shared.player.send.finish().await;
    gone_at_once(&mut shared.client, peers).await
}

async fn left(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let (p1, p2) = (peer(), peer());
    let mut lane = shared.open(&[p1]).await?;
    // The runner's only client goes and comes back, as a page that is loaded anew.
    lane.write(&data(&Data::Part(p1))).await?;
    lane.finish().await;
    let id = shared.matched.secrets.channel_id;
    shared.player.say(&Control::Leave(id)).await?;
    let tag = shared.matched.secrets.tag_i;
    shared.player.accept(&[tag], 4).await?;
    shared.matched.lane.lane.stop(0).await;
    shared.client.disconnected(&text(p1), SOON).await?;
    let mut own = shared.player.open(&shared.matched.secrets, &[p2]).await?;
    let mut lane = shared.player.lane(id, SOON).await?;
    let members = read_members(&mut lane).await?;
    ensure(
        members == BTreeSet::from([shared.client.peer()?]),
        "the client in the list of the newer lane",
        format!("{members:?}"),
    )?;
    shared.client.connected(&text(p2)).await?;
    own.write(&data(&broadcast(p2, "\"back\""))).await?;
    shared.client.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":"back"}}"#, text(p2))).await?;
    shared.client.text(r#"{"action":"broadcast","data":1}"#).await?;
    let got = next_data(&mut lane, SOON).await?;
    ensure(got == broadcast(shared.client.peer()?, "1"), "the client's words on the newer lane", data_name(&got))
}

async fn reload(context: &Context) -> Verdict {
    // Twice: the runner's newer lane comes at once, or not at all.
    for answers in [true, false] {
        let mut shared = share(context).await?;
        let (p1, p2) = (peer(), peer());
        let own = shared.open(&[p1]).await?;
        let mine = shared.client.peer()?;
        let Shared { name, mut player, mut matched, client } = shared;
        client.leave().await;
        let got = next_data(&mut matched.lane, SOON).await?;
        ensure(got == Data::Part(mine), "Part of the last client", data_name(&got))?;
        let mut own = own;
        let stopped = own.stopped(SOON).await;
        ensure(stopped.is_some(), "the runner's lane is stopped, as the channel was left", "it is not, after 5 s")?;
        let mut again = context.client(&name).await?;
        let tag = matched.secrets.tag_r;
        let mut revoked = false;
        let what = "Revoke, then Offer, of the channel";
        player
            .wait(what, SOON, |message| match message {
                Control::Revoke(tags) if tags.contains(&tag) => {
                    revoked = true;
                    None
                }
                Control::Offer(tags) if tags.contains(&tag) && revoked => Some(()),
                _ => None,
            })
            .await?;
        let begun = Instant::now();
        player.accept(&[matched.secrets.tag_i], 4).await?;
        let id = matched.secrets.channel_id;
        // Where this machine stands still meanwhile it may be there in time.
        let early = player.try_lane(id, Duration::from_millis(400)).await?;
        let after = begun.elapsed();
        ensure(
            early.is_none() || after > Duration::from_millis(900),
            "no lane of the target before the runner's newer one, for up to 1 s",
            format!("one within {after:?}"),
        )?;
        let mut newer = None;
        if answers {
            newer = Some(player.open(&matched.secrets, &[p2]).await?);
            again.connected(&text(p2)).await?;
        }
        let mut lane = match early {
            Some(lane) => lane,
            None => player.lane(id, SOON).await?,
        };
        let members = read_members(&mut lane).await?;
        ensure(members == BTreeSet::from([again.peer()?]), "the new client in the list", format!("{members:?}"))?;
        drop(newer);
    }
    Ok(())
}
