//! Data lanes that are wrong: each closes the link.

use super::{
    hello::about,
    lanes::{broadcast, direct, peer, read_up_to_here, said, up},
    members::network,
};
use crate::{
    bytes::{data, field, framed, number},
    check::checks,
    context::{Context, random_id},
    player::{Heard, data_name},
    verdict::{Verdict, ensure, failed},
};
use nws_protocol::{PeerId, wire::Data};
use std::time::{Duration, Instant};

checks! {
    Beside "lane-no-open" "a lane that begins with something else closes the link" ["M-5" "M-13" "L-25"] no_open;
    Beside "lane-long-open" "an Open of more than 64 bytes closes the link" ["M-5" "M-13"] long_open;
    Beside "lane-second-open" "a second Open closes the link" ["M-8" "M-13"] second_open;
    Beside "lane-late-members" "Members after the list closes the link" ["M-8" "M-13"] late_members;
    Beside "lane-unlisted" "whatever comes before the list is complete closes the link" ["M-7" "M-13"] unlisted;
    Beside "lane-listed-twice" "a peer that is listed twice closes the link" ["M-7" "M-13"] listed_twice;
    Beside "lane-join-twice" "Join of a peer that is there closes the link" ["M-9" "M-13"] join_twice;
    Beside "lane-absent" "Part and source of a peer that is not there close the link" ["M-10" "M-13"] absent;
    Beside "lane-own-peer" "a peer that is the receiver's own client closes the link" ["M-12" "M-13"] own_peer;
    Beside "lane-others-peer" "a peer that another instance announced closes the link" ["M-12" "M-13"] others_peer;
    Beside "lane-members-2049" "Members of 2049 ids closes the link" ["M-13"] many_members;
    Beside "lane-32769-peers" "a list of more than 32,768 peers closes the link with Limit" ["M-13"] many_peers;
    Alone "lane-65536-peers" "more than 65,536 peers behind all instances close a link with Limit" ["M-13"] peers_of_all;
    Beside "lane-fields" "fields of a wrong length or type close the link" ["L-31" "L-29" "L-25"] fields;
    Beside "lane-no-body" "a frame without a body that is known closes the link" ["M-36" "L-29"] no_body;
    Beside "lane-frames" "wrong lengths of frames close the link" ["L-26" "L-27" "L-25"] frames;
    Beside "lane-bad-json" "data that is not one JSON value closes the link" ["M-3" "M-13"] bad_json;
    Beside "lane-kind" "kinds of other channels, and unknown ones, close the link" ["M-4" "M-13"] kinds;
}

/// After a good list of one peer these bytes must close the link.
async fn refused(context: &Context, what: &str, code: u32, bytes: impl FnOnce(PeerId) -> Vec<u8> + Send) -> Verdict {
    let source = peer();
    let (mut player, _matched, mut lane) = up(context, &[source]).await?;
    lane.write(&bytes(source)).await?;
    player.closed_with(code).await.map_err(|trouble| about(what, trouble))
}

/// On a lane of a matched channel, with nothing but Open if so, these bytes must close the link.
async fn refused_early(context: &Context, what: &str, code: u32, open: bool, bytes: &[u8]) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    let mut lane = player.conn.open_lane().await?;
    let head = if open { data(&Data::Open(matched.secrets.channel_id)) } else { Vec::new() };
    lane.write(&[head.as_slice(), bytes].concat()).await?;
    player.closed_with(code).await.map_err(|trouble| about(what, trouble))
}

async fn no_open(context: &Context) -> Verdict {
    let list = data(&Data::Members { peers: vec![peer()], more: false });
    refused_early(context, "Members first", 5, false, &list).await?;
    refused_early(context, "Join first", 5, false, &data(&Data::Join(peer()))).await
}

async fn long_open(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    let mut lane = player.conn.open_lane().await?;
    let open = |filling: usize| {
        let open = field(1, &field(1, matched.secrets.channel_id.as_bytes()));
        framed(&[open, field(1999, &vec![0; filling])].concat())
    };
    // 12 bytes of Open, and as many as make 65 in all.
    lane.write(&open(65 - 12 - 3)).await?;
    player.closed_with(6).await
}

