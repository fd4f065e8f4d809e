//! A server as a program of its own, `nws bootstrap` or `nws relay`: it says where it is, reads its certificate again at
//! SIGHUP, and says goodbye when asked.

use crate::{
    announce,
    exit::{Exit, Failure},
    signals::{Hangups, Signals},
};
use std::{error::Error, fmt, future::Future, process::ExitCode, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long everyone has for their goodbye before a shutdown is final.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs a server that is bound. `place` is the line that says where it is; `running` ends in order when the token is
/// cancelled.
pub(crate) async fn serve<E: Error>(
    place: impl fmt::Display,
    reload: impl Fn() -> Result<(), E>,
    running: impl Future<Output = ()>,
    shutdown: CancellationToken,
) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()?;
    let mut hangups = Hangups::listen(true)?;
    announce::line(place);
    announce::line("ready");
    let mut running = std::pin::pin!(running);
    let wish = loop {
        tokio::select! {
            wish = signals.next() => break wish,
            () = hangups.next() => tell_reload(reload()),
            () = &mut running => return Err(Failure::new(Exit::Internal, "the server ended by itself")),
        }
    };
    tracing::info!(signal = wish.name(), "saying goodbye; a second signal ends at once");
    shutdown.cancel();
    tokio::select! {
        _ = tokio::time::timeout(FAREWELL, running) => Ok(ExitCode::SUCCESS),
        wish = signals.next() => Ok(wish.exit_code()),
    }
}

/// Says how reading a certificate again went.
pub(crate) fn tell_reload<E: Error>(reloaded: Result<(), E>) {
    match reloaded {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(error) => tracing::warn!(%error, "the old certificate stays"),
    }
}
