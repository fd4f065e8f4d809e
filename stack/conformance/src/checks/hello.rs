//! Hello, and what may come before a link is established.

use crate::{
    bytes::{HelloBytes, control, field, framed, number},
    check::checks,
    context::{Context, Opened, random_id},
    link::Next,
    player::{SOON, code_name, seen},
    verdict::{Verdict, ensure, failed},
};
use nws_protocol::{ChannelId, wire::Control};
use std::time::Duration;

checks! {
    Beside "hello-unasked" "R says Hello as soon as it has the control lane" ["L-38"] unasked;
    Beside "hello-limits" "the target's Hello keeps its limits, and is the same instance on each link" ["L-33"] theirs;
    Beside "hello-first" "a first message that is no Hello is refused" ["L-39"] first;
    Beside "hello-twice" "a second Hello is refused" ["L-35"] twice;
    Beside "hello-version" "another version is told as such, whatever else is wrong" ["L-32"] version;
    Beside "hello-instance" "an instance id of 15 or 17 bytes, or none, is refused" ["L-31" "L-33"] instance;
    Beside "hello-capabilities" "33 capabilities, one of 65 bytes, and one without a name are refused" ["L-33"] capabilities;
    Beside "hello-agent" "an agent of 129 bytes is refused, and one of 128 odd ones is taken" ["L-33"] agent;
    Beside "hello-frame-limit" "max_frame_bytes out of range is refused, and its ends are taken" ["L-33"] frame_limit;
    Beside "hello-unknown" "unknown capabilities and unknown fields are ignored" ["L-30" "L-34"] unknown;
    Beside "hello-bytes" "the secret is made of Hello as it travelled" ["P-5"] as_travelled;
    Beside "hello-large" "a Hello of more than 4096 bytes is refused by its length" ["L-27"] large;
    Beside "self-dial" "a link to oneself is closed" ["L-40"] oneself;
    Beside "early-ping" "Ping is answered before the link is established" ["L-42" "L-36"] early_ping;
    Beside "early-messages" "other messages are refused before the link is established" ["L-42"] early_messages;
    Beside "early-goodbye" "Goodbye is taken before the link is established" ["L-42" "L-58"] early_goodbye;
    Beside "early-lanes" "no data lane, and no word of matching, before the first Query" ["L-44" "P-24"] early_lanes;
}

async fn unasked(context: &Context) -> Verdict {
    let mine = framed(&HelloBytes::new(&random_id()).message());
    // Nobody can know of a lane on QUIC before a byte comes on it.
    let (head, _rest) = mine.split_at(1);
    match context.opened(head).await?.first {
        Next::Frame(_) => Ok(()),
        other => Err(failed("Hello of R, before that of I is there", seen(&other))),
    }
}

async fn theirs(context: &Context) -> Verdict {
    for _ in 0..2 {
        context.greeted().await?;
    }
    Ok(())
}

/// These bytes, on a new control lane, must close the link with a code.
async fn refused(context: &Context, bytes: &[u8], code: u32) -> Verdict {
    let expected = format!("Hello, then Goodbye with {}", code_name(code));
    let Opened { first, mut reader, send: _send, conn: _conn, .. } = context.opened(bytes).await?;
    match first {
        Next::Frame(frame) => {
            let hello = matches!(Control::decode(frame), Ok(Control::Hello(_)));
            ensure(hello, expected.as_str(), "another message first")?;
        }
        other => return Err(failed(expected, seen(&other))),
    }
    match reader.next(SOON).await {
        Next::Frame(frame) => match Control::decode(frame) {
            Ok(Control::Goodbye { code: got, .. }) => {
                ensure(got.number() == code, expected, format!("Goodbye with {}", code_name(got.number())))
            }
            Ok(other) => Err(failed(expected, crate::player::name(&other))),
            Err(error) => Err(failed(expected, error.to_string())),
        },
        other => Err(failed(expected, seen(&other))),
    }
}

async fn refused_hello(context: &Context, what: &str, code: u32, change: impl FnOnce(&mut HelloBytes)) -> Verdict {
    let mut hello = HelloBytes::new(&random_id());
    change(&mut hello);
    let refused = refused(context, &framed(&hello.message()), code).await;
    refused.map_err(|trouble| about(what, trouble))
}

/// Says what was tried.
pub(super) fn about(what: &str, trouble: crate::verdict::Trouble) -> crate::verdict::Trouble {
    match trouble {
        crate::verdict::Trouble::Failed { expected, seen } => failed(format!("{what}: {expected}"), seen),
        other => other,
    }
}

async fn first(context: &Context) -> Verdict {
    refused(context, &control(&Control::Ping(1)), 5).await?;
    refused(context, &control(&Control::Query { seq: 1, blinded: Vec::new() }), 5).await?;
    let goodbye = Control::Goodbye { code: nws_protocol::LinkCode::None, reason: String::new() };
    refused(context, &control(&goodbye), 5).await.map_err(|trouble| about("Goodbye first", trouble))
}

async fn twice(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let again = HelloBytes::new(&player.id).message();
    player.say_message(&again).await?;
    player.closed_with(5).await?;
    let mut player = context.established().await?;
    let again = HelloBytes::new(&player.id).message();
    player.say_message(&again).await?;
    player.closed_with(5).await
}

