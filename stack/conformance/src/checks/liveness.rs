//! Silence, and what counts as life. The times are the defaults of the documents.

use super::lanes::{broadcast, peer};
use crate::{
    bytes::{HelloBytes, control, data, framed},
    check::checks,
    context::{Context, random_id},
    link::{Next, Reader, Sender},
    player::{HELLO_BYTES, Heard, Player, code_name},
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

async fn next_ping(player: &mut Player, since: Instant) -> Verdict {
    loop {
        match player.hear_any(s(9)).await? {
            Heard::Message(Control::Ping(nonce)) => {
                let after = since.elapsed();
                let in_time = (Duration::from_millis(4000)..s(8)).contains(&after);
                ensure(in_time, "Ping after 5 s without anything", format!("Ping after {after:?}"))?;
                return player.say(&Control::Pong(nonce)).await;
            }
            Heard::Message(_) => {}
            Heard::Nothing => return Err(failed("Ping after 5 s without anything", "none in 9 s")),
            Heard::Over(ending) => return Err(failed("Ping after 5 s without anything", ending.to_string())),
        }
    }
}

async fn pings(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    for _ in 0..2 {
        next_ping(&mut player, Instant::now()).await?;
    }
    player.alive().await
}

async fn silence(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.answers = false;
    let begun = Instant::now();
    let mut pings = 0;
    let ending = loop {
        // What yamux exchanges by itself does not count.
        if let Ok(mux) = player.conn.mux() {
            let _ = mux.ping(1).await;
        }
        match player.hear_any(s(1)).await? {
            Heard::Message(Control::Ping(_)) => pings += 1,
            Heard::Message(_) => {}
            Heard::Nothing if begun.elapsed() > s(21) => {
                return Err(failed("the link is closed after 15 s without anything", "it is still up after 21 s"));
            }
            Heard::Nothing => {}
            Heard::Over(ending) => break ending,
        }
    };
    let after = begun.elapsed();
    let code = ending.goodbye.as_ref().map(|(code, _)| *code);
    ensure(code == Some(10), format!("Goodbye with {}", code_name(10)), ending.to_string())?;
    let in_time = (Duration::from_millis(13_500)..Duration::from_millis(18_500)).contains(&after);
    ensure(in_time, "the link is closed after 15 s without anything", format!("after {after:?}"))?;
    ensure(pings >= 2, "a Ping after each 5 s without anything", format!("{pings} before the end"))
}

async fn lanes_count(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let matched = player.matched(&context.channel()).await?;
    player.answers = false;
    let p = peer();
    let mut lane = player.open(&matched.secrets, &[p]).await?;
    let begun = Instant::now();
    while begun.elapsed() < s(18) {
        lane.write(&data(&broadcast(p, "1"))).await?;
        match player.hear_any(s(2)).await? {
            Heard::Over(ending) => {
                return Err(failed("the link lives while a data lane brings something", ending.to_string()));
            }
            Heard::Message(Control::Ping(_)) => {
                return Err(failed("no Ping while a data lane brings something each 2 s", "a Ping"));
            }
            Heard::Message(_) | Heard::Nothing => {}
        }
    }
    player.alive().await
}

/// Goodbye with Silent about 10 s after this.
async fn silent_at_ten(reader: &mut Reader, begun: Instant, mut pings: Option<&mut Sender>) -> Verdict {
    let expected = "Goodbye with Silent (10), 10 s after the handshake";
    loop {
        match reader.next(s(1)).await {
            Next::Frame(frame) => {
                if let Ok(Control::Goodbye { code, .. }) = Control::decode(frame) {
                    let after = begun.elapsed();
                    ensure(code.number() == 10, expected, format!("Goodbye with {}", code.number()))?;
                    let in_time = (Duration::from_millis(8500)..s(13)).contains(&after);
                    return ensure(in_time, expected, format!("after {after:?}"));
                }
            }
            Next::Nothing => {
                ensure(begun.elapsed() < s(15), expected, "the link is still up after 15 s")?;
                if let Some(send) = &mut pings {
                    let _ = send.try_write(&control(&Control::Ping(1))).await;
                }
            }
            other => {
                return Err(failed(expected, format!("{} after {:?}", crate::player::seen(&other), begun.elapsed())));
            }
        }
    }
}

async fn no_hello(context: &Context) -> Verdict {
    let conn = context.dial().await?;
    let begun = Instant::now();
    let (mut send, recv) = conn.open_control().await?;
    let hello = framed(&HelloBytes::new(&random_id()).message());
    // The lane is there, and nothing whole comes on it.
    let (head, _) = hello.split_at(1);
    send.write(head).await?;
    let mut reader = Reader::new(recv, HELLO_BYTES);
    silent_at_ten(&mut reader, begun, None).await
}

async fn no_query(context: &Context) -> Verdict {
    let begun = Instant::now();
    let mut player = context.greeted().await?;
    let Player { recv, send, .. } = &mut player;
    silent_at_ten(recv, begun, Some(send)).await
}
