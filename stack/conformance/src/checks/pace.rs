//! Back-pressure: nothing is lost, and who does not read holds up nobody but those who speak to it.

use super::{
    hello::about,
    lanes::{broadcast, peer},
    members::{network, share, text},
};
use crate::{
    bytes::data,
    check::checks,
    client::frame,
    context::Context,
    link::Next,
    player::{Heard, SOON, code_name, seen},
    verdict::{Verdict, ensure, failed, not_run},
};
use nws_protocol::wire::{Control, Data};
use std::time::{Duration, Instant};
use tokio::{io::AsyncWriteExt, time::timeout};

checks! {
    Alone "pace-stuck-client" "a client that does not read stops its lane, neither the control lane nor other lanes, and is closed" ["M-30" "M-31" "M-33" "C-35" "C-36" "C-37"] stuck_client;
    Alone "pace-unread-lane" "a lane that is not read holds the clients that feed it, not the lane of the other end, and loses nothing" ["M-32" "M-37" "M-33" "C-34" "C-35" "C-36" "M-11"] unread_lane;
    Slow "pace-stalled" "a lane without progress for 60 s costs its link" ["M-34"] stalled;
}

const PIECE: usize = 64 * 1024;

fn numbered(n: usize) -> String {
    format!("\"{n:08}{}\"", "x".repeat(PIECE))
}

