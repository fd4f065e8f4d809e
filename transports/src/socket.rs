//! Sockets as links want them: dual-stack on the wildcard address, with room for bursts.

use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

/// Kernel buffers of the UDP socket, each way. All links share one socket, so it must hold a burst
/// from each of them while the runtime is busy; 4 MiB is 2,800 full packets. Best effort: an
/// unprivileged process gets what the system allows (`net.core.rmem_max`, 208 KiB on a plain Linux).
const UDP_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Connections that the kernel holds until they are accepted. Accepting costs no handshake, so a
/// short line is enough.
const TCP_BACKLOG: i32 = 128;

/// A bound UDP socket.
pub(crate) fn udp(addr: SocketAddr) -> io::Result<std::net::UdpSocket> {
    bind(addr, |addr| {
        let socket = open(addr, Type::DGRAM, Protocol::UDP)?;
        // Best effort, see above.
        let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
        socket.bind(&addr.into())?;
        Ok(socket.into())
    })
}

/// A listening TCP socket.
pub(crate) fn tcp(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    bind(addr, |addr| {
        let socket = open(addr, Type::STREAM, Protocol::TCP)?;
        // On Unix a port is otherwise held back for a minute after a restart; on Windows the option
        // means something else, and isn't needed.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(TCP_BACKLOG)?;
        Ok(socket.into())
    })
}

fn open(addr: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() && addr.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Binds; where `[::]` is asked for and the host has no IPv6, `0.0.0.0` does.
fn bind<S>(addr: SocketAddr, make: impl Fn(SocketAddr) -> io::Result<S>) -> io::Result<S> {
    match make(addr) {
        Err(e) if addr.is_ipv6() && addr.ip().is_unspecified() && e.kind() != io::ErrorKind::AddrInUse => {
            make((Ipv4Addr::UNSPECIFIED, addr.port()).into()).map_err(|_| e)
        }
        made => made,
    }
}

/// The address as people write it: IPv4 within IPv6 becomes IPv4.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        ip if ip == addr.ip() => addr,
        ip => SocketAddr::new(ip, addr.port()),
    }
}
