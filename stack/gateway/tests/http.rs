#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! The gateway from outside, over real sockets: every way in, and every way to be turned away.

mod support;

use nws_gateway::GatewaySettings;
use nws_hub::HubLimits;
use std::time::Duration;
use support::{KEY_LINES, Proxy, Raw, ask, deadline, header_set, text_frame};
use tokio::net::{TcpListener, TcpStream};

async fn proxy() -> Proxy {
    Proxy::start(GatewaySettings::default(), HubLimits::default()).await
}

async fn upgrade(proxy: &Proxy, path: &str, lines: &str) -> (u16, String, String) {
    ask(proxy, &format!("GET {path}"), &format!("{KEY_LINES}{lines}")).await
}

#[tokio::test]
async fn the_101_is_the_one_of_the_original() {
    let proxy = proxy().await;
    // As the Go proxy answered, with the accept value that RFC 6455 gives for its example key.
    let original = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nAccess-Control-Allow-Origin: *\r\n\
        Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: content-type\r\n";
    for extra in [
        "",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    ] {
        let (_, head, body) = upgrade(&proxy, "/rec", extra).await;
        assert_eq!(head.lines().next(), original.lines().next());
        assert_eq!(header_set(&head), header_set(original), "{extra}");
        assert_eq!(body, "", "nothing is sent to a client that is alone");
    }
    let (_, head, _) = upgrade(&proxy, "/rec", "Sec-WebSocket-Protocol: a, b\r\n").await;
    let with_protocol = format!("{original}Sec-WebSocket-Protocol: a\r\n");
    assert_eq!(header_set(&head), header_set(&with_protocol));
}

#[tokio::test]
async fn names_as_the_original_took_them() {
    let proxy = proxy().await;
    let long = |length| format!("/{}", "n".repeat(length));
    for path in ["/rec", "/rec%2B1", "/*", "/rec?token=1&x=/y", "/health", "/console", "/page.js", "/api", &long(255)] {
        assert_eq!(upgrade(&proxy, path, "").await.0, 101, "{path}");
    }
    for path in ["/", "/a/b", "/a%2Fb", "/a%20b", "/foo/x", "/%FF", "/rec/", "/%C3%A9", &long(256)] {
        let (status, _, body) = upgrade(&proxy, path, "").await;
        assert_eq!(status, 404, "{path}");
        assert!(body.contains("A-Z a-z 0-9 + = * . _ -"), "{body}");
    }
}

