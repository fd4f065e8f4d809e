//! The limits of the hubs, all settings of the program.

use nws_protocol::limits::{DEFAULT_MAX_MESSAGE_BYTES, FRAME_OVERHEAD_BYTES};
use std::time::Duration;

/// How much a hub holds, and how long it waits for the slow.
#[derive(Debug, Clone)]
pub struct HubLimits {
    /// Bytes of the shared log of one channel; each piece counts what it takes in memory, up to 176 more than its length.
    /// When it is full, the channel's senders are not read from. 4 MiB by default: a guess, four messages of the
    /// largest size, or some milliseconds of a fast local burst.
    pub channel_log_bytes: usize,
    /// Bytes waiting for one client alone (direct messages, answers), each with 96 for its place. When they are over, senders
    /// are held.
    pub client_queue_bytes: usize,
    /// Bytes waiting for one lane of one link, counted likewise. When they are over, senders are held.
    pub lane_queue_bytes: usize,
    /// A receiver at its limit is watched for this long or longer, and closed when it drained less than
    /// [`client_min_rate`](Self::client_min_rate) allows. 2 s, a guess.
    pub client_stall: Duration,
    /// Bytes per second that a receiver at its limit must drain. 64 KiB, a guess.
    pub client_min_rate: u64,
    /// A receiver that is watched may lag behind the least rate by so many bytes before it is closed. Systems take data for
    /// a slow reader not as it reads but in bursts: of a third of the socket's buffer, and of a sixteenth of the reader's
    /// (Linux, whose buffers grow for who was fast once). So nobody can tell before that whether it reads, and one
    /// that does not is closed after this divided by the least rate (8 s) or after `client_stall`, whichever is
    /// longer. 512 KiB: on Linux 6.18 and with the gateway's send buffers, readers of 70 to 256 KiB/s needed at most 163 KiB
    /// when they were slow from the beginning, and 445 KiB when their own buffers had grown to the 6 MiB that Linux
    /// long had as the most. Newer ones let them grow to 32 MiB: who was fast before and then reads less than 256 KiB/s may
    /// be taken for stuck (128 KiB/s was, 256 KiB/s was not).
    pub client_burst_bytes: u64,
    /// A lane at its limit without progress for this long costs its link. Longer than `client_stall`, so that
    /// the far proxy can close its own stuck client first, and longer than its slowest client may take for the
    /// largest message and the eighth of the log that must be free (24 s at 64 KiB/s) and may lag (8 s). 60 s.
    pub lane_stall: Duration,
    /// Most clients of this proxy.
    pub max_clients: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            channel_log_bytes: 4 * (DEFAULT_MAX_MESSAGE_BYTES + FRAME_OVERHEAD_BYTES),
            client_queue_bytes: 2 * (DEFAULT_MAX_MESSAGE_BYTES + FRAME_OVERHEAD_BYTES),
            lane_queue_bytes: 4 * (DEFAULT_MAX_MESSAGE_BYTES + FRAME_OVERHEAD_BYTES),
            client_stall: Duration::from_secs(2),
            client_min_rate: 64 * 1024,
            client_burst_bytes: 512 * 1024,
            lane_stall: Duration::from_secs(60),
            max_clients: 16_384,
        }
    }
}
