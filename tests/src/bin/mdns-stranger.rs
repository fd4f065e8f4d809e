//! Somebody else who speaks multicast DNS on a host of the laboratory: announces any record, or sends packets that make no sense, or
//! more than anybody asked for.

use mdns_sd::{ServiceDaemon, ServiceInfo};
use nws_tests::{isolation::ensure_isolated, netns::INTERFACE};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::{
    error::Error,
    io::{Read, stdin},
    net::{IpAddr, Ipv4Addr, UdpSocket},
    process::ExitCode,
    thread::sleep,
    time::Duration,
};

/// Announces what it is told to, or makes noise.
#[derive(Debug, clap::Parser)]
enum Arguments {
    /// Announces a service until standard input ends.
    Announce {
        /// As _nws._udp.local.
        service: String,
        /// The name of the instance.
        name: String,
        /// An address and a port, as 10.77.0.9:1.
        address: std::net::SocketAddr,
        /// Properties, as v=2.
        txt: Vec<String>,
    },
    /// Sends packets to the multicast group, and ends.
    Noise {
        /// What to begin the random numbers with.
        seed: u64,
        /// How many.
        packets: u32,
    },
    /// Sends answers with addresses of hosts that do not exist, to live for 68 years, and ends.
    Flood {
        /// How many records; each packet has 27.
        records: u32,
        /// The pause after each packet, in microseconds.
        pause: u64,
    },
}

fn main() -> ExitCode {
    match ensure_isolated().map_err(Into::into).and_then(|()| run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match <Arguments as clap::Parser>::parse() {
        Arguments::Announce { service, name, address, txt } => {
            announce(&service, &name, address.ip(), address.port(), &txt)
        }
        Arguments::Noise { seed, packets } => noise(seed, packets),
        Arguments::Flood { records, pause } => flood(records, Duration::from_micros(pause)),
    }
}

fn announce(service: &str, name: &str, ip: IpAddr, port: u16, txt: &[String]) -> Result<(), Box<dyn Error>> {
    let daemon = ServiceDaemon::new()?;
    let txt: Vec<(&str, &str)> = txt.iter().map(|one| one.split_once('=').unwrap_or((one, ""))).collect();
    let mut info = ServiceInfo::new(service, name, &format!("{name}.local."), ip, port, txt.as_slice())?;
    info.set_requires_probe(false);
    daemon.register(info)?;
    println!("announced");
    stdin().read_to_end(&mut Vec::new())?;
    daemon.shutdown()?.recv()?;
    Ok(())
}

/// Where multicast DNS is spoken.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);

/// A socket that sends to the group from the host's interface: the hosts have no route for it.
fn socket(port: u16) -> Result<UdpSocket, Box<dyn Error>> {
    let addresses = if_addrs::get_if_addrs()?;
    let own = addresses.iter().find_map(|interface| match interface.ip() {
        IpAddr::V4(ip) if interface.name == INTERFACE => Some(ip),
        _ => None,
    });
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
    socket2::SockRef::from(&socket).set_multicast_if_v4(&own.ok_or("no address")?)?;
    // Or nothing would be heard of it.
    socket.send_to(&[], GROUP)?;
    Ok(socket)
}

/// A response that announces an instance: one pointer record. Half of the noise is this with some bytes changed, which
/// gets further into a parser than random bytes do.
const ALMOST_RIGHT: &[u8] = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\
    \x04_nws\x04_udp\x05local\0\0\x0c\0\x01\0\0\x11\x94\0\x1d\x1aaaaaaaaaaaaaaaaaaaaaaaaaaa\xc0\x0c";

fn noise(seed: u64, packets: u32) -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let socket = socket(0)?;
    for number in 0..packets {
        let mut packet =
            if number % 2 == 0 { ALMOST_RIGHT.to_vec() } else { vec![0; usize::try_from(rng.next_u32() % 1400)?] };
        if number % 2 == 1 {
            rng.fill_bytes(&mut packet);
        }
        for _ in 0..rng.next_u32() % 8 {
            let at = usize::try_from(rng.next_u32())? % packet.len().max(1);
            if let Some(byte) = packet.get_mut(at) {
                *byte = u8::try_from(rng.next_u32() & 0xff)?;
            }
        }
        // A full queue of the system is no reason to stop.
        let _ = socket.send_to(&packet, GROUP);
    }
    println!("sent {packets}");
    Ok(())
}

/// As many address records as fit into a packet of 1500 bytes.
const RECORDS: u8 = 27;

fn flood(records: u32, pause: Duration) -> Result<(), Box<dyn Error>> {
    let socket = socket(5353)?;
    for number in 0..records.div_ceil(RECORDS.into()) {
        let mut packet = [&[0, 0, 0x84, 0, 0, 0, 0, RECORDS][..], &[0; 4]].concat();
        for place in 0..RECORDS {
            // A name of 30 letters, an address record of the Internet, its time to live, and the address.
            packet.extend_from_slice(format!("\x1e{number:028x}{place:02x}\x05local\0").as_bytes());
            packet.extend_from_slice(&[0, 1, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 4, 10, 77, 0, 2]);
        }
        let _ = socket.send_to(&packet, GROUP);
        sleep(pause);
    }
    println!("sent {records}");
    Ok(())
}
