//! Data lanes: round trips, each field that can be wrong, and the bytes written by hand.

use super::*;
use crate::{ids::ChannelId, limits::MAX_MEMBERS_PER_FRAME};
use proto::data::Body;

fn payload() -> impl Strategy<Value = Payload> {
    let json = prop_oneof![Just(""), Just("null"), Just(r#" {"a": [1, 2e400, "\ud800"]} "#), Just("\"é\"")];
    prop_oneof![
        json.prop_map(|text| Payload::Json(Bytes::from_static(text.as_bytes()))),
        "\\PC{0,300}".prop_map(|text| Payload::Text(text.into())),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Payload::Binary(bytes.into())),
    ]
}

pub(super) fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        any::<[u8; 8]>().prop_map(|id| Data::Open(ChannelId::from_bytes(id))),
        (peers(40), any::<bool>()).prop_map(|(peers, more)| Data::Members { peers, more }),
        peer().prop_map(Data::Join),
        peer().prop_map(Data::Part),
        (peer(), payload()).prop_map(|(source, payload)| Data::Broadcast { source, payload }),
        (peer(), peer(), payload()).prop_map(|(source, target, payload)| Data::Direct { source, target, payload }),
        (peer(), peer()).prop_map(|(source, target)| Data::Undeliverable { source, target }),
    ]
}

fn proto_kind(kind: Kind) -> i32 {
    match kind {
        Kind::Json => proto::Kind::Json.into(),
        Kind::Text => proto::Kind::Text.into(),
        Kind::Binary => proto::Kind::Binary.into(),
    }
}

fn id(peer: PeerId) -> Bytes {
    Bytes::copy_from_slice(peer.as_bytes())
}

fn prost_bytes(body: Body) -> Vec<u8> {
    proto::Data { body: Some(body) }.encode_length_delimited_to_vec()
}

proptest! {
    #[test]
    fn data_messages_survive_the_wire(message in any_data()) {
        prop_assert_eq!(Data::decode(frame_of(|dst| message.encode(dst))).unwrap(), message);
    }
}

/// Around each length at which a prefix takes one byte more, for each kind.
#[test]
fn bytes_written_by_hand_are_those_of_prost() {
    let (source, target) = (PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16]));
    let around = [128usize, 16_384, 2_097_152].into_iter().flat_map(|edge| edge - 64..edge + 8);
    for length in (0..3).chain(around) {
        let data = vec![b'x'; length];
        for kind in [Kind::Json, Kind::Text, Kind::Binary] {
            let mut ours = BytesMut::new();
            put_broadcast(&mut ours, source, kind, &data);
            let broadcast = proto::Broadcast { source: id(source), kind: proto_kind(kind), data: data.clone().into() };
            assert!(ours == prost_bytes(Body::Broadcast(broadcast)), "broadcast of {length} bytes, {kind:?}");

            let mut ours = BytesMut::new();
            put_direct(&mut ours, source, target, kind, &data);
            let direct = proto::Direct {
                source: id(source),
                target: id(target),
                kind: proto_kind(kind),
                data: data.clone().into(),
            };
            assert!(ours == prost_bytes(Body::Direct(direct)), "direct of {length} bytes, {kind:?}");
        }
    }
}

#[test]
fn an_empty_json_broadcast_is_only_its_source() {
    let mut wire = BytesMut::new();
    put_broadcast(&mut wire, PeerId::from_bytes([9; 16]), Kind::Json, b"");
    let mut expected = vec![20, 0x2a, 18, 0x0a, 16];
    expected.extend([9; 16]);
    assert_eq!(wire, expected);
}

/// Reading by hand and by prost agree: the same message with a field 20 beside the body, which prost alone reads.
#[test]
fn both_ways_of_reading_agree() {
    let peer = PeerId::from_bytes([3; 16]);
    let large = format!("\"{}\"", "x".repeat(300));
    for data in ["", "1", " [1] ", "wrong", &large, &"[".repeat(20_000)] {
        for kind in 0..5u8 {
            for body in [
                Body::Broadcast(proto::Broadcast { source: id(peer), kind: kind.into(), data: data.to_owned().into() }),
                Body::Direct(proto::Direct {
                    source: id(peer),
                    target: id(peer),
                    kind: kind.into(),
                    data: data.to_owned().into(),
                }),
            ] {
                let plain = proto::Data { body: Some(body) }.encode_to_vec();
                assert!(payload::read_head(&plain).is_some());
                let mut decorated = plain.clone();
                decorated.extend([0xa0, 0x01, 0x07]);
                assert!(payload::read_head(&decorated).is_none());
                match (Data::decode(plain.into()), Data::decode(decorated.into())) {
                    (Ok(by_hand), Ok(by_prost)) => assert_eq!(by_hand, by_prost),
                    (Err(by_hand), Err(by_prost)) => assert_eq!(by_hand.to_string(), by_prost.to_string()),
                    (by_hand, by_prost) => panic!("{by_hand:?} but {by_prost:?}"),
                }
            }
        }
    }
}

