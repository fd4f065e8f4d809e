//! Matching out of turn: what comes before its time.

use super::{hello::about, matching::elements};
use crate::{
    bytes::control,
    check::checks,
    context::{Context, random_id},
    player::{Heard, SOON, name},
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::wire::Control;
use std::time::Duration;

checks! {
    Beside dialled "ask-early" "an Offer, and a Revoke, before the first Answer is refused" ["P-36"] early_offer;
    Beside "match-early" "a Query, and an Accept, before the Answer is refused, unless it waits for its turn" ["P-36" "P-26"] early;
}

/// So many that a slow target reads on before it has evaluated them. A fast one has answered by then, and is right as well.
const MANY: usize = 128;

async fn early_offer(context: &Context) -> Verdict {
    for message in [Control::Offer((0..4).map(|_| random_id()).collect()), Control::Revoke(vec![random_id()])] {
        let mut player = context.asked().await?;
        player.say(&message).await?;
        player.closed_with(5).await.map_err(|trouble| about(&name(&message), trouble))?;
    }
    Ok(())
}

/// What became of a message that came while a Query was not answered.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The link was closed with Malformed, before the Answer.
    Refused,
    /// The Answer came, and the link lives on. Whether the target had read the message by then.
    Taken { before: bool },
}

/// Says this while the first Query is not answered.
async fn beside_query(context: &Context, message: &Control) -> Result<Fate, Trouble> {
    loop {
        if let Some(fate) = beside_one(context, message).await? {
            return Ok(fate);
        }
    }
}

/// The same; `None` when the target was Busy.
async fn beside_one(context: &Context, message: &Control) -> Result<Option<Fate>, Trouble> {
    let mut player = context.greeted().await?;
    player.query(elements(MANY)).await?;
    player.say(&Control::Ping(1)).await?;
    let (mut said, mut read) = (false, false);
    loop {
        match player.hear_any(SOON * 2).await? {
            Heard::Message(Control::Pong(1)) if !said => {
                // The Query was read, so this one comes after it and not with it.
                said = true;
                player.send.write(&[control(message), control(&Control::Ping(2))].concat()).await?;
            }
            Heard::Message(Control::Pong(2)) => read = true,
            Heard::Message(Control::Ping(nonce)) => player.say(&Control::Pong(nonce)).await?,
            Heard::Message(Control::Busy { seq: 1, retry_after }) => {
                context.patience.allow(retry_after)?;
                tokio::time::sleep(retry_after).await;
                return Ok(None);
            }
            Heard::Message(Control::Answer { seq: 1, .. }) if !said => return Ok(Some(Fate::Taken { before: false })),
            Heard::Message(Control::Answer { seq: 1, .. }) => break,
            Heard::Message(other) => return Err(failed("Answer 1, or Malformed (5)", name(&other))),
            Heard::Over(ending) => {
                let fits = said && ending.goodbye.as_ref().is_some_and(|(code, _)| *code == 5);
                ensure(fits, "Answer 1, or Malformed (5)", ending.to_string())?;
                return Ok(Some(Fate::Refused));
            }
            Heard::Nothing => return Err(failed("Answer 1 within 10 s", "nothing")),
        }
    }
    // It may still be refused, if it was read before the Answer was said.
    let asks = matches!(message, Control::Query { .. });
    let within = if asks { SOON } else { Duration::from_millis(500) };
    match player.hear(within).await? {
        Heard::Message(Control::Answer { seq: 2, .. } | Control::Busy { seq: 2, .. }) if asks => {}
        Heard::Nothing if !asks => {}
        Heard::Over(ending) if ending.goodbye.as_ref().is_some_and(|(code, _)| *code == 5) => {
            return Ok(Some(Fate::Refused));
        }
        Heard::Message(Control::Offer(_) | Control::Revoke(_)) => {}
        Heard::Message(other) => return Err(failed("Answer 2, or Malformed (5)", name(&other))),
        Heard::Nothing => return Err(failed("Answer 2, or Malformed (5), within 5 s", "nothing")),
        Heard::Over(ending) => return Err(failed("Answer 2, or Malformed (5)", ending.to_string())),
    }
    Ok(Some(Fate::Taken { before: read }))
}

async fn early(context: &Context) -> Verdict {
    let query = Control::Query { seq: 2, blinded: elements(8) };
    let asked = beside_query(context, &query).await.map_err(|trouble| about("Query 2 beside Query 1", trouble))?;
    let accept = Control::Accept((0..8).map(|_| random_id()).collect());
    let accepted =
        beside_query(context, &accept).await.map_err(|trouble| about("an Accept beside Query 1", trouble))?;
    // Where a Query waits for its turn, an Accept may too. Where it is refused at once, so must be an Accept.
    let wrong = asked == Fate::Refused && accepted == Fate::Taken { before: true };
    ensure(!wrong, "Malformed (5) for an Accept before the first Answer, as for a Query", "it was taken")
}
