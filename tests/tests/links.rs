//! Two proxies on loopback with a link between them, over each transport: every promise of the client interface, across the link.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_tests::{
    bulk::{self, Listener, Talker},
    fault::{Faults, Relay, Way},
    loopback::free_address,
    program::SOON,
    proxy::Proxy,
};
use serde_json::{Value, json};
use std::{
    pin::pin,
    time::{Duration, Instant},
};

/// Which transport each of the two speaks.
const PAIRS: [(&str, &str); 5] =
    [("quic", "quic"), ("tcp", "tcp"), ("auto", "quic"), ("auto", "tcp"), ("auto", "auto")];

struct Pair {
    one: Proxy,
    two: Proxy,
}

impl Pair {
    fn start(transports: (&str, &str), more: &[&str]) -> Self {
        let with = |transport: &str, peer: Option<u16>| {
            let transport = format!("--transport={transport}");
            let peer = peer.map(|port| format!("--peer=127.0.0.1:{port}"));
            let mut words = vec![transport.as_str()];
            words.extend(peer.as_deref());
            words.extend(more);
            Proxy::local(&words)
        };
        let one = with(transports.0, None);
        let two = with(transports.1, Some(one.link_port()));
        Self { one, two }
    }
}

struct Client {
    talker: Talker,
    listener: Listener,
    id: String,
}

