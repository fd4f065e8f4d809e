//! Proxies without a gateway: hubs, a mesh, and clients that sit in the hubs.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by several test programs, which may stop at the first surprise"
)]

pub mod raw;
pub mod slow_control;

use bytes::{Bytes, BytesMut};
use nws_discovery::{Discovery, Off};
use nws_hub::{Channels, ClientSeat, HubLimits};
use nws_mesh::{FixedPeer, Mesh, MeshConfig, MeshFigures, MeshHandle, Port};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName, InstanceId};
use nws_transports::{Listening, MemoryNetwork, Transport};
use rand_core::OsRng;
use std::{collections::VecDeque, future::poll_fn, net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// Nothing that is waited for takes longer.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Node {
    pub instance: InstanceId,
    pub channels: Arc<Channels>,
    pub mesh: MeshHandle,
    pub addrs: Vec<SocketAddr>,
}

/// How a node is made.
pub struct Setup {
    pub config: MeshConfig,
    pub limits: HubLimits,
    pub ports: Vec<Port>,
    pub addrs: Vec<SocketAddr>,
    pub peers: Vec<FixedPeer>,
    pub discovery: Option<Box<dyn Discovery>>,
}

impl Setup {
    pub fn new(id: u8) -> Self {
        Self {
            config: MeshConfig::new(InstanceId::from_bytes([id; 16])),
            limits: HubLimits::default(),
            ports: Vec::new(),
            addrs: Vec::new(),
            peers: Vec::new(),
            discovery: None,
        }
    }

    pub async fn memory(id: u8, network: &MemoryNetwork) -> Self {
        Self::new(id).listen(Arc::new(network.transport([10, 0, 0, id])), SocketAddr::from(([10, 0, 0, id], 1))).await
    }

    pub async fn listen(mut self, transport: Arc<dyn Transport>, addr: SocketAddr) -> Self {
        let listener: Arc<dyn Listening> = transport.listen(addr).await.unwrap();
        self.addrs.push(listener.local_addr());
        self.ports.push(Port { transport, listener: Some(listener) });
        self
    }

    pub fn dials(mut self, peer: impl ToString) -> Self {
        self.peers.push(peer.to_string().parse().unwrap());
        self
    }

    pub fn start(self) -> Node {
        // RUST_LOG shows what happened in a test that failed.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let channels = Channels::new(self.limits);
        let instance = self.config.instance;
        let discovery = self.discovery.unwrap_or_else(|| Box::new(Off::default()));
        let mesh = Mesh::start(self.config, Arc::clone(&channels), self.ports, discovery, self.peers);
        Node { instance, channels, mesh, addrs: self.addrs }
    }
}

/// Where the memory node with this number listens.
pub fn at(id: u8) -> String {
    format!("10.0.0.{id}:1")
}

pub fn key(name: &str) -> ChannelKey {
    ChannelKey { kind: ChannelKind::Network, name: ChannelName::new(name).unwrap() }
}

impl Node {
    pub fn join(&self, channel: &str) -> Client {
        Client {
            seat: self.channels.join(key(channel), &mut OsRng).unwrap(),
            buffer: BytesMut::new(),
            events: VecDeque::new(),
        }
    }

    pub async fn linked(&self, count: usize) {
        self.comes_to("such a number of links", |figures| figures.links == count).await;
    }

    pub async fn shares(&self, channels: usize) {
        self.comes_to("such a number of channels in common", |figures| figures.channels == channels).await;
    }

    async fn comes_to(&self, what: &str, fits: impl FnMut(&MeshFigures) -> bool) {
        let mut figures = self.mesh.figures();
        let last = timeout(DEADLINE, figures.wait_for(fits)).await;
        assert!(matches!(last, Ok(Ok(_))), "never came to {what}: {:?}", *self.mesh.figures().borrow());
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Connect(String),
    Disconnect(String),
    Broadcast(String, String),
    Message(String, String),
    Other(String),
}

pub struct Client {
    pub seat: ClientSeat,
    buffer: BytesMut,
    events: VecDeque<Event>,
}

impl Client {
    pub fn id(&self) -> String {
        self.seat.id().to_owned()
    }