#[tokio::test]
async fn an_escaped_name_is_the_same_channel() {
    let proxy = proxy().await;
    let mut first = proxy.client("/a%2Bb").await;
    let mut second = proxy.client("/a+b?ignored").await;
    assert!(first.text().await.starts_with(r#"{"action":"connect","#));
    assert!(second.text().await.starts_with(r#"{"action":"connect","#));
    assert_eq!(proxy.channels.open(), 1);
}

#[tokio::test]
async fn the_host_must_be_ours() {
    let settings = GatewaySettings { allow_hosts: vec!["media.example".to_owned()], ..Default::default() };
    let proxy = Proxy::start(settings, HubLimits::default()).await;
    let port = proxy.port;
    let with_host = async |request: &str, host: String| {
        let mut raw = proxy.connect().await;
        raw.send(format!("GET {request} HTTP/1.1\r\n{host}{KEY_LINES}\r\n")).await;
        raw.answer(false).await
    };
    for host in ["localhost", "127.0.0.1", "[::1]", "media.example", "LOCALHOST"] {
        assert_eq!(with_host("/rec", format!("Host: {host}:{port}\r\n")).await.0, 101, "{host}");
    }
    for host in ["localhost", "localhost:1", "127.0.0.1", "evil.example", "[::2]"] {
        let other = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        for host in [host.to_owned(), other] {
            let (status, _, body) = with_host("/rec", format!("Host: {host}\r\n")).await;
            assert_eq!(status, 403, "{host}");
            assert!(body.contains(&format!("localhost:{port}, 127.0.0.1:{port}, [::1]:{port}")), "{body}");
        }
    }
    // Everything is behind the check, not only channels.
    for path in ["/", "/health", "/page.js", "/nothing/here"] {
        assert_eq!(with_host(path, format!("Host: evil.example:{port}\r\n")).await.0, 403, "{path}");
    }
    assert_eq!(with_host("/rec", String::new()).await.0, 400);
    assert_eq!(with_host("/rec", format!("Host: localhost:{port}\r\nHost: localhost:{port}\r\n")).await.0, 400);
    let absolute = with_host("http://evil.example/rec", format!("Host: localhost:{port}\r\n")).await;
    assert_eq!(absolute.0, 403);
}

#[tokio::test]
async fn origins_when_they_are_limited() {
    let settings =
        GatewaySettings { allow_origins: Some(vec!["https://app.example".to_owned()]), ..Default::default() };
    let proxy = Proxy::start(settings, HubLimits::default()).await;
    for origin in ["", "Origin: https://app.example\r\n", &format!("Origin: http://localhost:{}\r\n", proxy.port)] {
        assert_eq!(upgrade(&proxy, "/rec", origin).await.0, 101, "{origin}");
    }
    for origin in ["https://evil.example", "http://app.example", "null", "https://app.example.evil.example"] {
        let (status, _, body) = upgrade(&proxy, "/rec", &format!("Origin: {origin}\r\n")).await;
        assert_eq!(status, 403, "{origin}");
        assert!(body.contains("origin"), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told_so() {
    let proxy = proxy().await;
    let (status, head, body) = ask(&proxy, "GET /rec", "").await;
    assert_eq!(status, 426);
    assert!(head.contains("Upgrade: websocket") && head.contains("Connection: Upgrade"), "{head}");
    assert!(body.contains("new WebSocket(\"ws://localhost:"), "{body}");
    let (status, head, _) = ask(&proxy, "GET /rec", &KEY_LINES.replace("Version: 13", "Version: 8")).await;
    assert_eq!(status, 426);
    assert!(header_set(&head).contains(&"sec-websocket-version: 13".to_owned()), "{head}");
    let without_key: String = KEY_LINES.split_inclusive("\r\n").filter(|line| !line.contains("Key")).collect();
    let (status, _, body) = ask(&proxy, "GET /rec", &without_key).await;
    assert_eq!(status, 400);
    assert!(body.contains("Sec-WebSocket-Key"), "{body}");
    let (status, ..) = ask(&proxy, "GET /rec", &format!("{KEY_LINES}Content-Length: 3\r\n\r\nabc")).await;
    assert_eq!(status, 400);
    let mut old = proxy.connect().await;
    old.send(format!("GET /rec HTTP/1.0\r\nHost: localhost:{}\r\n{KEY_LINES}\r\n", proxy.port)).await;
    assert_eq!(old.answer(false).await.0, 400);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        for path in ["/rec", "/"] {
            let (status, head, _) = ask(&proxy, &format!("{method} {path}"), "").await;
            assert_eq!(status, 405, "{method} {path}");
            assert!(header_set(&head).iter().any(|line| line.starts_with("allow: GET")), "{head}");
        }
        assert_eq!(ask(&proxy, &format!("{method} /rec"), KEY_LINES).await.0, 405);
    }
    for path in ["/a/b", "/api", "/api/x", "/www", "/www/", "/a%20b"] {
        assert_eq!(ask(&proxy, &format!("GET {path}"), "").await.0, 404, "{path}");
    }
    assert_eq!(proxy.channels.open(), 0);
}

#[tokio::test]
async fn health_can_be_asked_from_anywhere() {
    let proxy = proxy().await;
    let (status, head, body) = ask(&proxy, "GET /health", "Origin: https://public.example\r\n").await;
    assert_eq!(status, 200);
    assert!(header_set(&head).contains(&"access-control-allow-origin: *".to_owned()));
    assert_eq!(body, format!("{{\"status\":\"ok\",\"version\":\"{}\"}}\n", env!("CARGO_PKG_VERSION")));
    let preflight = "Origin: https://public.example\r\nAccess-Control-Request-Method: GET\r\n\
        Access-Control-Request-Private-Network: true\r\n";
    let (status, head, _) = ask(&proxy, "OPTIONS /health", preflight).await;
    assert_eq!(status, 204);
    for line in ["access-control-allow-origin: *", "access-control-allow-private-network: true"] {
        assert!(header_set(&head).contains(&line.to_owned()), "{head}");
    }
    assert_eq!(ask(&proxy, "HEAD /health", "").await.0, 200);
    assert_eq!(ask(&proxy, "POST /health", "").await.0, 405);
}

#[tokio::test]
async fn one_connection_may_ask_again_before_it_is_upgraded() {
    let proxy = proxy().await;
    let mut raw = proxy.connect().await;
    for (path, lines, status) in [("/health", "", 200), ("/no/channel", KEY_LINES, 404), ("/rec", KEY_LINES, 101)] {
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{lines}\r\n", proxy.port)).await;
        assert_eq!(raw.answer(false).await.0, status, "{path}");
    }
    raw.send(text_frame(r#"{"action":"status"}"#)).await;
    assert!(raw.text().await.starts_with(r#"{"action":"status","#));
}

#[tokio::test]
async fn more_clients_than_the_limit_are_told_so() {
    let limits = HubLimits { max_clients: 2, ..HubLimits::default() };
    let proxy = Proxy::start(GatewaySettings::default(), limits).await;
    let first = proxy.client("/one").await;
    let mut second = proxy.client("/two").await;
    let (status, _, body) = upgrade(&proxy, "/three", "").await;
    assert_eq!(status, 503);
    assert!(body.contains("limit of 2 clients"), "{body}");
    // Those inside notice nothing, and who leaves makes room.
    second.send(text_frame(r#"{"action":"status"}"#)).await;
    assert!(second.text().await.contains("status"));
    drop(first);
    proxy.wait_for_clients(1).await;
    assert_eq!(upgrade(&proxy, "/three", "").await.0, 101);
}

#[tokio::test]
async fn what_is_sent_with_the_request_is_not_lost() {
    let proxy = proxy().await;
    let request = format!("GET /rec HTTP/1.1\r\nHost: localhost:{}\r\n{KEY_LINES}\r\n", proxy.port);
    let mut raw = proxy.connect().await;
    let mut packet = request.clone().into_bytes();
    packet.extend(text_frame(r#"{"action":"status"}"#));
    packet.extend(text_frame(r#"{"action":"nonsense"}"#));
    raw.send(packet).await;
    assert_eq!(raw.answer(false).await.0, 101);
    assert!(raw.text().await.starts_with(r#"{"action":"status","#));
    assert!(raw.text().await.contains("unknown_action"));
    // A frame torn by the border of packets, inside its header and inside its payload.
    let frame = text_frame(r#"{"action":"status"}"#);
    for cut in [1, 3, 10] {
        let mut raw = proxy.connect().await;
        raw.send([request.as_bytes(), &frame[..cut]].concat()).await;
        assert_eq!(raw.answer(false).await.0, 101);
        raw.send(&frame[cut..]).await;
        while !raw.text().await.starts_with(r#"{"action":"status","#) {}
    }
    // More than a head may have: it is no longer a head.
    let mut raw = proxy.connect().await;
    let big = "x".repeat(60_000);
    raw.send([request.as_bytes(), &text_frame(&format!(r#"{{"action":"{big}"}}"#))].concat()).await;
    assert_eq!(raw.answer(false).await.0, 101);
    while !raw.text().await.contains("unknown_action") {}
}

#[tokio::test]
async fn a_client_that_vanishes_during_its_upgrade_leaves() {
    let proxy = proxy().await;
    for _ in 0..50 {
        let raw = proxy.connect().await;
        let request = format!("GET /rec HTTP/1.1\r\nHost: localhost:{}\r\n{KEY_LINES}\r\n", proxy.port);
        raw.stream.try_write(request.as_bytes()).unwrap();
        raw.stream.set_zero_linger().unwrap();
    }
    let stays = proxy.client("/rec").await;
    proxy.wait_for_clients(1).await;
    drop(stays);
    proxy.wait_for_clients(0).await;
    assert_eq!(proxy.channels.open(), 0);
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let settings = GatewaySettings { header_timeout: Duration::from_millis(1500), ..Default::default() };
    let proxy = Proxy::start(settings, HubLimits::default()).await;
    let mut silent = proxy.connect().await;
    let mut slow = proxy.connect().await;
    slow.send("GET /rec HTTP/1.1\r\nHost: localh").await;
    let mut idle = proxy.connect().await;
    idle.send(format!("GET /health HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", proxy.port)).await;
    assert_eq!(idle.answer(false).await.0, 200);
    for raw in [&mut silent, &mut slow, &mut idle] {
        raw.end().await;
    }
    // The time-out is for heads, not for clients.
    let mut client = proxy.client("/rec").await;
    let mut other = proxy.connect().await;
    other.end().await;
    client.send(text_frame(r#"{"action":"status"}"#)).await;
    assert!(client.text().await.contains("status"));
}

#[tokio::test]
async fn heads_have_a_limit() {
    let proxy = proxy().await;
    let giant = format!("X-Big: {}\r\n", "x".repeat(100_000));
    let many: String = (0..200).map(|index| format!("X-{index}: y\r\n")).collect();
    for lines in [giant, many] {
        let (status, ..) = upgrade(&proxy, "/rec", &lines).await;
        assert_eq!(status, 431);
    }
    let (status, ..) = upgrade(&proxy, &format!("/{}", "n".repeat(100_000)), "").await;
    assert!(matches!(status, 414 | 431), "{status}");
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n"] {
        let mut raw = proxy.connect().await;
        raw.send(garbage).await;
        assert_eq!(raw.answer(false).await.0, 400, "{garbage:?}");
        raw.end().await;
    }
    assert_eq!(ask(&proxy, "GET /health", "").await.0, 200);
    assert_eq!(proxy.channels.open(), 0);
}

#[tokio::test]
async fn visitors_over_the_limit_wait_their_turn() {
    let settings = GatewaySettings { max_visitors: 2, ..Default::default() };
    let proxy = Proxy::start(settings, HubLimits::default()).await;
    // Clients are no visitors any more.
    let clients = [proxy.client("/a").await, proxy.client("/b").await, proxy.client("/c").await];
    let mut holding = [proxy.connect().await, proxy.connect().await];
    let request = format!("GET /health HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", proxy.port);
    let mut waiting = proxy.connect().await;
    waiting.send(&request).await;
    // Those before it are served again and again meanwhile, and stay.
    for _ in 0..50 {
        for raw in &mut holding {
            raw.send(&request).await;
            assert_eq!(raw.answer(false).await.0, 200);
        }
    }
    let early = waiting.stream.try_read(&mut [0]).unwrap_err();
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "answered although the door was full");
    drop(holding);
    assert_eq!(waiting.answer(false).await.0, 200);
    drop(clients);
}

#[tokio::test]
async fn shutdown_tells_clients_and_closes_the_door() {
    let proxy = proxy().await;
    let mut client = proxy.client("/rec").await;
    let mut idle = proxy.connect().await;
    idle.send(format!("GET /health HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", proxy.port)).await;
    assert_eq!(idle.answer(false).await.0, 200);
    let port = proxy.port;
    proxy.shutdown.cancel();
    let (opcode, payload) = client.frame().await;
    assert_eq!(opcode, 0x88);
    assert_eq!(&payload[..2], 1001u16.to_be_bytes());
    client.send([0x88, 0x80, 0, 0, 0, 0]).await;
    client.end().await;
    idle.end().await;
    drop((client, idle));
    deadline(proxy.task).await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(TcpListener::bind(("127.0.0.1", port)).await.is_ok());
}

#[tokio::test]
async fn a_client_that_ignores_the_goodbye_is_cut_off() {
    let settings = GatewaySettings { drain_deadline: Duration::from_secs(1), ..Default::default() };
    let proxy = Proxy::start(settings, HubLimits::default()).await;
    let mut client = proxy.client("/rec").await;
    proxy.shutdown.cancel();
    deadline(proxy.task).await.unwrap();
    assert_eq!(client.frame().await.0, 0x88);
    assert_eq!(proxy.channels.clients(), 0);
}

#[tokio::test]
async fn both_loopback_addresses_lead_to_one_channel() {
    let proxy = proxy().await;
    let mut first = proxy.client("/rec").await;
    for address in &proxy.addresses {
        let mut second = Raw::new(TcpStream::connect(address).await.unwrap());
        second.send(format!("GET /rec HTTP/1.1\r\nHost: {address}\r\n{KEY_LINES}\r\n")).await;
        assert_eq!(second.answer(false).await.0, 101);
        assert!(first.text().await.starts_with(r#"{"action":"connect","#), "{address}");
        drop(second);
        assert!(first.text().await.starts_with(r#"{"action":"disconnect","#), "{address}");
    }
}

#[tokio::test]
async fn a_client_nobody_here_wrote() {
    use tokio_tungstenite::{connect_async, tungstenite::Message};
    let proxy = proxy().await;
    let mut first = proxy.client("/rec").await;
    let (mut second, response) = connect_async(format!("ws://localhost:{}/rec", proxy.port)).await.unwrap();
    assert_eq!(response.status(), 101);
    let connect = first.text().await;
    let greeting = support::next(&mut second).await;
    assert!(greeting.to_text().unwrap().starts_with(r#"{"action":"connect","#), "{connect} {greeting}");
    first.send(text_frame(r#"{"action":"broadcast","data":[1, {"a" : "é"}]}"#)).await;
    let said = support::next(&mut second).await;
    assert!(said.to_text().unwrap().ends_with(r#","data":[1, {"a" : "é"}]}"#), "{said}");
    support::send(&mut second, Message::text(r#"{"action":"broadcast","data":"back"}"#)).await;
    assert!(first.text().await.ends_with(r#","data":"back"}"#));
    second.close(None).await.unwrap();
    assert!(first.text().await.starts_with(r#"{"action":"disconnect","#));
}
