//! The one task of a link: it polls yamux, gives out streams, and winds the connection down.

use super::{
    shared::{Lingering, Shared},
    wire::WireHandle,
};
use crate::link::LinkError;
use futures::{StreamExt, stream::FuturesUnordered};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use yamux::Connection;

/// The time that a closed link has to send what its lanes took. A guess: enough for a few kilobytes on
/// any network that lives, and short enough for a program that wants to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks for a stream.
pub(super) type OpenRequest = oneshot::Sender<yamux::Stream>;

pub(super) struct Driver {
    pub(super) connection: Connection<WireHandle>,
    pub(super) wire: WireHandle,
    pub(super) shared: Arc<Shared>,
    pub(super) requests: mpsc::Receiver<OpenRequest>,
    pub(super) request: Option<OpenRequest>,
    pub(super) lingering: FuturesUnordered<Linger>,
}

impl Driver {
    /// Runs until the link is over, and a little longer for the last bytes.
    pub(super) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
        if matches!(self.shared.over(), Some(LinkError::ClosedHere | LinkError::Violated(_))) {
            // Too slow or broken: then it just ends.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, poll_fn(|cx| self.connection.poll_close(cx))).await;
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.driver.register(cx.waker());
        loop {
            if self.shared.over().is_some() {
                return Poll::Ready(());
            }
            self.poll_requests(cx);
            self.poll_lingering(cx);
            match self.connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => self.shared.arrive(stream),
                Poll::Ready(Some(Err(e))) => self.shared.end(LinkError::Lost(e.to_string())),
                Poll::Ready(None) => self.shared.end(LinkError::Lost("the connection ended".to_owned())),
                // yamux does not tell that a stream which was dropped unaccepted has left its place to one that waits.
                Poll::Pending if self.request.is_some() && self.poll_requests(cx) => {}
                Poll::Pending => {
                    // A failure is noted by the wire, and a full socket wakes this task.
                    let _ = self.wire.lock().poll_send(cx);
                    return if self.shared.over().is_some() { Poll::Ready(()) } else { Poll::Pending };
                }
            }
        }
    }

    /// Opens streams that are asked for. Answers whether there was one: then yamux is to be polled again.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> bool {
        let mut opened = false;
        loop {
            if self.request.is_none() {
                let Poll::Ready(Some(request)) = self.requests.poll_recv(cx) else { return opened };
                self.request = Some(request);
            }
            match self.connection.poll_new_outbound(cx) {
                Poll::Ready(Ok(stream)) => {
                    // Dropped when nobody waits for it any more; the other end never hears of it.
                    let _ = self.request.take().map(|request| request.send(stream));
                    opened = true;
                }
                Poll::Ready(Err(e)) => {
                    self.shared.end(LinkError::Lost(e.to_string()));
                    return opened;
                }
                // Too many that the other end has not accepted.
                Poll::Pending => return opened,
            }
        }
    }

    fn poll_lingering(&mut self, cx: &mut Context<'_>) {
        self.lingering.extend(self.shared.take_lingering().into_iter().map(Linger));
        while let Poll::Ready(Some(())) = self.lingering.poll_next_unpin(cx) {}
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Also when the runtime ends with the task unfinished.
        self.shared.end(LinkError::Lost("the driver was stopped".to_owned()));
        drop(self.shared.take_lingering());
    }
}

/// Waits until the reader of a finished lane is done with it.
pub(super) struct Linger(Lingering);

impl Future for Linger {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Nothing can come but its end; data would have ended the link.
        while let Some(Ok(_)) = ready!(self.0.stream.poll_next_unpin(cx)) {}
        Poll::Ready(())
    }
}
