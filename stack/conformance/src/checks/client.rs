//! The JSON interface of clients, on one proxy.

use super::hello::about;
use crate::{
    check::checks,
    client::{Client, frame, of},
    context::Context,
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::PeerId;
use std::{collections::BTreeSet, str::FromStr, time::Duration};

checks! {
    Beside "client-connect" "who comes is told of all, first, and all are told of it" ["C-25" "C-31" "C-32"] connect;
    Beside "client-format" "messages have the members in order, no white space, and are one frame each" ["C-23"] format;
    Beside "client-broadcast" "a broadcast reaches all others, and not the sender" ["C-33" "M-27"] to_others;
    Beside "client-direct" "a message reaches its target alone, also oneself" ["C-23" "C-30"] to_one;
    Beside "client-data" "data comes out as the text that went in" ["C-22"] as_text;
    Beside "client-spaces" "a message may have white space around it, and come in fragments" ["C-19"] spaces;
    Beside "client-members" "the last of several members counts, names are compared without case, source can't be forged" ["C-20" "C-21"] members;
    Beside "client-errors" "a bad message gets exactly one error, and the connection lives on" ["C-26"] errors;
    Beside "client-unknown-target" "unknown_target has the target as it was given" ["C-27" "T-6"] unknown_target;
    Beside "client-order" "messages of one sender arrive in their order, broadcasts and direct ones together" ["C-30"] order;
    Beside "client-gone" "a peer is announced exactly once when it comes and when it goes, however it goes" ["C-31" "C-32"] gone;
    Beside "client-ids" "ids are drawn anew for each membership, at random" ["T-2" "T-4"] ids;
    Beside "client-names" "case of a channel name counts" ["T-7"] names;
    Beside "client-kinds" "channels of different kinds do not mix" ["T-8"] kinds;
    Beside "client-raw" "a raw relay passes messages on as they are, and sends nothing else" ["C-28" "C-29" "C-33"] raw;
    Beside "client-at-once" "what is sent in the packet of the request counts, and nothing said after 101 is lost" ["C-12"] at_once;
}

/// Two clients that know of each other.
async fn pair(context: &Context) -> Result<(Client, Client, String), Trouble> {
    let name = context.fresh_name();
    let mut one = context.client(&name).await?;
    let mut two = context.client(&name).await?;
    two.connected(&one.id.clone()).await?;
    one.connected(&two.id).await?;
    Ok((one, two, name))
}

async fn connect(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut one = context.client(&name).await?;
    one.quiet(Duration::from_millis(200)).await?;
    let mut all = vec![one];
    for _ in 0..3 {
        let mut next = context.clients()?.join_raw(&format!("/{name}")).await?;
        // Before anything is asked.
        let mut told = BTreeSet::new();
        for _ in 0..all.len() {
            let value = next.value("connect of each that is there").await?;
            ensure(of(&value, "action") == "connect", "connect", value.to_string())?;
            told.insert(of(&value, "target").to_owned());
            next.id = of(&value, "source").to_owned();
        }
        let there: BTreeSet<String> = all.iter().map(|client| client.id.clone()).collect();
        ensure(told == there, format!("connect of {there:?}"), format!("{told:?}"))?;
        for client in &mut all {
            client.connected(&next.id).await?;
        }
        next.synced().await?;
        all.push(next);
    }
    Ok(())
}

async fn format(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    let (a, b) = (one.id.clone(), two.id.clone());
    one.text(r#"{"action":"broadcast","data":{"n":1}}"#).await?;
    two.expect(&format!(r#"{{"action":"broadcast","source":"{a}","data":{{"n":1}}}}"#)).await?;
    two.text(&format!(r#"{{"action":"message","target":"{a}","data":"hi"}}"#)).await?;
    one.expect(&format!(r#"{{"action":"message","source":"{b}","target":"{a}","data":"hi"}}"#)).await?;
    one.text(r#"{"action":"broadcast"}"#).await?;
    two.expect(&format!(r#"{{"action":"broadcast","source":"{a}"}}"#)).await?;
    one.text(&format!(r#"{{"action":"message","target":"{b}"}}"#)).await?;
    two.expect(&format!(r#"{{"action":"message","source":"{a}","target":"{b}"}}"#)).await?;
    one.text(r#"{"action":"status"}"#).await?;
    one.expect(&format!(r#"{{"action":"status","source":"{a}","target":"{a}"}}"#)).await?;
    one.text("nothing").await?;
    let text = one.message("an error").await?;
    let begins = r#"{"action":"error","code":"bad_json","message":""#;
    ensure(text.starts_with(begins) && text.ends_with("\"}"), begins, text)?;
    one.text(r#"{"action":"message","target":"nobody"}"#).await?;
    let text = one.message("an error").await?;
    let begins = r#"{"action":"error","code":"unknown_target","message":""#;
    ensure(text.starts_with(begins) && text.ends_with(r#"","target":"nobody"}"#), begins, text)?;
    two.leave().await;
    one.disconnected(&b, Duration::from_secs(5)).await
}

async fn to_others(context: &Context) -> Verdict {
    let (mut one, mut two, name) = pair(context).await?;
    let mut three = context.client(&name).await?;
    one.connected(&three.id).await?;
    two.connected(&three.id).await?;
    for _ in 0..2 {
        three.value("connect of each").await?;
    }
    one.text(r#"{"action":"broadcast","target":"ignored","data":7}"#).await?;
    for client in [&mut two, &mut three] {
        client.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":7}}"#, one.id)).await?;
        client.synced().await?;
    }
    one.synced().await
}

async fn to_one(context: &Context) -> Verdict {
    let (mut one, mut two, name) = pair(context).await?;
    let mut three = context.client(&name).await?;
    one.connected(&three.id).await?;
    two.connected(&three.id).await?;
    for _ in 0..2 {
        three.value("connect of each").await?;
    }
    one.text(&format!(r#"{{"action":"message","target":"{}","data":1}}"#, two.id)).await?;
    one.text(&format!(r#"{{"action":"message","target":"{}","data":2}}"#, one.id)).await?;
    two.expect(&format!(r#"{{"action":"message","source":"{}","target":"{}","data":1}}"#, one.id, two.id)).await?;
    one.expect(&format!(r#"{{"action":"message","source":"{}","target":"{}","data":2}}"#, one.id, one.id)).await?;
    three.synced().await?;
    two.synced().await
}

async fn as_text(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for text in [
        "null",
        "1e400",
        "-0.0",
        "123456789012345678901234567890",
        r#""\ud800\u00e9é\/\u0000""#,
        r#"{ "b" : 1 , "a":2,"b":3 }"#,
        r#"[1 ,2]"#,
        r#"{"action":"connect","source":"x"}"#,
        deep.as_str(),
    ] {
        one.text(&format!("{{\"action\":\"broadcast\" ,\"data\" : \t{text}\r\n }}")).await?;
        let expected = format!(r#"{{"action":"broadcast","source":"{}","data":{text}}}"#, one.id);
        let got = two.expect(&expected).await;
        got.map_err(|trouble| about(text.get(..40).unwrap_or(text), trouble))?;
    }
    Ok(())
}

async fn spaces(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    one.text(" \r\n\t{ \"action\" : \"broadcast\" , \"data\" : 1 } \n").await?;
    let expected = format!(r#"{{"action":"broadcast","source":"{}","data":1}}"#, one.id);
    two.expect(&expected).await?;
    let message = br#"{"action":"broadcast","data":1}"#;
    let (head, rest) = message.split_at(9);
    let (middle, tail) = rest.split_at(1);
    // A ping may come between fragments.
    let bytes = [frame(0x01, head), frame(0x89, b"between"), frame(0x00, middle), frame(0x00, b""), frame(0x80, tail)];
    one.raw(&bytes.concat()).await?;
    two.expect(&expected).await?;
    let pong = one.frame(Duration::from_secs(5)).await.map_err(|why| failed("a pong", why))?;
    let fits = pong.as_ref().is_some_and(|pong| pong.opcode == 10 && pong.payload == b"between");
    ensure(fits, "the pong of a ping between fragments", format!("{pong:?}"))
}

async fn members(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    let (a, b) = (one.id.clone(), two.id.clone());
    let expected = format!(r#"{{"action":"broadcast","source":"{a}","data":2}}"#);
    for text in [
        r#"{"action":"status","action":"broadcast","data":1,"data":2}"#.to_owned(),
        r#"{"ACTION":"broadcast","Data":2}"#.to_owned(),
        r#"{"action":"status","Action":"broadcast","DATA":1,"data":2}"#.to_owned(),
        format!(r#"{{"source":"{b}","data":2,"more":{{"action":"status"}},"action":"broadcast"}}"#),
        r#"{"\u0061ction":"broad\u0063ast","data":2}"#.to_owned(),
    ] {
        one.text(&text).await?;
        two.expect(&expected).await.map_err(|trouble| about(&text, trouble))?;
    }
    one.text(r#"{"action":"Broadcast","data":2}"#).await?;
    let value = one.value("the error unknown_action").await?;
    ensure(of(&value, "code") == "unknown_action", "values of action are compared with case", value.to_string())?;
    one.text(&format!(r#"{{"action":"message","target":"nobody","TARGET":"{b}","data":2}}"#)).await?;
    two.expect(&format!(r#"{{"action":"message","source":"{a}","target":"{b}","data":2}}"#)).await?;
    one.synced().await
}

async fn errors(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    for (text, code) in [
        ("", "bad_json"),
        ("{", "bad_json"),
        (r#"{"action":"broadcast",}"#, "bad_json"),
        (r#"{"action":"broadcast","data":01}"#, "bad_json"),
        (r#"{"action":"broadcast"} x"#, "bad_json"),
        ("[]", "bad_message"),
        ("null", "bad_message"),
        ("\"status\"", "bad_message"),
        ("{}", "bad_message"),
        (r#"{"action":1}"#, "bad_message"),
        (r#"{"action":"message"}"#, "bad_message"),
        (r#"{"action":"message","target":7}"#, "bad_message"),
        (r#"{"action":"connect"}"#, "unknown_action"),
        (r#"{"action":""}"#, "unknown_action"),
    ] {
        one.text(text).await?;
        let value = one.value("an error").await?;
        let fits = of(&value, "action") == "error" && of(&value, "code") == code;
        ensure(fits, format!("the error {code} for {text}"), value.to_string())?;
        one.synced().await.map_err(|trouble| about(&format!("one error for {text}"), trouble))?;
    }
    one.raw(&frame(0x82, br#"{"action":"broadcast"}"#)).await?;
    let value = one.value("an error").await?;
    ensure(of(&value, "code") == "text_only", "the error text_only for a binary message", value.to_string())?;
    one.synced().await?;
    two.synced().await
}

async fn unknown_target(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    let id = two.id.clone();
    // The last character holds two bits that are zero: with another value of those it is no id.
    let last = id.chars().last().and_then(|last| "abcdefghijklmnopqrstuvwxyz234567".find(last)).unwrap_or(0);
    let other = "abcdefghijklmnopqrstuvwxyz234567".chars().nth(last | 1).unwrap_or('b');
    let padded: String = id.chars().take(25).chain([other]).collect();
    for target in [id.to_uppercase(), padded, format!("{id}="), format!(" {id}"), String::new(), "é\\u0041".to_owned()]
    {
        one.text(&format!(r#"{{"action":"message","target":"{target}","data":1}}"#)).await?;
        let value = one.value("the error unknown_target").await?;
        let given = target.replace("\\u0041", "A");
        let fits = of(&value, "code") == "unknown_target" && of(&value, "target") == given;
        ensure(fits, format!("unknown_target for {given:?}"), value.to_string())?;
    }
    one.text(r#"{"action":"message","target":"x\ud800y","data":1}"#).await?;
    let value = one.value("the error unknown_target").await?;
    ensure(of(&value, "target") == "x\u{fffd}y", "U+FFFD for half a surrogate pair", value.to_string())?;
    two.synced().await?;
    two.leave().await;
    one.disconnected(&id, Duration::from_secs(5)).await?;
    one.text(&format!(r#"{{"action":"message","target":"{id}","data":1}}"#)).await?;
    let value = one.value("the error unknown_target").await?;
    ensure(of(&value, "code") == "unknown_target", "unknown_target for who left", value.to_string())
}

async fn order(context: &Context) -> Verdict {
    let (mut one, mut two, _) = pair(context).await?;
    let (a, b) = (one.id.clone(), two.id.clone());
    let mut bytes = Vec::new();
    for n in 0..200 {
        let text = if n % 3 == 0 {
            format!(r#"{{"action":"message","target":"{b}","data":{n}}}"#)
        } else {
            format!(r#"{{"action":"broadcast","data":{n}}}"#)
        };
        bytes.extend(frame(0x81, text.as_bytes()));
    }
    one.raw(&bytes).await?;
    for n in 0..200 {
        let text = if n % 3 == 0 {
            format!(r#"{{"action":"message","source":"{a}","target":"{b}","data":{n}}}"#)
        } else {
            format!(r#"{{"action":"broadcast","source":"{a}","data":{n}}}"#)
        };
        two.expect(&text).await?;
    }
    Ok(())
}

async fn gone(context: &Context) -> Verdict {
    let (mut one, two, name) = pair(context).await?;
    let id = two.id.clone();
    // Cut, without a close frame.
    drop(two);
    one.disconnected(&id, Duration::from_secs(5)).await?;
    let mut three = context.client(&name).await?;
    one.connected(&three.id.clone()).await?;
    three.connected(&one.id).await?;
    three.text(r#"{"action":"broadcast","data":"last words"}"#).await?;
    let id = three.id.clone();
    three.leave().await;
    one.expect(&format!(r#"{{"action":"broadcast","source":"{id}","data":"last words"}}"#)).await?;
    one.disconnected(&id, Duration::from_secs(5)).await?;
    one.quiet(Duration::from_millis(300)).await
}

async fn ids(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut seen: Vec<PeerId> = Vec::new();
    for _ in 0..12 {
        let client = context.client(&name).await?;
        let id = PeerId::from_str(&client.id).map_err(|_| failed("26 characters of base32", client.id.clone()))?;
        // Ids that are counted, or made of a clock, share most of their bits.
        for known in &seen {
            let differ: u32 = known.as_bytes().iter().zip(id.as_bytes()).map(|(a, b)| (a ^ b).count_ones()).sum();
            ensure(
                differ > 25,
                "ids that have nothing in common",
                format!("{known:?} and {id:?} differ in {differ} bits"),
            )?;
        }
        seen.push(id);
        client.leave().await;
    }
    Ok(())
}

async fn names(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut one = context.client(&format!("{name}.x")).await?;
    let mut two = context.client(&format!("{name}.X")).await?;
    two.synced().await?;
    one.synced().await
}

async fn kinds(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut network = context.client(&name).await?;
    let clients = context.clients()?;
    let mut relay = clients.join_raw(&format!("/broadcast/{name}")).await?;
    let mut local = clients.join_raw(&format!("/local/{name}")).await?;
    network.text(r#"{"action":"broadcast","data":1}"#).await?;
    relay.text("of the relay").await?;
    local.text("of the local one").await?;
    network.synced().await?;
    for client in [&mut relay, &mut local] {
        let got = client.frame(Duration::from_millis(250)).await;
        ensure(matches!(got, Ok(None)), "nothing of another kind", format!("{got:?}"))?;
    }
    Ok(())
}

async fn raw(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let clients = context.clients()?;
    let mut one = clients.join_raw(&format!("/broadcast/{name}")).await?;
    let mut two = clients.join_raw(&format!("/broadcast/{name}/id")).await?;
    for (first, bytes) in [(0x81, b"{ not json".as_slice()), (0x82, b"\x00\xff"), (0x81, b""), (0x82, b"")] {
        one.raw(&frame(first, bytes)).await?;
        let got = two.frame(Duration::from_secs(5)).await.map_err(|why| failed("the message", why))?;
        let fits = got.as_ref().is_some_and(|got| got.finished && got.opcode == first & 0x0f && got.payload == bytes);
        ensure(fits, format!("opcode {}: {}", first & 0x0f, bytes.escape_ascii()), format!("{got:?}"))?;
    }
    for client in [&mut one, &mut two] {
        let got = client.frame(Duration::from_millis(250)).await;
        ensure(matches!(got, Ok(None)), "nothing else, and nothing for the sender", format!("{got:?}"))?;
    }
    Ok(())
}

async fn at_once(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut one = context.client(&name).await?;
    let early = frame(0x81, br#"{"action":"broadcast","data":"in the same packet"}"#);
    let mut two = context.clients()?.join_with(&format!("/{name}"), "", &early).await?;
    // As soon as it has its 101, it misses nothing.
    one.text(r#"{"action":"broadcast","data":"after 101"}"#).await?;
    let value = one.value("connect").await?;
    ensure(of(&value, "action") == "connect", "connect", value.to_string())?;
    two.id = of(&value, "target").to_owned();
    one.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":"in the same packet"}}"#, two.id)).await?;
    two.connected(&one.id).await?;
    two.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":"after 101"}}"#, one.id)).await
}
