//! Addresses of loopback on which nobody listens yet, for programs that are told where to listen before they are started, or that
//! begin anew where they were. A port that the system gave out and got back may be given to somebody else meanwhile; these are on
//! an address of loopback that is this process's alone.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below what systems give out by themselves.
static NEXT: AtomicU16 = AtomicU16::new(20_000);

/// An address that is free for TCP and for UDP, and is given out once.
///
/// # Panics
/// If there is none, as where not all of 127.0.0.0/8 is loopback.
#[must_use]
pub fn free_address() -> SocketAddr {
    // Process ids have 22 bits at most, and 127.0 is everybody's.
    let [_, high, middle, low] = process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 64 | high & 63, middle, low);
    for _ in 0..1000 {
        let free = SocketAddr::from((address, NEXT.fetch_add(1, Ordering::Relaxed)));
        if TcpListener::bind(free).is_ok() && UdpSocket::bind(free).is_ok() {
            return free;
        }
    }
    panic!("nothing is free on {address}");
}
