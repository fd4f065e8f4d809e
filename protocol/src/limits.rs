//! Every limit of the protocol in one place. What a user may change is a default here and a setting
//! in the program; what is fixed is fixed because both ends of a link must agree on it.

use std::time::Duration;

/// Longest channel name in bytes (the original accepted 255 and refused 256).
pub const MAX_CHANNEL_NAME_BYTES: usize = 255;

/// Largest message of a client in bytes, by default. A guess: large enough for a picture, small
/// enough that a few hundred clients in mid-message do not hurt.
pub const DEFAULT_MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// What a link frame may need beyond the client's data: ids, kinds, tags and lengths.
/// The true overhead of a `Direct` is under 60 bytes; the rest is room to grow.
pub const FRAME_OVERHEAD_BYTES: usize = 1024;

/// The largest frame that either side may ask for in Hello, in bytes without the length prefix.
/// 64 MiB is a guess at what nobody sends over a local broadcast channel.
pub const MAX_FRAME_BYTES_CEILING: usize = 64 * 1024 * 1024;

/// The smallest `max_frame_bytes` a Hello may name: a full matching round must fit.
pub const MIN_FRAME_BYTES: usize = 64 * 1024;

/// Largest frame before Hello was received; a Hello is under 300 bytes.
pub const MAX_HELLO_FRAME_BYTES: usize = 4096;

/// Longest length prefix: a 32-bit value takes at most five bytes as a varint.
pub const MAX_VARINT_BYTES: usize = 5;

/// Longest `agent` in Hello, in bytes.
pub const MAX_AGENT_BYTES: usize = 128;

/// Most capabilities in Hello, and the longest name of one in bytes.
pub const MAX_CAPABILITIES: usize = 32;
/// Longest name of one capability in bytes.
pub const MAX_CAPABILITY_BYTES: usize = 64;

/// Longest reason in Goodbye, in bytes.
pub const MAX_REASON_BYTES: usize = 256;

/// Most elements in one Query and most tags in one Offer, Revoke or Accept: with 32 bytes each they
/// stay under [`MIN_FRAME_BYTES`]. A side with more sends several messages.
pub const MAX_ELEMENTS: usize = 1024;

/// Most peer ids in one Members frame; a longer list goes on in the next.
pub const MAX_MEMBERS_PER_FRAME: usize = 2048;

/// Bytes held of a lane whose channel is not matched yet. On a transport that delivers lanes
/// independently a lane may overtake the control lane by a round trip.
pub const MAX_UNMATCHED_LANE_BYTES: usize = 64 * 1024;

/// How long such a lane is held.
pub const UNMATCHED_LANE_TIMEOUT: Duration = Duration::from_secs(1);

/// Most lanes of one link held at once while their channel is unmatched.
pub const MAX_UNMATCHED_LANES: usize = 64;

/// The side with the larger instance id dials after this long if the other did not.
pub const DIAL_PATIENCE: Duration = Duration::from_secs(3);

/// A link in use that is said to be dead, because the proxy that dialled it dials again, is believed alive when
/// anything comes on it in this long after a Ping. A guess: several round trips on a bad radio link.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A link that is to take the place of one in use must have matched the channels of that one in this long.
pub const PROOF_TIMEOUT: Duration = Duration::from_secs(5);

/// A Ping is sent when nothing was received for this long, by default.
pub const DEFAULT_PING_AFTER: Duration = Duration::from_secs(5);

/// A link that stays silent this long is closed, by default.
pub const DEFAULT_SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// Handshake and Hello must be done in this long. A guess: four round trips on a bad radio link.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
