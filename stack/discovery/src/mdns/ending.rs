//! A daemon that is being ended, so that another can begin. While packets come faster than it reads them it does not hear that it is to
//! end; until it has, none other may begin, or each would keep as much.

use super::daemon::{COMMAND_AGAIN_AFTER, Daemon};
use mdns_sd::{DaemonStatus, Error, Receiver};
use tokio::time::sleep;

#[derive(Debug)]
pub(super) struct Ending {
    daemon: Daemon,
    told: Option<Receiver<DaemonStatus>>,
}

impl Ending {
    pub(super) const fn new(daemon: Daemon) -> Self {
        Self { daemon, told: None }
    }

    /// Waits until it has ended, with all that it kept. Cancel safe.
    pub(super) async fn ended(&mut self) {
        loop {
            if let Some(told) = &self.told {
                let _ = told.recv_async().await;
                return;
            }
            match self.daemon.handle().shutdown() {
                Ok(told) => self.told = Some(told),
                Err(Error::Again) => sleep(COMMAND_AGAIN_AFTER).await,
                Err(_) => return,
            }
        }
    }
}
