//! How a link ends: what the target says and does then, and what it has to.

use super::{Heard, Player, SOON, code_name};
use crate::{
    bytes::control,
    link::Next,
    verdict::{Trouble, Verdict, ensure, failed},
};
use nws_protocol::wire::Control;
use std::time::Duration;
use tokio::time::Instant;

/// How the target ended a link.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ending {
    /// Code and words of its Goodbye.
    pub(crate) goodbye: Option<(u32, String)>,
    /// The code of the transport, where it has one.
    pub(crate) transport: Option<u64>,
    /// Whether the control lane was finished.
    pub(crate) finished: bool,
    /// What came on the control lane after Goodbye.
    pub(crate) after: Option<String>,
    /// Whether the connection was closed.
    pub(crate) closed: bool,
    pub(super) words: String,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.goodbye, self.transport) {
            (Some((code, words)), _) => write!(f, "Goodbye with code {code} ({words:?})"),
            (None, Some(code)) => write!(f, "no Goodbye, closed by the transport with code {code}"),
            (None, None) => write!(f, "no Goodbye; the link ended: {}", self.words),
        }
    }
}

impl Player {
    /// What follows Goodbye, until the connection is closed.
    pub(super) async fn ending(&mut self, goodbye: Option<(u32, String)>, within: Duration) -> Ending {
        let mut ending = Ending { goodbye, ..Ending::default() };
        if ending.goodbye.is_some() {
            match self.recv.next(Duration::from_secs(2)).await {
                Next::Finished => ending.finished = true,
                Next::Frame(_) => ending.after = Some("a frame".to_owned()),
                Next::Bad(why) => ending.after = Some(why),
                // Gone with its connection, which the target keeps until this end has closed it, or for a while.
                Next::Lost(_) | Next::Nothing => {}
            }
        }
        // The target waits for this end to close.
        if ending.goodbye.is_some() {
            self.conn.close(0).await;
            ending.closed = true;
            if let Some(closed) = self.conn.closed(Duration::from_millis(100)).await {
                ending.words = closed.words;
            }
        } else if let Some(closed) = self.conn.closed(within).await {
            ending.closed = true;
            ending.transport = closed.code;
            ending.words = closed.words;
        }
        ending
    }

    /// Waits for the end of the link; what comes before it is passed.
    pub(crate) async fn end(&mut self, within: Duration) -> Result<Ending, Trouble> {
        let mut deadline = Instant::now() + within;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())).await? {
                // What was to end the link was not looked at.
                Heard::Message(Control::Busy { seq, retry_after }) if seq == self.seq => {
                    self.after_busy(retry_after, Duration::ZERO).await?;
                    self.query(self.said.clone()).await?;
                    deadline = Instant::now() + within;
                }
                Heard::Message(_) => {}
                Heard::Over(ending) => return Ok(ending),
                Heard::Nothing => {
                    return Err(failed(format!("the link is closed within {within:?}"), "it is still up"));
                }
            }
        }
    }

    /// The target must close the link with this code: Goodbye, the end of the control lane, nothing after.
    pub(crate) async fn closed_with(&mut self, code: u32) -> Verdict {
        self.closed_within(code, SOON).await
    }

    pub(crate) async fn closed_within(&mut self, code: u32, within: Duration) -> Verdict {
        let expected = format!("the link is closed with {}", code_name(code));
        let ending = match self.end(within).await {
            Ok(ending) => ending,
            Err(Trouble::Failed { seen, .. }) => return Err(failed(expected, seen)),
            Err(other) => return Err(other),
        };
        let fits = ending.goodbye.as_ref().is_some_and(|(got, _)| *got == code);
        ensure(fits, expected, ending.to_string())?;
        ensure(ending.after.is_none(), "nothing after Goodbye on the control lane", ending.after.unwrap_or_default())
    }

    /// Goodbye, the end of the control lane, and the end of the connection, all in order.
    pub(crate) async fn leave_with(&mut self, code: u32) {
        let goodbye = Control::Goodbye { code: nws_protocol::LinkCode::from_number(code), reason: String::new() };
        let _ = self.send.try_write(&control(&goodbye)).await;
        self.send.finish().await;
        let _ = self.conn.closed(Duration::from_secs(2)).await;
        self.conn.close(code).await;
    }
}
