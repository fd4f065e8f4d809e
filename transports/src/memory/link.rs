//! A link in memory: two ends around one core.

use super::{
    core::{Core, End, Way, lock},
    lane::{MemoryReader, MemoryWriter},
};
use crate::{
    link::{Lane, Link, LinkError, RecvLane, SendLane},
    transport::{Role, TransportKind},
};
use async_trait::async_trait;
use nws_protocol::LinkCode;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// One end of a link.
#[derive(Debug)]
pub(super) struct MemoryLink {
    core: Arc<Core>,
    role: Role,
}

impl MemoryLink {
    pub(super) const fn new(core: Arc<Core>, role: Role) -> Self {
        Self { core, role }
    }

    fn end(&self) -> &End {
        self.core.end(self.role)
    }

    fn error(&self) -> LinkError {
        self.core.over(self.role).cloned().unwrap_or(LinkError::ClosedHere)
    }
}

#[async_trait]
impl Link for MemoryLink {
    fn kind(&self) -> TransportKind {
        TransportKind::Memory
    }

    fn role(&self) -> Role {
        self.role
    }

    fn remote_addr(&self) -> SocketAddr {
        self.core.beyond(self.role)
    }

    fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], LinkError> {
        if let Some(e) = self.core.over(self.role) {
            return Err(e.clone());
        }
        Ok(self.core.exporter(label, context))
    }

    async fn control(&self) -> Result<Lane, LinkError> {
        if let Some(e) = self.core.over(self.role) {
            return Err(e.clone());
        }
        lock(self.core.control(self.role))
            .take()
            .ok_or_else(|| LinkError::Violated("the control lane was taken before".to_owned()))
    }

    async fn open(&self) -> Result<SendLane, LinkError> {
        let far = if self.role == Role::Initiator { Role::Responder } else { Role::Initiator };
        let room = Arc::clone(&self.core.end(far).room);
        let permit = tokio::select! {
            biased;
            () = self.end().ended.cancelled() => return Err(self.error()),
            permit = room.acquire_owned() => permit.map_err(|_| self.error())?,
        };
        let pipe = self.core.pipe(Way::from(self.role));
        let reader = MemoryReader::new(Arc::clone(&pipe), Some(permit));
        Ok(Box::new(MemoryWriter::new(pipe, Some(reader))))
    }

    async fn accept(&self) -> Result<RecvLane, LinkError> {
        let end = self.end();
        loop {
            let arrived = end.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let next = {
                let mut arriving = lock(&end.arriving);
                match arriving.front() {
                    _ if self.core.is_frozen() => None,
                    Some((at, _)) if *at <= Instant::now() => {
                        if let Some((_, reader)) = arriving.pop_front() {
                            return Ok(Box::new(reader));
                        }
                        None
                    }
                    Some((at, _)) => Some(*at),
                    None => None,
                }
            };
            if let Some(e) = self.core.over(self.role) {
                return Err(e.clone());
            }
            match next {
                Some(at) => tokio::select! {
                    () = arrived => {}
                    () = tokio::time::sleep_until(at) => {}
                },
                None => arrived.await,
            }
        }
    }

    fn close(&self, code: LinkCode, reason: &str) {
        self.core.close(self.role, code, reason);
    }

    async fn closed(&self) -> LinkError {
        self.end().ended.cancelled().await;
        self.error()
    }

    fn rtt(&self) -> Option<Duration> {
        Some(self.core.rtt())
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.core.close(self.role, LinkCode::None, "");
        // Lanes that nobody took would hold the core in a circle.
        let untaken = std::mem::take(&mut *lock(&self.end().arriving));
        drop(untaken);
    }
}
