//! A daemon that is being ended, so that another can begin. While packets come faster than it reads them it does not hear that it is to
//! end; until it has, none other may begin, or each would keep as much.
//!
//! It goes without a goodbye, for we stay: it has left all interfaces before. Who starts in that second would otherwise not see us for
//! as long as our records live. `mdns-sd` (0.21) remembers the records of a goodbye that it had not known for one second, and when the
//! next daemon announces them again, it takes them for known and tells nobody.

use super::daemon::{COMMAND_AGAIN_AFTER, Daemon};
use mdns_sd::{DaemonStatus, Error, IfKind, Receiver};
use tokio::time::sleep;

#[derive(Debug)]
pub(super) struct Ending {
    daemon: Daemon,
    silent: bool,
    told: Option<Receiver<DaemonStatus>>,
}

impl Ending {
    pub(super) const fn new(daemon: Daemon) -> Self {
        Self { daemon, silent: false, told: None }
    }

    /// Waits until it has ended, with all that it kept. Cancel safe.
    pub(super) async fn ended(&mut self) {
        loop {
            if let Some(told) = &self.told {
                let _ = told.recv_async().await;
                return;
            }
            match self.step() {
                Ok(()) => {}
                Err(Error::Again) => sleep(COMMAND_AGAIN_AFTER).await,
                Err(_) => return,
            }
        }
    }

    /// Gives the next command. The daemon does them in order.
    fn step(&mut self) -> Result<(), Error> {
        if self.silent {
            self.told = Some(self.daemon.handle().shutdown()?);
        } else {
            self.daemon.handle().disable_interface(IfKind::All)?;
            self.silent = true;
        }
        Ok(())
    }
}
