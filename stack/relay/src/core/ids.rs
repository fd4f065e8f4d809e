//! Which id a new server gets. In the first dialect it is the next of a sequence, as recorded; in the own one it is drawn,
//! so that nobody finds a server by counting, and an id kept from a relay that has ended leads nowhere.

use super::Core;
use nws_protocol::relay::MAX_NUMBER;

/// The sequence ends before this, and what is drawn begins here.
pub(super) const FIRST_DRAWN: u64 = 1 << 32;

/// One draw in two million is under the first, or a server's: after as many the source is no source of randomness.
const MOST_DRAWS: usize = 32;

const NO_ID: &str = "no id is left";

impl Core {
    /// the next of the sequence.
    pub(super) fn next_id(&mut self) -> Result<u64, &'static str> {
        let id = self.next_server;
        if id >= FIRST_DRAWN {
            return Err(NO_ID);
        }
        self.next_server += 1;
        Ok(id)
    }

    /// one that a number of JavaScript holds exactly, of no server that there is.
    pub(super) fn draw_id(&self, random: &mut impl FnMut() -> [u8; 16]) -> Result<u64, &'static str> {
        let draws = std::iter::repeat_with(|| u128::from_be_bytes(random()) & u128::from(MAX_NUMBER));
        let ids = draws.take(MOST_DRAWS).filter_map(|id| u64::try_from(id).ok());
        ids.into_iter().find(|id| *id >= FIRST_DRAWN && !self.servers.contains_key(id)).ok_or(NO_ID)
    }
}