async fn second_open(context: &Context) -> Verdict {
    let source = peer();
    let (mut player, matched, mut lane) = up(context, &[source]).await?;
    lane.write(&data(&Data::Open(matched.secrets.channel_id))).await?;
    player.closed_with(5).await
}

async fn late_members(context: &Context) -> Verdict {
    let list = data(&Data::Members { peers: Vec::new(), more: false });
    refused(context, "an empty list after the list", 5, |_| list).await
}

async fn unlisted(context: &Context) -> Verdict {
    let p = peer();
    let unfinished = data(&Data::Members { peers: vec![p], more: true });
    for message in [
        Data::Join(peer()),
        Data::Part(p),
        broadcast(p, "1"),
        direct(p, peer(), "1"),
        Data::Undeliverable { source: peer(), target: p },
    ] {
        let bytes = [unfinished.clone(), data(&message)].concat();
        refused_early(context, &format!("{} after a piece of the list", kind(&message)), 5, true, &bytes).await?;
    }
    refused_early(context, "Join after Open", 5, true, &data(&Data::Join(p))).await
}

/// The name alone.
fn kind(message: &Data) -> String {
    data_name(message).split(' ').next().unwrap_or_default().to_owned()
}

async fn listed_twice(context: &Context) -> Verdict {
    let p = peer();
    let once = data(&Data::Members { peers: vec![p, peer(), p], more: false });
    refused_early(context, "twice in one frame", 5, true, &once).await?;
    let first = data(&Data::Members { peers: vec![p], more: true });
    let second = data(&Data::Members { peers: vec![peer(), p], more: false });
    refused_early(context, "in two frames", 5, true, &[first, second].concat()).await
}

async fn join_twice(context: &Context) -> Verdict {
    refused(context, "Join of a listed peer", 5, |source| data(&Data::Join(source))).await?;
    let p = peer();
    refused(context, "Join of a peer that joined", 5, |_| [data(&Data::Join(p)), data(&Data::Join(p))].concat()).await
}

async fn absent(context: &Context) -> Verdict {
    refused(context, "Part of a stranger", 5, |_| data(&Data::Part(peer()))).await?;
    refused(context, "Broadcast of a stranger", 5, |_| data(&broadcast(peer(), "1"))).await?;
    refused(context, "Direct of a stranger", 5, |_| data(&direct(peer(), peer(), "1"))).await?;
    refused(context, "Part twice", 5, |source| [data(&Data::Part(source)), data(&Data::Part(source))].concat()).await?;
    refused(context, "Broadcast after Part", 5, |source| {
        [data(&Data::Part(source)), data(&broadcast(source, "1"))].concat()
    })
    .await
}

async fn own_peer(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    let Some(theirs) = matched.members.first() else {
        return Err(crate::verdict::not_run("the target has no client in the channel"));
    };
    let _lane = player.open(&matched.secrets, &[*theirs]).await?;
    player.closed_with(5).await
}

async fn others_peer(context: &Context) -> Verdict {
    let p = peer();
    let (mut one, mut of_one, mut lane_of_one) = up(context, &[p]).await?;
    read_up_to_here(&mut of_one, &mut lane_of_one, p).await?;
    let (mut two, _of_two, _lane_of_two) = up(context, &[p]).await?;
    two.closed_with(5).await?;
    // It costs the one who announced it first nothing.
    read_up_to_here(&mut of_one, &mut lane_of_one, p).await?;
    one.alive().await
}

async fn many_members(context: &Context) -> Verdict {
    let ids: Vec<u8> = (0..2049).flat_map(|_| random_id()).collect();
    refused_early(context, "2049 ids", 5, true, &framed(&field(2, &field(1, &ids)))).await
}

async fn many_peers(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    let mut lane = player.conn.open_lane().await?;
    lane.write(&data(&Data::Open(matched.secrets.channel_id))).await?;
    for _ in 0..17 {
        let peers = (0..2048).map(|_| peer()).collect();
        if lane.try_write(&data(&Data::Members { peers, more: true })).await.is_err() {
            break;
        }
    }
    player.closed_with(12).await
}

