//! Silence, and what counts as life. The times are the defaults of the documents.

use super::lanes::{broadcast, peer};
use crate::{
    bytes::{HelloBytes, control, data, framed},
    check::checks,
    context::{Context, Opened, random_id},
    link::{Next, Reader, Sender},
    player::{Heard, Player, code_name},
    verdict::{Verdict, ensure, failed},
};
use nws_protocol::wire::Control;
use std::time::{Duration, Instant};

checks! {
    Long "live-ping" "after 5 s without anything Ping is sent, and again" ["L-54"] pings;
    Long "live-silent" "after 15 s without anything the link is closed with Silent" ["L-55" "L-54"] silence;
    Long "live-lane" "bytes on a data lane are a sign of life" ["L-55"] lanes_count;
    Long "live-no-hello" "without Hello the link is closed with Silent after 10 s" ["L-43"] no_hello;
    Long "live-no-query" "without Query the link is closed with Silent after 10 s, Pings or not" ["L-43"] no_query;
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a machine under load may add to any time; half of what is between a Ping and the end of a link.
const LATE: Duration = s(5);

/// So much later than `from`, which is when the target can have heard something at the earliest; and not much later than `to`.
fn in_time(time: Duration, from: Instant, to: Instant, expected: &str) -> Verdict {
    // Clocks may differ by a little.
    let early = from.elapsed() + Duration::from_millis(100) < time;
    ensure(!early && to.elapsed() < time + LATE, expected, format!("after {:?}", to.elapsed()))
}

async fn pings(context: &Context) -> Verdict {
    const EXPECTED: &str = "Ping after 5 s without anything";
    let mut player = context.established().await?;
    for _ in 0..2 {
        let deadline = Instant::now() + s(5) + LATE;
        loop {
            match player.hear_any(deadline.saturating_duration_since(Instant::now())).await? {
                // An earlier one is no fault: the other end's settings are not known.
                Heard::Message(Control::Ping(nonce)) => {
                    player.say(&Control::Pong(nonce)).await?;
                    break;
                }
                Heard::Message(_) => {}
                Heard::Nothing => return Err(failed(EXPECTED, "none in 10 s")),
                Heard::Over(ending) => return Err(failed(EXPECTED, ending.to_string())),
            }
        }
    }
    player.alive().await
}

async fn silence(context: &Context) -> Verdict {
    const EXPECTED: &str = "the link is closed after 15 s without anything";
    let mut player = context.established().await?;
    let from = Instant::now();
    player.alive().await?;
    player.answers = false;
    let to = Instant::now();
    let mut pings = 0;
    let ending = loop {
        // What yamux exchanges by itself does not count.
        if let Ok(mux) = player.conn.mux() {
            let _ = mux.ping(1).await;
        }
        match player.hear_any(s(1)).await? {
            Heard::Message(Control::Ping(_)) => pings += 1,
            Heard::Nothing if to.elapsed() > s(15) + LATE => {
                return Err(failed(EXPECTED, format!("it is still up after {:?}", to.elapsed())));
            }
            Heard::Message(_) | Heard::Nothing => {}
            Heard::Over(ending) => break ending,
        }
    };
    let code = ending.goodbye.as_ref().map(|(code, _)| *code);
    ensure(code == Some(10), format!("Goodbye with {}", code_name(10)), ending.to_string())?;
    in_time(s(15), from, to, EXPECTED)?;
    ensure(pings >= 2, "a Ping after each 5 s without anything", format!("{pings} before the end"))
}

async fn lanes_count(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()?).await?;
    player.answers = false;
    let p = peer();
    let mut lane = player.open(&matched.secrets, &[p]).await?;
    let begun = Instant::now();
    while begun.elapsed() < s(18) {
        lane.write(&data(&broadcast(p, "1"))).await?;
        if let Heard::Over(ending) = player.hear_any(s(2)).await? {
            return Err(failed("the link lives while a data lane brings something", ending.to_string()));
        }
    }
    player.alive().await
}

/// Goodbye with Silent 10 s after the transport's handshake, which was done between these two times.
async fn silent_at_ten(reader: &mut Reader, from: Instant, to: Instant, mut pings: Option<&mut Sender>) -> Verdict {
    const EXPECTED: &str = "Goodbye with Silent (10), 10 s after the handshake";
    loop {
        match reader.next(s(1)).await {
            Next::Frame(frame) => {
                if let Ok(Control::Goodbye { code, .. }) = Control::decode(frame) {
                    ensure(code.number() == 10, EXPECTED, format!("Goodbye with {}", code_name(code.number())))?;
                    return in_time(s(10), from, to, EXPECTED);
                }
            }
            Next::Nothing => {
                ensure(
                    to.elapsed() < s(10) + LATE,
                    EXPECTED,
                    format!("the link is still up after {:?}", to.elapsed()),
                )?;
                if let Some(send) = &mut pings {
                    let _ = send.try_write(&control(&Control::Ping(1))).await;
                }
            }
            other => return Err(failed(EXPECTED, format!("{} after {:?}", crate::player::seen(&other), to.elapsed()))),
        }
    }
}

async fn no_hello(context: &Context) -> Verdict {
    let hello = framed(&HelloBytes::new(&random_id()).message());
    // The lane is there, and nothing whole comes on it. What comes first is the target's own Hello.
    let (head, _) = hello.split_at(1);
    let Opened { mut reader, begun, dialled, send: _send, conn: _conn, .. } = context.opened(head).await?;
    silent_at_ten(&mut reader, begun, dialled, None).await
}

async fn no_query(context: &Context) -> Verdict {
    let from = Instant::now();
    let mut player = context.greeted().await?;
    let to = Instant::now();
    let Player { recv, send, .. } = &mut player;
    silent_at_ten(recv, from, to, Some(send)).await
}
