//! Private matching with the runner as initiator.

use super::hello::about;
use crate::{
    bytes::{field, framed, number},
    check::checks,
    context::Context,
    oprf::{Blinded, Element},
    player::{SOON, name},
    verdict::{Verdict, ensure, failed},
};
use nws_protocol::{ChannelId, ChannelKind, wire::Control};
use std::{collections::BTreeSet, time::Duration};

checks! {
    Beside "match-hit" "a channel that both hold is found, and a lane is opened for it" ["P-28" "M-14"] hit;
    Beside "match-miss" "a channel that only the runner holds is not on offer" ["P-28" "M-15"] miss;
    Beside "match-kind" "the same name as another kind is another channel" ["T-8"] kinds;
    Beside "match-late" "a Query after the first one is answered without an offer" ["P-26" "P-9"] later;
    Beside "match-in-order" "each Query is answered once, in order" ["P-26"] in_order;
    Beside "match-key" "each link has another key" ["P-1"] keys;
    Beside "match-identity" "the identity is refused" ["P-3" "P-4"] identity;
    Beside "match-not-canonical" "elements that are not canonical are refused" ["P-3" "P-4"] not_canonical;
    Beside "match-first-size" "first Queries of 4 and of 12 elements, and of none, are refused" ["P-10"] first_sizes;
    Beside "match-later-size" "later Queries of 2 and of 6 elements are refused" ["P-10"] later_sizes;
    Beside "match-uneven" "lists with a piece of an entry are refused" ["P-11"] uneven;
    Beside "match-too-many" "lists of more than 1024 entries are refused" ["P-11"] too_many;
    Beside "match-accept-size" "Accepts of 2, 6 and 12 tags are refused, and a first one of 4 is taken" ["P-10"] accept_sizes;
    Beside "match-seq" "a Query with another number than the next is refused" ["P-36"] sequence;
    Beside "match-role" "messages of R are refused by R" ["P-8"] roles;
    Beside "match-replay" "tags and ids of another link mean nothing" ["P-41"] replay;
    Beside "match-foreign-tags" "unknown tags in an Accept, and unknown ids in a Leave, are ignored" ["M-15"] foreign;
    Beside "match-leave" "after Leave and another Accept the channel is matched anew" ["P-41"] leave_and_back;
}

async fn hit(context: &Context) -> Verdict {
    // Where no client of the runner is in it, nothing tells that the target holds it.
    let context = Context { is_offered: context.is_offered || context.client.is_some(), ..context.clone() };
    let mut player = context.greeted().await?;
    player.matched(&context.channel()?).await?;
    player.alive().await
}

async fn miss(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let key = Context::key(ChannelKind::Network, &context.fresh_name());
    let found = player.ask(std::slice::from_ref(&key)).await?;
    let offered = found.iter().any(|secrets| player.on_offer.contains(&secrets.tag_r));
    ensure(!offered, "only channels that the target holds are on offer", "one that nobody joined")?;
    let tags: Vec<_> = found.iter().map(|secrets| secrets.tag_i).collect();
    player.accept(&tags, 8).await?;
    let lane = player.conn.accept_lane(Duration::from_millis(400)).await;
    ensure(lane.is_none(), "no data lane for a channel that is not matched", "one")?;
    player.alive().await
}

async fn kinds(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let other = Context::key(ChannelKind::Broadcast, context.name.reveal());
    let found = player.ask(&[context.channel()?, other]).await?;
    let offered: Vec<bool> = found.iter().map(|secrets| player.on_offer.contains(&secrets.tag_r)).collect();
    ensure(offered == [true, false], "the network channel on offer, the broadcast channel not", format!("{offered:?}"))
}

async fn later(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    for _ in 0..3 {
        player.ask(&[]).await?;
    }
    let found = player.ask(&[context.channel()?]).await?;
    let offered = found.iter().all(|secrets| player.on_offer.contains(&secrets.tag_r));
    ensure(offered, "the channel's tag is the same whenever it is asked for", "another one")
}

