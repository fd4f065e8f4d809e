#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! What the proxy tells of itself, to whom, and to whom not.

mod support;

use nws_gateway::{
    DiscoveryState, DiscoveryStatus, GatewaySettings, LinkStatus, NetworkStatus, SessionSettings, StatusSource,
};
use nws_hub::HubLimits;
use serde_json::{Value, json};
use std::{future::pending, sync::Arc, time::Duration};
use support::{KEY_LINES, Proxy, ask, deadline, header, text_frame};

#[derive(Debug)]
struct Network;

#[async_trait::async_trait]
impl StatusSource for Network {
    async fn network(&self) -> NetworkStatus {
        NetworkStatus {
            instance: "us".to_owned(),
            transport: vec!["quic".to_owned(), "tcp".to_owned()],
            discovery: DiscoveryStatus { state: DiscoveryState::NotVisible, words: "look at the firewall".to_owned() },
            known_proxies: 2,
            links: vec![LinkStatus {
                instance: "them".to_owned(),
                transport: "quic".to_owned(),
                role: "initiator".to_owned(),
                address: "192.0.2.1:9".to_owned(),
                rtt_us: None,
                up_ms: 5,
                channels_in_common: 1,
                draining: false,
            }],
        }
    }
}

async fn proxy() -> Proxy {
    let (settings, limits) = (GatewaySettings::default(), HubLimits::default());
    Proxy::start_with(settings, limits, |gateway| gateway.with_status(Arc::new(Network))).await
}

/// Prometheus' value of one line.
async fn metric(proxy: &Proxy, line: &str) -> u64 {
    let (status, _, text) = ask(proxy, "GET /metrics", "").await;
    assert_eq!(status, 200);
    let found = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in {text}"))
}

