//! Multicast DNS discovery for scripts, on a host of the laboratory only. Prints its instance id, then each piece of news:
//!
//! ```text
//! instance sodxpy…
//! health starting
//! found 3rzq2… quic 10.77.0.2:4242 tcp 10.77.0.2:4242
//! lost 3rzq2…
//! over                                    said goodbye
//! ```
//!
//! Reads `verify INSTANCE` from standard input; the end of standard input means goodbye.

use nws_discovery::{DiscoveredTransport, Discovery, DiscoveryEvent, Mdns, MdnsConfig};
use nws_protocol::InstanceId;
use nws_tests::isolation::ensure_isolated;
use rand_core::OsRng;
use std::{
    fmt::Display,
    io::{Write, stdout},
    process::ExitCode,
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// Announces an instance and tells of others.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Announce QUIC on this port.
    #[arg(long)]
    quic: Option<u16>,
    /// Announce TCP on this port.
    #[arg(long)]
    tcp: Option<u16>,
    /// Use this interface only. May be given again.
    #[arg(long)]
    interface: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Err(refusal) = ensure_isolated() {
        eprintln!("{refusal}");
        return ExitCode::FAILURE;
    }
    let arguments = <Arguments as clap::Parser>::parse();
    let instance = InstanceId::random(&mut OsRng);
    say(format_args!("instance {instance}"));
    let announce = [(DiscoveredTransport::Quic, arguments.quic), (DiscoveredTransport::Tcp, arguments.tcp)];
    let announce = announce.into_iter().filter_map(|(kind, port)| Some((kind, port?))).collect();
    let mut config = MdnsConfig::new(instance, announce);
    config.interfaces = arguments.interface;
    run(Mdns::new(config)).await;
    ExitCode::SUCCESS
}

async fn run(mut discovery: Mdns) {
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            event = discovery.next() => match event {
                Some(event) => tell(&event),
                None => break,
            },
            line = lines.next_line() => match line {
                Ok(Some(line)) => match line.strip_prefix("verify ").and_then(|text| text.parse().ok()) {
                    Some(instance) => discovery.verify(instance),
                    None => say(format_args!("what is {line:?}?")),
                },
                Ok(None) | Err(_) => discovery.shutdown().await,
            },
        }
    }
    say("over");
}

fn tell(event: &DiscoveryEvent) {
    match event {
        DiscoveryEvent::Found { instance, candidates } => {
            let each: Vec<String> = candidates.iter().map(|one| format!("{} {}", one.kind, one.addr)).collect();
            say(format_args!("found {instance} {}", each.join(" ")));
        }
        DiscoveryEvent::Lost { instance } => say(format_args!("lost {instance}")),
        DiscoveryEvent::Health(health) => say(format_args!("health {health}")),
    }
}

fn say(words: impl Display) {
    let mut out = stdout().lock();
    if writeln!(out, "{words}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
