//! Frames and messages on the control lane, right and wrong.

use super::hello::about;
use crate::{
    bytes::{control, field, framed, number, unknown},
    check::checks,
    context::Context,
    link::Next,
    player::{Player, SOON, seen},
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::{LinkCode, wire::Control};
use std::time::Duration;

checks! {
    Beside "frame-long-varint" "a length that is not in its shortest form is refused" ["L-26"] long_varint;
    Beside "frame-endless-varint" "a length of more than five bytes is refused" ["L-26"] endless_varint;
    Beside "frame-too-large" "a frame over the target's limit is refused by its length" ["L-27"] too_large;
    Beside "frame-trickled" "frames that come byte by byte are frames" ["L-26"] trickled;
    Beside "frame-garbage" "bytes that are no protobuf message are refused" ["L-29"] garbage;
    Beside "frame-wrong-type" "a field of another type is refused" ["L-29"] wrong_type;
    Beside "frame-not-utf8" "text that is not UTF-8 is refused" ["L-29"] not_utf8;
    Beside "frame-no-body" "a message without a body that is known is refused" ["L-29"] no_body;
    Beside "frame-unknown-fields" "unknown fields are ignored in every message" ["L-30"] unknown_fields;
    Beside "frame-wrong-length" "a field of a wrong length is refused" ["L-31"] wrong_length;
    Beside "goodbye-reason" "a Goodbye with a reason of 257 bytes is no Goodbye" ["L-29"] long_reason;
    Beside "goodbye-order" "Goodbye comes before the end, then the control lane is finished" ["L-56" "L-57"] goodbye;
    Beside "goodbye-answered" "after Goodbye nothing more is said, and the link is closed" ["L-58"] after_goodbye;
    Beside "goodbye-unknown" "an unknown code is no fault" ["L-59"] unknown_code;
    Beside "control-ends" "the end of the control lane without Goodbye ends the link" ["L-24"] control_ends;
    Beside "control-cut" "a control lane that ends within a frame ends the link" ["L-24"] control_cut;
    Beside "control-reset" "a control lane that is reset ends the link" ["L-24"] control_reset;
    Beside "known-messages" "only messages of the documents are sent" ["L-60"] known_messages;
    Beside "ping-busy" "Ping is answered while much is to be computed" ["L-36"] ping_busy;
}

/// Bytes on the control lane of an established link must close it.
async fn refused(context: &Context, what: &str, bytes: &[u8], code: u32) -> Verdict {
    let mut player = context.established().await?;
    player.send.write(bytes).await?;
    player.closed_with(code).await.map_err(|trouble| about(what, trouble))
}

async fn long_varint(context: &Context) -> Verdict {
    // Ping of four bytes, its length in two.
    refused(context, "84 00", &[0x84, 0x00, 0x4a, 0x02, 0x08, 0x05], 5).await?;
    refused(context, "84 80 00", &[0x84, 0x80, 0x00, 0x4a, 0x02, 0x08, 0x05], 5).await
}

async fn endless_varint(context: &Context) -> Verdict {
    refused(context, "six bytes with the highest bit", &[0x84, 0x80, 0x80, 0x80, 0x80, 0x80], 5).await?;
    refused(context, "a fifth byte over 0f", &[0x84, 0x80, 0x80, 0x80, 0x10], 5).await
}

async fn too_large(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    let mut length = bytes::BytesMut::new();
    nws_protocol::frame::put_length(&mut length, player.their_hello.max_frame_bytes + 1);
    player.send.write(&length).await?;
    player.closed_with(6).await?;
    // Just under the limit there is nothing wrong with the length.
    let mut player = context.established().await?;
    let limit = player.their_hello.max_frame_bytes.min(2 * 1024 * 1024);
    let filling = field(1999, &vec![0; limit - 64]);
    let ping = field(9, &number(1, 5));
    player.say_message(&[filling, ping].concat()).await?;
    player
        .wait_pong(5)
        .await
        .map_err(|trouble| about("a Ping with an unknown field, as large as the limit allows", trouble))
}

async fn trickled(context: &Context) -> Verdict {
    let conn = context.dial().await?;
    let hello = crate::bytes::HelloBytes::new(&crate::context::random_id());
    let (mut send, recv) = conn.open_control().await?;
    let bytes = [framed(&hello.message()), control(&Control::Ping(9)), control(&Control::Ping(10))].concat();
    for byte in bytes {
        send.write(&[byte]).await?;
        tokio::task::yield_now().await;
    }
    let mut reader = crate::link::Reader::new(recv, 4096);
    let mut pongs = Vec::new();
    while pongs.len() < 2 {
        match reader.next(SOON).await {
            Next::Frame(frame) => match Control::decode(frame) {
                Ok(Control::Pong(nonce)) => pongs.push(nonce),
                Ok(Control::Hello(_)) => {}
                other => return Err(failed("Hello and two Pongs", format!("{other:?}"))),
            },
            other => return Err(failed("Hello and two Pongs", seen(&other))),
        }
    }
    ensure(pongs == [9, 10], "Pong 9, Pong 10", format!("{pongs:?}"))
}

async fn garbage(context: &Context) -> Verdict {
    refused(context, "ff ff ff", &framed(&[0xff, 0xff, 0xff]), 5).await?;
    refused(context, "a field that is longer than the message", &framed(&[0x4a, 0x20, 0x08]), 5).await?;
    refused(context, "a field with the number 0", &framed(&[0x02, 0x00]), 5).await
}

async fn wrong_type(context: &Context) -> Verdict {
    refused(context, "a nonce of bytes", &framed(&field(9, &field(1, b"abc"))), 5).await?;
    refused(context, "Ping as a number", &framed(&number(9, 5)), 5).await?;
    refused(context, "tags as a number", &framed(&field(6, &number(1, 5))), 5).await
}

async fn not_utf8(context: &Context) -> Verdict {
    let reason = field(11, &[number(1, 0), field(2, &[0xff, 0xfe])].concat());
    refused(context, "a reason that is not UTF-8", &framed(&reason), 5).await
}

async fn no_body(context: &Context) -> Verdict {
    refused(context, "an empty frame", &framed(&[]), 5).await?;
    refused(context, "a body with the number 12", &framed(&field(12, &[])), 5).await
}

async fn unknown_fields(context: &Context) -> Verdict {
    let mut player = context.greeted().await?;
    let blinded: Vec<u8> = (0..8u8).flat_map(|n| crate::oprf::Blinded::new(&[n, 1, 2]).element).collect();
    let query = [number(1, 1), unknown(), field(2, &blinded), unknown()].concat();
    player.seq = 1;
    player.say_message(&[field(2, &query), unknown()].concat()).await?;
    player.answer(8).await?;
    let tags: Vec<u8> = (0..8).flat_map(|_| crate::context::random_id()).collect();
    player.say_message(&field(6, &[unknown(), field(1, &tags)].concat())).await?;
    player.say_message(&field(7, &[field(1, &[3; 8]), unknown()].concat())).await?;
    player.say_message(&[field(10, &[number(1, 3), unknown()].concat()), unknown()].concat()).await?;
    player.say_message(&[unknown(), field(9, &[unknown(), number(1, 4)].concat())].concat()).await?;
    player.wait_pong(4).await
}

async fn wrong_length(context: &Context) -> Verdict {
    for length in [0, 7, 9] {
        let leave = framed(&field(7, &field(1, &vec![1; length])));
        refused(context, &format!("a channel id of {length} bytes in Leave"), &leave, 5).await?;
    }
    Ok(())
}

async fn long_reason(context: &Context) -> Verdict {
    let long = framed(&field(11, &[number(1, 0), field(2, &[b'x'; 257])].concat()));
    refused(context, "a reason of 257 bytes", &long, 5).await
}

async fn goodbye(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.say_message(&[]).await?;
    let ending = player.end(SOON).await?;
    let expected = "Goodbye with Malformed (5)";
    ensure(ending.goodbye.as_ref().is_some_and(|(code, _)| *code == 5), expected, ending.to_string())?;
    ensure(ending.after.is_none(), "nothing after Goodbye", ending.after.clone().unwrap_or_default())?;
    ensure(ending.finished, "the end of the control lane after Goodbye", "it was not finished")
}

async fn after_goodbye(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.say(&Control::Goodbye { code: LinkCode::None, reason: String::new() }).await?;
    // What is asked after it gets no answer.
    player.send.finish().await;
    let mut said = Vec::new();
    loop {
        match player.recv.next(Duration::from_secs(3)).await {
            Next::Frame(frame) => match Control::decode(frame) {
                // Words that crossed, before the target read it.
                Ok(Control::Offer(_) | Control::Revoke(_) | Control::Ping(_)) => {}
                Ok(other) => said.push(crate::player::name(&other)),
                Err(error) => said.push(error.to_string()),
            },
            Next::Nothing => break,
            _ => break,
        }
    }
    ensure(said.is_empty(), "nothing after Goodbye was got", said.join(", "))?;
    let closed = player.conn.closed(SOON).await;
    ensure(closed.is_some(), "the link is closed after Goodbye", "it is still up after 5 s")
}

async fn unknown_code(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.say(&Control::Goodbye { code: LinkCode::from_number(4711), reason: "a later version".to_owned() }).await?;
    player.send.finish().await;
    loop {
        match player.recv.next(SOON).await {
            Next::Frame(frame) => {
                if let Ok(Control::Goodbye { code, .. }) = Control::decode(frame) {
                    return Err(failed(
                        "the end of the link, without a fault",
                        format!("Goodbye with {}", code.number()),
                    ));
                }
            }
            Next::Nothing => return Err(failed("the link is closed after Goodbye", "it is still up after 5 s")),
            _ => break,
        }
    }
    // It hurts no other link.
    context.established().await.map(|_| ())
}

/// The link must be gone, with or without words.
async fn gone(player: &mut Player) -> Verdict {
    let lost = |trouble| match trouble {
        Trouble::Failed { seen, .. } => failed("the link is taken as lost", seen),
        other => other,
    };
    player.end(SOON).await.map(|_| ()).map_err(lost)
}

async fn control_ends(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.send.finish().await;
    gone(&mut player).await
}

async fn control_cut(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.send.write(&[0x04, 0x4a, 0x02]).await?;
    player.send.finish().await;
    gone(&mut player).await
}

async fn control_reset(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    player.send.reset(0).await;
    gone(&mut player).await
}

async fn known_messages(context: &Context) -> Verdict {
    // The player refuses whatever is not in the documents, in each check; here it is asked for all that there is.
    let mut player =
        context.greeted_with(|hello| hello.capabilities = vec![b"example.org/a".to_vec(), b"resume".to_vec()]).await?;
    let mut matched = player.matched(&context.channel()?).await?;
    player.alive().await?;
    let direct = nws_protocol::wire::Data::Direct {
        source: nws_protocol::PeerId::from_bytes([9; 16]),
        target: nws_protocol::PeerId::from_bytes(crate::context::random_id()),
        payload: nws_protocol::wire::Payload::Json(bytes::Bytes::from_static(b"1")),
    };
    let mut lane = player.open(&matched.secrets, &[nws_protocol::PeerId::from_bytes([9; 16])]).await?;
    lane.write(&crate::bytes::data(&direct)).await?;
    crate::player::next_data(&mut matched.lane, SOON).await?;
    player.alive().await
}

async fn ping_busy(context: &Context) -> Verdict {
    let mut player = context.established().await?;
    // 64 elements, and a heap of Accepts and Leaves that mean nothing, then Ping.
    let inputs: Vec<Vec<u8>> = (0..64u8).map(|n| vec![n, 9]).collect();
    let elements = Player::blind(&inputs).iter().map(|blinded| blinded.element).collect();
    player.query(elements).await?;
    player.answer(64).await?;
    let mut heap = Vec::new();
    for n in 0..400u16 {
        let [high, low] = n.to_be_bytes();
        heap.extend(control(&Control::Accept(vec![[high, low, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]; 4])));
    }
    player.send.write(&heap).await?;
    player.pong_within(Duration::from_secs(2)).await
}