#[tokio::test]
async fn the_status_says_everything() {
    let proxy = proxy().await;
    let clients = [
        proxy.client("/chat").await,
        proxy.client("/chat").await,
        proxy.client("/broadcast/chat").await,
        proxy.client("/local/box").await,
    ];
    let (status, head, body) = ask(&proxy, "GET /api/status", "").await;
    assert_eq!(status, 200);
    assert_eq!(header(&head, "content-type").unwrap(), "application/json");
    let mut told: Value = serde_json::from_str(&body).unwrap();
    assert!(told["uptime_ms"].is_u64());
    told["uptime_ms"] = json!(1);
    assert_eq!(
        told,
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": "us",
            "uptime_ms": 1,
            "port": proxy.port,
            "clients": 4,
            "transport": ["quic", "tcp"],
            "discovery": {"state": "not_visible", "words": "look at the firewall"},
            "known_proxies": 2,
            "links": [{"instance": "them", "transport": "quic", "role": "initiator", "address": "192.0.2.1:9",
                "rtt_us": null, "up_ms": 5, "channels_in_common": 1, "draining": false}],
            "channels": [
                {"kind": "broadcast", "name": "chat", "clients": 1, "peers": 1},
                {"kind": "local", "name": "box", "clients": 1, "peers": 1},
                {"kind": "network", "name": "chat", "clients": 2, "peers": 2},
            ],
        })
    );
    drop(clients);
    proxy.wait_for_clients(0).await;
    let (_, _, body) = ask(&proxy, "GET /api/status", "").await;
    assert!(body.ends_with(r#""channels":[]}"#), "{body}");
    let (status, _, body) = ask(&proxy, "HEAD /api/status", "").await;
    assert_eq!((status, body.as_str()), (200, ""));
}

#[tokio::test]
async fn no_other_origin_learns_anything() {
    let proxy = proxy().await;
    let mut client = proxy.client("/hush").await;
    client.send(text_frame(r#"{"action":"status"}"#)).await;
    let id = serde_json::from_str::<Value>(&client.text().await).unwrap()["source"].as_str().unwrap().to_owned();
    for path in ["/api/status", "/metrics"] {
        for lines in [
            "Origin: http://evil.example\r\n",
            "Origin: null\r\n",
            "Origin: http://localhost\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
            "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n",
            &format!("Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost:{}\r\n", proxy.port),
            "Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n",
        ] {
            for method in ["GET", "HEAD", "OPTIONS", "POST"] {
                let (status, head, body) = ask(&proxy, &format!("{method} {path}"), lines).await;
                assert_eq!(status, 403, "{method} {path} {lines}");
                assert!(!body.contains("hush") && !body.contains("them") && !body.contains("nws_"), "{body}");
                assert!(!head.to_lowercase().contains("access-control-"), "{head}");
            }
        }
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: evil.example:{}\r\n\r\n", proxy.port);
        let mut raw = proxy.connect().await;
        raw.send(rebound).await;
        assert_eq!(raw.answer(false).await.0, 403);
        for lines in [
            "",
            "Sec-Fetch-Site: none\r\n",
            "Sec-Fetch-Site: same-origin\r\n",
            &format!("Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost:{}\r\n", proxy.port),
        ] {
            let (status, head, body) = ask(&proxy, &format!("GET {path}"), lines).await;
            assert_eq!(status, 200, "{path} {lines}");
            assert!(!head.to_lowercase().contains("access-control-"), "{head}");
            assert_eq!(header(&head, "cache-control").unwrap(), "no-store");
            assert_eq!(header(&head, "cross-origin-resource-policy").unwrap(), "same-origin");
            assert_eq!(header(&head, "x-content-type-options").unwrap(), "nosniff");
            assert!(!body.contains(&id), "peers' ids are nobody's business");
        }
        for method in ["OPTIONS", "POST", "DELETE"] {
            assert_eq!(ask(&proxy, &format!("{method} {path}"), "").await.0, 405);
        }
    }
}

#[tokio::test]
async fn metrics_count_what_happens_and_name_no_channel() {
    let proxy = proxy().await;
    let mut one = proxy.client("/hush").await;
    let mut other = proxy.client("/hush").await;
    let frame = text_frame(r#"{"action":"broadcast","data":"whisper"}"#);
    for _ in 0..3 {
        one.send(&frame).await;
    }
    for _ in 0..4 {
        other.text().await;
    }
    assert_eq!(metric(&proxy, "nws_clients").await, 2);
    assert_eq!(metric(&proxy, r#"nws_channels{kind="network"}"#).await, 1);
    assert_eq!(metric(&proxy, r#"nws_links{transport="quic"}"#).await, 1);
    assert_eq!(metric(&proxy, r#"nws_links{transport="tcp"}"#).await, 0);
    assert_eq!(metric(&proxy, "nws_received_messages_total").await, 3);
    assert_eq!(metric(&proxy, "nws_received_bytes_total").await, 3 * frame.len() as u64);
    assert!(metric(&proxy, "nws_sent_bytes_total").await > 3 * 60);
    for (line, reason) in [("Host: evil.example\r\n", "host"), ("", "name"), ("X: y\r\n", "handshake")] {
        let host = if reason == "host" { "" } else { &format!("Host: localhost:{}\r\n", proxy.port) };
        let (path, keys) = match reason {
            "name" => ("/a/b", KEY_LINES),
            "handshake" => ("/x", "Upgrade: websocket\r\n"),
            _ => ("/x", KEY_LINES),
        };
        let mut raw = proxy.connect().await;
        raw.send(format!("GET {path} HTTP/1.1\r\n{host}{line}{keys}\r\n")).await;
        assert!(raw.answer(false).await.0 >= 400);
        assert_eq!(metric(&proxy, &format!("nws_refused_handshakes_total{{reason=\"{reason}\"}}")).await, 1);
    }
    one.send([0x88, 0x80, 0, 0, 0, 0]).await;
    one.frame().await;
    other.send([0xff, 0x80, 0, 0, 0, 0]).await;
    while other.frame().await.0 != 0x88 {}
    for reason in ["normal", "protocol"] {
        assert_eq!(metric(&proxy, &format!("nws_closed_clients_total{{reason=\"{reason}\"}}")).await, 1);
    }
    let (_, head, text) = ask(&proxy, "GET /metrics", "").await;
    assert_eq!(header(&head, "content-type").unwrap(), "text/plain; version=0.0.4; charset=utf-8");
    for secret in ["hush", "whisper", "them", "192.0.2.1"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn who_is_held_back_and_who_is_thrown_out_is_counted() {
    let session = SessionSettings::default();
    let settings = GatewaySettings { session, ..GatewaySettings::default() };
    let limits = HubLimits {
        channel_log_bytes: 64 * 1024,
        client_stall: Duration::from_millis(400),
        client_burst_bytes: 0,
        ..HubLimits::default()
    };
    let proxy = Proxy::start(settings, limits).await;
    let _never_reads = proxy.client("/room").await;
    let mut sender = proxy.client("/room").await;
    let frame = text_frame(&format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(60_000)));
    // The sender goes on until the one that does not read is gone; then all of it is taken.
    let flood = async {
        while metric(&proxy, r#"nws_closed_clients_total{reason="slow_consumer"}"#).await == 0 {
            sender.send(&frame).await;
        }
    };
    deadline(flood).await;
    assert!(metric(&proxy, "nws_holds_total").await > 0);
    deadline(async { while metric(&proxy, "nws_held_clients").await != 0 {} }).await;
}

#[derive(Debug)]
struct Stuck;

#[async_trait::async_trait]
impl StatusSource for Stuck {
    async fn network(&self) -> NetworkStatus {
        pending().await
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_know_says_so_in_time() {
    let (settings, limits) = (GatewaySettings::default(), HubLimits::default());
    let proxy = Proxy::start_with(settings, limits, |gateway| gateway.with_status(Arc::new(Stuck))).await;
    assert_eq!(ask(&proxy, "GET /api/status", "").await.0, 503);
    assert_eq!(ask(&proxy, "GET /health", "").await.0, 200);
}