async fn peers_of_all(context: &Context) -> Verdict {
    // So many take a slow target some seconds.
    const LONG: Duration = Duration::from_secs(30);
    // Not in the channel that all checks share: it is full then. A list is counted while it comes, so nobody is told of it.
    let name = context.fresh_name();
    let _client = context.clients()?.join_raw(&format!("/{name}")).await?;
    let mut links = Vec::new();
    for _ in 0..3 {
        let mut player = context.greeted().await?;
        let matched = player.matched(&network(&name)).await?;
        let mut lane = player.conn.open_lane().await?;
        lane.write(&data(&Data::Open(matched.secrets.channel_id))).await?;
        links.push((player, matched, lane));
    }
    for (at, (player, _, lane)) in links.iter_mut().enumerate() {
        for _ in 0..11 {
            let peers = (0..2000).map(|_| peer()).collect();
            if lane.try_write(&data(&Data::Members { peers, more: true })).await.is_err() {
                break;
            }
        }
        // 44,000 are not too many.
        if at < 2 {
            player.pong_within(LONG).await?;
        }
    }
    // Whichever the target reads last is the one too many.
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        for (player, ..) in &mut links {
            if let Heard::Over(ending) = player.hear(Duration::from_millis(50)).await? {
                let fits = ending.goodbye.as_ref().is_some_and(|(code, _)| *code == 12);
                return ensure(fits, "the link is closed with Limit (12)", ending.to_string());
            }
        }
    }
    Err(failed("Limit for 66,000 peers of one channel behind three instances", "all three links are up after 30 s"))
}

async fn fields(context: &Context) -> Verdict {
    refused(context, "Join of 15 bytes", 5, |_| framed(&field(3, &field(1, &[1; 15])))).await?;
    refused(context, "Join of no bytes", 5, |_| framed(&field(3, &[]))).await?;
    refused(context, "Part of 17 bytes", 5, |_| framed(&field(4, &field(1, &[1; 17])))).await?;
    refused(context, "a source as a number", 5, |_| framed(&field(5, &number(1, 7)))).await?;
    refused(context, "a Direct without target", 5, |source| framed(&field(6, &field(1, source.as_bytes())))).await?;
    refused(context, "an Undeliverable without source", 5, |source| framed(&field(7, &field(2, source.as_bytes()))))
        .await?;
    refused_early(context, "Members of 17 bytes", 5, true, &framed(&field(2, &field(1, &[1; 17])))).await?;
    refused_early(context, "Open of 7 bytes", 5, false, &framed(&field(1, &field(1, &[1; 7])))).await
}

async fn no_body(context: &Context) -> Verdict {
    refused(context, "an empty frame", 5, |_| framed(&[])).await?;
    refused(context, "a body with the number 8", 5, |_| framed(&field(8, &[]))).await?;
    refused(context, "bytes that are no message", 5, |_| framed(&[0xff, 0xff])).await
}

async fn frames(context: &Context) -> Verdict {
    refused(context, "a length that is not in its shortest form", 5, |_| vec![0x84, 0x00]).await?;
    refused(context, "a length of six bytes", 5, |_| vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80]).await?;
    let source = peer();
    let (mut player, _matched, mut lane) = up(context, &[source]).await?;
    let mut length = bytes::BytesMut::new();
    nws_protocol::frame::put_length(&mut length, player.their_hello.max_frame_bytes + 1);
    lane.write(&length).await?;
    player.closed_with(6).await.map_err(|trouble| about("a length over the limit", trouble))
}

async fn bad_json(context: &Context) -> Verdict {
    let bad: [&[u8]; 10] =
        [b"{", b"[1,]", b"1 2", b"nul", b"'a'", b" ", b"\"\xff\"", b"{\"a\":1,}", b"\"\x01\"", b"01"];
    for text in bad {
        let what = format!("the data {}", text.escape_ascii());
        refused(context, &what, 5, |source| said(source, 0, text)).await?;
    }
    let what = "a Direct whose data is no JSON";
    refused(context, what, 5, |source| {
        framed(&field(6, &[field(1, source.as_bytes()), field(2, &random_id()), field(4, b"}")].concat()))
    })
    .await
}

async fn kinds(context: &Context) -> Verdict {
    refused(context, "KIND_TEXT in a network channel", 5, |source| said(source, 1, b"x")).await?;
    refused(context, "KIND_BINARY in a network channel", 5, |source| said(source, 2, b"x")).await?;
    refused(context, "the kind 3", 5, |source| said(source, 3, b"1")).await
}
