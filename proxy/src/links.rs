//! The sockets on which links are accepted: one for each transport, all on the same port number, so
//! that an address and a port name a proxy whatever carries the link.

use crate::exit::{Exit, Failure};
use nws_transports::{Listening, Transport, TransportError, TransportKind};
use std::{io, net::SocketAddr, sync::Arc};

/// How often a port that is free for every transport is looked for.
const ATTEMPTS: u32 = 32;

/// A listener of each transport, in the order of the transports.
pub(crate) type Listeners = Vec<(TransportKind, Arc<dyn Listening>)>;

/// Binds every transport to the address. Port 0 takes a port that is free for all of them.
pub(crate) async fn listen(transports: &[Arc<dyn Transport>], address: SocketAddr) -> Result<Listeners, Failure> {
    let mut attempt = 1;
    loop {
        match listen_once(transports, address).await {
            Err((TransportError::Bind { source, .. }, Some(_)))
                if address.port() == 0 && source.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            Err((error, _)) => return Err(refusal(address, &error)),
            Ok(listeners) => return Ok(listeners),
        }
    }
}

/// One attempt. With the error comes the port that an earlier transport had got, if one had.
async fn listen_once(
    transports: &[Arc<dyn Transport>],
    address: SocketAddr,
) -> Result<Listeners, (TransportError, Option<u16>)> {
    let mut listeners = Listeners::new();
    let mut chosen = None;
    // The last one first: it is TCP, whose ports are more often taken.
    for transport in transports.iter().rev() {
        let at = SocketAddr::new(address.ip(), chosen.unwrap_or(address.port()));
        let listening = transport.listen(at).await.map_err(|error| (error, chosen))?;
        chosen = Some(listening.local_addr().port());
        listeners.push((transport.kind(), listening));
    }
    listeners.reverse();
    Ok(listeners)
}

fn refusal(address: SocketAddr, error: &TransportError) -> Failure {
    let TransportError::Bind { source, .. } = error else {
        return Failure::new(Exit::Internal, format!("links cannot be accepted: {error}"));
    };
    let advice = match source.kind() {
        io::ErrorKind::AddrInUse => "another program has this port; choose another with --link-listen, or port 0",
        io::ErrorKind::AddrNotAvailable => "this machine does not have this address; choose another with --link-listen",
        io::ErrorKind::PermissionDenied => "the system does not allow it; ports under 1024 often need a privilege",
        _ => "choose another address with --link-listen",
    };
    Failure::new(Exit::Unavailable, format!("links cannot be accepted on {address} ({source}): {advice}"))
}
