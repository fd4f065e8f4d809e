#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
use super::{shape::Fate, *};
use std::{io::ErrorKind, time::Instant as Clock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(60);

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

/// Another way to the same echo, over a relay without faults: what goes there and back again and again shows that the rest of
/// this thread had its turns.
struct Meanwhile {
    stream: TcpStream,
    _relay: Relay,
}

impl Meanwhile {
    async fn new(target: SocketAddr) -> Self {
        let relay = Relay::tcp(any(), target, Faults::default()).await.unwrap();
        Self { stream: TcpStream::connect(relay.addr()).await.unwrap(), _relay: relay }
    }

    async fn goes_by(&mut self) {
        for _ in 0..50 {
            self.stream.write_all(b"x").await.unwrap();
            timeout(SOON, self.stream.read_exact(&mut [0])).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_stall_holds_tcp_and_a_cut_breaks_it() {
    let (target, _echo) = tcp_echo().await;
    let relay = Relay::tcp(any(), target, Faults::default()).await.unwrap();
    let mut stream = TcpStream::connect(relay.addr()).await.unwrap();
    let mut byte = [0];
    stream.write_all(b"a").await.unwrap();
    timeout(SOON, stream.read_exact(&mut byte)).await.unwrap().unwrap();
    let mut meanwhile = Meanwhile::new(target).await;
    relay.set(Way::Stalled);
    stream.write_all(b"b").await.unwrap();
    meanwhile.goes_by().await;
    assert_eq!(stream.try_read(&mut byte).unwrap_err().kind(), ErrorKind::WouldBlock);
    relay.set(Way::Open);
    timeout(SOON, stream.read_exact(&mut byte)).await.unwrap().unwrap();
    assert_eq!(byte, *b"b");
    relay.set(Way::Cut);
    assert!(timeout(SOON, stream.read_exact(&mut byte)).await.unwrap().is_err());
}

/// Takes the numbers that come with this mark, up to `last`.
async fn until(socket: &UdpSocket, last: u8, mark: u8, got: &mut Vec<u8>) {
    loop {
        let mut packet = [0; 2];
        assert_eq!(timeout(SOON, socket.recv(&mut packet)).await.unwrap().unwrap(), 2);
        assert_eq!(packet[0], mark);
        if packet[1] == last {
            return;
        }
        got.push(packet[1]);
    }
}

#[tokio::test]
async fn udp_has_its_losses_and_comes_back_to_its_sender() {
    /// Numbers that are not among the hundred.
    const END: u8 = 255;
    const READ: u8 = 252;
    const LOST: u8 = 254;
    const AGAIN: u8 = 253;
    let (target, _echo) = udp_echo().await;
    let (beside, _other_echo) = tcp_echo().await;
    let faults = Faults { seed: 3, loss: 0.3, reorder: 0.2, delay: Duration::from_millis(5), ..Faults::default() };
    let relay = Relay::both(any(), target, faults).await.unwrap();
    let [one, two] = [UdpSocket::bind(any()).await.unwrap(), UdpSocket::bind(any()).await.unwrap()];
    for (socket, mark) in [(&one, 1), (&two, 2)] {
        socket.connect(relay.addr()).await.unwrap();
        for number in 0..100u8 {
            socket.send(&[mark, number]).await.unwrap();
        }
        // One of so many comes back, and by then the relay has read all that was sent before.
        for _ in 0..40 {
            socket.send(&[mark, READ]).await.unwrap();
        }
    }
    let mut got = [Vec::new(), Vec::new()];
    for (at, socket) in [&one, &two].into_iter().enumerate() {
        until(socket, READ, at as u8 + 1, &mut got[at]).await;
    }
    // What takes longer comes after all that is still under way.
    relay.change(Faults { delay: Duration::from_millis(50), ..Faults::default() });
    for (at, socket) in [&one, &two].into_iter().enumerate() {
        socket.send(&[at as u8 + 1, END]).await.unwrap();
        until(socket, END, at as u8 + 1, &mut got[at]).await;
        got[at].retain(|number| *number != READ);
        // 0.7 of them survive each way.
        assert!((25..75).contains(&got[at].len()), "{}", got[at].len());
        assert!(!got[at].is_sorted());
    }
    let mut meanwhile = Meanwhile::new(beside).await;
    relay.set(Way::Cut);
    one.send(&[1, LOST]).await.unwrap();
    meanwhile.goes_by().await;
    relay.set(Way::Open);
    relay.change(Faults::default());
    one.send(&[1, AGAIN]).await.unwrap();
    let mut late = Vec::new();
    until(&one, AGAIN, 1, &mut late).await;
    assert!(!late.contains(&LOST));
}
