//! Raw relays across a link.

use super::{
    hello::about,
    lanes::{direct, peer},
};
use crate::{
    bytes::{data, field, framed, number},
    check::checks,
    client::{Client, frame},
    context::Context,
    link::Sender,
    player::{Matched, Player, SOON, next_data},
    verdict::{Trouble, Verdict, ensure, failed},
};
use bytes::Bytes;
use nws_protocol::{
    ChannelKind, PeerId,
    wire::{Data, Payload},
};
use std::time::Duration;

checks! {
    Beside "raw-out" "messages of a raw relay travel as they are, with their kind" ["C-28" "M-4" "M-7"] out;
    Beside "raw-in" "what a lane brings reaches clients as it is, and nothing else does" ["C-28" "C-29" "M-26" "M-27"] brought;
    Beside "raw-refused" "what does not belong on a raw relay closes the link" ["M-4" "M-3" "M-13"] refused;
    Beside "raw-local" "a local relay relays, and stays on its machine" ["T-9" "C-28" "C-33"] local;
}

async fn share(context: &Context) -> Result<(Player, Matched, Client), Trouble> {
    let name = context.fresh_name();
    let client = context.clients()?.join_raw(&format!("/broadcast/{name}")).await?;
    let mut player = context.greeted().await?;
    let matched = player.matched(&Context::key(ChannelKind::Broadcast, &name)).await?;
    Ok((player, matched, client))
}

async fn out(context: &Context) -> Verdict {
    let (_player, mut matched, mut client) = share(context).await?;
    let members: Vec<PeerId> = matched.members.iter().copied().collect();
    let [source] = members.as_slice() else {
        return Err(failed("the one client in the list", format!("{} peers", members.len())));
    };
    for (first, bytes) in [(0x81, b"text {".as_slice()), (0x82, b"\x00\xff\xfe".as_slice()), (0x81, b""), (0x82, b"")] {
        client.raw(&frame(first, bytes)).await?;
        let payload = Bytes::copy_from_slice(bytes);
        let payload = if first == 0x81 { Payload::Text(payload) } else { Payload::Binary(payload) };
        let expected = Data::Broadcast { source: *source, payload };
        let got = next_data(&mut matched.lane, SOON).await?;
        ensure(got == expected, format!("{expected:?}"), format!("{got:?}"))?;
    }
    Ok(())
}

async fn brought(context: &Context) -> Verdict {
    let (player, matched, mut client) = share(context).await?;
    let (p1, p2) = (peer(), peer());
    let mut lane = player.open(&matched.secrets, &[p1]).await?;
    let say = |payload| data(&Data::Broadcast { source: p1, payload });
    let bytes = [
        say(Payload::Text(Bytes::from_static("é {".as_bytes()))),
        data(&Data::Join(p2)),
        say(Payload::Binary(Bytes::from_static(b"\x00\xff"))),
        data(&Data::Part(p2)),
        say(Payload::Text(Bytes::new())),
        say(Payload::Binary(Bytes::new())),
    ]
    .concat();
    lane.write(&bytes).await?;
    for (opcode, expected) in [(1, "é {".as_bytes()), (2, b"\x00\xff"), (1, b""), (2, b"")] {
        let got = client.frame(SOON).await.map_err(|why| failed("a message of the relay", why))?;
        let Some(got) = got else { return Err(failed("a message of the relay within 5 s", "nothing")) };
        let fits = got.finished && got.opcode == opcode && got.payload == expected;
        let expected = format!("opcode {opcode}, {}", expected.escape_ascii());
        ensure(fits, expected, format!("opcode {}, {}", got.opcode, got.payload.escape_ascii()))?;
    }
    let more = client.frame(Duration::from_millis(300)).await;
    ensure(matches!(more, Ok(None)), "nothing else", format!("{more:?}"))
}

async fn refused_one(context: &Context, what: &str, bytes: impl FnOnce(PeerId) -> Vec<u8>) -> Verdict {
    let (mut player, matched, _client) = share(context).await?;
    let p = peer();
    let mut lane: Sender = player.open(&matched.secrets, &[p]).await?;
    lane.write(&bytes(p)).await?;
    player.closed_with(5).await.map_err(|trouble| about(what, trouble))
}

async fn refused(context: &Context) -> Verdict {
    let said = |source: PeerId, kind: u64, text: &[u8]| {
        framed(&field(5, &[field(1, source.as_bytes()), number(2, kind), field(3, text)].concat()))
    };
    refused_one(context, "KIND_JSON on a raw relay", |source| said(source, 0, b"1")).await?;
    refused_one(context, "KIND_TEXT that is not UTF-8", |source| said(source, 1, b"\xff")).await?;
    refused_one(context, "the kind 3", |source| said(source, 3, b"")).await?;
    refused_one(context, "a Direct on a raw relay", |source| data(&direct(source, peer(), "1"))).await?;
    refused_one(context, "an Undeliverable on a raw relay", |source| {
        data(&Data::Undeliverable { source: peer(), target: source })
    })
    .await
}

async fn local(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let clients = context.clients()?;
    let mut one = clients.join_raw(&format!("/local/{name}")).await?;
    let mut two = clients.join_raw(&format!("/local/{name}/some-id")).await?;
    let mut other = clients.join_raw(&format!("/broadcast/{name}")).await?;
    one.raw(&frame(0x82, b"\x01\x02")).await?;
    let got = two.frame(SOON).await.map_err(|why| failed("the message", why))?;
    let fits = got.as_ref().is_some_and(|got| got.opcode == 2 && got.payload == b"\x01\x02");
    ensure(fits, "the message at the other client", format!("{got:?}"))?;
    for client in [&mut one, &mut other] {
        let got = client.frame(Duration::from_millis(200)).await;
        ensure(
            matches!(got, Ok(None)),
            "nothing for the sender, and nothing in a channel of another kind",
            format!("{got:?}"),
        )?;
    }
    let mut player = context.greeted().await?;
    let key = Context::key(ChannelKind::Local, &name);
    let found = player.ask(&[key]).await?;
    let offered = found.iter().any(|secrets| player.on_offer.contains(&secrets.tag_r));
    ensure(!offered, "a local relay is not on offer", "it is")
}
