//! RFC 6455 at the client interface.

use super::hello::about;
use crate::{
    check::checks,
    client::{Client, frame},
    context::Context,
    verdict::{Verdict, ensure, failed},
};
use std::time::{Duration, Instant};

checks! {
    Beside "ws-faults" "what breaks RFC 6455 is closed with 1002" ["C-38"] faults;
    Beside "ws-utf8" "text that is not UTF-8 is closed with 1007" ["C-38"] utf8;
    Beside "ws-close" "the client's own code comes back" ["C-38"] close;
    Beside "ws-too-big" "a message of more than 1 MiB is closed with 1009, and one of 1 MiB is passed on" ["C-38" "C-28"] too_big;
    Beside "ws-said-before" "what a client said before a fault is said all the same" ["C-39"] said_before;
    Beside "ws-ping" "a ping is answered with its payload" ["C-40"] ping;
    Slow "ws-silent" "a client that answers no ping is closed with 1011" ["C-41"] silent;
}

const SOON: Duration = Duration::from_secs(5);

/// A frame with these first two bytes, masked with zeros.
fn odd(first: u8, second: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, second], [0; 4].as_slice(), payload].concat()
}

async fn join(context: &Context) -> Result<Client, crate::verdict::Trouble> {
    context.clients()?.join_raw(&format!("/{}", context.fresh_name())).await
}

async fn closes(context: &Context, what: &str, bytes: &[u8], wanted: u16) -> Verdict {
    let mut client = join(context).await?;
    client.raw(bytes).await?;
    let code = client.closed(SOON).await.map_err(|trouble| about(what, trouble))?;
    ensure(code == wanted, format!("{what}: closed with {wanted}"), format!("{code}"))
}

async fn faults(context: &Context) -> Verdict {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an unmasked frame", vec![0x81, 0x02, b'{', b'}']),
        ("a reserved bit", odd(0xc1, 0x82, b"{}")),
        ("an opcode that there is not", odd(0x83, 0x80, b"")),
        ("a control opcode that there is not", odd(0x8b, 0x80, b"")),
        ("a fragmented ping", odd(0x09, 0x80, b"")),
        ("a ping of 126 bytes", [&[0x89, 0xfe, 0, 126, 0, 0, 0, 0], [0; 126].as_slice()].concat()),
        ("a length of two bytes that fits seven bits", [&[0x81, 0xfe, 0, 5, 0, 0, 0, 0], b"{   }".as_slice()].concat()),
        ("a length of eight bytes that fits two", vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0]),
        ("a length with its highest bit", vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("a continuation of nothing", frame(0x80, b"x")),
        ("a new message within a fragmented one", [frame(0x01, b"{"), frame(0x81, b"{}")].concat()),
        ("a close with one byte", frame(0x88, &[3])),
        ("a close with the code 1005", frame(0x88, &1005u16.to_be_bytes())),
        ("a close with the code 999", frame(0x88, &999u16.to_be_bytes())),
        ("a close with the code 2999", frame(0x88, &2999u16.to_be_bytes())),
        ("a close with the code 1015", frame(0x88, &1015u16.to_be_bytes())),
    ];
    for (what, bytes) in cases {
        closes(context, what, &bytes, 1002).await?;
    }
    Ok(())
}

async fn utf8(context: &Context) -> Verdict {
    closes(context, "text that is not UTF-8", &frame(0x81, b"{\"\xff\"}"), 1007).await?;
    let cut = [frame(0x01, b"\"\xc3"), frame(0x80, b"\"")].concat();
    closes(context, "a character that is cut", &cut, 1007).await?;
    let reason = [1000u16.to_be_bytes().as_slice(), b"\xff"].concat();
    closes(context, "a reason that is not UTF-8", &frame(0x88, &reason), 1007).await
}