async fn in_order(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    // The same input under two blinds must give the same, so each answer is for its own question.
    let input = b"the same input".to_vec();
    let mut outputs = BTreeSet::new();
    for size in [4u8, 8, 16] {
        let mut blinded = vec![Blinded::new(&input)];
        blinded.extend((1..size).map(|n| Blinded::new(&[n, 5])));
        player.query(blinded.iter().map(|blinded| blinded.element).collect()).await?;
        let evaluated = player.answer(usize::from(size)).await?;
        for (at, (blinded, evaluated)) in blinded.iter().zip(&evaluated).enumerate() {
            let y = blinded.finalize(evaluated)?;
            if at == 0 {
                outputs.insert(y);
            }
        }
    }
    ensure(outputs.len() == 1, "the same evaluation for the same input", format!("{} different ones", outputs.len()))?;
    player
        .never("one answer for each Query", Duration::from_millis(300), |message| {
            matches!(message, Control::Answer { .. } | Control::Busy { .. })
        })
        .await
}

async fn keys(context: &Context) -> Verdict {
    let blinded: Vec<Blinded> = (0..8u8).map(|n| Blinded::new(&[n, 3])).collect();
    let elements: Vec<Element> = blinded.iter().map(|blinded| blinded.element).collect();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut player = context.greeted().await?;
        player.query(elements.clone()).await?;
        seen.push(player.answer(8).await?);
    }
    let same = seen.first() == seen.last();
    ensure(!same, "another evaluation of the same elements on another link", "the same: the key was used twice")
}

/// A first Query of good elements and this one must close the link.
async fn bad_element(context: &Context, what: &str, element: Element) -> Verdict {
    let mut player = context.greeted().await?;
    let mut elements: Vec<Element> = (0..7u8).map(|n| Blinded::new(&[n, 4]).element).collect();
    elements.push(element);
    player.query(elements).await?;
    player.closed_with(8).await.map_err(|trouble| about(what, trouble))
}

async fn identity(context: &Context) -> Verdict {
    bad_element(context, "32 zero bytes", [0; 32]).await
}

/// Encodings that RFC 9496 has decoders refuse: see its appendix A.3.
pub(super) fn bad_elements() -> Vec<(&'static str, Element)> {
    let mut modulus = [0xff; 32];
    modulus[0] = 0xed;
    modulus[31] = 0x7f;
    let mut negative = [0; 32];
    negative[0] = 1;
    let mut high_bit = Blinded::new(b"a good element").element;
    high_bit[31] |= 0x80;
    let mut odd = Blinded::new(b"another good element").element;
    odd[0] |= 1;
    vec![
        ("the modulus, which is zero in another form", modulus),
        ("all bits set", [0xff; 32]),
        ("a negative field element", negative),
        ("a good element with its highest bit set", high_bit),
        ("a good element made odd, that is negative", odd),
    ]
}

async fn not_canonical(context: &Context) -> Verdict {
    for (what, element) in bad_elements() {
        bad_element(context, what, element).await?;
    }
    Ok(())
}

pub(super) fn elements(count: usize) -> Vec<Element> {
    (0..count).map(|n| Blinded::new(&n.to_be_bytes()).element).collect()
}

async fn first_sizes(context: &Context) -> Verdict {
    for count in [0, 4, 12] {
        let mut player = context.greeted().await?;
        player.query(elements(count)).await?;
        player.closed_with(5).await.map_err(|trouble| about(&format!("a first Query of {count}"), trouble))?;
    }
    let mut player = context.greeted().await?;
    player.query(elements(16)).await?;
    player.answer(16).await.map(|_| ())
}

async fn later_sizes(context: &Context) -> Verdict {
    for count in [0, 2, 6] {
        let mut player = context.established().await?;
        player.query(elements(count)).await?;
        player.closed_with(5).await.map_err(|trouble| about(&format!("a later Query of {count}"), trouble))?;
    }
    Ok(())
}

async fn uneven(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let bytes: Vec<u8> = elements(8).concat();
    let cut = bytes.get(1..).unwrap_or_default();
    player.send.write(&framed(&field(2, &[number(1, 1), field(2, cut)].concat()))).await?;
    player.closed_with(5).await.map_err(|trouble| about("255 bytes of elements", trouble))?;
    let mut player = context.established().await?;
    player.send.write(&framed(&field(6, &field(1, &[1; 16 * 8 + 3])))).await?;
    player.closed_with(5).await.map_err(|trouble| about("131 bytes of tags", trouble))
}

async fn too_many(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    // Elements need not be good: how many there are comes first.
    let query = field(2, &[number(1, 2), field(2, &vec![1; 32 * 2048])].concat());
    player.send.write(&framed(&query)).await?;
    player.closed_with(5).await.map_err(|trouble| about("2048 elements", trouble))?;
    let mut player = context.established().await?;
    player.send.write(&framed(&field(6, &field(1, &vec![1; 16 * 2048])))).await?;
    player.closed_with(5).await.map_err(|trouble| about("2048 tags in an Accept", trouble))
}