proptest! {
    /// What the hand accepts, prost accepts and reads in the same way.
    #[test]
    fn the_hand_reads_nothing_that_prost_does_not(
        message in any_data(),
        damage in prop::collection::vec((0usize..60, any::<u8>()), 0..4),
    ) {
        let mut bytes = frame_of(|dst| message.encode(dst)).to_vec();
        for (at, byte) in damage {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if let Some(head) = payload::read_head(&bytes) {
            let (source, target, kind, data) = match proto::Data::decode(&*bytes).unwrap().body.unwrap() {
                Body::Broadcast(said) => (said.source, None, said.kind, said.data),
                Body::Direct(said) => (said.source, Some(said.target), said.kind, said.data),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(source, id(head.source));
            prop_assert_eq!(target, head.target.map(id));
            prop_assert_eq!(kind, head.kind);
            prop_assert_eq!(&data[..], &bytes[head.bytes..]);
        }
    }
}

fn decode(body: Body) -> Result<Data, WireError> {
    Data::decode(proto::Data { body: Some(body) }.encode_to_vec().into())
}

fn decode_payload(kind: i32, data: &[u8]) -> Result<Payload, WireError> {
    let source = Bytes::from_static(&[1; 16]);
    let data = Bytes::copy_from_slice(data);
    let broadcast = proto::Broadcast { source: source.clone(), kind, data: data.clone() };
    let direct = proto::Direct { source: source.clone(), target: source, kind, data };
    match (decode(Body::Broadcast(broadcast)), decode(Body::Direct(direct))) {
        (Ok(Data::Broadcast { payload, .. }), Ok(Data::Direct { payload: same, .. })) => {
            assert_eq!(payload, same);
            Ok(payload)
        }
        (Err(error), Err(same)) => {
            assert_eq!(error.to_string(), same.to_string());
            Err(error)
        }
        (broadcast, direct) => panic!("{broadcast:?} but {direct:?}"),
    }
}

#[test]
fn ids_have_their_length() {
    let good = Bytes::from_static(&[1; 16]);
    for length in [0usize, 8, 15, 17, 32] {
        let bad = Bytes::from(vec![1; length]);
        let cases = [
            ("peer_id", Body::Join(proto::Join { peer_id: bad.clone() })),
            ("peer_id", Body::Part(proto::Part { peer_id: bad.clone() })),
            ("source", Body::Broadcast(proto::Broadcast { source: bad.clone(), ..Default::default() })),
            ("source", Body::Direct(proto::Direct { source: bad.clone(), target: good.clone(), ..Default::default() })),
            ("target", Body::Direct(proto::Direct { source: good.clone(), target: bad.clone(), ..Default::default() })),
            ("source", Body::Undeliverable(proto::Undeliverable { source: bad.clone(), target: good.clone() })),
            ("target", Body::Undeliverable(proto::Undeliverable { source: good.clone(), target: bad.clone() })),
        ];
        for (name, body) in cases {
            let error = decode(body).unwrap_err();
            assert!(
                matches!(error, WireError::BadLength { field, length: told, unit: 16 } if field == name && told == length),
                "{name} of {length}: {error}"
            );
        }
    }
    for length in [0, 7, 9] {
        let error = decode(Body::Open(proto::Open { channel_id: vec![1; length].into() }));
        assert!(matches!(error, Err(WireError::BadLength { field: "channel_id", unit: 8, .. })));
    }
}

#[test]
fn member_lists_come_out_even_and_are_limited() {
    let members =
        |length: usize| decode(Body::Members(proto::Members { peer_ids: vec![1; length].into(), more: false }));
    assert!(members(0).is_ok() && members(16 * MAX_MEMBERS_PER_FRAME).is_ok());
    for length in [1, 15, 17] {
        assert!(matches!(members(length), Err(WireError::BadLength { field: "peer_ids", unit: 16, .. })));
    }
    assert!(matches!(
        members(16 * (MAX_MEMBERS_PER_FRAME + 1)),
        Err(WireError::TooMany { field: "peer_ids", count: 2049, limit: 2048 })
    ));
}

#[test]
fn long_member_lists_take_several_frames() {
    for count in [0, 1, MAX_MEMBERS_PER_FRAME, MAX_MEMBERS_PER_FRAME + 1, 3 * MAX_MEMBERS_PER_FRAME] {
        let all: Vec<_> = (0..count as u128).map(|n| PeerId::from_bytes(n.to_be_bytes())).collect();
        let mut told = vec![];
        let frames: Vec<_> = Data::members(&all).collect();
        for (n, frame) in frames.iter().enumerate() {
            let Ok(Data::Members { peers, more }) = Data::decode(frame_of(|dst| frame.encode(dst))) else {
                panic!("members")
            };
            assert_eq!(more, n + 1 < frames.len());
            told.extend(peers);
        }
        assert_eq!(told, all);
        assert_eq!(frames.len(), count.div_ceil(MAX_MEMBERS_PER_FRAME).max(1));
    }
}

#[test]
fn json_payloads_are_one_value_kept_byte_for_byte() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for json in [
        "",
        "null",
        " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
        "1e400",
        "-0",
        "123456789012345678901234567890",
        r#""\ud800 \u0000 \/ é""#,
        r#"{"a":1,"a":2}"#,
        &deep,
    ] {
        assert_eq!(decode_payload(0, json.as_bytes()).unwrap(), Payload::Json(Bytes::copy_from_slice(json.as_bytes())));
    }
    for bad in [
        &b" "[..],
        b"nul",
        b"{}{}",
        b"1 2",
        b"{\"a\":}",
        b"[1,]",
        b"\"open",
        b"\"\n\"",
        b"\"\xff\"",
        b"\xef\xbb\xbf1",
        b"01",
        b"NaN",
        b"{a:1}",
        b"null}",
        b"1,\"x\":2",
        b"null\0",
        &deep.as_bytes()[1..],
    ] {
        assert!(matches!(decode_payload(0, bad), Err(WireError::NotJson)), "{}", String::from_utf8_lossy(bad));
    }
}

#[test]
fn text_payloads_are_utf8_and_binary_is_anything() {
    assert_eq!(decode_payload(1, "é".as_bytes()).unwrap(), Payload::Text("é".into()));
    assert_eq!(decode_payload(1, b"").unwrap(), Payload::Text(Bytes::new()));
    assert_eq!(decode_payload(2, b"\xff\0").unwrap(), Payload::Binary(Bytes::from_static(b"\xff\0")));
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80"] {
        assert!(matches!(decode_payload(1, bad), Err(WireError::NotUtf8)));
    }
}

