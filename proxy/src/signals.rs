//! The wishes of whoever started the program: end in good order, then end at once.

use crate::exit::{Exit, Failure};
use std::process::ExitCode;

/// A wish to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// SIGINT, or Ctrl-C at the terminal.
    Interrupt,
    /// SIGTERM, from a service manager.
    Terminate,
}

impl Wish {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// The exit code when it ends the program at once: 128 and the signal's number, as shells do.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        })
    }
}

/// Listens for signals from when it is made.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let hear = |kind| {
            signal(kind).map_err(|error| Failure::new(Exit::System, format!("signals cannot be received: {error}")))
        };
        Ok(Self { interrupt: hear(SignalKind::interrupt())?, terminate: hear(SignalKind::terminate())? })
    }

    /// The next wish. Cancel safe.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Interrupt,
            _ = self.terminate.recv() => Wish::Terminate,
        }
    }
}

/// Listens for Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "the same shape as where signals can fail")]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self)
    }

    /// The next wish. Cancel safe.
    pub(crate) async fn next(&mut self) -> Wish {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Wish::Interrupt
    }
}

/// Hears SIGHUP, where there is something to read again; elsewhere it keeps its usual effect.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    pub(crate) fn listen(wanted: bool) -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let heard = wanted.then(|| signal(SignalKind::hangup())).transpose();
        heard.map(Self).map_err(|error| Failure::new(Exit::System, format!("signals cannot be received: {error}")))
    }

    /// The next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}

/// There is no such signal.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    #[allow(clippy::unnecessary_wraps, reason = "the same shape as where signals can fail")]
    pub(crate) fn listen(_wanted: bool) -> Result<Self, Failure> {
        Ok(Self)
    }

    /// Never.
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}
