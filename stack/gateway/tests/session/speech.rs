//! What clients say and are told: JSON, raw relays, and the WebSocket protocol itself.

use crate::parties::{DEADLINE, Proxy, masked};
use futures::SinkExt;
use nws_gateway::SessionSettings;
use nws_hub::HubLimits;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn two_clients_meet_and_talk() {
    let proxy = Proxy::default().await;
    let mut a = proxy.client("chat").await;
    let mut b = proxy.client("chat").await;
    let (to_a, to_b) = (a.told().await, b.told().await);
    let (ida, idb) = (to_a["source"].clone(), to_b["source"].clone());
    assert_eq!(to_a, json!({"action":"connect","source":ida,"target":idb}));
    assert_eq!(to_b, json!({"action":"connect","source":idb,"target":ida}));
    a.send(r#"{"action":"broadcast","data":{"any":[1,null]},"source":"forged","extra":1}"#).await;
    assert_eq!(b.told().await, json!({"action":"broadcast","source":ida,"data":{"any":[1,null]}}));
    b.send(json!({"action":"message","target":ida,"data":"é \u{2028}"}).to_string()).await;
    assert_eq!(a.told().await, json!({"action":"message","source":idb,"target":ida,"data":"é \u{2028}"}));
    b.socket.close(None).await.unwrap();
    assert_eq!(a.told().await, json!({"action":"disconnect","source":ida,"target":idb}));
}

#[tokio::test]
async fn bad_messages_are_answered_and_the_connection_lives_on() {
    let proxy = Proxy::default().await;
    let mut a = proxy.client("chat").await;
    let id = a.id().await;
    for (bad, code) in [
        ("junk", "bad_json"),
        ("", "bad_json"),
        (r#"{"action":"broadcast","data":}"#, "bad_json"),
        ("[]", "bad_message"),
        ("null", "bad_message"),
        ("5", "bad_message"),
        ("{}", "bad_message"),
        (r#"{"action":5}"#, "bad_message"),
        (r#"{"action":"message","data":1}"#, "bad_message"),
        (r#"{"action":"message","target":5,"data":1}"#, "bad_message"),
        (r#"{"action":"nope"}"#, "unknown_action"),
        (r#"{"action":"connect","target":"7"}"#, "unknown_action"),
        (r#"{"action":"message","target":"nobody","data":1}"#, "unknown_target"),
    ] {
        a.send(bad).await;
        let told = a.told().await;
        assert_eq!((&told["action"], &told["code"]), (&json!("error"), &json!(code)), "{bad}: {told}");
        assert!(told["message"].as_str().is_some_and(|words| words.len() > 5));
        if code == "unknown_target" {
            assert_eq!(told["target"], "nobody");
        }
    }
    a.socket.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(a.told().await["code"], "text_only");
    assert_eq!(a.id().await, id);
}

#[tokio::test]
async fn what_breaks_rfc_6455_is_closed_with_its_code() {
    let session = SessionSettings { max_message_bytes: 1000, ..SessionSettings::default() };
    let proxy = Proxy::start(HubLimits::default(), session).await;
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("over the limit", masked(0x81, &[b'x'; 1001]), 1009),
        ("not UTF-8", masked(0x81, b"\"\xff\""), 1007),
        ("reserved bit", masked(0xc1, b"{}"), 1002),
        ("bad opcode", masked(0x83, b"{}"), 1002),
        ("unmasked", b"\x81\x02{}".to_vec(), 1002),
        ("bad close code", masked(0x88, &1005u16.to_be_bytes()), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut other = proxy.client(&what.replace(' ', "-")).await;
        let mut bad = proxy.raw(&what.replace(' ', "-"), 65536).await;
        // In one piece, so that both are read at once.
        let good = masked(0x81, br#"{"action":"broadcast","data":"before"}"#);
        bad.write_all(&[good, bytes].concat()).await.unwrap();
        let mut got = Vec::new();
        timeout(DEADLINE, bad.read_to_end(&mut got)).await.unwrap().unwrap();
        let close = got.iter().rposition(|byte| *byte == 0x88).map(|at| &got[at..]).unwrap();
        assert_eq!(u16::from_be_bytes([close[2], close[3]]), code, "{what}: {got:?}");
        if code == 1009 {
            assert!(String::from_utf8_lossy(close).contains("1000"), "the limit is named");
        }
        assert_eq!(other.told().await["action"], "connect");
        assert_eq!(other.told().await["data"], "before", "{what}: what came before the fault was said");
        assert_eq!(other.told().await["action"], "disconnect");
    }
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_passes_in_fragments_and_whole() {
    let session = SessionSettings { max_message_bytes: 100_000, ..SessionSettings::default() };
    let proxy = Proxy::start(HubLimits::default(), session).await;
    let mut raw = proxy.raw("x", 65536).await;
    let mut b = proxy.client("x").await;
    b.told().await;
    let head = r#"{"action":"broadcast","data":""#;
    let text = format!("{head}{}\"}}", "x".repeat(100_000 - head.len() - 2));
    raw.write_all(&masked(0x81, text.as_bytes())).await.unwrap();
    let (one, two) = text.as_bytes().split_at(33_333);
    raw.write_all(&masked(0x01, one)).await.unwrap();
    raw.write_all(&masked(0x89, b"ping between")).await.unwrap();
    raw.write_all(&masked(0x80, two)).await.unwrap();
    let (whole, fragments) = (b.told().await, b.told().await);
    assert_eq!(whole, fragments);
    assert_eq!(whole["data"].as_str().unwrap().len(), 100_000 - head.len() - 2);
}

#[tokio::test]
async fn what_is_sent_with_the_request_itself_is_answered() {
    let proxy = Proxy::default().await;
    for _ in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let mut bytes = format!(
            "GET /x HTTP/1.1\r\nHost: localhost:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            proxy.port
        )
        .into_bytes();
        bytes.extend(masked(0x81, br#"{"action":"status"}"#));
        bytes.extend(masked(0x88, &1000u16.to_be_bytes()));
        stream.write_all(&bytes).await.unwrap();
        let mut got = Vec::new();
        timeout(DEADLINE, stream.read_to_end(&mut got)).await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&got).contains(r#""action":"status""#));
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_and_a_close_with_its_code() {
    let proxy = Proxy::default().await;
    let mut raw = proxy.raw("x", 65536).await;
    raw.write_all(&masked(0x89, b"hello")).await.unwrap();
    let mut pong = [0; 7];
    raw.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8a\x05hello");
    raw.write_all(&masked(0x88, &4321u16.to_be_bytes())).await.unwrap();
    let mut rest = Vec::new();
    timeout(DEADLINE, raw.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest, [0x88, 2, 0x10, 0xe1]);
}

#[tokio::test]
async fn raw_relays_pass_text_and_binary_as_they_were_and_kinds_do_not_mix() {
    let proxy = Proxy::default().await;
    let (mut a, mut b) = (proxy.client("broadcast/x").await, proxy.client("broadcast/x").await);
    let (mut c, mut d) = (proxy.client("local/x").await, proxy.client("local/x/123").await);
    let mut network = proxy.client("x").await;
    for n in 0..100u8 {
        let message =
            if n % 2 == 0 { Message::text(format!("not json {n}")) } else { Message::binary(vec![n, 0, 255]) };
        a.socket.send(message).await.unwrap();
    }
    c.socket.send(Message::text("here only")).await.unwrap();
    for n in 0..100u8 {
        match b.frame().await {
            Message::Text(text) => assert_eq!(text.as_str(), format!("not json {n}")),
            Message::Binary(data) => assert_eq!(data.as_ref(), [n, 0, 255]),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(d.frame().await, Message::text("here only"));
    // Nothing was echoed, announced or mixed: the next thing that each hears is the end.
    proxy.shutdown.cancel();
    for client in [&mut a, &mut b, &mut c, &mut d, &mut network] {
        assert!(matches!(client.frame().await, Message::Close(_)));
    }
}