async fn accept_sizes(context: &Context) -> Verdict {
    let random = |count: usize| (0..count).map(|_| crate::context::random_id()).collect::<Vec<_>>();
    for count in [0, 2, 6, 12] {
        let mut player = context.established().await?;
        player.say(&Control::Accept(random(count))).await?;
        player.closed_with(5).await.map_err(|trouble| about(&format!("an Accept of {count}"), trouble))?;
    }
    let mut player = context.established().await?;
    player.say(&Control::Accept(random(4))).await?;
    player.say(&Control::Accept(random(1024))).await?;
    player.alive().await
}

async fn sequence(context: &Context) -> Verdict {
    for seq in [0, 2, u32::MAX] {
        let mut player = context.greeted().await?;
        player.say(&Control::Query { seq, blinded: elements(8) }).await?;
        player
            .closed_with(5)
            .await
            .map_err(|trouble| about(&format!("a first Query with the number {seq}"), trouble))?;
    }
    for more in [0, 2] {
        let mut player = context.established().await?;
        let seq = player.seq + more;
        player.say(&Control::Query { seq, blinded: elements(4) }).await?;
        player
            .closed_with(5)
            .await
            .map_err(|trouble| about(&format!("a later Query with the number {seq}"), trouble))?;
    }
    Ok(())
}

async fn roles(context: &Context) -> Verdict {
    let tags = vec![[7; 16]; 8];
    for message in [
        Control::Answer { seq: 1, evaluated: elements(8), offer: tags.clone() },
        Control::Offer(tags.clone()),
        Control::Revoke(tags),
        Control::Busy { seq: 1, retry_after: Duration::from_secs(1) },
    ] {
        let mut player = context.established().await?;
        player.say(&message).await?;
        player.closed_with(5).await.map_err(|trouble| about(&name(&message), trouble))?;
    }
    Ok(())
}

async fn replay(context: &Context) -> Verdict {
    let mut one = context.greeted().await?;
    let of_one = one.matched(&context.channel()?).await?;
    let mut two = context.greeted().await?;
    let found = two.ask(&[context.channel()?]).await?;
    let differs = found.iter().all(|secrets| {
        secrets.tag_r != of_one.secrets.tag_r && secrets.channel_id.as_bytes() != of_one.secrets.channel_id.as_bytes()
    });
    ensure(differs, "other tags and ids on another link", "the same")?;
    two.accept(&[of_one.secrets.tag_i, of_one.secrets.tag_r], 8).await?;
    let lane = two.conn.accept_lane(Duration::from_millis(500)).await;
    ensure(lane.is_none(), "no lane for a tag of another link", "one")?;
    // R's own tag is not what I shows.
    let tags_r: Vec<_> = found.iter().map(|secrets| secrets.tag_r).collect();
    two.accept(&tags_r, 4).await?;
    let lane = two.conn.accept_lane(Duration::from_millis(500)).await;
    ensure(lane.is_none(), "no lane for tag_R in an Accept", "one")?;
    let tags_i: Vec<_> = found.iter().map(|secrets| secrets.tag_i).collect();
    two.accept(&tags_i, 4).await?;
    let Some(secrets) = found.first() else { return Err(failed("an evaluation", "none")) };
    two.lane(secrets.channel_id, SOON).await.map(|_| ())
}

async fn foreign(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.accept(&[], 8).await?;
    player.say(&Control::Leave(ChannelId::from_bytes([5; 8]))).await?;
    player.accept(&[], 4).await?;
    let lane = player.conn.accept_lane(Duration::from_millis(400)).await;
    ensure(lane.is_none(), "no lane for a channel that is not matched", "one")?;
    player.alive().await
}

async fn leave_and_back(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    let tag = matched.secrets.tag_i;
    // A second Accept of the same changes nothing.
    player.accept(&[tag], 4).await?;
    let lane = player.conn.accept_lane(Duration::from_millis(300)).await;
    ensure(lane.is_none(), "no second lane for a channel that is matched already", "one")?;
    player.say(&Control::Leave(matched.secrets.channel_id)).await?;
    player.accept(&[tag], 4).await?;
    let mut lane = player.lane(matched.secrets.channel_id, SOON).await?;
    crate::player::read_members(&mut lane).await?;
    player.alive().await
}
