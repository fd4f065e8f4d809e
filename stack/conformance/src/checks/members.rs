//! Who is in a channel and what they say, between data lanes and clients of the target.

use super::lanes::{broadcast, direct, peer};
use crate::{
    bytes::data,
    check::checks,
    client::Client,
    context::Context,
    link::{Next, Sender},
    player::{Matched, Player, SOON, data_name, next_data, seen},
    verdict::{Trouble, Verdict, ensure, failed},
};
use bytes::Bytes;
use nws_protocol::{
    ChannelKey, ChannelKind, PeerId,
    wire::{Data, Payload},
};
use std::{collections::BTreeSet, time::Duration};

checks! {
    Beside "member-list" "the list has exactly the target's clients in the channel" ["M-7"] list;
    Beside "member-announced" "a list is announced as a whole, when it is complete, to both sides" ["M-24" "M-25" "M-26"] announced;
    Beside "member-order" "Join, Part and words of peers reach clients in the order of the lane" ["M-26" "M-27" "M-22"] in_order;
    Beside "member-direct" "a Direct reaches its target alone" ["M-28"] directed;
    Beside "member-says" "what clients say stands on the lane after their Join, before their Part, in order, as text" ["M-2" "M-11"] says;
    Beside "member-last" "the last client's going is Part, then the end of the lane" ["M-20" "M-9" "M-10"] last;
    Beside "member-undeliverable" "Undeliverable becomes an error for the client that said it" ["M-29" "C-27"] told_undeliverable;
    Beside "member-too-large" "a message that is too large for the runner is left out, and its client told" ["L-28" "M-35"] too_large;
}

/// A fresh channel with one client of the target, and the link that shares it.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) player: Player,
    pub(super) matched: Matched,
    pub(super) client: Client,
}

pub(super) fn network(name: &str) -> ChannelKey {
    Context::key(ChannelKind::Network, name)
}

pub(super) async fn share(context: &Context) -> Result<Shared, Trouble> {
    share_with(context, 1_049_600).await
}

async fn share_with(context: &Context, limit: u64) -> Result<Shared, Trouble> {
    let name = context.fresh_name();
    let client = context.client(&name).await?;
    let mut player = context.greeted_with(|hello| hello.max_frame_bytes = limit).await?;
    let matched = player.matched(&network(&name)).await?;
    Ok(Shared { name, player, matched, client })
}

impl Shared {
    /// Opens the runner's lane, and waits until the client was told of its peers.
    pub(super) async fn open(&mut self, list: &[PeerId]) -> Result<Sender, Trouble> {
        let lane = self.player.open(&self.matched.secrets, list).await?;
        let mut told = BTreeSet::new();
        for _ in list {
            let value = self.client.value("connect for each peer of the list").await?;
            ensure(crate::client::of(&value, "action") == "connect", "connect", value.to_string())?;
            told.insert(crate::client::of(&value, "target").to_owned());
        }
        let expected: BTreeSet<String> = list.iter().map(|peer| peer.text().to_string()).collect();
        ensure(told == expected, format!("connect of {expected:?}"), format!("{told:?}"))?;
        Ok(lane)
    }
}

pub(super) fn text(peer: PeerId) -> String {
    peer.text().to_string()
}

async fn list(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut clients = Vec::new();
    let mut expected = BTreeSet::new();
    for _ in 0..5 {
        let client = context.client(&name).await?;
        expected.insert(client.peer()?);
        clients.push(client);
    }
    let mut player = context.greeted().await?;
    let matched = player.matched(&network(&name)).await?;
    ensure(matched.members == expected, format!("{expected:?}"), format!("{:?}", matched.members))
}