#[test]
fn unknown_kinds_are_refused() {
    for kind in [3, -1, i32::MAX, i32::MIN] {
        assert!(matches!(decode_payload(kind, b""), Err(WireError::UnknownKind(told)) if told == kind));
    }
}

#[test]
fn no_body_an_unknown_body_and_garbage_are_refused() {
    assert!(matches!(Data::decode(Bytes::new()), Err(WireError::NoBody)));
    assert!(matches!(Data::decode(Bytes::from_static(&[8 << 3 | 2, 0])), Err(WireError::NoBody)));
    for garbage in [&[0xff][..], &[0x2a, 0x05, 0x0a], &[0x28, 0x01], b"{\"action\":\"status\"}"] {
        assert!(Data::decode(Bytes::from_static(garbage)).is_err(), "{garbage:?}");
    }
}

#[test]
fn unknown_fields_are_ignored_and_fields_may_come_in_any_order() {
    let mut frame = vec![];
    // Broadcast { data: "1", kind: JSON, an unknown field 9, source }, and a field 20 beside the body.
    frame.extend([5 << 3 | 2, 25, 3 << 3 | 2, 1, b'1', 2 << 3, 0, 9 << 3, 1, 1 << 3 | 2, 16]);
    frame.extend([4; 16]);
    frame.extend([0xa0, 0x01, 0x07]);
    let expected =
        Data::Broadcast { source: PeerId::from_bytes([4; 16]), payload: Payload::Json(Bytes::from_static(b"1")) };
    assert_eq!(Data::decode(frame.into()).unwrap(), expected);
}

#[test]
fn payloads_share_the_frames_memory() {
    let mut wire = BytesMut::new();
    put_broadcast(&mut wire, PeerId::from_bytes([1; 16]), Kind::Binary, &[7; 1000]);
    let frame = FrameCodec::new(1 << 20).decode(&mut wire).unwrap().unwrap();
    let range = frame.as_ptr_range();
    let Ok(Data::Broadcast { payload, .. }) = Data::decode(frame) else { panic!("a broadcast") };
    assert!(range.contains(&payload.bytes().as_ptr()));
}
