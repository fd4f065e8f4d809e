//! The cores without IO: one by one, and both ends against a model of a relay in which the server's connection is lost again and
//! again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod model;
mod simulation;

use super::*;
use bytes::Bytes;
use nws_protocol::relay::{Asked, Request, binary_head};

/// What the core wants to write, as text.
fn written(end: &mut impl End) -> Vec<String> {
    std::iter::from_fn(|| end.frame())
        .map(|frame| match frame {
            Frame::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            Frame::Binary(bytes) => format!("binary {}", bytes.len()),
        })
        .collect()
}

fn effects(end: &mut impl End) -> Vec<Effect> {
    std::iter::from_fn(|| end.effect()).collect()
}

fn frame(channel: u64, payload: &[u8]) -> Bytes {
    [&binary_head(channel)[..], payload].concat().into()
}

const WELCOME: &str = r#"{"type":"welcome","window":100,"message_bytes":1000,"grace_ms":30000}"#;

/// A server with the channel 7 open.
fn serving() -> Serving {
    let mut core = Serving::new(None);
    core.connected();
    core.text(WELCOME).unwrap();
    assert_eq!(written(&mut core), [r#"{"type":"register","id":1}"#]);
    core.text(r#"{"type":"registered","id":1,"server":3,"credential":"55"}"#).unwrap();
    assert_eq!(effects(&mut core), [Effect::Registered { server: 3 }]);
    core.text(r#"{"type":"connected","channel":7,"server":3,"port":80,"address":"::1"}"#).unwrap();
    assert_eq!(effects(&mut core), [Effect::Asked { channel: 7, port: 80, address: "::1".to_owned() }]);
    assert!(core.accept(7));
    assert_eq!(written(&mut core), [r#"{"type":"accept","id":2,"channel":7}"#]);
    core.text(r#"{"type":"done","id":2}"#).unwrap();
    core
}

#[test]
fn what_the_relay_has_not_received_is_sent_again_after_a_resumption() {
    let mut core = serving();
    core.data(7, frame(7, b"one"));
    core.data(7, frame(7, b"three"));
    assert_eq!(written(&mut core).len(), 2);
    core.text(r#"{"type":"data","channel":7,"data":"h\u00e9"}"#).unwrap();
    assert_eq!(effects(&mut core), [Effect::Deliver { channel: 7, data: "hé".into() }]);
    core.lost();
    core.taken(7, 19);
    core.finish(7);
    assert!(written(&mut core).is_empty());
    core.connected();
    core.text(WELCOME).unwrap();
    assert_eq!(
        written(&mut core),
        [concat!(
            r#"{"type":"resume","id":3,"server":3,"credential":"55","#,
            r#""channels":[{"channel":7,"received":1,"consumed":19}]}"#
        )]
    );
    let resumed = r#"{"type":"resumed","id":3,"server":3,"channels":[{"channel":7,"received":1,"consumed":19}]}"#;
    core.text(resumed).unwrap();
    assert_eq!(written(&mut core), ["binary 13", r#"{"type":"finish","channel":7}"#]);
    assert_eq!(effects(&mut core), [Effect::Credit { channel: 7, limit: 119 }, Effect::Resumed { server: 3 }]);
}

#[test]
fn a_relay_that_asks_for_what_nobody_keeps_loses_the_channel_only() {
    let mut core = serving();
    core.data(7, frame(7, b"one"));
    core.lost();
    core.connected();
    core.text(WELCOME).unwrap();
    written(&mut core);
    let resumed = r#"{"type":"resumed","id":3,"server":3,"channels":[{"channel":7,"received":2,"consumed":0}]}"#;
    core.text(resumed).unwrap();
    assert!(written(&mut core)[0].starts_with(r#"{"type":"close","channel":7,"status":4000"#));
    assert!(matches!(effects(&mut core)[0], Effect::Over { channel: 7, ending: Ending::Reset(_) }));
    assert!(core.is_online() && core.is_idle());
}

#[test]
fn a_channel_that_ended_meanwhile_is_complete_only_if_all_of_it_arrived() {
    for (finished, complete) in [(false, false), (true, true)] {
        let mut core = serving();
        if finished {
            core.text(r#"{"type":"finished","channel":7}"#).unwrap();
            assert_eq!(effects(&mut core), [Effect::DeliverEnd { channel: 7 }]);
        }
        core.lost();
        core.connected();
        core.text(WELCOME).unwrap();
        core.text(r#"{"type":"resumed","id":3,"server":3,"channels":[]}"#).unwrap();
        let Effect::Over { channel: 7, ending } = &effects(&mut core)[0] else { panic!("not over") };
        assert_eq!(*ending == Ending::Complete, complete);
    }
}

#[test]
fn a_server_that_the_relay_has_forgotten_is_a_new_one_and_its_channels_are_over() {
    let mut core = serving();
    core.lost();
    core.connected();
    core.text(WELCOME).unwrap();
    written(&mut core);
    core.text(r#"{"type":"error","id":3,"code":"bad_credential","message":"no"}"#).unwrap();
    assert!(matches!(effects(&mut core)[..], [Effect::Over { channel: 7, .. }, Effect::Forgotten]));
    assert_eq!(written(&mut core), [r#"{"type":"register","id":4}"#]);
    core.text(r#"{"type":"registered","id":4,"server":9,"credential":"66"}"#).unwrap();
    assert_eq!(effects(&mut core), [Effect::Registered { server: 9 }]);
    assert_eq!(core.identity().unwrap().server, 9);
}

#[test]
fn a_target_that_answers_while_the_relay_is_away_is_taken_all_the_same() {
    // Before `resume` is written: being listed accepts it. Between `resume` and its answer: it is said after that.
    for late in [false, true] {
        let mut core = serving();
        core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
        core.lost();
        effects(&mut core);
        let answered = |core: &mut Serving| {
            assert!(core.accept(8));
            core.data(8, frame(8, b"hello"));
        };
        if !late {
            answered(&mut core);
        }
        core.connected();
        core.text(WELCOME).unwrap();
        assert_eq!(written(&mut core)[0].contains(r#""channel":8"#), !late);
        if late {
            answered(&mut core);
        }
        let eight = if late { "" } else { r#",{"channel":8,"received":0,"consumed":0}"# };
        core.text(&format!(
            r#"{{"type":"resumed","id":3,"server":3,"channels":[{{"channel":7,"received":0,"consumed":0}}{eight}]}}"#
        ))
        .unwrap();
        // Asked again, as a relay does for what it has no answer for.
        core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
        assert!(!effects(&mut core).iter().any(|effect| matches!(effect, Effect::Asked { .. })));
        let said = written(&mut core);
        let accepts: &[&str] = if late { &[r#"{"type":"accept","id":4,"channel":8}"#] } else { &[] };
        assert_eq!(said[..said.len() - 1], *accepts);
        assert_eq!(said[said.len() - 1], "binary 13");
    }
}

#[test]
fn a_client_that_has_left_before_it_was_taken_is_let_go_of() {
    let mut core = serving();
    core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
    core.text(r#"{"type":"disconnected","channel":8,"code":"gone"}"#).unwrap();
    assert!(matches!(effects(&mut core)[1], Effect::Over { channel: 8, .. }));
    assert!(!core.accept(8));
    // It may leave just then.
    core.text(r#"{"type":"connected","channel":9,"server":3,"port":80,"address":"::1"}"#).unwrap();
    assert!(core.accept(9));
    effects(&mut core);
    core.text(r#"{"type":"error","id":3,"code":"unknown_channel","message":"no","channel":9}"#).unwrap();
    assert!(matches!(effects(&mut core)[0], Effect::Over { channel: 9, .. }));
}

#[test]
fn only_an_end_in_good_order_is_complete() {
    for (end, is_complete) in [
        (r#""finished""#, true),
        (r#""closed","status":1000"#, true),
        // As a page says that calls `close()`.
        (r#""closed""#, true),
        (r#""closed","status":3000"#, false),
        (r#""closed","status":4000,"reason":"reset""#, false),
        (r#""gone""#, false),
        (r#""timeout""#, false),
        (r#""idle""#, false),
        (r#""flow_control""#, false),
        (r#""text_only""#, false),
        (r#""shutdown""#, false),
    ] {
        let mut core = serving();
        core.text(&format!(r#"{{"type":"disconnected","channel":7,"code":{end}}}"#)).unwrap();
        let Effect::Over { channel: 7, ending } = &effects(&mut core)[0] else { panic!("{end}") };
        assert_eq!(*ending == Ending::Complete, is_complete, "{end}");
    }
}

#[test]
fn an_end_that_leaves_says_that_its_channels_are_cut_off() {
    let mut core = serving();
    core.data(7, frame(7, b"half"));
    core.leave();
    assert!(matches!(effects(&mut core)[..], [Effect::Over { channel: 7, ending: Ending::Reset(_) }]));
    let said = written(&mut core);
    assert_eq!(said[0], "binary 12");
    assert!(said[1].starts_with(r#"{"type":"close","channel":7,"status":4000"#), "{said:?}");
    assert!(core.is_idle());
}

#[test]
fn whoever_is_dialled_for_a_relay_that_has_forgotten_it_is_let_go_of() {
    let mut core = serving();
    let asked = r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#;
    core.text(asked).unwrap();
    core.lost();
    effects(&mut core);
    core.grace_passed();
    assert!(matches!(effects(&mut core)[..], [Effect::Over { channel: 7, .. }, Effect::Over { channel: 8, .. }]));
    assert!(!core.accept(8) && core.is_idle());
}

/// The relay keeps what `resume` lists: unless it is told, it takes a client's data for a channel that nobody has, for ever.
#[test]
fn what_ends_while_the_resumption_is_under_way_is_closed_after_it() {
    let ends: [fn(&mut Serving); 2] = [Serving::grace_passed, |core| core.reset(7, "reset")];
    for end in ends {
        let mut core = serving();
        core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
        core.lost();
        core.connected();
        core.text(WELCOME).unwrap();
        assert_eq!(written(&mut core).len(), 1);
        end(&mut core);
        let position = r#"{"channel":7,"received":0,"consumed":0}"#;
        core.text(&format!(r#"{{"type":"resumed","id":3,"server":3,"channels":[{position}]}}"#)).unwrap();
        let said = written(&mut core);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(r#"{"type":"close","channel":7,"status":4000"#), "{said:?}");
    }
}

#[test]
fn whoever_was_taken_before_the_grace_time_passed_is_not_taken_after_it() {
    let mut core = serving();
    core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
    core.lost();
    core.connected();
    core.text(WELCOME).unwrap();
    assert_eq!(written(&mut core).len(), 1);
    assert!(core.accept(8));
    core.grace_passed();
    core.text(r#"{"type":"resumed","id":3,"server":3,"channels":[]}"#).unwrap();
    assert!(written(&mut core).is_empty());
    // The relay has no answer for it, and asks again.
    effects(&mut core);
    core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
    assert!(matches!(effects(&mut core)[..], [Effect::Asked { channel: 8, .. }]));
}

#[test]
fn what_breaks_the_rules_ends_the_channel_and_nothing_else() {
    let data = |bytes: usize| frame(7, &vec![0; bytes]);
    for (messages, words) in
        [(vec![data(100), data(1)], "without credit"), (vec![frame(8, b"x"), frame(u64::MAX, b"y")], "")]
    {
        let mut core = serving();
        for message in messages {
            core.binary(message).unwrap();
        }
        let over = effects(&mut core).into_iter().find_map(|effect| match effect {
            Effect::Over { ending: Ending::Reset(said), .. } => Some(said),
            _ => None,
        });
        assert_eq!(over.as_ref().is_some_and(|said| said.contains(words)), !words.is_empty(), "{over:?}");
        assert!(core.is_online());
    }
    for said in [r#"{"type":"consumed","channel":7,"bytes":1}"#, r#"{"type":"finished","channel":7}"#] {
        let mut core = serving();
        core.text(r#"{"type":"finished","channel":7}"#).unwrap();
        core.text(said).unwrap();
        assert!(matches!(effects(&mut core).last(), Some(Effect::Over { channel: 7, ending: Ending::Reset(_) })));
    }
}

#[test]
fn garbage_ends_the_connection_and_not_the_program() {
    for garbage in ["", "x", "[]", "{}", r#"{"type":"data"}"#, r#"{"type":"welcome"}"#, WELCOME] {
        assert!(serving().text(garbage).is_err(), "{garbage}");
        let mut core = Connecting::new(3);
        core.connected();
        if garbage == WELCOME {
            core.text(WELCOME).unwrap();
        }
        assert!(core.text(garbage).is_err(), "{garbage}");
    }
    assert!(serving().binary(Bytes::from_static(b"short")).is_err());
    let mut core = Serving::new(None);
    core.connected();
    assert!(core.text(r#"{"type":"finished","channel":1}"#).is_err());
    assert!(serving().text(r#"{"type":"new","x":[]}"#).is_ok());
    assert!(matches!(serving().text(r#"{"type":"replaced","server":3}"#), Err(Broken::Replaced)));
}

#[test]
fn wishes_outlive_a_connection_and_channels_do_not() {
    let mut core = Connecting::new(3);
    let first = core.open(80);
    core.connected();
    core.text(WELCOME).unwrap();
    assert_eq!(written(&mut core), [r#"{"type":"connect","id":1,"server":3,"port":80}"#]);
    let second = core.open(81);
    core.text(&format!(r#"{{"type":"connected","id":{first},"channel":7}}"#)).unwrap();
    assert_eq!(effects(&mut core), [Effect::Opened { opening: first, channel: 7 }]);
    core.lost();
    assert!(matches!(effects(&mut core)[..], [Effect::Over { channel: 7, .. }]));
    core.connected();
    core.text(WELCOME).unwrap();
    assert_eq!(written(&mut core), [r#"{"type":"connect","id":2,"server":3,"port":81}"#]);
    let refused = r#"{"type":"error","id":2,"code":"refused","message":"not here"}"#;
    core.text(refused).unwrap();
    assert_eq!(effects(&mut core), [Effect::Failed { opening: second, words: "not here (refused)".to_owned() }]);
    assert!(core.is_idle());
}

#[test]
fn a_channel_that_nobody_waits_for_any_more_is_closed() {
    let mut core = Connecting::new(3);
    core.connected();
    core.text(WELCOME).unwrap();
    let opening = core.open(80);
    core.give_up(opening);
    written(&mut core);
    core.text(r#"{"type":"connected","id":1,"channel":7}"#).unwrap();
    assert!(effects(&mut core).is_empty());
    let said = written(&mut core);
    assert!(matches!(Asked::parse(&said[0]).unwrap().request, Request::Close { channel: 7, .. }));
}

#[test]
fn a_server_that_is_away_is_asked_again() {
    let mut core = Connecting::new(3);
    core.connected();
    core.text(WELCOME).unwrap();
    let opening = core.open(80);
    let asked = [r#"{"type":"connect","id":1,"server":3,"port":80}"#];
    assert_eq!(written(&mut core), asked);
    core.text(r#"{"type":"error","id":1,"code":"server_away","message":"away"}"#).unwrap();
    assert!(effects(&mut core).is_empty() && written(&mut core).is_empty() && !core.is_idle());
    core.ask_again();
    assert_eq!(written(&mut core), asked);
    core.ask_again();
    assert!(written(&mut core).is_empty());
    core.text(r#"{"type":"error","id":1,"code":"server_away","message":"away"}"#).unwrap();
    core.give_up(opening);
    core.ask_again();
    assert!(written(&mut core).is_empty() && core.is_idle());
}

#[test]
fn what_was_taken_and_reset_while_the_resumption_was_under_way_is_asked_again() {
    let mut core = serving();
    core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
    core.lost();
    core.connected();
    core.text(WELCOME).unwrap();
    assert!(core.accept(8));
    core.reset(8, "gone again");
    written(&mut core);
    effects(&mut core);
    let positions = r#"[{"channel":7,"received":0,"consumed":0}]"#;
    core.text(&format!(r#"{{"type":"resumed","id":3,"server":3,"channels":{positions}}}"#)).unwrap();
    assert!(written(&mut core).is_empty());
    core.text(r#"{"type":"connected","channel":8,"server":3,"port":80,"address":"::1"}"#).unwrap();
    assert!(matches!(effects(&mut core).last(), Some(Effect::Asked { channel: 8, .. })));
}