async fn stuck_client(context: &Context) -> Verdict {
    // More than any two sockets and a channel hold.
    const COUNT: usize = 640;
    let mut shared = share(context).await?;
    let p = peer();
    let mut lane = shared.open(&[p]).await?;
    // Another channel on the same link.
    let other_name = context.fresh_name();
    let mut other = context.client(&other_name).await?;
    let other_matched = shared.player.matched(&network(&other_name)).await?;
    let q = peer();
    let mut other_lane = shared.player.open(&other_matched.secrets, &[q]).await?;
    other.connected(&text(q)).await?;
    // It joins, and never reads.
    let mut stuck = context.clients()?.join_raw(&format!("/{}", shared.name)).await?;
    let told = shared.client.value("connect of the second client").await?;
    let id = crate::client::of(&told, "target").to_owned();
    let writes = tokio::spawn(async move {
        let begun = Instant::now();
        let mut longest = Duration::ZERO;
        for n in 0..COUNT {
            let before = Instant::now();
            lane.write(&data(&broadcast(p, &numbered(n)))).await?;
            longest = longest.max(before.elapsed());
        }
        Ok::<_, crate::verdict::Trouble>((longest, begun.elapsed(), lane))
    });
    let mut client = shared.client;
    let reads = tokio::spawn(async move {
        let mut gone = false;
        let mut next = 0;
        while next < COUNT || !gone {
            let text = client.message_within(Duration::from_secs(20)).await?;
            let Some(text) = text else {
                return Err(failed("all messages, and the other client's going", format!("{next}, gone: {gone}")));
            };
            if text.starts_with(r#"{"action":"disconnect""#) {
                ensure(text.contains(&id), "disconnect of the client that does not read", text)?;
                gone = true;
            } else {
                let number = format!("\"data\":\"{next:08}x");
                let shown = text.get(..90).unwrap_or(&text).to_owned();
                ensure(text.contains(&number), format!("message {next}"), shown)?;
                next += 1;
            }
        }
        Ok(client)
    });
    // All the while the control lane is answered at once, and what the other lane brings arrives.
    let (mut slowest, mut slowest_word, mut words) = (Duration::ZERO, Duration::ZERO, 0);
    while !writes.is_finished() && !reads.is_finished() {
        let before = Instant::now();
        shared.player.pong_within(SOON).await?;
        slowest = slowest.max(before.elapsed());
        let before = Instant::now();
        words += 1;
        other_lane.write(&data(&broadcast(q, &words.to_string()))).await?;
        let expected = format!(r#"{{"action":"broadcast","source":"{}","data":{words}}}"#, text(q));
        let came = other.expect_within(&expected, Duration::from_secs(8)).await;
        came.map_err(|trouble| about("on another lane of the same link", trouble))?;
        slowest_word = slowest_word.max(before.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (longest, _, _lane) = writes.await.map_err(|error| not_run(error.to_string()))??;
    let _client = reads.await.map_err(|error| not_run(error.to_string()))??;
    // The client is thrown out after 8 s, where the target is at the defaults.
    ensure(slowest < Duration::from_secs(4), "Pong at once, whatever a client does", format!("after {slowest:?}"))?;
    let words = format!("the longest wait was {longest:?}");
    ensure(longest > Duration::from_millis(500), "the lane is not read while a client has no room", words)?;
    // A word that waited for that lane came with it.
    let words = format!("a word came after {slowest_word:?}, the lane was held for {longest:?}");
    ensure(slowest_word < longest / 2, "other lanes are read while one is held", words)?;
    let code = stuck.closed(Duration::from_secs(10)).await?;
    ensure(code == 1013, "the client that does not read is closed with 1013", format!("{code}"))
}

async fn unread_lane(context: &Context) -> Verdict {
    const MOST: usize = 96 * 1024 * 1024;
    let mut shared = share(context).await?;
    let p = peer();
    let mut lane = shared.open(&[p]).await?;
    let mine = shared.client.peer()?;
    // Says more and more until it is held.
    let mut said = 0;
    let held = loop {
        if said * PIECE > MOST {
            break false;
        }
        let bytes = frame(0x81, format!(r#"{{"action":"broadcast","data":{}}}"#, numbered(said)).as_bytes());
        let (_, write) = shared.client.halves();
        match timeout(Duration::from_millis(1500), write.write_all(&bytes)).await {
            Ok(Ok(())) => said += 1,
            Ok(Err(error)) => return Err(failed("the client is held back, not closed", error.to_string())),
            // Cut within a frame: this client says no more.
            Err(_) => break true,
        }
    };
    ensure(
        held,
        "the client is held back when nobody reads the lane",
        format!("{said} messages of 64 KiB were taken"),
    )?;
    shared.player.pong_within(SOON).await?;
    // What comes the other way is brought all the same, or two such proxies would wait for each other. One word alone may be read
    // by a target that waits afterwards.
    for n in 0..3 {
        lane.write(&data(&broadcast(p, &n.to_string()))).await?;
        let expected = format!(r#"{{"action":"broadcast","source":"{}","data":{n}}}"#, text(p));
        let came = shared.client.expect_within(&expected, SOON).await;
        came.map_err(|trouble| about("from the other end, while its lane is not read", trouble))?;
    }
    // What it said before is all there, in order.
    for n in 0..said {
        match shared.matched.lane.next(SOON).await {
            Next::Frame(got) => {
                let got = Data::decode(got).map_err(|error| failed("Broadcast", error.to_string()))?;
                ensure(
                    got == broadcast(mine, &numbered(n)),
                    format!("message {n}"),
                    "another one: something was lost",
                )?;
            }
            other => return Err(failed(format!("message {n} of {said}"), seen(&other))),
        }
    }
    shared.player.alive().await
}

async fn stalled(context: &Context) -> Verdict {
    let mut shared = share(context).await?;
    let p = peer();
    let _lane = shared.open(&[p]).await?;
    let mut client = shared.client;
    let floods = tokio::spawn(async move {
        for n in 0.. {
            let bytes = frame(0x81, format!(r#"{{"action":"broadcast","data":{}}}"#, numbered(n)).as_bytes());
            let (_, write) = client.halves();
            if write.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
    let begun = Instant::now();
    let ending = loop {
        match shared.player.hear(Duration::from_secs(1)).await? {
            Heard::Over(ending) => break ending,
            Heard::Message(Control::Ping(_)) | Heard::Message(_) => {}
            Heard::Nothing if begun.elapsed() > Duration::from_secs(90) => {
                floods.abort();
                return Err(failed("the link is closed after 60 s without progress", "it is still up after 90 s"));
            }
            Heard::Nothing => {}
        }
    };
    floods.abort();
    let after = begun.elapsed();
    let code = ending.goodbye.as_ref().map(|(code, _)| *code);
    ensure(code == Some(11), format!("Goodbye with {}", code_name(11)), ending.to_string())?;
    let in_time = (Duration::from_secs(55)..Duration::from_secs(80)).contains(&after);
    ensure(in_time, "the link is closed after 60 s without progress", format!("after {after:?}"))
}
