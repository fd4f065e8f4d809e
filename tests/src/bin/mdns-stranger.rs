//! Somebody else who speaks multicast DNS on a host of the laboratory: announces any record, or sends packets that make no sense.

use mdns_sd::{ServiceDaemon, ServiceInfo};
use nws_tests::isolation::ensure_isolated;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::{
    error::Error,
    io::{Read, stdin},
    net::{IpAddr, Ipv4Addr, UdpSocket},
    process::ExitCode,
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

/// A response that announces an instance: one pointer record. Half of the noise is this with some bytes changed, which
/// gets further into a parser than random bytes do.
const ALMOST_RIGHT: &[u8] = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\
    \x04_nws\x04_udp\x05local\0\0\x0c\0\x01\0\0\x11\x94\0\x1d\x1aaaaaaaaaaaaaaaaaaaaaaaaaaa\xc0\x0c";

fn noise(seed: u64, packets: u32) -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
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
        let _ = socket.send_to(&packet, (Ipv4Addr::new(224, 0, 0, 251), 5353));
    }
    println!("sent {packets}");
    Ok(())
}