    /// Broadcasts, waiting for room as the gateway does.
    pub async fn say(&self, data: &str) {
        let mut frame = BytesMut::new();
        self.seat.put_broadcast(&mut frame, Some(data));
        let frame = frame.freeze();
        while self.seat.publish(&frame).is_err() {
            self.room().await;
        }
    }

    pub async fn tell(&self, target: &str, data: &str) {
        while self.seat.send(target, Some(data)).is_err() {
            self.room().await;
        }
    }

    async fn room(&self) {
        while timeout(self.seat.judge_interval(), poll_fn(|cx| self.seat.poll_room(cx))).await.is_err() {
            self.seat.judge();
        }
    }

    /// The next thing that this client is told.
    pub async fn next(&mut self) -> Event {
        timeout(DEADLINE, self.next_ever()).await.expect("nothing came")
    }

    pub async fn next_ever(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                if let Event::Broadcast(_, data) = &event {
                    self.seat.progress(data.len());
                }
                return event;
            }
            let mut parts: Vec<Bytes> = Vec::new();
            poll_fn(|cx| self.seat.poll_take(cx, &mut parts)).await.expect("thrown out");
            for part in parts {
                self.buffer.extend_from_slice(&part);
            }
            self.read_frames();
        }
    }

    /// Takes all that is there now, as a gateway does at once.
    pub fn catch_up(&mut self) {
        let mut parts: Vec<Bytes> = Vec::new();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        while self.seat.poll_take(&mut cx, &mut parts).is_ready() {
            for part in parts.drain(..) {
                self.buffer.extend_from_slice(&part);
            }
        }
        self.read_frames();
    }

    /// What was caught up with.
    pub fn take_events(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.events)
    }

    /// Waits until this peer is there, and keeps all that is told.
    pub async fn meets(&mut self, peer: &str) {
        let met = Event::Connect(peer.to_owned());
        while !self.events.contains(&met) {
            let mut parts: Vec<Bytes> = Vec::new();
            let taken = poll_fn(|cx| self.seat.poll_take(cx, &mut parts));
            timeout(DEADLINE, taken).await.expect("did not meet").expect("thrown out");
            for part in parts {
                self.buffer.extend_from_slice(&part);
            }
            self.read_frames();
        }
    }

    fn read_frames(&mut self) {
        while let Some(text) = self.take_frame() {
            self.events.push_back(event(&text));
        }
    }

    /// Asserts that nothing comes for so long. For tests with paused time: others show it by what is said afterwards.
    pub async fn nothing_for(&mut self, time: Duration) {
        if let Ok(event) = timeout(time, self.next_ever()).await {
            panic!("unexpected: {event:?}");
        }
    }

    /// The next event that is not presence.
    pub async fn next_said(&mut self) -> Event {
        loop {
            match self.next().await {
                Event::Connect(_) | Event::Disconnect(_) => {}
                event => return event,
            }
        }
    }

    pub async fn connect(&mut self) -> String {
        match self.next().await {
            Event::Connect(peer) => peer,
            event => panic!("expected a connect, not {event:?}"),
        }
    }

    fn take_frame(&mut self) -> Option<String> {
        let short = usize::from(*self.buffer.get(1)?);
        let (head, length) = match short {
            126 => (4, usize::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().unwrap()))),
            127 => (10, u64::from_be_bytes(self.buffer.get(2..10)?.try_into().unwrap()) as usize),
            length => (2, length),
        };
        if self.buffer.len() < head + length {
            return None;
        }
        let frame = self.buffer.split_to(head + length);
        Some(String::from_utf8(frame[head..].to_vec()).unwrap())
    }
}

fn event(text: &str) -> Event {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let member = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    match value["action"].as_str() {
        Some("connect") => Event::Connect(member("target")),
        Some("disconnect") => Event::Disconnect(member("target")),
        Some("broadcast") => Event::Broadcast(member("source"), value["data"].to_string()),
        Some("message") => Event::Message(member("source"), value["data"].to_string()),
        _ => Event::Other(text.to_owned()),
    }
}