async fn close(context: &Context) -> Verdict {
    for code in [1000u16, 1001, 1003, 1007, 1014, 3000, 4999] {
        closes(context, "a close", &frame(0x88, &code.to_be_bytes()), code).await?;
    }
    closes(context, "a close without a code", &frame(0x88, b""), 1005).await
}

async fn too_big(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let clients = context.clients()?;
    let mut one = clients.join_raw(&format!("/broadcast/{name}")).await?;
    let mut two = clients.join_raw(&format!("/broadcast/{name}")).await?;
    let largest = vec![b'x'; 1024 * 1024];
    one.raw(&frame(0x82, &largest)).await?;
    let got = two.frame(Duration::from_secs(10)).await.map_err(|why| failed("a message of 1 MiB", why))?;
    let fits = got.as_ref().is_some_and(|got| got.payload == largest);
    ensure(fits, "a message of 1 MiB", got.map_or("nothing".to_owned(), |got| format!("{} bytes", got.payload.len())))?;
    // Its header alone: the rest need not be waited for.
    let header = [&[0x82, 0xff], (1024 * 1024 + 1u64).to_be_bytes().as_slice(), &[0; 4]].concat();
    one.raw(&header).await?;
    let code = one.closed(SOON).await?;
    ensure(code == 1009, "closed with 1009 for 1 MiB and a byte", format!("{code}"))?;
    // In fragments it is no smaller.
    let mut three = clients.join_raw(&format!("/broadcast/{name}")).await?;
    let half = vec![b'x'; 600 * 1024];
    three.raw(&frame(0x02, &half)).await?;
    three.raw(&frame(0x80, &half)).await?;
    let code = three.closed(SOON).await?;
    ensure(code == 1009, "closed with 1009 for fragments of more than 1 MiB together", format!("{code}"))
}

async fn said_before(context: &Context) -> Verdict {
    let name = context.fresh_name();
    let mut one = context.client(&name).await?;
    let mut two = context.client(&name).await?;
    one.connected(&two.id.clone()).await?;
    two.connected(&one.id).await?;
    let bytes = [frame(0x81, br#"{"action":"broadcast","data":"before"}"#), odd(0xc1, 0x82, b"{}")].concat();
    two.raw(&bytes).await?;
    one.expect(&format!(r#"{{"action":"broadcast","source":"{}","data":"before"}}"#, two.id)).await?;
    one.disconnected(&two.id, SOON).await?;
    let code = two.closed(SOON).await?;
    ensure(code == 1002, "closed with 1002", format!("{code}"))
}

async fn ping(context: &Context) -> Verdict {
    let mut client = join(context).await?;
    for payload in [b"".as_slice(), b"payload", &[0xff; 125]] {
        client.raw(&frame(0x89, payload)).await?;
        let got = client.frame(SOON).await.map_err(|why| failed("a pong", why))?;
        let fits = got.as_ref().is_some_and(|got| got.opcode == 10 && got.finished && got.payload == payload);
        ensure(fits, "a pong with the payload of the ping", format!("{got:?}"))?;
    }
    // A pong that nobody asked for is no fault.
    client.raw(&frame(0x8a, b"unasked")).await?;
    client.ask_id().await
}

async fn silent(context: &Context) -> Verdict {
    let mut client = join(context).await?;
    let begun = Instant::now();
    let ping = loop {
        match client.frame(Duration::from_secs(60)).await {
            Ok(Some(got)) if got.opcode == 9 => break got,
            Ok(Some(_)) => {}
            other => return Err(failed("a ping after 54 s without anything", format!("{other:?}"))),
        }
    };
    ensure(ping.payload.is_empty(), "an empty ping", format!("{} bytes", ping.payload.len()))?;
    let code = client.closed(Duration::from_secs(15)).await?;
    let after = begun.elapsed();
    ensure(code == 1011, "closed with 1011", format!("{code}"))?;
    let in_time = (Duration::from_secs(62)..Duration::from_secs(68)).contains(&after);
    ensure(in_time, "closed 10 s after a ping that came after 54 s", format!("after {after:?}"))
}
