//! Which of two links between the same two proxies stays. A pure rule that both ends apply and that
//! gives both the same answer, whichever link each of them saw first.

use nws_protocol::InstanceId;

/// What becomes of a new link while an older one is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    /// The new one is closed as a duplicate.
    Refuse,
    /// The new one stays, once it has proved that it leads to the same proxy; the old one's lanes move to it without loss,
    /// then the old one is closed.
    Supersede,
    /// The new one stays if the old one is dead, as it is in the eyes of the proxy that dialled both.
    Replace,
}

/// Of two links the one dialled by the smaller id stays. Of two dialled by the same side, that side
/// keeps its old one, and the other side believes that it would not dial while it had one.
pub(super) fn ruling(us: InstanceId, them: InstanceId, old_by_us: bool, new_by_us: bool) -> Ruling {
    let we_are_smaller = us < them;
    match (old_by_us, new_by_us) {
        (true, true) => Ruling::Refuse,
        (false, false) => Ruling::Replace,
        (_, new_by_us) if new_by_us == we_are_smaller => Ruling::Supersede,
        _ => Ruling::Refuse,
    }
}
