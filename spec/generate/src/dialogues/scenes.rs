//! Dialogues in which both ends do what they should.

use super::{
    play::{I, Play, R, network},
    session::Session,
};
use crate::file::Case;
use nws_protocol::{ChannelKey, ChannelKind, ChannelName, matching::BudgetLimits};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = first_rounds();
    cases.extend(secrets_that_differ());
    cases.extend(later());
    cases.extend(reloads());
    cases.extend(races());
    cases.extend(budgets());
    cases
}

fn of_kind(kind: ChannelKind, name: &str) -> ChannelKey {
    ChannelKey { kind, name: ChannelName::new(name).unwrap() }
}

fn first_rounds() -> Vec<Case> {
    let chat = network("chat");
    let mut hit = Play::new(1);
    hit.both_join(&chat);
    hit.first_round();

    let mut nothing = Play::new(2);
    nothing.first_round();

    let mut none = Play::new(3);
    none.join(I, &network("only-i"));
    none.join(R, &network("only-r"));
    none.join(I, &network("mixed"));
    none.join(R, &of_kind(ChannelKind::Broadcast, "mixed"));
    none.both_join(&of_kind(ChannelKind::Local, "here"));
    none.first_round();

    let mut several = Play::new(4);
    for name in ["a", "b", "only-i"] {
        several.join(I, &network(name));
    }
    several.join(I, &of_kind(ChannelKind::Broadcast, "a"));
    for name in ["b", "a", "only-r"] {
        several.join(R, &network(name));
    }
    several.join(R, &of_kind(ChannelKind::Broadcast, "a"));
    several.first_round();

    let mut nine = Play::new(5);
    for n in 0..9 {
        nine.join(I, &network(&format!("i{n}")));
    }
    nine.join(R, &network("i4"));
    nine.first_round();
    vec![
        hit.end("one-hit", "both hold one channel, the same", &["P-17", "P-21", "P-26", "P-28"]),
        nothing.end("no-channels", "nobody holds anything, and it looks the same", &["P-12", "P-17", "P-21"]),
        none.end(
            "no-hits",
            "other names, another kind, and a local channel that nobody hears of",
            &["T-8", "T-9", "P-21"],
        ),
        several.end("several", "three of four are hits; one name is held in two kinds", &["T-8", "P-21", "P-28"]),
        nine.end("nine", "nine channels are padded to sixteen", &["P-12"]),
    ]
}

fn secrets_that_differ() -> Vec<Case> {
    let dialogue = |seed, of_r| {
        let mut play = Play::with(seed, [Session::USUAL, of_r], [None, None]);
        play.both_join(&network("chat"));
        play.first_round();
        play
    };
    vec![
        dialogue(6, Session { network_key: Some([0x42; 32]), ..Session::USUAL }).end(
            "network-keys-differ",
            "R has a network key, I has none: the same messages, and no hit",
            &["P-21"],
        ),
        dialogue(7, Session { ekm: 2, ..Session::USUAL }).end(
            "man-in-the-middle",
            "somebody between the two, with a TLS session to each, passes all on: no hit",
            &["P-21"],
        ),
    ]
}

fn later() -> Vec<Case> {
    let (chat, news) = (network("chat"), network("news"));
    let mut offered = Play::new(10);
    offered.join(I, &news);
    offered.first_round();
    offered.join(R, &news);
    offered.pass(R, "Offer");
    offered.pass(I, "Accept");

    let mut asked = Play::new(11);
    asked.join(R, &news);
    asked.first_round();
    asked.join(I, &news);
    asked.pass(I, "Query");
    asked.pass(R, "Answer");
    asked.pass(I, "Accept");

    let mut left_by_i = Play::new(12);
    left_by_i.both_join(&chat);
    left_by_i.first_round();
    left_by_i.leave(I, &chat);
    left_by_i.pass(I, "Leave");

    let mut left_by_r = Play::new(13);
    for name in ["chat", "news"] {
        left_by_r.both_join(&network(name));
    }
    left_by_r.first_round();
    left_by_r.leave(R, &chat);
    left_by_r.pass(R, "Revoke");
    left_by_r.leave(R, &news);
    left_by_r.pass(R, "Revoke");
    // The last word about both was Accept.
    left_by_r.leave(I, &chat);
    left_by_r.pass(I, "Leave");

    let mut while_asked = Play::new(14);
    while_asked.both_join(&chat);
    while_asked.say(I, "Query");
    while_asked.leave(I, &chat);
    while_asked.hear(R);
    while_asked.pass(R, "Answer");
    while_asked.pass(I, "Accept");
    while_asked.join(I, &chat);
    while_asked.pass(I, "Accept");
    vec![
        offered.end("join-later-r", "R joins a channel that I holds: Offer", &["P-12", "P-21", "P-25"]),
        asked.end(
            "join-later-i",
            "I joins a channel that R holds: a Query, and an Answer without offer",
            &["P-12", "P-21"],
        ),
        left_by_i.end("leave-i", "I leaves: Leave", &["P-22"]),
        left_by_r.end(
            "leave-r",
            "R leaves one channel, then the other: Revoke, with a share of the dummies each time. I leaves the \
             first afterwards: Leave, as its last word was Accept",
            &["P-22", "P-30", "P-33"],
        ),
        while_asked.end(
            "left-while-asked",
            "I leaves while the answer is on its way: no match. It joins again, and knows the secrets: no Query",
            &["P-21"],
        ),
    ]
}

