//! What a server of WebSockets that anybody may reach has to do before the first message and after the last: take
//! connections without being exhausted by them, TLS, HTTP up to the upgrade, the handshake, the end; figures for
//! Prometheus, and settings from a file. It knows nothing of what is said over the WebSockets.

mod ahead;
mod door;
mod figures;
mod fullness;
mod handshake;
mod impatient;
mod neighbours;
mod page;
mod reception;
mod sessions;
mod settings;
mod socket;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;

pub use ahead::Ahead;
pub use door::bind;
pub use figures::Exposition;
pub use handshake::{Accepted, BadHandshake, accept, is_wanted};
pub use neighbours::{Counted, Neighbours, network};
pub use page::{address, page, text};
pub use reception::{Reception, Visit, VisitLimits, Visitors};
pub use sessions::Sessions;
pub use settings::{SettingsError, read, read_toml, span};
pub use socket::{Socket, linger, part};
pub use tls::{Tls, TlsError};
