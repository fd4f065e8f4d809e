//! `ids.json` and `names.json`.

use crate::{array, cases, hex, id, is_valid, text};
use nws_protocol::{ChannelName, InstanceId, PeerId};

#[test]
fn ids_have_one_text_form_and_the_order_of_their_bytes() {
    for case in cases("ids.json") {
        match text(&case["operation"]) {
            "text" => {
                let written = text(&case["text"]);
                let (peer, instance) = (written.parse::<PeerId>(), written.parse::<InstanceId>());
                assert_eq!(peer.is_ok(), is_valid(&case), "{}", id(&case));
                assert_eq!(instance.is_ok(), is_valid(&case), "{}", id(&case));
                if let (Ok(peer), Ok(instance)) = (peer, instance) {
                    assert_eq!(hex(peer.as_bytes()), case["bytes"], "{}", id(&case));
                    assert_eq!(peer.as_bytes(), instance.as_bytes(), "{}", id(&case));
                    assert_eq!((peer.to_string(), instance.to_string()), (written.to_owned(), written.to_owned()));
                }
            }
            "order" => {
                let [a, b] = ["a", "b"].map(|name| InstanceId::from_bytes(array(&case[name])));
                assert_eq!(text(&case["smaller"]), if a < b { "a" } else { "b" }, "{}", id(&case));
            }
            other => panic!("{other}"),
        }
    }
}

/// Paths are read by the gateway.
#[test]
fn names_of_channels() {
    for case in cases("names.json") {
        match text(&case["operation"]) {
            "name" => assert_eq!(ChannelName::new(text(&case["name"])).is_ok(), is_valid(&case), "{}", id(&case)),
            "path" if is_valid(&case) => {
                assert!(ChannelName::new(text(&case["channel"]["name"])).is_ok(), "{}", id(&case));
            }
            "path" => {}
            other => panic!("{other}"),
        }
    }
}
