//! The control lane: round trips, and each field that can be wrong.

use super::*;
use crate::{
    ids::{ChannelId, InstanceId},
    limits::{
        MAX_AGENT_BYTES, MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, MAX_ELEMENTS, MAX_FRAME_BYTES_CEILING,
        MAX_HELLO_FRAME_BYTES, MAX_REASON_BYTES, MIN_FRAME_BYTES,
    },
};
use proto::control::Body;
use std::time::Duration;

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    prop::collection::vec(any::<Tag>(), 0..40)
}

fn elements() -> impl Strategy<Value = Vec<[u8; 32]>> {
    prop::collection::vec(any::<[u8; 32]>(), 0..40)
}

fn hello() -> impl Strategy<Value = Hello> {
    let capabilities = prop::collection::vec("[a-z-]{1,64}", 0..MAX_CAPABILITIES);
    (any::<[u8; 16]>(), capabilities, "\\PC{0,30}", MIN_FRAME_BYTES..=MAX_FRAME_BYTES_CEILING).prop_map(
        |(id, capabilities, agent, max_frame_bytes)| Hello {
            version: PROTOCOL_VERSION,
            instance_id: InstanceId::from_bytes(id),
            capabilities,
            agent,
            max_frame_bytes,
        },
    )
}

pub(super) fn any_control() -> impl Strategy<Value = Control> {
    prop_oneof![
        hello().prop_map(Control::Hello),
        (any::<u32>(), elements()).prop_map(|(seq, blinded)| Control::Query { seq, blinded }),
        (any::<u32>(), elements(), tags()).prop_map(|(seq, evaluated, offer)| Control::Answer {
            seq,
            evaluated,
            offer
        }),
        tags().prop_map(Control::Offer),
        tags().prop_map(Control::Revoke),
        tags().prop_map(Control::Accept),
        any::<[u8; 8]>().prop_map(|id| Control::Leave(ChannelId::from_bytes(id))),
        (any::<u32>(), any::<u32>())
            .prop_map(|(seq, ms)| Control::Busy { seq, retry_after: Duration::from_millis(u64::from(ms)) }),
        any::<u64>().prop_map(Control::Ping),
        any::<u64>().prop_map(Control::Pong),
        (any::<u32>(), "\\PC{0,60}")
            .prop_map(|(code, reason)| Control::Goodbye { code: LinkCode::from_number(code), reason }),
    ]
}

proptest! {
    #[test]
    fn control_messages_survive_the_wire(message in any_control()) {
        prop_assert_eq!(Control::decode(frame_of(|dst| message.encode(dst))).unwrap(), message);
    }
}

fn decode(body: Body) -> Result<Control, WireError> {
    Control::decode(proto::Control { body: Some(body) }.encode_to_vec().into())
}

fn good_hello() -> proto::Hello {
    proto::Hello {
        version: 1,
        instance_id: Bytes::from_static(&[7; 16]),
        capabilities: vec!["resume".to_owned()],
        agent: "nws/0.1.0".to_owned(),
        max_frame_bytes: 1 << 20,
    }
}

fn decode_hello(change: impl FnOnce(&mut proto::Hello)) -> Result<Control, WireError> {
    let mut hello = good_hello();
    change(&mut hello);
    decode(Body::Hello(hello))
}

#[test]
fn a_good_hello_is_read() {
    assert!(matches!(
        decode_hello(|_| ()),
        Ok(Control::Hello(Hello { version: 1, max_frame_bytes: 1_048_576, agent, .. })) if agent == "nws/0.1.0"
    ));
}

#[test]
fn another_version_is_told_before_anything_else() {
    for version in [0, 2, u32::MAX] {
        let error = decode_hello(|hello| {
            hello.version = version;
            hello.max_frame_bytes = 0;
        });
        assert!(matches!(error, Err(WireError::Version(told)) if told == version));
    }
}

#[test]
fn instance_ids_have_sixteen_bytes() {
    for length in [0, 15, 17] {
        let error = decode_hello(|hello| hello.instance_id = vec![1; length].into());
        assert!(
            matches!(error, Err(WireError::BadLength { field: "instance_id", length: told, unit: 16 }) if told == length)
        );
    }
}

#[test]
fn capabilities_are_limited_in_number_and_length() {
    assert!(
        decode_hello(|hello| hello.capabilities = vec!["c".repeat(MAX_CAPABILITY_BYTES); MAX_CAPABILITIES]).is_ok()
    );
    let error = decode_hello(|hello| hello.capabilities = vec!["c".to_owned(); MAX_CAPABILITIES + 1]);
    assert!(matches!(error, Err(WireError::TooMany { field: "capabilities", count: 33, limit: 32 })));
    let error = decode_hello(|hello| hello.capabilities = vec!["c".repeat(MAX_CAPABILITY_BYTES + 1)]);
    assert!(matches!(error, Err(WireError::TooLong { field: "capabilities", length: 65, limit: 64 })));
    assert!(matches!(decode_hello(|hello| hello.capabilities.push(String::new())), Err(WireError::EmptyCapability)));
}

#[test]
fn the_agent_is_limited_in_bytes() {
    assert!(decode_hello(|hello| hello.agent = "é".repeat(MAX_AGENT_BYTES / 2)).is_ok());
    let error = decode_hello(|hello| hello.agent = "a".repeat(MAX_AGENT_BYTES + 1));
    assert!(matches!(error, Err(WireError::TooLong { field: "agent", length: 129, limit: 128 })));
}

