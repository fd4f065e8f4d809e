//! Clients on real sockets: what they say, what they are told, and how their connections end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use futures::{SinkExt, StreamExt};
use nws_gateway::{Gateway, GatewaySettings, Listeners, SessionSettings};
use nws_hub::{Channels, HubLimits};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const DEADLINE: Duration = Duration::from_secs(20);

struct Proxy {
    port: u16,
    channels: Arc<Channels>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn start(limits: HubLimits, session: SessionSettings) -> Self {
        let listeners = Listeners::bind(0).await.unwrap();
        let (port, channels, shutdown) = (listeners.port(), Channels::new(limits), CancellationToken::new());
        let settings = GatewaySettings { session, ..GatewaySettings::default() };
        let gateway = Gateway::new(listeners, Arc::clone(&channels), settings);
        let task = tokio::spawn(gateway.run(shutdown.clone()));
        Self { port, channels, shutdown, task }
    }

    async fn default() -> Self {
        Self::start(HubLimits::default(), SessionSettings::default()).await
    }

    async fn client(&self, channel: &str) -> Client {
        let url = format!("ws://127.0.0.1:{}/{channel}", self.port);
        let (socket, _) = timeout(DEADLINE, tokio_tungstenite::connect_async(url)).await.unwrap().unwrap();
        Client { socket }
    }

    /// A connection of which the test reads and writes the bytes itself.
    async fn raw(&self, channel: &str, receive_buffer_bytes: u32) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(receive_buffer_bytes).unwrap();
        let mut stream = socket.connect(([127, 0, 0, 1], self.port).into()).await.unwrap();
        let request = format!(
            "GET /{channel} HTTP/1.1\r\nHost: localhost:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.port
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        stream
    }
}

struct Client {
    socket: Socket,
}

impl Client {
    async fn send(&mut self, text: impl Into<String>) {
        timeout(DEADLINE, self.socket.send(Message::text(text.into()))).await.unwrap().unwrap();
    }

    async fn frame(&mut self) -> Message {
        timeout(DEADLINE, self.socket.next()).await.unwrap().unwrap().unwrap()
    }

