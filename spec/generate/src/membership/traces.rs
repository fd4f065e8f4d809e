//! The traces themselves.

use super::trace::Trace;
use crate::file::Case;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = lives();
    cases.extend(messages());
    cases.extend(endings());
    cases.extend(hand_overs());
    cases.extend(several());
    cases.extend(faults());
    cases
}

/// l1 here; p1 and p2 behind P.
fn live() -> Trace {
    Trace::new().join("l1").begins("P").members("P", &["p1", "p2"], false)
}

fn lives() -> Vec<Case> {
    vec![
        live().case("list", "a list is announced as a whole", &["M-7", "M-24"]),
        Trace::new().join("l1").begins("P").members("P", &[], false).case(
            "list-empty",
            "nobody is in the channel there yet",
            &["M-7"],
        ),
        Trace::new()
            .join("l1")
            .begins("P")
            .members("P", &["p3", "p1"], true)
            .members("P", &[], true)
            .members("P", &["p2"], false)
            .joins("P", "p4")
            .case("list-in-parts", "nothing of a list is announced before its end", &["M-7", "M-24", "M-25"]),
        live()
            .joins("P", "p3")
            .says("P", "p3")
            .parts("P", "p3")
            .joins("P", "p3")
            .parts("P", "p1")
            .parts("P", "p2")
            .parts("P", "p3")
            .case(
                "join-part",
                "each is announced once; an id may come back (though nobody draws one twice)",
                &["M-26"],
            ),
        live().join("l1").join("p1").join("l2").case(
            "ids-taken",
            "an id that is taken, here or behind P, is not free for a client of this proxy",
            &["T-4"],
        ),
        live().join("l2").part("l1").says("P", "p1").join("l3").says("P", "p1").case(
            "locals-come-and-go",
            "who is there when a message comes gets it",
            &["M-27"],
        ),
    ]
}

fn messages() -> Vec<Case> {
    vec![
        live().join("l2").says("P", "p1").says("P", "p2").says("P", "p1").case(
            "broadcast",
            "to all local clients",
            &["M-27"],
        ),
        live().join("l2").tells("P", "p1", "l2").tells("P", "p1", "l1").case(
            "direct",
            "to one of them alone",
            &["M-27"],
        ),
        live().join("l2").part("l2").tells("P", "p1", "l2").case(
            "direct-too-late",
            "the target has left: Undeliverable goes back",
            &["M-28"],
        ),
        live().tells("P", "p1", "l9").case("direct-to-nobody", "there never was such a client", &["M-28"]),
        live().tells("P", "p1", "p2").case(
            "direct-to-own",
            "a target that is a client of the opener is none of the receiver",
            &["M-28"],
        ),
        live().undeliverable("P", "l1", "p9").case("undeliverable", "the client that spoke is told", &["M-28", "M-29"]),
        live().join("l2").part("l1").undeliverable("P", "l1", "p1").case(
            "undeliverable-too-late",
            "the client that spoke has left: no fault",
            &["M-29"],
        ),
        live().undeliverable("P", "l8", "p1").case("undeliverable-out-of-nothing", "nobody spoke: no fault", &["M-29"]),
    ]
}

fn endings() -> Vec<Case> {
    vec![
        live().parts("P", "p1").parts("P", "p2").finished("P").case(
            "left",
            "the last client left: Part of each, then the end",
            &["M-20"],
        ),
        live().given_up("P").case("given-up", "a lane that breaks takes its peers along, once", &["M-22"]),
        live().given_up("P").begins("P").members("P", &["p1"], false).case(
            "given-up-and-back",
            "they may come back on another lane",
            &["M-22"],
        ),
        Trace::new().join("l1").begins("P").members("P", &["p1"], true).given_up("P").join("p1").case(
            "given-up-in-list",
            "nobody was announced, so nobody is gone, and the id is free",
            &["M-25"],
        ),
        live().finished("P").expired("P").case(
            "finished-and-expired",
            "peers of a finished lane are kept for 5 s, then gone",
            &["M-21", "M-22"],
        ),
    ]
}

fn hand_overs() -> Vec<Case> {
    let cases = vec![
        live().finished("P").begins("P").members("P", &["p2", "p1"], false).says("P", "p1").case(
            "hand-over",
            "the same peers on a newer lane: nobody hears of it",
            &["M-21", "M-24"],
        ),
        live().finished("P").begins("P").members("P", &["p3"], true).members("P", &["p2"], false).case(
            "hand-over-difference",
            "first who is gone, then who is new",
            &["M-24"],
        ),
        live().finished("P").begins("P").members("P", &["p3"], true).given_up("P").join("p3").case(
            "hand-over-broken",
            "the newer lane breaks within its list: those who were kept are gone",
            &["M-22", "M-25"],
        ),
        live()
            .finished("P")
            .begins("P")
            .members("P", &["p1", "p3"], true)
            .finished("P")
            .begins("P")
            .members("P", &["p1", "p2"], false)
            .case("hand-over-twice", "a second hand-over within the list of the first", &["M-21", "M-24"]),
        live().finished("P").join("p1").join("l2").expired("P").join("p1").case(
            "hand-over-join",
            "who is kept still has its id, until it is gone",
            &["M-21"],
        ),
        live().finished("P").begins("P").members("P", &[], false).case(
            "hand-over-to-none",
            "an empty list: all who were kept are gone",
            &["M-24"],
        ),
    ];
    cases.into_iter().map(|case| case.flag("HandOver")).collect()
}