#[test]
fn the_frame_limit_asked_for_has_a_range() {
    for good in [MIN_FRAME_BYTES, MAX_FRAME_BYTES_CEILING] {
        assert!(decode_hello(|hello| hello.max_frame_bytes = good as u32).is_ok());
    }
    for bad in [0, MIN_FRAME_BYTES as u32 - 1, MAX_FRAME_BYTES_CEILING as u32 + 1, u32::MAX] {
        let error = decode_hello(|hello| hello.max_frame_bytes = bad);
        assert!(matches!(error, Err(WireError::FrameLimit(told)) if told == bad));
    }
}

#[test]
fn the_largest_hello_and_the_largest_matching_messages_fit_their_frames() {
    let largest = Control::Hello(Hello {
        version: 1,
        instance_id: InstanceId::from_bytes([1; 16]),
        capabilities: vec!["c".repeat(MAX_CAPABILITY_BYTES); MAX_CAPABILITIES],
        agent: "a".repeat(MAX_AGENT_BYTES),
        max_frame_bytes: MAX_FRAME_BYTES_CEILING,
    });
    assert!(frame_of(|dst| largest.encode(dst)).len() <= MAX_HELLO_FRAME_BYTES);
    let answer =
        Control::Answer { seq: u32::MAX, evaluated: vec![[1; 32]; MAX_ELEMENTS], offer: vec![[2; 16]; MAX_ELEMENTS] };
    assert!(frame_of(|dst| answer.encode(dst)).len() <= MIN_FRAME_BYTES);
}

#[test]
fn elements_and_tags_come_out_even_and_are_limited() {
    let bytes = |length: usize| Bytes::from(vec![1; length]);
    let query = |length| decode(Body::Query(proto::Query { seq: 1, blinded: bytes(length) }));
    let evaluated =
        |length| decode(Body::Answer(proto::Answer { seq: 1, evaluated: bytes(length), offer: Bytes::new() }));
    let offered =
        |length| decode(Body::Answer(proto::Answer { seq: 1, evaluated: Bytes::new(), offer: bytes(length) }));
    let offer = |length| decode(Body::Offer(proto::Offer { tags: bytes(length) }));
    let revoke = |length| decode(Body::Revoke(proto::Revoke { tags: bytes(length) }));
    let accept = |length| decode(Body::Accept(proto::Accept { tags: bytes(length) }));
    type Case<'a> = &'a dyn Fn(usize) -> Result<Control, WireError>;
    let cases: [(&str, usize, Case<'_>); 6] = [
        ("blinded", 32, &query),
        ("evaluated", 32, &evaluated),
        ("offer", 16, &offered),
        ("tags", 16, &offer),
        ("tags", 16, &revoke),
        ("tags", 16, &accept),
    ];
    for (name, size, case) in cases {
        assert!(case(0).is_ok() && case(size).is_ok() && case(size * MAX_ELEMENTS).is_ok(), "{name}");
        for length in [1, size - 1, size + 1, size * MAX_ELEMENTS + 1] {
            let error = case(length);
            assert!(
                matches!(error, Err(WireError::BadLength { field, length: told, unit }) if field == name && told == length && unit == size)
            );
        }
        assert!(matches!(
            case(size * (MAX_ELEMENTS + 1)),
            Err(WireError::TooMany { field, count: 1025, limit: 1024 }) if field == name
        ));
    }
}

#[test]
fn channel_ids_have_eight_bytes() {
    for length in [0, 7, 9, 16] {
        let error = decode(Body::Leave(proto::Leave { channel_id: vec![1; length].into() }));
        assert!(matches!(error, Err(WireError::BadLength { field: "channel_id", unit: 8, .. })));
    }
}

#[test]
fn reasons_are_cut_when_sent_and_refused_when_too_long() {
    let long = Control::Goodbye { code: LinkCode::GoingAway, reason: "r".repeat(1000) };
    let Ok(Control::Goodbye { code: LinkCode::GoingAway, reason }) = Control::decode(frame_of(|dst| long.encode(dst)))
    else {
        panic!("a Goodbye")
    };
    assert_eq!(reason.len(), MAX_REASON_BYTES);
    let error = decode(Body::Goodbye(proto::Goodbye { code: 1, reason: "r".repeat(MAX_REASON_BYTES + 1) }));
    assert!(matches!(error, Err(WireError::TooLong { field: "reason", length: 257, limit: 256 })));
}

#[test]
fn a_waiting_time_saturates() {
    let busy = Control::Busy { seq: 1, retry_after: Duration::MAX };
    let told = Control::decode(frame_of(|dst| busy.encode(dst))).unwrap();
    assert_eq!(told, Control::Busy { seq: 1, retry_after: Duration::from_millis(u64::from(u32::MAX)) });
}

#[test]
fn no_body_an_unknown_body_and_garbage_are_refused() {
    assert!(matches!(Control::decode(Bytes::new()), Err(WireError::NoBody)));
    // Field 12, which no version has yet, with an empty message in it.
    assert!(matches!(Control::decode(Bytes::from_static(&[12 << 3 | 2, 0])), Err(WireError::NoBody)));
    for garbage in [&[0xff][..], &[0x0a, 0x05, 0x08], &[0x08, 0x01], b"GET / HTTP/1.1\r\n"] {
        assert!(Control::decode(Bytes::from_static(garbage)).is_err(), "{garbage:?}");
    }
    // A reason that is not UTF-8.
    let goodbye = [11 << 3 | 2, 3, 2 << 3 | 2, 1, 0xff];
    assert!(matches!(Control::decode(Bytes::copy_from_slice(&goodbye)), Err(WireError::NotProtobuf(_))));
}

#[test]
fn unknown_fields_are_ignored() {
    // Ping { nonce: 5 } with a field 9, and a field 20 beside the body.
    let frame = [9 << 3 | 2, 4, 1 << 3, 5, 9 << 3, 1, 0xa0, 0x01, 0x07];
    assert_eq!(Control::decode(Bytes::copy_from_slice(&frame)).unwrap(), Control::Ping(5));
}
