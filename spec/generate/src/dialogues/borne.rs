//! Dialogues in which one end does what it need not, or should not, do, and the other one bears it.

use super::{
    faults::query,
    play::{I, Play, R, network},
    session::Session,
};
use crate::{
    control::{elements, tags},
    file::Case,
};
use nws_protocol::{ChannelId, matching::BudgetLimits, wire::Control};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![accept_of_four(), accepts_that_mean_nothing(), leaves_that_mean_nothing(), hasty(), told_to_come_at_once()]
}

/// R, which holds `chat` and has answered.
fn answered(seed: u64) -> Play {
    let mut play = Play::new(seed);
    play.join(R, &network("chat"));
    play.feed(I, query(1, elements(1, 8)));
    play.hear(R);
    play.say(R, "Answer");
    play
}

/// An Accept with the tag of `chat` in it.
fn accept(play: &Play, size: u8) -> Control {
    let mut list = tags(0x40, size);
    list[usize::from(size) / 2] = play.secrets(&network("chat")).tag_i;
    Control::Accept(list)
}

fn said(play: &mut Play, message: Control) {
    play.feed(I, message);
    play.hear(R);
}

fn accept_of_four() -> Case {
    let mut play = answered(60);
    let accept = accept(&play, 4);
    said(&mut play, accept);
    play.one_sided("accept-first-4", "a first Accept of four is taken, though I sends eight", &["P-10"], R)
}

fn accepts_that_mean_nothing() -> Case {
    let mut play = answered(61);
    said(&mut play, Control::Accept(tags(0x80, 8)));
    let accept = accept(&play, 8);
    said(&mut play, accept.clone());
    said(&mut play, accept);
    play.one_sided(
        "accept-again",
        "tags that are none of R's, and those of a channel that is matched already, are ignored",
        &["P-36"],
        R,
    )
}

fn leaves_that_mean_nothing() -> Case {
    let mut play = answered(62);
    let (id, accept) = (play.secrets(&network("chat")).channel_id, accept(&play, 8));
    said(&mut play, Control::Leave(id));
    said(&mut play, accept.clone());
    said(&mut play, Control::Leave(ChannelId::from_bytes([0xaa; 8])));
    said(&mut play, Control::Leave(id));
    said(&mut play, Control::Leave(id));
    said(&mut play, accept);
    play.one_sided(
        "leave-again",
        "a Leave for an id that is not matched is ignored; after the right one the channel can be matched again",
        &["P-22"],
        R,
    )
}

fn hasty() -> Case {
    let limits = BudgetLimits { burst: 8, refill: Duration::from_secs(1) };
    let mut play = Play::with(63, [Session::USUAL; 2], [None, Some(limits)]);
    said(&mut play, query(1, elements(1, 8)));
    play.say(R, "Answer");
    said(&mut play, query(2, elements(1, 4)));
    play.say(R, "Busy");
    play.wait(1000);
    said(&mut play, query(3, elements(1, 4)));
    play.say(R, "Busy");
    play.wait(3000);
    said(&mut play, query(4, elements(1, 4)));
    play.say(R, "Answer");
    play.one_sided(
        "busy-hasty",
        "I asks once before the time that Busy named: it is told the rest of it",
        &["P-26", "P-38", "P-40"],
        R,
    )
    .flag("Waits")
}

fn told_to_come_at_once() -> Case {
    let mut play = Play::new(64);
    play.say(I, "Query");
    play.feed(R, Control::Busy { seq: 1, retry_after: Duration::ZERO });
    play.hear(I);
    play.wait(99);
    play.wait(1);
    play.say(I, "Query");
    play.feed(R, Control::Answer { seq: 2, evaluated: elements(1, 8), offer: tags(0, 8) });
    play.hear(I);
    play.say(I, "Accept");
    play.one_sided("busy-zero", "Busy names no time at all: I waits 100 ms all the same", &["P-39"], I).flag("Waits")
}
