#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
use super::{shape::Fate, *};
use std::time::Instant as Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(10);

fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn tcp_echo() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind(any()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    (addr, tasks)
}

async fn udp_echo() -> (SocketAddr, JoinSet<()>) {
    let socket = UdpSocket::bind(any()).await.unwrap();
    let addr = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..length], from).await;
        }
    });
    (addr, tasks)
}

#[test]
fn fates_follow_from_the_seed() {
    let now = Instant::now();
    let faults = Faults { loss: 0.2, reorder: 0.1, jitter: Duration::from_millis(9), ..Faults::default() };
    let fates = |seed, direction| {
        let mut shape = Shape::new(seed, direction, now);
        (0..1000).map(|_| shape.send(now, 100, &faults)).collect::<Vec<_>>()
    };
    assert_eq!(fates(1, 0), fates(1, 0));
    assert_ne!(fates(1, 0), fates(2, 0));
    assert_ne!(fates(1, 0), fates(1, 1));
    let lost = fates(1, 0).iter().filter(|fate| **fate == Fate::Lost).count();
    assert!((150..250).contains(&lost), "{lost}");
}

#[test]
fn jitter_keeps_the_order_and_reordering_breaks_it() {
    let now = Instant::now();
    let arrivals = |faults: Faults| {
        let mut shape = Shape::new(7, 0, now);
        let each = (0..100).map(|n| shape.send(now + Duration::from_millis(n), 100, &faults));
        each.map(|fate| if let Fate::Arrives(at) = fate { at } else { now }).collect::<Vec<_>>()
    };
    let jitter = Faults { jitter: Duration::from_millis(50), ..Faults::default() };
    assert!(arrivals(jitter).is_sorted());
    assert!(!arrivals(Faults { reorder: 0.1, ..jitter }).is_sorted());
}

#[test]
fn a_narrow_link_takes_its_time() {
    let now = Instant::now();
    let mut shape = Shape::new(1, 0, now);
    let faults = Faults { bytes_per_second: Some(1000), ..Faults::default() };
    let last = (0..10).map(|_| shape.send(now, 500, &faults)).last();
    assert_eq!(last, Some(Fate::Arrives(now + Duration::from_secs(5))));
}

#[tokio::test]
async fn tcp_comes_through_whole_late_and_half_closed() {
    let (target, _echo) = tcp_echo().await;
    let faults =
        Faults { delay: Duration::from_millis(20), jitter: Duration::from_millis(5), loss: 0.02, ..Faults::default() };
    let relay = Relay::tcp(any(), target, faults).await.unwrap();
    let mut stream = TcpStream::connect(relay.addr()).await.unwrap();
    let sent: Vec<u8> = (0..300_000u32).map(|n| n.to_le_bytes()[1]).collect();
    let begin = Clock::now();
    let (mut from, mut to) = stream.split();
    let (sending, mut got) = (sent.clone(), Vec::new());
    let (wrote, read) = timeout(SOON, async {
        tokio::join!(
            async {
                to.write_all(&sending).await?;
                to.shutdown().await
            },
            from.read_to_end(&mut got)
        )
    })
    .await
    .unwrap();
    wrote.unwrap();
    read.unwrap();
    assert!(got == sent);
    assert!(begin.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn a_stall_holds_tcp_and_a_cut_breaks_it() {
    let (target, _echo) = tcp_echo().await;
    let relay = Relay::tcp(any(), target, Faults::default()).await.unwrap();
    let mut stream = TcpStream::connect(relay.addr()).await.unwrap();
    let mut byte = [0];
    stream.write_all(b"a").await.unwrap();
    timeout(SOON, stream.read_exact(&mut byte)).await.unwrap().unwrap();
    relay.set(Way::Stalled);
    stream.write_all(b"b").await.unwrap();
    assert!(timeout(Duration::from_millis(200), stream.read_exact(&mut byte)).await.is_err());
    relay.set(Way::Open);
    timeout(SOON, stream.read_exact(&mut byte)).await.unwrap().unwrap();
    assert_eq!(byte, *b"b");
    relay.set(Way::Cut);
    assert!(timeout(SOON, stream.read_exact(&mut byte)).await.unwrap().is_err());
}

#[tokio::test]
async fn udp_has_its_losses_and_comes_back_to_its_sender() {
    let (target, _echo) = udp_echo().await;
    let faults = Faults { seed: 3, loss: 0.3, reorder: 0.2, delay: Duration::from_millis(5), ..Faults::default() };
    let relay = Relay::both(any(), target, faults).await.unwrap();
    let [one, two] = [UdpSocket::bind(any()).await.unwrap(), UdpSocket::bind(any()).await.unwrap()];
    for (socket, mark) in [(&one, 1), (&two, 2)] {
        socket.connect(relay.addr()).await.unwrap();
        for number in 0..100u8 {
            socket.send(&[mark, number]).await.unwrap();
        }
    }
    for (socket, mark) in [(&one, 1), (&two, 2)] {
        let mut got = Vec::new();
        let mut packet = [0; 2];
        while let Ok(Ok(2)) = timeout(Duration::from_millis(300), socket.recv(&mut packet)).await {
            assert_eq!(packet[0], mark);
            got.push(packet[1]);
        }
        // 0.7 of them survive each way.
        assert!((25..75).contains(&got.len()), "{}", got.len());
        assert!(!got.is_sorted());
    }
    relay.set(Way::Cut);
    one.send(&[1, 1]).await.unwrap();
    assert!(timeout(Duration::from_millis(100), one.recv(&mut [0; 2])).await.is_err());
    relay.set(Way::Open);
    relay.change(Faults::default());
    one.send(&[1, 7]).await.unwrap();
    let mut packet = [0; 2];
    timeout(SOON, one.recv(&mut packet)).await.unwrap().unwrap();
    assert_eq!(packet, [1, 7]);
}
