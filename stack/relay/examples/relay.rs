//! A relay by itself, to be measured: `relay [PORT [THREADS]]`, on loopback, until it is killed. The program is `nws relay`.

use nws_relay::Relay;
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let port = args.next().map_or(Ok(0), |port| port.parse())?;
    let threads = args.next().map_or(Ok(1), |threads| threads.parse())?;
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()?.block_on(async {
        let relay = Relay::builder().address(std::net::Ipv4Addr::LOCALHOST.into()).port(port).bind()?;
        println!("{}", relay.local_addr());
        // On another task, so that with several threads it is none of this one's.
        tokio::spawn(relay.run(CancellationToken::new())).await?;
        Ok(())
    })
}
