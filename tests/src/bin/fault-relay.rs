//! The fault relay as a program, to be run on a host of the laboratory: says `relaying on ADDRESS`, then reads `open`,
//! `stall` or `cut` from standard input, line by line; ends with it.

use nws_tests::fault::{Faults, Relay, Way};
use std::{io, net::SocketAddr, time::Duration};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// Relays TCP, UDP or both to an address, and makes the way worse.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Where to listen, as 127.0.0.1:0.
    listen: SocketAddr,
    /// Where to send it.
    target: SocketAddr,
    /// Relay TCP only.
    #[arg(long, conflicts_with = "udp")]
    tcp: bool,
    /// Relay UDP only.
    #[arg(long)]
    udp: bool,
    /// What to begin the random numbers with.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Milliseconds that everything takes longer.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Milliseconds more, at most, by chance.
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
    /// The part that is lost, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// The part that comes out of order, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    reorder: f64,
    /// Bytes per second that go through.
    #[arg(long)]
    rate: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = <Arguments as clap::Parser>::parse();
    let faults = Faults {
        seed: arguments.seed,
        delay: Duration::from_millis(arguments.delay_ms),
        jitter: Duration::from_millis(arguments.jitter_ms),
        loss: arguments.loss,
        reorder: arguments.reorder,
        bytes_per_second: arguments.rate,
    };
    let relay = match (arguments.tcp, arguments.udp) {
        (true, _) => Relay::tcp(arguments.listen, arguments.target, faults).await?,
        (_, true) => Relay::udp(arguments.listen, arguments.target, faults).await?,
        _ => Relay::both(arguments.listen, arguments.target, faults).await?,
    };
    println!("relaying on {}", relay.addr());
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "open" => relay.set(Way::Open),
            "stall" => relay.set(Way::Stalled),
            "cut" => relay.set(Way::Cut),
            other => println!("what is {other:?}?"),
        }
    }
    Ok(())
}
