//! Everyone with a WebSocket: each has a task, and all of them end in order.

use crate::{
    handshake::Accepted,
    socket::{self, Socket},
};
use axum::response::Response;
use std::{future::Future, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of all WebSockets.
#[derive(Debug, Default)]
pub struct Sessions {
    tasks: TaskTracker,
    /// WebSockets are to say goodbye.
    pub stopping: CancellationToken,
    /// WebSockets are to be cut off.
    pub cut: CancellationToken,
}

impl Sessions {
    /// Lets the session run as soon as the 101 is sent, which the answer is. Messages over so many bytes are an error.
    pub fn open<F, S>(&self, accepted: Accepted, message_bytes: usize, session: F) -> Response
    where
        F: FnOnce(Socket) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let Accepted { answer, on_upgrade, .. } = accepted;
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            // Boxed, so that a session has only the memory it needs, not that of its handshake too.
            let opened = async {
                let Some(socket) = socket::open(on_upgrade, message_bytes).await else { return };
                Box::pin(session(socket)).await;
            };
            tokio::select! {
                () = cut.cancelled() => {}
                () = opened => {}
            }
        });
        answer
    }

    /// Nobody comes in any more; who is here is told, and cut off after the deadline.
    pub async fn stop(&self, deadline: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_err() {
            tracing::debug!(sessions = self.tasks.len(), "cut off at the deadline");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}