async fn announced(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let mine = shared.client.peer()?;
    ensure(shared.matched.members == BTreeSet::from([mine]), "the one client in the list", "others")?;
    let peers = [peer(), peer(), peer()];
    let mut lane = shared.player.conn.open_lane().await?;
    let open = data(&Data::Open(shared.matched.secrets.channel_id));
    let first = data(&Data::Members { peers: peers.iter().copied().take(2).collect(), more: true });
    lane.write(&[open, first].concat()).await?;
    // Whoever is in an incomplete list is not reached.
    shared.client.quiet(Duration::from_millis(400)).await?;
    let Some(target) = peers.first().copied().map(text) else { return Ok(()) };
    shared.client.text(&format!(r#"{{"action":"message","target":"{target}","data":1}}"#)).await?;
    let value = shared.client.value("an error for a Direct to a peer of an incomplete list").await?;
    ensure(crate::client::of(&value, "code") == "unknown_target", "unknown_target", value.to_string())?;
    lane.write(&data(&Data::Members { peers: peers.iter().copied().skip(2).collect(), more: false })).await?;
    let mut told = BTreeSet::new();
    for _ in 0..3 {
        let value = shared.client.value("connect of each peer").await?;
        ensure(crate::client::of(&value, "action") == "connect", "connect", value.to_string())?;
        told.insert(crate::client::of(&value, "target").to_owned());
    }
    let expected: BTreeSet<String> = peers.iter().map(|peer| text(*peer)).collect();
    ensure(told == expected, "connect of the three peers", format!("{told:?}"))?;
    shared.client.synced().await
}

async fn in_order(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let mut other = context.client(&shared.name).await?;
    shared.client.connected(&other.id).await?;
    other.connected(&shared.client.id).await?;
    let (p1, p2) = (peer(), peer());
    let mut lane = shared.open(&[p1]).await?;
    other.connected(&text(p1)).await?;
    let messages = [
        broadcast(p1, r#"{"z": [1e400, 0.10 ,"\u00e9\ud800"],"a":null}"#),
        Data::Join(p2),
        broadcast(p2, "\"two\""),
        broadcast(p1, ""),
        Data::Part(p1),
        broadcast(p2, "3"),
        Data::Part(p2),
        Data::Join(p1),
        broadcast(p1, "4"),
    ];
    let bytes: Vec<u8> = messages.iter().flat_map(data).collect();
    lane.write(&bytes).await?;
    let (t1, t2) = (text(p1), text(p2));
    for client in [&mut shared.client, &mut other] {
        let me = client.id.clone();
        let of_peer =
            |action: &str, peer: &str| format!(r#"{{"action":"{action}","source":"{me}","target":"{peer}"}}"#);
        client
            .expect(&format!(
                r#"{{"action":"broadcast","source":"{t1}","data":{{"z": [1e400, 0.10 ,"\u00e9\ud800"],"a":null}}}}"#
            ))
            .await?;
        client.expect(&of_peer("connect", &t2)).await?;
        client.expect(&format!(r#"{{"action":"broadcast","source":"{t2}","data":"two"}}"#)).await?;
        client.expect(&format!(r#"{{"action":"broadcast","source":"{t1}"}}"#)).await?;
        client.expect(&of_peer("disconnect", &t1)).await?;
        client.expect(&format!(r#"{{"action":"broadcast","source":"{t2}","data":3}}"#)).await?;
        client.expect(&of_peer("disconnect", &t2)).await?;
        client.expect(&of_peer("connect", &t1)).await?;
        client.expect(&format!(r#"{{"action":"broadcast","source":"{t1}","data":4}}"#)).await?;
        client.synced().await?;
    }
    Ok(())
}

async fn directed(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let mut other = context.client(&shared.name).await?;
    shared.client.connected(&other.id).await?;
    other.connected(&shared.client.id).await?;
    let p1 = peer();
    let mut lane = shared.open(&[p1]).await?;
    other.connected(&text(p1)).await?;
    lane.write(&data(&direct(p1, other.peer()?, "\"psst\""))).await?;
    other
        .expect(&format!(r#"{{"action":"message","source":"{}","target":"{}","data":"psst"}}"#, text(p1), other.id))
        .await?;
    shared.client.synced().await?;
    // The target's own words to a peer of the runner.
    shared.client.text(&format!(r#"{{"action":"message","target":"{}","data": {{"x" : 1}} }}"#, text(p1))).await?;
    let expected = direct(shared.client.peer()?, p1, r#"{"x" : 1}"#);
    loop {
        match next_data(&mut shared.matched.lane, SOON).await? {
            Data::Join(_) => {}
            got => return ensure(got == expected, data_name(&expected), data_name(&got)),
        }
    }
}

async fn says(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let p1 = peer();
    let _lane = shared.open(&[p1]).await?;
    let mut second = context.client(&shared.name).await?;
    let (a, b) = (shared.client.peer()?, second.peer()?);
    let odd = r#"{"z" : [1e400, 0.10,"\u00e9\ud800", 123456789012345678901234567890],"a":null,"a":1}"#;
    for n in 0..30 {
        if n % 3 == 0 {
            second.text(&format!(r#"{{"action":"message","target":"{}","data":{n}}}"#, text(p1))).await?;
        } else {
            second.text(&format!(r#"{{"action":"broadcast","data":{n}}}"#)).await?;
        }
    }
    second.text(&format!(r#"{{"data":{odd},"action":"broadcast"}}"#)).await?;
    second.text(r#"{"action":"broadcast"}"#).await?;
    second.leave().await;
    let mut expected = vec![Data::Join(b)];
    expected
        .extend((0..30).map(|n| if n % 3 == 0 { direct(b, p1, &n.to_string()) } else { broadcast(b, &n.to_string()) }));
    expected.push(broadcast(b, odd));
    expected.push(Data::Broadcast { source: b, payload: Payload::Json(Bytes::new()) });
    expected.push(Data::Part(b));
    for expected in expected {
        let got = next_data(&mut shared.matched.lane, SOON).await?;
        if let (Data::Broadcast { payload: want, .. }, Data::Broadcast { payload: have, .. }) = (&expected, &got) {
            let words = |payload: &Payload| String::from_utf8_lossy(payload.bytes()).into_owned();
            ensure(want == have, format!("the data {}", words(want)), words(have))?;
        }
        ensure(got == expected, data_name(&expected), data_name(&got))?;
    }
    shared.client.text(r#"{"action":"broadcast","data":"still here"}"#).await?;
    let got = next_data(&mut shared.matched.lane, SOON).await?;
    ensure(got == broadcast(a, "\"still here\""), "the words of the first client", data_name(&got))
}

async fn last(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let p1 = peer();
    let mut lane = shared.open(&[p1]).await?;
    let mine = shared.client.peer()?;
    shared.client.leave().await;
    let got = next_data(&mut shared.matched.lane, SOON).await?;
    ensure(got == Data::Part(mine), "Part of the last client", data_name(&got))?;
    match shared.matched.lane.next(SOON).await {
        Next::Finished => {}
        other => return Err(failed("the lane is finished after Part", seen(&other))),
    }
    // The channel was left there: the target wants no more of this end's lane.
    let stopped = lane.stopped(SOON).await;
    ensure(stopped.is_some(), "the runner's lane is stopped, as the channel was left", "it is not, after 5 s")?;
    shared.player.alive().await
}

async fn told_undeliverable(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let p1 = peer();
    let mut lane = shared.open(&[p1]).await?;
    let target = text(p1);
    shared.client.text(&format!(r#"{{"action":"message","target":"{target}","data":1}}"#)).await?;
    let got = next_data(&mut shared.matched.lane, SOON).await?;
    let mine = shared.client.peer()?;
    ensure(got == direct(mine, p1, "1"), "Direct to the runner's peer", data_name(&got))?;
    lane.write(&data(&Data::Undeliverable { source: mine, target: p1 })).await?;
    let value = shared.client.value("the error unknown_target").await?;
    let fits = crate::client::of(&value, "action") == "error"
        && crate::client::of(&value, "code") == "unknown_target"
        && crate::client::of(&value, "target") == target;
    ensure(fits, "the error unknown_target with the target", value.to_string())?;
    shared.client.synced().await
}

async fn too_large(context: &Context) -> Verdict {
    let mut shared = share_with(context, 65_536).await?;
    let p1 = peer();
    let _lane = shared.open(&[p1]).await?;
    let mine = shared.client.peer()?;
    let filling = "x".repeat(100_000);
    shared.client.text(&format!(r#"{{"action":"broadcast","data":"{filling}"}}"#)).await?;
    let value = shared.client.value("the error too_large").await?;
    ensure(crate::client::of(&value, "code") == "too_large", "the error too_large", value.to_string())?;
    let target = text(p1);
    shared.client.text(&format!(r#"{{"action":"message","target":"{target}","data":"{filling}"}}"#)).await?;
    let value = shared.client.value("the error too_large").await?;
    let fits = crate::client::of(&value, "code") == "too_large" && crate::client::of(&value, "target") == target;
    ensure(fits, "the error too_large with the target", value.to_string())?;
    shared.client.text(r#"{"action":"broadcast","data":"small"}"#).await?;
    // The reader refuses frames over the limit.
    let got = next_data(&mut shared.matched.lane, SOON).await?;
    ensure(got == broadcast(mine, "\"small\""), "the message that fits", data_name(&got))?;
    shared.client.synced().await
}