    async fn told(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.frame().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(close) = self.frame().await {
                return close.map_or((1005, String::new()), |close| (close.code.into(), close.reason.to_string()));
            }
        }
    }

    async fn id(&mut self) -> String {
        self.send(r#"{"action":"status"}"#).await;
        loop {
            let told = self.told().await;
            if told["action"] == "status" {
                assert_eq!(told["source"], told["target"]);
                return told["source"].as_str().unwrap().to_owned();
            }
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        n if n < 126 => frame.push(0x80 | n as u8),
        n if n < 65536 => {
            frame.push(0xfe);
            frame.extend((n as u16).to_be_bytes());
        }
        n => {
            frame.push(0xff);
            frame.extend((n as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

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
        bad.write_all(&bytes).await.unwrap();
        let mut got = Vec::new();
        timeout(DEADLINE, bad.read_to_end(&mut got)).await.unwrap().unwrap();
        let close = got.iter().rposition(|byte| *byte == 0x88).map(|at| &got[at..]).unwrap();
        assert_eq!(u16::from_be_bytes([close[2], close[3]]), code, "{what}: {got:?}");
        if code == 1009 {
            assert!(String::from_utf8_lossy(close).contains("1000"), "the limit is named");
        }
        assert_eq!(other.told().await["action"], "connect");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_open_a_channel_at_the_same_moment_are_in_the_same_one() {
    let proxy = Arc::new(Proxy::default().await);
    for n in 0..40 {
        let open = |proxy: Arc<Proxy>| {
            tokio::spawn(async move {
                let mut client = proxy.client(&format!("c{n}")).await;
                client.told().await["action"] == "connect"
            })
        };
        let (one, two) = (open(Arc::clone(&proxy)), open(Arc::clone(&proxy)));
        assert!(one.await.unwrap() && two.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_at_once_and_in_the_middle_of_a_flood_hurts_nobody() {
    let proxy = Proxy::default().await;
    let mut flooder = proxy.raw("x", 65536).await;
    let mut steady = proxy.client("x").await;
    let flood = tokio::spawn(async move {
        for n in 0..20_000 {
            let text = format!(r#"{{"action":"broadcast","data":{n}}}"#);
            flooder.write_all(&masked(0x81, text.as_bytes())).await.unwrap();
        }
        flooder
    });
    let port = proxy.port;
    let passers = tokio::spawn(async move {
        for n in 0..200 {
            let url = format!("ws://127.0.0.1:{port}/x");
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            if n % 2 == 0 {
                drop(socket);
            } else {
                socket.close(None).await.unwrap();
            }
        }
    });
    let mut next = 0;
    while next < 20_000 {
        let told = steady.told().await;
        if told["action"] == "broadcast" {
            assert_eq!(told["data"], next);
            next += 1;
        }
    }
    passers.await.unwrap();
    drop(flood.await.unwrap());
    assert!(proxy.channels.clients() >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_is_closed_with_1013_and_nobody_else_loses_anything() {
    let limits =
        HubLimits { channel_log_bytes: 1 << 20, client_stall: Duration::from_millis(500), ..HubLimits::default() };
    let proxy = Proxy::start(limits, SessionSettings::default()).await;
    let mut stuck = proxy.raw("x", 4096).await;
    let mut good = proxy.client("x").await;
    let mut sender = proxy.client("x").await;
    let total = 3000;
    let sending = tokio::spawn(async move {
        let data = "d".repeat(8000);
        for n in 0..total {
            sender.send(json!({"action":"broadcast","data":[n, data]}).to_string()).await;
        }
        sender
    });
    let mut next = 0;
    let mut gone = false;
    while next < total || !gone {
        let told = good.told().await;
        match told["action"].as_str() {
            Some("broadcast") => {
                assert_eq!(told["data"][0], next);
                next += 1;
            }
            Some("disconnect") => gone = true,
            _ => {}
        }
    }
    let mut got = Vec::new();
    timeout(DEADLINE, stuck.read_to_end(&mut got)).await.unwrap().unwrap();
    let tail = &got[got.len() - 17..];
    assert_eq!(tail, b"\x88\x0f\x03\xf5slow consumer", "whole frames, then the reason");
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_sender_is_held_back_and_everything_arrives() {
    let limits = HubLimits { channel_log_bytes: 4 << 20, ..HubLimits::default() };
    let proxy = Proxy::start(limits, SessionSettings::default()).await;
    let mut receiver = proxy.raw("x", 65536).await;
    let mut sender = proxy.raw("x", 65536).await;
    // More than the log, the socket buffers and the read buffer together can hold.
    let (messages, size) = (1600u64, 65_000usize);
    let sending = tokio::spawn(async move {
        let text = format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(size));
        let frame = masked(0x81, text.as_bytes());
        for _ in 0..messages {
            sender.write_all(&frame).await.unwrap();
        }
        sender
    });
    let mut buffer = vec![0; 1 << 16];
    let mut got = 0u64;
    // Each delivery is a 4-byte header, 68 bytes of envelope and the data; three presence frames at most come before.
    let expected = messages * (4 + 68 + size as u64 + 2);
    while got < expected {
        let read = timeout(DEADLINE, receiver.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {got} of {expected}");
        got += read as u64;
    }
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_only_talk_and_never_read_do_not_lock_each_other() {
    let limits =
        HubLimits { channel_log_bytes: 256 << 10, client_stall: Duration::from_millis(300), ..HubLimits::default() };
    let session = SessionSettings { max_message_bytes: 60_000, ..SessionSettings::default() };
    let proxy = Proxy::start(limits, session).await;
    let mut talkers = Vec::new();
    for _ in 0..3 {
        let mut talker = proxy.raw("x", 4096).await;
        talkers.push(tokio::spawn(async move {
            let text = format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(10_000));
            let frame = masked(0x81, text.as_bytes());
            while talker.write_all(&frame).await.is_ok() {}
        }));
    }
    let mut newcomer = proxy.client("x").await;
    // The last talker to stay has nobody but the newcomer, and may talk for ever; it is enough that two are closed.
    let mut gone = 0;
    while gone < 2 {
        if newcomer.told().await["action"] == "disconnect" {
            gone += 1;
        }
    }
    talkers.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn shutdown_tells_every_client() {
    let proxy = Proxy::default().await;
    let (mut a, mut b) = (proxy.client("x").await, proxy.client("y").await);
    a.id().await;
    b.id().await;
    proxy.shutdown.cancel();
    assert_eq!(a.closed().await, (1001, "the proxy is shutting down".to_owned()));
    assert_eq!(b.closed().await.0, 1001);
    timeout(DEADLINE, proxy.task).await.unwrap().unwrap();
    assert_eq!(proxy.channels.clients(), 0);
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_one_that_does_not_answer_is_closed() {
    let session = SessionSettings {
        ping_interval: Duration::from_millis(200),
        pong_timeout: Duration::from_millis(200),
        ..SessionSettings::default()
    };
    let proxy = Proxy::start(HubLimits::default(), session).await;
    let mut dead = proxy.raw("x", 65536).await;
    let mut alive = proxy.client("x").await;
    let mut pings = 0;
    let mut gone = false;
    while pings < 5 || !gone {
        match alive.frame().await {
            Message::Ping(_) => pings += 1,
            Message::Text(text) => gone |= text.contains("disconnect"),
            other => panic!("{other:?}"),
        }
    }
    let mut got = Vec::new();
    timeout(DEADLINE, dead.read_to_end(&mut got)).await.unwrap().unwrap();
    assert!(got.windows(2).any(|bytes| bytes == [0x89, 0x00]));
    assert!(got.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 1011u16.to_be_bytes()));
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