async fn version(context: &Context) -> Verdict {
    refused_hello(context, "version 2", 4, |hello| hello.version = 2).await?;
    refused_hello(context, "version 0", 4, |hello| hello.version = 0).await?;
    refused_hello(context, "version 2 and an instance id of 3 bytes", 4, |hello| {
        hello.version = 2;
        hello.instance_id.truncate(3);
        hello.max_frame_bytes = 1;
    })
    .await?;
    // What can't be decoded at all has no version.
    refused(context, &framed(&[0x0a, 0x7f, 0x08]), 5).await.map_err(|trouble| about("no message", trouble))
}

async fn instance(context: &Context) -> Verdict {
    for length in [0, 15, 17] {
        let what = format!("an instance id of {length} bytes");
        refused_hello(context, &what, 5, |hello| hello.instance_id = vec![1; length]).await?;
    }
    Ok(())
}

async fn capabilities(context: &Context) -> Verdict {
    let name = |length: usize| vec![b'c'; length];
    refused_hello(context, "33 capabilities", 5, |hello| hello.capabilities = vec![name(3); 33]).await?;
    refused_hello(context, "a capability of 65 bytes", 5, |hello| hello.capabilities = vec![name(65)]).await?;
    refused_hello(context, "a capability without a name", 5, |hello| hello.capabilities = vec![name(0)]).await?;
    let mut player = context.greeted_with(|hello| hello.capabilities = vec![name(64); 32]).await?;
    player.alive().await.map_err(|trouble| about("32 capabilities of 64 bytes", trouble))
}

async fn agent(context: &Context) -> Verdict {
    refused_hello(context, "an agent of 129 bytes", 5, |hello| hello.agent = vec![b'a'; 129]).await?;
    let odd = "\u{0}\u{1b}[2J\u{202e}".chars().cycle().take(1).chain("é".repeat(60).chars()).collect::<String>();
    let mut player = context.greeted_with(|hello| hello.agent = odd.into_bytes()).await?;
    player.alive().await?;
    let mut player = context.greeted_with(|hello| hello.agent = Vec::new()).await?;
    player.alive().await
}

async fn frame_limit(context: &Context) -> Verdict {
    for limit in [0, 65_535, 67_108_865] {
        let what = format!("max_frame_bytes of {limit}");
        refused_hello(context, &what, 5, |hello| hello.max_frame_bytes = limit).await?;
    }
    for limit in [65_536, 67_108_864] {
        let mut player = context.greeted_with(|hello| hello.max_frame_bytes = limit).await?;
        player.alive().await.map_err(|trouble| about("a limit at the end of the range", trouble))?;
    }
    Ok(())
}

async fn unknown(context: &Context) -> Verdict {
    let mut player = context
        .greeted_with(|hello| {
            hello.capabilities = vec![b"example.org/unheard-of".to_vec(), "\u{1f980}".into()];
            hello.more = crate::bytes::unknown();
        })
        .await?;
    let message = field(9, &[number(1, 77), crate::bytes::unknown()].concat());
    player.say_message(&[crate::bytes::unknown(), message, crate::bytes::unknown()].concat()).await?;
    player.wait_pong(77).await?;
    player.ask(&[]).await.map(|_| ())
}

async fn as_travelled(context: &Context) -> Verdict {
    // Fields that no codec would write again like this: unknown, out of order, one of them twice.
    let mut player = context
        .greeted_with(|hello| {
            hello.more = [crate::bytes::unknown(), field(4, b"the last agent counts"), number(1, 1)].concat();
        })
        .await?;
    player.accept_channel(&context.channel()?).await.map(|_| ())
}

async fn large(context: &Context) -> Verdict {
    // The length of 4097 bytes alone: the rest never comes.
    refused(context, &[0x81, 0x20], 6).await?;
    let mut player = context
        .greeted_with(|hello| {
            let room = 4096 - hello.message().len();
            hello.more = field(1999, &vec![0; room - 8]);
        })
        .await?;
    player.alive().await.map_err(|trouble| about("a Hello of just under 4096 bytes", trouble))
}

async fn oneself(context: &Context) -> Verdict {
    let theirs = context.greeted().await?.their_hello.instance_id;
    let mut player = context.greeted_with(|hello| hello.instance_id = theirs.as_bytes().to_vec()).await?;
    player.closed_with(3).await
}

async fn early_ping(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    for nonce in [0, 1, u64::MAX] {
        player.say(&Control::Ping(nonce)).await?;
        player.wait_pong(nonce).await?;
    }
    Ok(())
}

async fn early_messages(context: &Context) -> Verdict {
    let tags = vec![[7; 16]; 8];
    for message in [
        Control::Accept(tags.clone()),
        Control::Leave(ChannelId::from_bytes([7; 8])),
        Control::Offer(tags.clone()),
        Control::Revoke(tags),
        Control::Busy { seq: 1, retry_after: Duration::from_secs(1) },
    ] {
        let mut player = context.greeted().await?;
        player.say(&message).await?;
        player.closed_with(5).await.map_err(|trouble| about(&crate::player::name(&message), trouble))?;
    }
    Ok(())
}

async fn early_goodbye(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    player.say(&Control::Goodbye { code: nws_protocol::LinkCode::None, reason: "bye".to_owned() }).await?;
    player.send.finish().await;
    let closed = player.conn.closed(SOON).await;
    ensure(closed.is_some(), "the link is closed after Goodbye", "it is still up after 5 s")
}

async fn early_lanes(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    player.never("nothing but Ping before the first Query", Duration::from_millis(700), |_| true).await?;
    let lane = player.conn.accept_lane(Duration::from_millis(300)).await;
    ensure(lane.is_none(), "no data lane before the link is established", "one")
}
