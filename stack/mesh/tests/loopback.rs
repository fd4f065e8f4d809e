//! The same over real sockets on loopback: QUIC, TLS on TCP, and both mixed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_discovery::{Candidate, DiscoveredTransport, MemoryBus};
use nws_mesh::Port;
use nws_transports::{QuicConfig, QuicTransport, TcpConfig, TcpTransport, Transport, TransportError, TransportKind};
use std::{collections::BTreeSet, io, net::SocketAddr, sync::Arc, time::Duration};
use support::{Event, Node, Setup};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Auto,
    Quic,
    Tcp,
}

/// On the same port number with each transport, as the program does. The number that TCP got may be taken for UDP, by
/// whoever dials by QUIC at this moment: then another one is looked for.
async fn setup(id: u8, speaks: Speaks) -> Setup {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let tcp = || -> Arc<dyn Transport> { Arc::new(TcpTransport::new(TcpConfig::default()).unwrap()) };
    let quic: Arc<dyn Transport> = Arc::new(QuicTransport::new(QuicConfig::default()).unwrap());
    match speaks {
        Speaks::Tcp => return Setup::new(id).listen(tcp(), any).await,
        Speaks::Quic => return Setup::new(id).listen(quic, any).await,
        Speaks::Auto => {}
    }
    loop {
        let mut setup = Setup::new(id).listen(tcp(), any).await;
        let addr = setup.addrs[0];
        match quic.listen(addr).await {
            Ok(listener) => {
                setup.addrs.push(listener.local_addr());
                setup.ports.push(Port { transport: Arc::clone(&quic), listener: Some(listener) });
                return setup;
            }
            Err(TransportError::Bind { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn talk(a: &Node, b: &Node) {
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    for round in 0..50 {
        one.say(&round.to_string()).await;
        assert_eq!(two.next().await, Event::Broadcast(one.id(), round.to_string()));
        two.tell(&one.id(), &round.to_string()).await;
        assert_eq!(one.next().await, Event::Message(two.id(), round.to_string()));
    }
    let (one_id, two_id) = (one.id(), two.id());
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..20 {
        one.say(&large).await;
        assert_eq!(two.next().await, Event::Broadcast(one_id.clone(), large.clone()));
    }
    drop(two);
    assert_eq!(one.next().await, Event::Disconnect(two_id));
}

async fn pair(left: Speaks, right: Speaks) -> (Node, Node) {
    let a = setup(1, left).await.start();
    let b = setup(2, right).await.dials(a.addrs[0]).start();
    (a, b)
}

async fn works(left: Speaks, right: Speaks, kind: TransportKind) {
    let (a, b) = pair(left, right).await;
    talk(&a, &b).await;
    let link = a.mesh.status().await.links.remove(0);
    assert_eq!(link.transport, kind);
    let mut three = a.join("again");
    let four = b.join("again");
    let four_id = four.id();
    assert_eq!(three.connect().await, four_id);
    let start = Instant::now();
    let (event, ()) = tokio::join!(three.next(), b.mesh.shutdown(Duration::from_secs(10)));
    assert_eq!(event, Event::Disconnect(four_id));
    assert!(start.elapsed() < Duration::from_secs(6));
    a.mesh.shutdown(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_quic() {
    works(Speaks::Quic, Speaks::Quic, TransportKind::Quic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp() {
    works(Speaks::Tcp, Speaks::Tcp, TransportKind::Tcp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_prefers_quic() {
    works(Speaks::Auto, Speaks::Auto, TransportKind::Quic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_with_quic() {
    works(Speaks::Auto, Speaks::Quic, TransportKind::Quic).await;
    works(Speaks::Quic, Speaks::Auto, TransportKind::Quic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_with_tcp() {
    works(Speaks::Auto, Speaks::Tcp, TransportKind::Tcp).await;
    let start = Instant::now();
    works(Speaks::Tcp, Speaks::Auto, TransportKind::Tcp).await;
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_over_mixed_transports() {
    let a = setup(1, Speaks::Auto).await.start();
    let b = setup(2, Speaks::Quic).await.dials(a.addrs[0]).start();
    let c = setup(3, Speaks::Tcp).await.dials(a.addrs[0]).start();
    a.linked(2).await;
    let mut one = a.join("chat");
    let mut two = b.join("chat");
    assert_eq!(one.connect().await, two.id());
    let three = c.join("chat");
    assert_eq!(one.connect().await, three.id());
    assert_eq!(two.connect().await, one.id());
    // Nothing is forwarded: the two and the three have no link.
    three.say("1").await;
    assert_eq!(one.next().await, Event::Broadcast(three.id(), "1".to_owned()));
    // Whatever was forwarded would be in front of what is said afterwards.
    one.say("2").await;
    assert_eq!(two.next().await, Event::Broadcast(one.id(), "2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_dial_over_real_sockets() {
    for speaks in [Speaks::Quic, Speaks::Tcp] {
        let (a, b) = (setup(1, speaks).await, setup(2, speaks).await);
        let (to_a, to_b) = (a.addrs[0], b.addrs[0]);
        let (a, b) = (a.dials(to_b).start(), b.dials(to_a).start());
        talk(&a, &b).await;
        a.linked(1).await;
        b.linked(1).await;
        a.mesh.shutdown(Duration::from_secs(3)).await;
        b.mesh.shutdown(Duration::from_secs(3)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_back_and_loses_nothing() {
    for speaks in [Speaks::Quic, Speaks::Tcp] {
        let (a, b) = pair(speaks, speaks).await;
        let (mut one, mut two) = (a.join("chat"), b.join("chat"));
        assert_eq!(two.connect().await, one.id());
        assert_eq!(one.connect().await, two.id());
        one.catch_up();
        let payload = format!("\"{}\"", "x".repeat(64 * 1024));
        let rounds = 2000;
        let sender = async {
            for _ in 0..rounds {
                one.say(&payload).await;
            }
            one.say("\"done\"").await;
        };
        let reader = async {
            let mut count = 0;
            loop {
                match two.next().await {
                    Event::Broadcast(_, data) if data == "\"done\"" => return count,
                    Event::Broadcast(_, data) => assert_eq!(data.len(), payload.len()),
                    event => panic!("{event:?}"),
                }
                count += 1;
            }
        };
        let ((), count) = tokio::join!(sender, reader);
        assert_eq!(count, rounds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_that_discover_each_other_link_once_and_soon() {
    let bus = MemoryBus::default();
    let start = Instant::now();
    let mut nodes = Vec::new();
    for (id, speaks) in [(1, Speaks::Auto), (2, Speaks::Quic), (3, Speaks::Auto), (4, Speaks::Auto)] {
        let mut setup = setup(id, speaks).await;
        // Whoever had to wait for it would be far too late.
        setup.config.fallback_after = Duration::from_secs(60);
        let candidate = |port: &nws_mesh::Port| {
            let listener = port.listener.as_ref()?;
            let kind = match port.transport.kind() {
                TransportKind::Quic => DiscoveredTransport::Quic,
                _ => DiscoveredTransport::Tcp,
            };
            Some(Candidate { kind, addr: listener.local_addr() })
        };
        let candidates = setup.ports.iter().filter_map(candidate).collect();
        setup.discovery = Some(Box::new(bus.join(setup.config.instance, candidates)));
        nodes.push(setup.start());
    }
    for node in &nodes {
        node.linked(3).await;
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let mut clients: Vec<_> = nodes.iter().map(|node| node.join("chat")).collect();
    for client in &mut clients {
        for _ in 0..3 {
            client.connect().await;
        }
    }
    // One leaves in the proper way, and one is cut off.
    let gone = [clients.remove(3).id(), clients.remove(2).id()];
    nodes.remove(3).mesh.shutdown(Duration::from_secs(3)).await;
    drop(nodes.remove(2));
    for client in &mut clients {
        for _ in 0..2 {
            let Event::Disconnect(peer) = client.next().await else { panic!("expected a disconnect") };
            assert!(gone.contains(&peer));
        }
    }
    nodes[0].linked(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reloaded_often_is_there_in_the_end() {
    for speaks in [Speaks::Quic, Speaks::Tcp] {
        let (a, b) = pair(speaks, speaks).await;
        let mut one = a.join("chat");
        for round in 0..100u64 {
            let two = b.join("chat");
            two.say("0").await;
            // How long a page stays, so that the links come to see all kinds of overlaps; nothing is waited for.
            tokio::time::sleep(Duration::from_micros(137 * (round % 17))).await;
        }
        let last = b.join("chat");
        one.meets(&last.id()).await;
        last.say("\"last\"").await;
        let mut here = BTreeSet::new();
        loop {
            match one.next().await {
                Event::Connect(peer) => assert!(here.insert(peer)),
                Event::Disconnect(peer) => assert!(here.remove(&peer)),
                Event::Broadcast(peer, data) => {
                    assert!(here.contains(&peer));
                    if peer == last.id() && data == "\"last\"" {
                        break;
                    }
                }
                event => panic!("{event:?}"),
            }
        }
        let last_id = last.id();
        assert_eq!(here, BTreeSet::from([last_id.clone()]));
        // Nothing comes late: it would be in front of its going, or, when the link has ended, of who comes then.
        drop(last);
        assert_eq!(one.next().await, Event::Disconnect(last_id));
        b.mesh.shutdown(Duration::from_secs(3)).await;
        a.linked(0).await;
        let fence = a.join("chat");
        assert_eq!(one.next().await, Event::Connect(fence.id()));
    }
}
