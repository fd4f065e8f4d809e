//! A relay between two programs that makes the network between them worse, since not every kernel has netem: delay, jitter,
//! loss, reordering, a narrow link, stalls and cuts, for TCP and UDP. What happens to which packet follows from a seed.

mod shape;
mod tcp;
mod udp;

use shape::Shape;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::watch,
    task::JoinSet,
};

/// How bad the way is, in each direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// The random choices begin with this.
    pub seed: u64,
    /// Everything takes this much longer.
    pub delay: Duration,
    /// And up to this much more, by chance. It doesn't change the order.
    pub jitter: Duration,
    /// The part of the packets that is lost, 0 to 1. On TCP, where the system repeats what is lost, a piece comes 200 ms later instead.
    pub loss: f64,
    /// The part of the packets that comes after later ones, 0 to 1. On TCP there is no such thing.
    pub reorder: f64,
    /// So much goes through at most.
    pub bytes_per_second: Option<u64>,
}

impl Default for Faults {
    /// Nothing is wrong.
    fn default() -> Self {
        Self { seed: 0, delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0, reorder: 0.0, bytes_per_second: None }
    }
}

/// Whether the way can be gone at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It can.
    Open,
    /// Nothing arrives and nothing is closed: TCP is no longer read from, UDP packets vanish when more than a router
    /// holds are waiting.
    Stalled,
    /// TCP connections are reset, new ones too; UDP packets vanish.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Condition {
    faults: Faults,
    way: Way,
}

/// A relay from an address to another. Ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    condition: watch::Sender<Condition>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Relays TCP connections.
    ///
    /// # Errors
    /// If it can't listen there.
    pub async fn tcp(listen: SocketAddr, target: SocketAddr, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let mut relay = Self::at(listener.local_addr()?, faults);
        relay._tasks.spawn(tcp::relay(listener, target, relay.condition.subscribe()));
        Ok(relay)
    }

    /// Relays UDP packets. Each sender is seen by the target under its own port.
    ///
    /// # Errors
    /// If it can't listen there.
    pub async fn udp(listen: SocketAddr, target: SocketAddr, faults: Faults) -> io::Result<Self> {
        let socket = UdpSocket::bind(listen).await?;
        let mut relay = Self::at(socket.local_addr()?, faults);
        relay._tasks.spawn(udp::relay(socket, target, relay.condition.subscribe()));
        Ok(relay)
    }

    /// Relays both, on the same port.
    ///
    /// # Errors
    /// If it can't listen there.
    pub async fn both(listen: SocketAddr, target: SocketAddr, faults: Faults) -> io::Result<Self> {
        let mut attempts = 0;
        loop {
            let listener = TcpListener::bind(listen).await?;
            let addr = listener.local_addr()?;
            match UdpSocket::bind(addr).await {
                Ok(socket) => {
                    let mut relay = Self::at(addr, faults);
                    relay._tasks.spawn(tcp::relay(listener, target, relay.condition.subscribe()));
                    relay._tasks.spawn(udp::relay(socket, target, relay.condition.subscribe()));
                    return Ok(relay);
                }
                // The port is free for one of them only; any other will do.
                Err(_) if listen.port() == 0 && attempts < 32 => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn at(addr: SocketAddr, faults: Faults) -> Self {
        let (condition, _) = watch::channel(Condition { faults, way: Way::Open });
        Self { addr, condition, _tasks: JoinSet::new() }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Opens the way, stalls it or cuts it.
    pub fn set(&self, way: Way) {
        self.condition.send_modify(|condition| condition.way = way);
    }

    /// Changes how bad it is, for what is sent from now on. The seed is not used again.
    pub fn change(&self, faults: Faults) {
        self.condition.send_modify(|condition| condition.faults = faults);
    }
}

#[cfg(test)]
mod tests;
