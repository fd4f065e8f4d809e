//! What is at the target's address, before anything is checked: if it is no proxy, the user is told what it is in plain words.

use crate::{
    context::Context,
    link::{self, Kind},
    player::Player,
    tls::ClientTls,
    verdict::Trouble,
};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// Says Hello, and finds out who answers: how the target calls itself.
pub(crate) async fn reach(context: &Context) -> Result<String, String> {
    let place = format!("{}://{}", context.kind, context.address);
    if context.kind == Kind::Tcp {
        let connected = timeout(Duration::from_secs(5), TcpStream::connect(context.address)).await;
        connected
            .map_err(|_| format!("nobody answers at {place} within 5 s"))?
            .map_err(|error| format!("nobody listens at {place} ({error})"))?;
    }
    // Without another address of this machine, which is one thing less that can be in the way.
    let dialled = link::dial(context.kind, context.address, None, &ClientTls::default()).await;
    let (conn, _) = dialled.map_err(|why| no_handshake(context.kind, &place, &why))?;
    drop(conn);
    let player: Result<Player, Trouble> = context.greeted().await;
    match player {
        Ok(player) => Ok(player.their_hello.agent.clone()),
        Err(Trouble::Failed { expected, seen }) => {
            Err(format!("who answers at {place} does not speak as a proxy: expected: {expected}; seen: {seen}"))
        }
        Err(Trouble::NotRun(why) | Trouble::Lacking(why)) => Err(why),
    }
}

/// Why there was no handshake, for somebody who may have named the wrong port.
fn no_handshake(kind: Kind, place: &str, why: &str) -> String {
    let words = match kind {
        Kind::Quic => "nobody shakes hands by QUIC at",
        Kind::Tcp if why.contains("corrupt message") || why.contains("InvalidContentType") => {
            "somebody listens, but does not speak TLS, at"
        }
        Kind::Tcp if why.contains("NoApplicationProtocol") => {
            "a TLS server, but none that knows ALPN nws/1, listens at"
        }
        Kind::Tcp if why.contains("ProtocolVersion") => "a TLS server, but none that knows TLS 1.3, listens at",
        Kind::Tcp => "somebody listens, but the TLS handshake fails, at",
    };
    format!("{words} {place} ({why}); is this the address of the proxy's links, by this transport?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_what_is_there() {
        for (kind, why, words) in [
            (Kind::Tcp, "received corrupt message of type InvalidContentType", "does not speak TLS"),
            (Kind::Tcp, "received fatal alert: NoApplicationProtocol", "ALPN nws/1"),
            (Kind::Tcp, "received fatal alert: ProtocolVersion", "TLS 1.3"),
            (Kind::Tcp, "peer closed connection", "the TLS handshake fails"),
            (Kind::Quic, "timed out", "by QUIC"),
        ] {
            let told = no_handshake(kind, "tcp://127.0.0.1:1", why);
            assert!(told.contains(words) && told.contains(why), "{told}");
        }
    }
}
