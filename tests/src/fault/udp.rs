//! The UDP side of the relay: one queue of all packets that are on their way.

use super::{Condition, Shape, Way, shape::Fate};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Most bytes on their way; more are lost, as in a router.
const MAX_UNDER_WAY_BYTES: usize = 1 << 20;

/// Most senders, each with a socket of its own. Packets of further ones are lost.
const MAX_SENDERS: usize = 256;

const MAX_PACKET_BYTES: usize = 65_536;

struct Sender {
    /// By which the target knows it.
    socket: Arc<UdpSocket>,
    there: Shape,
    back: Shape,
}

/// In the order of arrival; packets that arrive together in the order they were sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    at: Instant,
    number: u64,
    sender: SocketAddr,
    back: bool,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Queue {
    packets: BinaryHeap<Reverse<Packet>>,
    bytes: usize,
    number: u64,
}

impl Queue {
    fn push(&mut self, fate: Fate, sender: SocketAddr, back: bool, bytes: &[u8]) {
        let Fate::Arrives(at) = fate else { return };
        if self.bytes + bytes.len() <= MAX_UNDER_WAY_BYTES {
            self.bytes += bytes.len();
            self.number += 1;
            self.packets.push(Reverse(Packet { at, number: self.number, sender, back, bytes: bytes.to_vec() }));
        }
    }

    fn pop(&mut self) -> Option<Packet> {
        let Reverse(packet) = self.packets.pop()?;
        self.bytes -= packet.bytes.len();
        Some(packet)
    }
}

pub(super) async fn relay(socket: UdpSocket, target: SocketAddr, mut condition: watch::Receiver<Condition>) {
    let seed = condition.borrow().faults.seed;
    let mut senders: BTreeMap<SocketAddr, Sender> = BTreeMap::new();
    let (answered, mut answers) = mpsc::channel::<(SocketAddr, Vec<u8>)>(64);
    let mut readers = JoinSet::new();
    let mut queue = Queue::default();
    let mut buffer = vec![0; MAX_PACKET_BYTES];
    loop {
        let Condition { faults, way } = *condition.borrow_and_update();
        if way == Way::Cut {
            queue = Queue::default();
        }
        let next = queue.packets.peek().map(|Reverse(packet)| packet.at);
        tokio::select! {
            () = sleep_until(next.unwrap_or_else(Instant::now)), if way == Way::Open && next.is_some() => {
                let Some(packet) = queue.pop() else { continue };
                let Some(sender) = senders.get(&packet.sender) else { continue };
                // What the system does not take is lost, as on any way.
                let _ = if packet.back {
                    socket.send_to(&packet.bytes, packet.sender).await
                } else {
                    sender.socket.send(&packet.bytes).await
                };
            }
            // An error here tells of a packet sent earlier.
            Ok((length, from)) = socket.recv_from(&mut buffer) => {
                if !senders.contains_key(&from) && senders.len() < MAX_SENDERS {
                    let Ok(own) = connect(target).await.map(Arc::new) else { continue };
                    let direction = 2 * senders.len() as u64;
                    let now = Instant::now();
                    let [there, back] = [direction, direction + 1].map(|direction| Shape::new(seed, direction, now));
                    readers.spawn(read(Arc::clone(&own), from, answered.clone()));
                    senders.insert(from, Sender { socket: own, there, back });
                }
                let (Some(sender), Some(bytes)) = (senders.get_mut(&from), buffer.get(..length)) else { continue };
                queue.push(sender.there.send(Instant::now(), length, &faults), from, false, bytes);
            }
            Some((to, bytes)) = answers.recv() => {
                let Some(sender) = senders.get_mut(&to) else { continue };
                queue.push(sender.back.send(Instant::now(), bytes.len(), &faults), to, true, &bytes);
            }
            changed = condition.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

async fn connect(target: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: SocketAddr =
        if target.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    Ok(socket)
}

async fn read(socket: Arc<UdpSocket>, sender: SocketAddr, answers: mpsc::Sender<(SocketAddr, Vec<u8>)>) {
    let mut buffer = vec![0; MAX_PACKET_BYTES];
    loop {
        // An error tells that the target has refused an earlier packet.
        let Ok(length) = socket.recv(&mut buffer).await else { continue };
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        if answers.send((sender, bytes)).await.is_err() {
            return;
        }
    }
}