fn several() -> Vec<Case> {
    let both = || live().begins("Q").members("Q", &["q1"], false);
    let cases = vec![
        both().says("Q", "q1").parts("P", "p1").given_up("Q").says("P", "p2").case(
            "two",
            "what happens to one does not touch the other",
            &["M-22"],
        ),
        live().given_up("P").begins("Q").members("Q", &["p1"], false).case(
            "id-moves",
            "an id that is free may be another instance's",
            &["M-12"],
        ),
        both().joins("Q", "p1").given_up("Q").case("foreign-join", "Q announces a peer of P", &["M-12", "M-13"]),
        both().says("Q", "p1").given_up("Q").case("foreign-source", "Q speaks for a peer of P", &["M-12", "M-13"]),
        both().parts("Q", "p1").given_up("Q").case("foreign-part", "Q lets a peer of P go", &["M-12", "M-13"]),
        live().begins("Q").members("Q", &["q1", "p2"], false).given_up("Q").case(
            "foreign-list",
            "Q lists a peer of P: nothing of the list is told",
            &["M-12", "M-13"],
        ),
        live().begins("Q").members("Q", &["q1"], true).joins("P", "q1").given_up("P").members("Q", &[], false).case(
            "foreign-while-listed",
            "a peer of an incomplete list is spoken for",
            &["M-12", "M-13"],
        ),
    ];
    cases.into_iter().map(|case| case.flag("SeveralInstances")).collect()
}

fn faults() -> Vec<Case> {
    let listing = || Trace::new().join("l1").begins("P");
    vec![
        live().joins("P", "p1").given_up("P").case("join-twice", "a peer joins that is there", &["M-9", "M-13"]),
        live().parts("P", "p3").given_up("P").case("part-nobody", "a peer parts that is not there", &["M-10", "M-13"]),
        live().parts("P", "p1").parts("P", "p1").given_up("P").case(
            "part-twice",
            "a peer parts twice",
            &["M-10", "M-13"],
        ),
        live().says("P", "p3").given_up("P").case(
            "source-nobody",
            "a peer speaks that is not there",
            &["M-10", "M-13"],
        ),
        live().parts("P", "p1").says("P", "p1").given_up("P").case(
            "source-gone",
            "a peer speaks after its Part",
            &["M-11", "M-13"],
        ),
        live().tells("P", "p3", "l1").given_up("P").case(
            "direct-source-nobody",
            "the same with a direct message",
            &["M-10", "M-13"],
        ),
        live().joins("P", "l1").given_up("P").case(
            "join-local",
            "P announces a client of this proxy",
            &["M-12", "M-13"],
        ),
        live().says("P", "l1").given_up("P").case(
            "source-local",
            "P speaks for a client of this proxy",
            &["M-12", "M-13"],
        ),
        listing().members("P", &["l1"], false).given_up("P").case(
            "list-local",
            "P lists a client of this proxy",
            &["M-12", "M-13"],
        ),
        listing().members("P", &["p1", "p1"], false).given_up("P").case(
            "listed-twice",
            "a peer twice in one frame",
            &["M-7", "M-13"],
        ),
        listing().members("P", &["p1"], true).members("P", &["p2", "p1"], false).given_up("P").case(
            "listed-twice-later",
            "a peer twice in one list",
            &["M-7", "M-13"],
        ),
        live().members("P", &["p3"], false).given_up("P").case(
            "second-list",
            "a list when it is complete",
            &["M-8", "M-13"],
        ),
        live().members("P", &[], false).given_up("P").case("second-list-empty", "an empty one too", &["M-8", "M-13"]),
        listing().joins("P", "p1").given_up("P").case("join-before-list", "Join before the list", &["M-7", "M-13"]),
        listing().says("P", "p1").given_up("P").case(
            "broadcast-before-list",
            "Broadcast before the list",
            &["M-7", "M-13"],
        ),
        listing().members("P", &["p1"], true).says("P", "p1").given_up("P").case(
            "broadcast-in-list",
            "Broadcast of a listed peer before the list is complete",
            &["M-7", "M-13"],
        ),
        listing().members("P", &["p1"], true).parts("P", "p1").given_up("P").case(
            "part-in-list",
            "Part of a listed peer before the list is complete",
            &["M-7", "M-13"],
        ),
        live()
            .finished("P")
            .begins("P")
            .says("P", "p1")
            .given_up("P")
            .case(
                "kept-speaks-early",
                "a kept peer speaks before the newer list is complete: it is gone with the link",
                &["M-7", "M-13", "M-22"],
            )
            .flag("HandOver"),
    ]
}