impl Client {
    async fn join(proxy: &Proxy, channel: &str) -> Self {
        let (mut talker, mut listener) = bulk::join(proxy.port(), &format!("/{channel}")).await;
        talker.text(r#"{"action":"status"}"#).await;
        let mut early = Vec::new();
        let id = loop {
            let told = listener.told().await;
            if told["action"] == "status" {
                break told["source"].as_str().unwrap().to_owned();
            }
            early.push(told);
        };
        assert!(early.iter().all(|told| told["action"] == "connect"), "{early:?}");
        Self { talker, listener, id }
    }

    async fn say(&mut self, message: Value) {
        self.talker.text(&message.to_string()).await;
    }
}

/// Two clients, one at each proxy, who know of each other.
async fn meet(pair: &Pair, channel: &str) -> (Client, Client) {
    let mut a = Client::join(&pair.one, channel).await;
    let (talker, mut listener) = bulk::join(pair.two.port(), &format!("/{channel}")).await;
    let seen = listener.told_action("connect").await;
    let b = Client { talker, listener, id: seen["source"].as_str().unwrap().to_owned() };
    assert_eq!(seen["target"], a.id);
    let met = a.listener.told_action("connect").await;
    assert_eq!(met, json!({"action":"connect","source":a.id,"target":b.id}));
    (a, b)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_two_proxies_share_a_channel_over_every_transport() {
    for transports in PAIRS {
        let pair = Pair::start(transports, &[]);
        let (mut a, mut b) = meet(&pair, "chat").await;
        // Data as it was, both ways, and in one order whatever kind of message it is.
        let odd = r#"{"z":[1e400,0.10,"\u00e9\ud800"],"a":null}"#;
        a.talker.text(&format!(r#"{{"action":"broadcast","data":{odd}}}"#)).await;
        let (_, payload) = b.listener.frame().await.unwrap();
        let expected = format!(r#"{{"action":"broadcast","source":"{}","data":{odd}}}"#, a.id);
        assert_eq!(String::from_utf8_lossy(&payload), expected, "{transports:?}");
        for n in 0..500 {
            let message = if n % 3 == 0 {
                json!({"action":"message","target":a.id,"data":n})
            } else {
                json!({"action":"broadcast","data":n})
            };
            b.say(message).await;
        }
        for n in 0..500 {
            let told = a.listener.told().await;
            assert_eq!((&told["data"], &told["source"]), (&json!(n), &json!(b.id)), "{transports:?}");
            assert_eq!(told["action"], if n % 3 == 0 { "message" } else { "broadcast" });
        }
        // A third client at the far proxy: told of once, heard, and gone.
        let mut c = Client::join(&pair.one, "chat").await;
        assert_eq!(b.listener.told().await["target"], c.id, "{transports:?}");
        c.say(json!({"action":"broadcast","data":"from c"})).await;
        assert_eq!(b.listener.told().await["data"], "from c");
        let (gone, talker) = (c.id.clone(), c.talker);
        drop((talker, c.listener));
        assert_eq!(b.listener.told().await, json!({"action":"disconnect","source":b.id,"target":gone}));
        // Departed: answered at once, naming the target.
        b.say(json!({"action":"message","target":gone,"data":1})).await;
        let told = b.listener.told().await;
        assert_eq!((&told["code"], &told["target"]), (&json!("unknown_target"), &json!(gone)), "{transports:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_broadcast_relays_go_across_links_and_local_ones_do_not() {
    for transports in [("quic", "quic"), ("tcp", "tcp")] {
        let pair = Pair::start(transports, &[]);
        // A channel of the other kind and the same name tells when the link is up.
        let (mut a, _b) = meet(&pair, "x").await;
        let (mut local, _keep_local) = bulk::join(pair.one.port(), "/local/x").await;
        let (_far, mut far_local) = bulk::join(pair.two.port(), "/local/x").await;
        let (mut talker, _keep) = bulk::join(pair.one.port(), "/broadcast/x").await;
        let (_keep_too, mut listener) = bulk::join(pair.two.port(), "/broadcast/x").await;
        // Without presence a sender can't know when the other side is there: say it until it is heard. What is for one machine
        // alone is said each time before, in a channel that was joined before.
        let mut n = 0u32;
        let (opcode, payload) = {
            let mut hearing = pin!(listener.frame());
            loop {
                local.text("for this machine alone").await;
                talker.raw(&bulk::frame(0x82, &n.to_be_bytes())).await;
                n += 1;
                if let Ok(heard) = tokio::time::timeout(Duration::from_millis(20), &mut hearing).await {
                    break heard.unwrap();
                }
            }
        };
        assert_eq!((opcode, payload.len()), (2, 4));
        local.text("for this machine alone").await;
        talker.text("text as text {").await;
        let last = loop {
            let (opcode, payload) = listener.frame().await.unwrap();
            if opcode == 1 {
                break payload;
            }
        };
        assert_eq!(last, b"text as text {");
        a.say(json!({"action":"status"})).await;
        assert_eq!(a.listener.told().await["action"], "status", "kinds do not mix");
        // What had come over the link would be in front of what is said on the far machine itself.
        let (mut beside, _keep_beside) = bulk::join(pair.two.port(), "/local/x").await;
        beside.text("of the far machine").await;
        let heard = far_local.frame().await.unwrap();
        assert_eq!(heard, (1, b"of the far machine".to_vec()), "a local relay went across a link");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_the_largest_size_goes_across() {
    for transports in [("quic", "quic"), ("tcp", "tcp")] {
        let pair = Pair::start(transports, &[]);
        let (mut a, mut b) = meet(&pair, "chat").await;
        let frame = r#"{"action":"broadcast","data":""}"#.len();
        let data = "x".repeat((1 << 20) - frame);
        a.talker.text(&format!(r#"{{"action":"broadcast","data":"{data}"}}"#)).await;
        assert_eq!(b.listener.told().await["data"].as_str().unwrap().len(), data.len());
        a.talker.text(&format!(r#"{{"action":"broadcast","data":"{data}x"}}"#)).await;
        let (opcode, payload) = a.listener.frame().await.unwrap();
        assert_eq!((opcode, &payload[..2]), (8, &1009u16.to_be_bytes()[..]));
        assert_eq!(b.listener.told().await["action"], "disconnect");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_proxy_is_noticed_and_one_that_returns_is_found_again() {
    // The system tells of a TCP connection at once; of QUIC nothing is told but by silence.
    for (transport, silence, within) in
        [("tcp", "15s", Duration::from_secs(8)), ("quic", "3s", Duration::from_secs(12))]
    {
        let address = free_address();
        let chosen = format!("--transport={transport}");
        let dialled = || {
            let mut command = std::process::Command::new(nws_tests::proxy::binary());
            command.args(["--port=0", "--discovery=off", &format!("--link-listen={address}"), &chosen]);
            Proxy::start("nws that is dialled", command)
        };
        let listen = dialled();
        let peer = format!("--peer={transport}://{address}");
        let silence = format!("--link-silence={silence}");
        let two = Proxy::local(&[&chosen, "--link-ping=500ms", &silence, &peer]);
        let mut pair = Pair { one: listen, two };
        let (a, mut b) = meet(&pair, "chat").await;
        pair.one.kill();
        let begin = Instant::now();
        let told = b.listener.told().await;
        let took = begin.elapsed();
        assert_eq!(told, json!({"action":"disconnect","source":b.id,"target":a.id}));
        assert!(took < within, "{transport}: {took:?}");
        println!("{transport}: gone {took:?} after the kill");
        // On the same port again: the fixed peer is dialled for ever.
        let again = dialled();
        let back = Client::join(&again, "chat").await;
        assert_eq!(b.listener.told_action("connect").await["target"], back.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_is_announced_at_once_to_links_and_clients() {
    for transport in ["quic", "tcp"] {
        let mut pair = Pair::start((transport, transport), &[]);
        let (mut a, mut b) = meet(&pair, "chat").await;
        let begin = Instant::now();
        pair.one.signal("TERM");
        assert_eq!(b.listener.told().await["action"], "disconnect");
        println!("{transport}: gone {:?} after the signal", begin.elapsed());
        let (opcode, payload) = loop {
            let frame = a.listener.frame().await.unwrap();
            if frame.0 == 8 {
                break frame;
            }
        };
        assert_eq!((opcode, &payload[..2]), (8, &1001u16.to_be_bytes()[..]));
        drop(a);
        assert!(pair.one.ended(SOON).success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_with_different_keys_never_share_a_channel() {
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str, byte: u8| {
        let path = folder.path().join(name);
        std::fs::write(&path, [byte; 32]).unwrap();
        format!("--network-key-file={}", path.display())
    };
    let (one, two) = (key("one", 1), key("two", 2));
    let a = Proxy::local(&[&one]);
    let peer = format!("--peer=127.0.0.1:{}", a.link_port());
    let stranger = Proxy::local(&[&two, &peer]);
    let without = Proxy::local(&[&peer]);
    let friend = Proxy::local(&[&one, &peer]);
    let mut at_a = Client::join(&a, "chat").await;
    let mut others = [Client::join(&stranger, "chat").await, Client::join(&without, "chat").await];
    let friend = Client::join(&friend, "chat").await;
    assert_eq!(at_a.listener.told_action("connect").await["target"], friend.id);
    // The friend was found by the same kind of link; the others would have been by now.
    for other in &mut others {
        other.say(json!({"action":"status"})).await;
        assert_eq!(other.listener.told().await["action"], "status");
    }
    at_a.say(json!({"action":"status"})).await;
    assert_eq!(at_a.listener.told().await["action"], "status");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_network_costs_time_but_no_message_and_no_order() {
    for (transport, faults) in [
        ("quic", Faults { loss: 0.03, reorder: 0.05, delay: Duration::from_millis(5), seed: 1, ..Faults::default() }),
        (
            "tcp",
            Faults { delay: Duration::from_millis(5), jitter: Duration::from_millis(5), seed: 2, ..Faults::default() },
        ),
    ] {
        let one = Proxy::local(&[&format!("--transport={transport}")]);
        let target = ([127, 0, 0, 1], one.link_port()).into();
        let any = ([127, 0, 0, 1], 0).into();
        let relay = match transport {
            "quic" => Relay::udp(any, target, faults).await.unwrap(),
            _ => Relay::tcp(any, target, faults).await.unwrap(),
        };
        let peer = format!("--peer={transport}://{}", relay.addr());
        let two = Proxy::local(&[&format!("--transport={transport}"), &peer, "--link-ping=500ms", "--link-silence=5s"]);
        let pair = Pair { one, two };
        let (mut a, mut b) = meet(&pair, "chat").await;
        let (there, back) = tokio::join!(
            async {
                a.talker.flood(0..2000, 200).await;
                a.listener.hear_flood(0..2000, 200).await
            },
            async {
                b.talker.flood(0..2000, 200).await;
                b.listener.hear_flood(0..2000, 200).await
            }
        );
        assert_eq!((there, back), (2000 * 216, 2000 * 216));
        // A way that goes dead is noticed by silence, and mended when it comes back.
        relay.set(Way::Stalled);
        assert_eq!(b.listener.told().await["action"], "disconnect");
        relay.set(Way::Cut);
        relay.set(Way::Open);
        assert_eq!(b.listener.told_action("connect").await["target"], a.id);
    }
}
