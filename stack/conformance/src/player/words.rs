//! Messages, codes and what came instead, in words for the report: never the content of a message.

use crate::link::Next;
use nws_protocol::wire::Control;

/// Names a message without its content.
pub(crate) fn name(message: &Control) -> String {
    match message {
        Control::Hello(_) => "Hello".to_owned(),
        Control::Query { seq, blinded } => format!("Query {seq} of {} elements", blinded.len()),
        Control::Answer { seq, evaluated, offer } => {
            format!("Answer {seq} of {} elements and {} tags", evaluated.len(), offer.len())
        }
        Control::Offer(tags) => format!("Offer of {} tags", tags.len()),
        Control::Revoke(tags) => format!("Revoke of {} tags", tags.len()),
        Control::Accept(tags) => format!("Accept of {} tags", tags.len()),
        Control::Leave(_) => "Leave".to_owned(),
        Control::Busy { seq, retry_after } => format!("Busy {seq} for {} ms", retry_after.as_millis()),
        Control::Ping(nonce) => format!("Ping {nonce}"),
        Control::Pong(nonce) => format!("Pong {nonce}"),
        Control::Goodbye { code, .. } => format!("Goodbye {}", code.number()),
    }
}

/// What came instead.
pub(crate) fn seen(next: &Next) -> String {
    match next {
        Next::Frame(frame) => format!("a frame of {} bytes", frame.len()),
        Next::Finished => "the lane was finished".to_owned(),
        Next::Lost(why) => format!("the lane was lost: {why}"),
        Next::Nothing => "nothing".to_owned(),
        Next::Bad(why) => why.clone(),
    }
}

/// A code with its name.
pub(crate) fn code_name(code: u32) -> String {
    const NAMES: [&str; 14] = [
        "None",
        "GoingAway",
        "Duplicate",
        "SelfDial",
        "Version",
        "Malformed",
        "FrameTooLarge",
        "Unmatched",
        "BadElement",
        "Flood",
        "Silent",
        "Stalled",
        "Limit",
        "Internal",
    ];
    let name = usize::try_from(code).ok().and_then(|at| NAMES.get(at)).unwrap_or(&"unknown");
    format!("{name} ({code})")
}