fn reloads() -> Vec<Case> {
    let chat = network("chat");
    let matched = |seed| {
        let mut play = Play::new(seed);
        play.both_join(&chat);
        play.first_round();
        play
    };
    let mut at_i = matched(20);
    at_i.leave(I, &chat);
    at_i.join(I, &chat);
    at_i.pass(I, "Leave");
    at_i.pass(I, "Accept");

    let mut at_r = matched(21);
    at_r.leave(R, &chat);
    at_r.join(R, &chat);
    at_r.pass(R, "Revoke");
    at_r.pass(R, "Offer");
    at_r.pass(I, "Accept");
    vec![
        at_i.end("reload-i", "a page is loaded anew at I: Leave, then Accept; no guess is charged", &["P-23"])
            .flag("Reload"),
        at_r.end(
            "reload-r",
            "a page is loaded anew at R: Revoke, then Offer; the four tags offered are charged to I",
            &["P-20", "P-32", "P-33"],
        )
        .flag("Reload"),
    ]
}

fn races() -> Vec<Case> {
    let chat = network("chat");
    // The Accept is on its way.
    let under_way = |seed| {
        let mut play = Play::new(seed);
        play.both_join(&chat);
        play.pass(I, "Query");
        play.pass(R, "Answer");
        play.say(I, "Accept");
        play
    };
    let crossed = |seed| {
        let mut play = under_way(seed);
        play.leave(R, &chat);
        play.join(R, &chat);
        play.say(R, "Revoke");
        play.say(R, "Offer");
        play.hear(R);
        play.hear(I);
        play
    };
    let mut taken_back = crossed(30);
    taken_back.leave(I, &chat);
    taken_back.pass(I, "Leave");
    taken_back.hear(I);
    taken_back.pass(I, "Accept");

    let mut stays = crossed(31);
    stays.hear(I);
    stays.pass(I, "Accept");

    let mut late = under_way(32);
    late.leave(R, &chat);
    late.join(R, &chat);
    // Before R has said anything of it.
    late.hear(R);
    late.pass(R, "Revoke");
    late.pass(R, "Offer");
    late.pass(I, "Accept");

    let mut both = Play::new(33);
    both.both_join(&chat);
    both.first_round();
    both.leave(I, &chat);
    both.leave(R, &chat);
    both.say(I, "Leave");
    both.say(R, "Revoke");
    both.hear(R);
    both.hear(I);
    vec![
        taken_back.end(
            "race-revoke-accept-leave",
            "section 12: a Revoke crosses an Accept, R joins again and takes the old Accept for the new beginning; \
             I leaves before it sees the Offer, and only its Leave makes R forget",
            &["P-22", "P-32"],
        ),
        stays.end(
            "race-revoke-accept",
            "the same, but I stays: the second Accept finds the channel matched at R already, and is ignored",
            &["P-32"],
        ),
        late.end(
            "race-accept-before-offer",
            "an Accept that comes while R has not said yet that it left and joined again is ignored",
            &["P-32"],
        ),
        both.end(
            "race-leave-revoke",
            "Leave and Revoke cross: each end ignores what it has done itself",
            &["P-22", "P-30"],
        ),
    ]
    .into_iter()
    .map(|case| case.flag("Race"))
    .collect()
}

fn budgets() -> Vec<Case> {
    let chat = network("chat");
    let budget = |burst, milliseconds| Some(BudgetLimits { burst, refill: Duration::from_millis(milliseconds) });

    let mut busy = Play::with(40, [Session::USUAL; 2], [None, budget(10, 1000)]);
    busy.join(R, &chat);
    busy.first_round();
    busy.join(I, &chat);
    busy.pass(I, "Query");
    busy.pass(R, "Busy");
    busy.wait(1999);
    busy.wait(1);
    busy.pass(I, "Query");
    busy.pass(R, "Answer");
    busy.pass(I, "Accept");

    let mut at_once = Play::with(41, [Session::USUAL; 2], [None, budget(9, 10)]);
    at_once.first_round();
    at_once.join(I, &chat);
    at_once.pass(I, "Query");
    at_once.pass(R, "Busy");
    at_once.wait(100);
    at_once.pass(I, "Query");
    at_once.pass(R, "Answer");
    at_once.pass(I, "Accept");

    let mut waits = Play::with(42, [Session::USUAL; 2], [budget(8, 1000), None]);
    waits.join(I, &chat);
    waits.first_round();
    waits.join(R, &chat);
    waits.pass(R, "Offer");
    waits.wait(4000);
    waits.pass(I, "Accept");
    vec![
        busy.end(
            "busy",
            "R is over budget: Busy; after the time it named, I asks again with the next number, and the same elements",
            &["P-18", "P-26", "P-38", "P-39"],
        ),
        at_once.end(
            "busy-shortest",
            "the budget would be there in 30 ms, but nobody is told to come before 100 ms",
            &["P-38", "P-39"],
        ),
        waits.end(
            "tags-wait",
            "I is over budget: tags of an Offer wait until they can be paid for, and no Accept is owed before; \
             where time passes in smaller steps, they may be looked up in parts, each followed by an Accept",
            &["P-20", "P-21"],
        ),
    ]
    .into_iter()
    .map(|case| case.flag("Waits"))
    .collect()
}
