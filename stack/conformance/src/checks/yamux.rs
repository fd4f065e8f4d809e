//! What links on TCP need besides.

use super::{
    hello::about,
    lanes::{peer, read_up_to_here},
};
use crate::{
    check::checks,
    context::Context,
    link::FIN,
    player::SOON,
    verdict::{Verdict, ensure, failed},
};
use std::time::Duration;

checks! {
    Beside "yamux-ack" "each stream is acknowledged when its lane is taken" ["L-20"] acknowledged;
    Beside "yamux-half" "the acceptor's half of a lane ends when the lane was read to its end" ["L-21"] half;
    Beside "yamux-early-end" "the end of the acceptor's half by FIN does not stop a lane" ["L-21"] early_fin;
    Beside "yamux-ping" "yamux pings are answered with the same value" ["L-23"] ping;
    Beside "yamux-body" "a body from the acceptor of a lane closes the connection" ["L-19"] body;
    Beside "yamux-rules" "the target's frames are yamux by its rules" ["L-18"] rules;
}

async fn acknowledged(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let mux = player.conn.mux()?.clone();
    let matched = player.matched(&context.channel()?).await?;
    ensure(mux.acknowledged(1, SOON).await, "ACK for the control lane", "none within 5 s")?;
    let p = peer();
    let mut matched = matched;
    let mut lane = player.open(&matched.secrets, &[p]).await?;
    read_up_to_here(&mut matched, &mut lane, p).await?;
    ensure(mux.acknowledged(3, SOON).await, "ACK for the data lane", "none within 5 s")
}

async fn half(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let mux = player.conn.mux()?.clone();
    let mut matched = player.matched(&context.channel()?).await?;
    let p = peer();
    let mut lane = player.open(&matched.secrets, &[p]).await?;
    read_up_to_here(&mut matched, &mut lane, p).await?;
    lane.finish().await;
    ensure(mux.ended(3, SOON).await, "FIN of the acceptor's half", "neither FIN nor RST within 5 s")?;
    ensure(!mux.reset_of(3, Duration::ZERO).await, "FIN of the acceptor's half", "RST")?;
    player.alive().await
}

async fn early_fin(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let mux = player.conn.mux()?.clone();
    let mut matched = player.matched(&context.channel()?).await?;
    let Some(id) = matched.lane.lane.id() else { return Ok(()) };
    mux.flag(id, FIN).await;
    player.alive().await?;
    let p = peer();
    let mut lane = player.open(&matched.secrets, &[p]).await?;
    read_up_to_here(&mut matched, &mut lane, p).await
}

async fn ping(context: &Context) -> Verdict {
    let player = context.greeted().await?;
    let mux = player.conn.mux()?.clone();
    for value in [0, 1, 0xdead_beef] {
        mux.ping(value).await.map_err(|error| failed("the link is up", error.to_string()))?;
        let pong = mux.wait(SOON, |state| state.pongs.pop()).await;
        ensure(pong == Some(value), format!("the ping {value} answered"), format!("{pong:?}"))?;
    }
    Ok(())
}

async fn body(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let mux = player.conn.mux()?.clone();
    let matched = player.matched(&context.channel()?).await?;
    let Some(id) = matched.lane.lane.id() else { return Ok(()) };
    mux.body(id, b"not my lane").await.map_err(|error| failed("the link is up", error.to_string()))?;
    // "No Goodbye is to be expected": the end of the connection is all.
    let closed = player.conn.closed(SOON).await;
    ensure(closed.is_some(), "the connection is closed", "it is still up after 5 s")
        .map_err(|trouble| about("a body on the target's lane", trouble))
}

async fn rules(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let mux = player.conn.mux()?.clone();
    let _matched = player.matched(&context.channel()?).await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    player.alive().await?;
    let state = mux.state();
    ensure(state.faults.is_empty(), "yamux by its rules", state.faults.join("; "))?;
    let odd: Vec<u32> = state.all_opened_there.iter().copied().filter(|id| id % 2 == 1).collect();
    ensure(odd.is_empty(), "even ids for the streams of R", format!("{odd:?}"))
}
