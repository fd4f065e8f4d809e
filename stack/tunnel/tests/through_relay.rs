//! The native ends at the real relay, in one process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use nws_tunnel::{Connect, Forward, Relay as Address, Serve, Told};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay that runs until it is dropped.
struct Relay {
    address: SocketAddr,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Relay {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = nws_relay::Relay::builder().listener(listener).bind().unwrap();
        let address = relay.local_addr();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(relay.run(shutdown.clone()));
        Self { address, shutdown, running }
    }

    async fn end(mut self) {
        self.shutdown.cancel();
        timeout(PATIENCE, &mut self.running).await.unwrap().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Stands before the relay, and cuts what goes through when asked. Another relay may take that one's place.
struct Cuts {
    address: SocketAddr,
    /// Then so many bytes more may go through.
    cut: mpsc::UnboundedSender<u64>,
    /// How many may go through in all, about: so that whoever is to cut may be slow, and cuts at the same places.
    most: Arc<watch::Sender<u64>>,
    relay: watch::Sender<SocketAddr>,
    /// Bytes that went through so far, in both directions.
    passed: watch::Receiver<u64>,
    _tasks: JoinSet<()>,
}

impl Cuts {
    async fn new(relay: SocketAddr) -> Self {
        let (listener, address) = listener().await;
        let (cut, mut wishes) = mpsc::unbounded_channel();
        let (relay, there) = watch::channel(relay);
        let (passing, passed) = watch::channel(0);
        let passing = Arc::new(passing);
        let most = Arc::new(watch::Sender::new(u64::MAX));
        let may = Arc::clone(&most);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut ways = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((near, _)) = listener.accept() => {
                        let (relay, passing, may) = (*there.borrow(), Arc::clone(&passing), may.subscribe());
                        ways.spawn(async move {
                            // While there is no relay, nobody gets an answer.
                            let Ok(far) = TcpStream::connect(relay).await else { return };
                            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                            tokio::select! {
                                () = pass(near_read, far_write, &passing, may.clone()) => {}
                                () = pass(far_read, near_write, &passing, may.clone()) => {}
                            }
                        });
                    }
                    Some(more) = wishes.recv() => {
                        // Those that are cut must use nothing of it up.
                        ways.shutdown().await;
                        may.send_replace(*passing.borrow() + more);
                    }
                }
            }
        });
        Self { address, cut, most, relay, passed, _tasks: tasks }
    }
}

/// One direction, until either side ends it.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    passing: &watch::Sender<u64>,
    mut may: watch::Receiver<u64>,
) {
    let mut buffer = vec![0; 1 << 16];
    while may.wait_for(|most| *passing.borrow() < *most).await.is_ok()
        && let Ok(bytes @ 1..) = from.read(&mut buffer).await
        && to.write_all(&buffer[..bytes]).await.is_ok()
    {
        passing.send_modify(|passed| *passed += bytes as u64);
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// What an end says, while it runs.
struct End {
    told: mpsc::UnboundedReceiver<Told>,
    _guard: DropGuard,
}

impl End {
    async fn wait(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap();
            if wanted(&told) {
                return told;
            }
        }
    }

    async fn registered(&mut self) -> u64 {
        match self.wait(|told| matches!(told, Told::Registered { .. })).await {
            Told::Registered { server } => server,
            told => panic!("{told:?}"),
        }
    }
}

async fn serve(relay: SocketAddr, ports: &[(u16, SocketAddr)]) -> (End, u64) {
    let ports: BTreeMap<_, _> = ports.iter().map(|(port, target)| (*port, target.to_string())).collect();
    let serve = Serve { relay: address(relay), ports, resume_file: None };
    let (sender, told) = mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let guard = shutdown.clone().drop_guard();
    tokio::spawn(serve.run(move |what| drop(sender.send(what)), shutdown));
    let mut end = End { told, _guard: guard };
    let server = end.registered().await;
    (end, server)
}

async fn connect(relay: SocketAddr, server: u64, port: u16) -> (End, SocketAddr) {
    let forward = Forward { port, listen: "127.0.0.1:0".parse().unwrap() };
    let connect = Connect::bind(address(relay), server, &[forward]).await.unwrap();
    let (_, local) = connect.addresses().next().unwrap();
    let (sender, told) = mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let guard = shutdown.clone().drop_guard();
    tokio::spawn(connect.run(move |what| drop(sender.send(what)), shutdown));
    (End { told, _guard: guard }, local)
}

fn address(relay: SocketAddr) -> Address {
    Address::new(&format!("ws://{relay}/"), None).unwrap()
}

/// Reads a request to its end, and then gives it back.
async fn parrot() -> (JoinSet<()>, SocketAddr) {
    let (listener, address) = listener().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut answering = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            answering.spawn(async move {
                let mut request = Vec::new();
                if stream.read_to_end(&mut request).await.is_ok() {
                    let _ = stream.write_all(&request).await;
                }
            });
        }
    });
    (tasks, address)
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut noise);
    noise
}

