//! What guesses cost, in both roles. These checks use budgets up: they come last, and take no more than they must, as what they
//! take is not there for the next run.

use super::{hello::about, matching::elements};
use crate::{
    check::checks,
    context::{Context, random_id},
    oprf::Element,
    player::{Heard, Player},
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::wire::{Control, Tag};
use std::time::{Duration, Instant};

checks! {
    Beside "match-flood" "who asks again and again before the time is closed with Flood" ["P-40"] flood;
    Last "match-budget" "who asks for too much is told Busy before anything is checked, and gets it later" ["P-27" "P-37" "P-38"] asked;
    Last dialled "ask-budget" "tags over budget wait, and more than 16384 on offer are refused with Limit" ["P-20" "P-37" "P-35"] offered;
}

/// What a link has for guesses, as the documents have it.
const LINK: usize = 1024;

/// Spent in one go: little enough to wait for, where earlier runs have left less than a link has.
const PIECE: usize = 64;

/// No group elements: an R that checks before it charges says BadElement.
fn bad(count: usize) -> Vec<Element> {
    vec![[0xff; 32]; count]
}

/// Says a Query; the time that Busy names, or `None` for an Answer.
async fn busy(player: &mut Player, blinded: Vec<Element>) -> Result<Option<Duration>, Trouble> {
    player.query(blinded).await?;
    let seq = player.seq;
    let said = player.wait("Answer or Busy", Duration::from_secs(10), |message| match message {
        Control::Busy { seq: got, retry_after } => Some((*got, Some(*retry_after))),
        Control::Answer { seq: got, .. } => Some((*got, None)),
        _ => None,
    });
    let (got, busy) = said.await?;
    ensure(got == seq, format!("an answer to Query {seq}"), format!("one to {got}"))?;
    if let Some(retry_after) = busy {
        let words = format!("{retry_after:?}");
        ensure(retry_after >= Duration::from_millis(100), "retry_after_ms of 100 at least", words)?;
    }
    Ok(busy)
}

async fn flood(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    // The first one took some of what a link has.
    for n in 0..=8 {
        let expected = || failed("Busy: a link has a budget of 1024 guesses", format!("an Answer to hasty Query {n}"));
        busy(&mut player, bad(LINK)).await?.ok_or_else(expected)?;
    }
    player.query(bad(LINK)).await?;
    player.closed_with(9).await.map_err(|trouble| match trouble {
        // Here Busy is no want of patience: it is what this must not be answered by.
        Trouble::Lacking(busy) => failed("the ninth hasty Query: the link is closed with Flood", busy),
        other => about("the ninth hasty Query", other),
    })
}

/// Asks for pieces until the target is Busy: how large the last one was.
async fn until_busy(player: &mut Player) -> Result<usize, Trouble> {
    let mut spent = 8;
    while spent < 8 * LINK {
        let left = LINK.saturating_sub(spent).clamp(4, PIECE);
        let size = if left.is_power_of_two() { left } else { left.next_power_of_two() / 2 };
        if busy(player, elements(size)).await?.is_some() {
            return Ok(size);
        }
        spent += size;
    }
    Err(failed("Busy: a link has a budget of 1024 guesses", format!("{spent} elements were evaluated at once")))
}

async fn asked(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    let size = until_busy(&mut player).await?;
    let again = busy(&mut player, bad(size)).await?;
    let retry_after = again.ok_or_else(|| failed("Busy again before the time", "an Answer"))?;
    // A link gives four guesses back in 8 s.
    player.after_busy(retry_after, Duration::from_secs(10)).await?;
    // Nothing else runs now, so nobody else charges meanwhile.
    let late =
        busy(&mut player, elements(size)).await.map_err(|trouble| about("after the time that Busy named", trouble))?;
    ensure(late.is_none(), format!("an Answer after the {retry_after:?} that Busy named"), format!("Busy for {late:?}"))
}

fn random_tags(count: usize) -> Vec<Tag> {
    (0..count).map(|_| random_id()).collect()
}

async fn offered(context: &Context) -> Verdict {
    let mut player = context.asked().await?;
    let offer = player.offer_of(&[], 8);
    player.evaluate(offer).await?;
    player.next_accept("an Accept").await?;
    let secrets = player.secrets(&context.channel()?);
    let mut spent = 8;
    loop {
        ensure(
            spent < 2 * LINK,
            "tags over the budget of 1024 guesses wait",
            format!("{spent} were looked up at once"),
        )?;
        if spent + PIECE + 4 <= LINK {
            player.say(&Control::Offer(random_tags(PIECE))).await?;
            spent += PIECE;
        }
        let offer = player.offer_of(&[secrets.tag_r], 4);
        player.say(&Control::Offer(offer)).await?;
        spent += 4;
        let took = context.patience.unhurried(looked_up(&mut player, secrets.tag_i)).await?;
        if took > Duration::from_secs(1) {
            break;
        }
        player.say(&Control::Revoke(vec![secrets.tag_r])).await?;
    }
    // As many as may be on offer, besides those that are. The budget is used up, so they cost nothing.
    for _ in 0..16 {
        if player.say(&Control::Offer(random_tags(1024))).await.is_err() {
            break;
        }
    }
    player.closed_with(12).await
}

/// Waits for the Accept of a channel: how long it took since the target had read the Offer, however slow the machine is.
async fn looked_up(player: &mut Player, tag: Tag) -> Result<Duration, Trouble> {
    // A piece takes a minute at most, at one guess each second.
    const LONGEST: Duration = Duration::from_secs(80);
    let deadline = Instant::now() + LONGEST;
    let mut read = None;
    player.say(&Control::Ping(1)).await?;
    loop {
        match player.hear_any(deadline.saturating_duration_since(Instant::now())).await? {
            Heard::Message(Control::Accept(tags)) if tags.contains(&tag) => {
                return Ok(read.map_or(Duration::ZERO, |read: Instant| read.elapsed()));
            }
            Heard::Message(Control::Pong(_)) => read = Some(Instant::now()),
            Heard::Message(Control::Ping(nonce)) => player.say(&Control::Pong(nonce)).await?,
            Heard::Message(Control::Query { .. }) => player.evaluate(Vec::new()).await?,
            Heard::Message(_) => {}
            Heard::Nothing => {
                return Err(failed("tags are looked up when the budget has refilled", format!("not in {LONGEST:?}")));
            }
            Heard::Over(ending) => return Err(failed("tags over budget wait", ending.to_string())),
        }
    }
}