/// Says this, ends its side, and reads the answer.
async fn ask(at: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await?;
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let (written, read) = timeout(PATIENCE, async {
        tokio::join!(
            async {
                write.write_all(request).await?;
                write.shutdown().await
            },
            read.read_to_end(&mut answer)
        )
    })
    .await
    .unwrap();
    written?;
    read.map(|_| answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_all_sizes_come_back_after_their_end() {
    let relay = Relay::new().await;
    let (_tasks, target) = parrot().await;
    let (_serve, server) = serve(relay.address, &[(80, target)]).await;
    let (_connect, local) = connect(relay.address, server, 80).await;
    for bytes in [0, 1, 15, 65_535, 65_536, 262_144, 3_000_001] {
        let request = noise(bytes as u64, bytes);
        // The parrot takes all of it before it says anything, whatever the credit is.
        assert!(ask(local, &request).await.unwrap() == request, "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_go_through_one_websocket_side_by_side() {
    let relay = Relay::new().await;
    let (_tasks, target) = parrot().await;
    let (_serve, server) = serve(relay.address, &[(80, target)]).await;
    let (_connect, local) = connect(relay.address, server, 80).await;
    let mut asking = JoinSet::new();
    for seed in 0..200 {
        asking.spawn(async move {
            let request = noise(seed, 1000 * (seed as usize % 50));
            assert!(ask(local, &request).await.unwrap() == request, "{seed}");
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_stalls_nobody_else() {
    let relay = Relay::new().await;
    let (service, endless) = listener().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut giving = JoinSet::new();
        loop {
            let (mut stream, _) = service.accept().await.unwrap();
            giving.spawn(async move {
                let piece = vec![1; 1 << 16];
                while stream.write_all(&piece).await.is_ok() {}
            });
        }
    });
    let (_tasks, target) = parrot().await;
    let (_serve, server) = serve(relay.address, &[(80, target), (81, endless)]).await;
    let (_connect, local) = connect(relay.address, server, 80).await;
    let (_other, full) = connect(relay.address, server, 81).await;
    let mut readers = Vec::new();
    for _ in 0..10 {
        let mut reader = TcpStream::connect(full).await.unwrap();
        // It is under way, and from here on nobody reads.
        timeout(PATIENCE, reader.read_exact(&mut [0; 1000])).await.unwrap().unwrap();
        readers.push(reader);
    }
    for _ in 0..5 {
        let request = noise(7, 1_000_000);
        assert!(ask(local, &request).await.unwrap() == request);
    }
    // And it goes on where it stopped.
    let mut more = vec![0; 5_000_000];
    timeout(PATIENCE, readers[3].read_exact(&mut more)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_that_are_not_served_targets_that_are_down_and_servers_that_are_not_there_are_resets() {
    let relay = Relay::new().await;
    let (gone, down) = listener().await;
    drop(gone);
    let (_serve, server) = serve(relay.address, &[(80, down)]).await;
    for (server, port) in [(server, 80), (server, 81), (server + 1000, 80)] {
        let (_connect, local) = connect(relay.address, server, port).await;
        let error = ask(local, b"").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{server} {port}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_connection_is_cut_again_and_again_loses_and_doubles_nothing() {
    let relay = Relay::new().await;
    let mut cuts = Cuts::new(relay.address).await;
    let (_tasks, target) = parrot().await;
    let (mut serving, server) = serve(cuts.address, &[(80, target)]).await;
    let (_connect, local) = connect(relay.address, server, 80).await;
    let mut asking = JoinSet::new();
    for seed in 0..4 {
        asking.spawn(async move {
            let request = noise(seed, 6_000_000);
            assert!(ask(local, &request).await.unwrap() == request, "{seed}");
        });
    }
    let mut resumed = 0;
    while !asking.is_empty() {
        // So that each connection gets somewhere: more than what may be under way on all channels.
        let next = *cuts.passed.borrow() + 5_000_000;
        cuts.most.send_replace(next);
        tokio::select! {
            Some(asked) = asking.join_next() => asked.unwrap(),
            passed = cuts.passed.wait_for(|passed| *passed >= next) => {
                passed.unwrap();
                // Enough for the resumption.
                cuts.cut.send(1_000_000).unwrap();
                serving.wait(|told| matches!(told, Told::Resumed { .. })).await;
                resumed += 1;
            }
        }
    }
    assert!(resumed >= 5, "it was cut {resumed} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_was_started_anew_gets_a_new_server_and_new_connections() {
    let relay = Relay::new().await;
    let cuts = Cuts::new(relay.address).await;
    let address = cuts.address;
    let (_tasks, target) = parrot().await;
    let (mut serving, before) = serve(address, &[(80, target)]).await;
    let (mut connecting, local) = connect(address, before, 80).await;
    let mut open = TcpStream::connect(local).await.unwrap();
    open.write_all(b"half of a request").await.unwrap();
    assert_eq!(ask(local, b"one").await.unwrap(), b"one");
    relay.end().await;
    connecting.wait(|told| matches!(told, Told::Lost { .. })).await;
    // Its channel is over.
    let read = timeout(PATIENCE, open.read(&mut [0; 1])).await.unwrap();
    assert!(read.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    let relay = Relay::new().await;
    cuts.relay.send(relay.address).unwrap();
    let server = serving.registered().await;
    // Who kept the old id finds nobody.
    assert_ne!(server, before);
    let (_stale, nowhere) = connect(address, before, 80).await;
    let error = ask(nowhere, b"").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let (_again, local) = connect(address, server, 80).await;
    assert_eq!(ask(local, b"two").await.unwrap(), b"two");
}
