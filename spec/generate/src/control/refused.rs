//! Frames that are no messages, each with what is wrong with it.

use super::{invalid, taken};
use crate::{
    file::Case,
    json::{Parts, unhex},
};
use bytes::Bytes;
use nws_protocol::{
    LinkCode,
    limits::{
        MAX_AGENT_BYTES, MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, MAX_FRAME_BYTES_CEILING, MAX_REASON_BYTES,
        MIN_FRAME_BYTES,
    },
    wire::proto::{self, control::Body},
};
use prost::Message;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = no_messages();
    cases.extend(wrong_types());
    cases.extend(hellos());
    cases.extend(lists());
    cases.extend(goodbyes());
    cases
}

fn bytes(id: &str, comment: &str, flag: &'static str, reason: &str, frame: &str) -> Case {
    let case = Case::invalid(id, comment, &["L-29"], reason).flag(flag);
    invalid(case, Parts::default().then(unhex(frame)), LinkCode::Malformed)
}

fn no_messages() -> Vec<Case> {
    let body = "a message without a body that is known";
    let cut = "the message is cut off";
    let not = "not a protobuf message";
    vec![
        bytes("empty", "an empty frame", "UnknownBody", body, ""),
        bytes("unknown-body", "a body with the next number", "UnknownBody", body, "6200"),
        bytes("unknown-body-number", "a number where a body may be", "UnknownBody", body, "a00107"),
        bytes("half-key", "a key that goes on, and nothing", "NotProtobuf", cut, "ca"),
        bytes("half-number", "a number that goes on, and nothing", "NotProtobuf", cut, "4a02 0885"),
        bytes("body-too-long", "the body is longer than the frame", "NotProtobuf", cut, "4a05 0805"),
        bytes(
            "field-too-long",
            "a field is longer than its body, though not than the frame",
            "NotProtobuf",
            cut,
            "2203 0a0501 a00107",
        ),
        bytes("no-length", "a body without its length", "NotProtobuf", cut, "4a"),
        bytes("half-fixed", "four bytes of which one is missing", "NotProtobuf", cut, "4a020805 a501010203"),
        bytes("wire-type-6", "a field of a type that there is not", "NotProtobuf", not, "4a020805 a60107"),
        bytes("wire-type-7", "a field of a type that there is not", "NotProtobuf", not, "4a020805 a70107"),
        bytes("field-zero", "a field with the number zero", "NotProtobuf", not, "4a020805 0001"),
        bytes("number-of-11-bytes", "a number in eleven bytes", "NotProtobuf", not, "4a0c 08 8080808080808080808001"),
        bytes("group-open", "a group without an end", "NotProtobuf", not, "4a020805 a301 0801"),
        bytes("group-end-alone", "the end of a group that did not begin", "NotProtobuf", not, "4a020805 a401"),
        bytes("group-end-other", "the end of another group", "NotProtobuf", not, "4a020805 a301 ac01"),
        bytes("json", "text where a message should be", "NotProtobuf", not, "7b2261223a317d"),
    ]
}

fn wrong_types() -> Vec<Case> {
    let reason = "a field of another type than the schema has";
    vec![
        bytes("ping-as-number", "Ping as a number", "WrongType", reason, "4805"),
        bytes("ping-as-fixed", "Ping as four bytes", "WrongType", reason, "4d05000000"),
        bytes("nonce-as-bytes", "Ping.nonce as bytes", "WrongType", reason, "4a03 0a0105"),
        bytes("nonce-as-fixed", "Ping.nonce as eight bytes", "WrongType", reason, "4a09 090500000000000000"),
        bytes("seq-as-bytes", "Busy.seq as bytes", "WrongType", reason, "42 05 0a0107 1064"),
        bytes("tags-as-number", "Offer.tags as a number", "WrongType", reason, "22 02 0801"),
        bytes("channel-id-as-number", "Leave.channel_id as a number", "WrongType", reason, "3a 02 0805"),
        bytes("reason-as-number", "Goodbye.reason as a number", "WrongType", reason, "5a 04 0801 1001"),
        bytes(
            "data-on-control",
            "Open, a message of data lanes: its channel id stands where Hello has its version",
            "WrongType",
            reason,
            "0a0a 0a08 f83b66638d8d8408",
        ),
    ]
}

fn good_hello() -> proto::Hello {
    let hello = taken::hello();
    proto::Hello {
        version: hello.version,
        instance_id: Bytes::copy_from_slice(hello.instance_id.as_bytes()),
        capabilities: hello.capabilities,
        agent: hello.agent,
        max_frame_bytes: u32::try_from(hello.max_frame_bytes).unwrap(),
    }
}

fn encoded(body: Body) -> Parts {
    Parts::default().then(proto::Control { body: Some(body) }.encode_to_vec())
}

fn hellos() -> Vec<Case> {
    let hello = |id, comment, flag, reason, change: &dyn Fn(&mut proto::Hello)| {
        let mut hello = good_hello();
        change(&mut hello);
        let (requirements, code): (&'static [&'static str], _) = match flag {
            "WrongVersion" => (&["L-32"], LinkCode::Version),
            "WrongLength" => (&["L-31", "L-33"], LinkCode::Malformed),
            _ => (&["L-33"], LinkCode::Malformed),
        };
        invalid(Case::invalid(id, comment, requirements, reason).flag(flag), encoded(Body::Hello(hello)), code)
    };
    let version = "no common version of the protocol";
    let id = "an instance id has 16 bytes";
    let text = "text must be UTF-8";
    let capabilities = "at most 32 capabilities of 1 to 64 bytes";
    let frame_limit = "max_frame_bytes is 65536 to 67108864";
    let utf8 = |id, comment, field: &str| {
        let mut frame = good_hello();
        frame.agent.clear();
        let body = [frame.encode_to_vec(), unhex(field)].concat();
        let frame = [&[0x0a, u8::try_from(body.len()).unwrap()], &body[..]].concat();
        let case = Case::invalid(id, comment, &["L-29"], text).flag("NotUtf8");
        invalid(case, Parts::default().then(frame), LinkCode::Malformed)
    };
    vec![
        hello("hello-version-0", "no version, which is version 0", "WrongVersion", version, &|hello| hello.version = 0),
        hello("hello-version-2", "a later version", "WrongVersion", version, &|hello| hello.version = 2),
        hello("hello-version-largest", "a version far off", "WrongVersion", version, &|hello| hello.version = u32::MAX),
        hello(
            "hello-version-first",
            "another version, whose limits are others: the version is looked at first",
            "WrongVersion",
            version,
            &|hello| {
                hello.version = 2;
                hello.instance_id = vec![1; 32].into();
                hello.agent = "a".repeat(200);
                hello.max_frame_bytes = 0;
            },
        ),
        hello("hello-without-id", "no instance id", "WrongLength", id, &|hello| hello.instance_id.clear()),
        hello("hello-id-15", "an instance id of 15 bytes", "WrongLength", id, &|hello| hello.instance_id.truncate(15)),
        hello("hello-id-17", "an instance id of 17 bytes", "WrongLength", id, &|hello| {
            hello.instance_id = vec![1; 17].into()
        }),
        hello("hello-id-text", "an instance id in its text form", "WrongLength", id, &|hello| {
            hello.instance_id = taken::hello().instance_id.to_string().into();
        }),
        hello("hello-33-capabilities", "33 capabilities", "Limit", capabilities, &|hello| {
            hello.capabilities = vec!["c".to_owned(); MAX_CAPABILITIES + 1];
        }),
        hello("hello-capability-65", "a capability of 65 bytes", "Limit", capabilities, &|hello| {
            hello.capabilities = vec!["c".repeat(MAX_CAPABILITY_BYTES + 1)];
        }),
        hello("hello-capability-empty", "a capability without a name", "Limit", capabilities, &|hello| {
            hello.capabilities = vec!["resume".to_owned(), String::new()];
        }),
        hello("hello-agent-129", "an agent of 129 bytes", "Limit", "agent has at most 128 bytes", &|hello| {
            hello.agent = "a".repeat(MAX_AGENT_BYTES + 1);
        }),
        hello(
            "hello-agent-130",
            "an agent of 65 characters, which are 130 bytes",
            "Limit",
            "agent has at most 128 bytes",
            &|hello| {
                hello.agent = "é".repeat(MAX_AGENT_BYTES / 2 + 1);
            },
        ),
        hello("hello-without-frame-limit", "no max_frame_bytes", "Limit", frame_limit, &|hello| {
            hello.max_frame_bytes = 0
        }),
        hello("hello-frame-limit-small", "max_frame_bytes of 65535", "Limit", frame_limit, &|hello| {
            hello.max_frame_bytes = u32::try_from(MIN_FRAME_BYTES).unwrap() - 1;
        }),
        hello("hello-frame-limit-large", "max_frame_bytes of 67108865", "Limit", frame_limit, &|hello| {
            hello.max_frame_bytes = u32::try_from(MAX_FRAME_BYTES_CEILING).unwrap() + 1;
        }),
        utf8("hello-agent-not-utf8", "agent is Latin-1", "2204 6e7773e9"),
        utf8("hello-agent-surrogate", "half a surrogate pair in agent", "2203 eda080"),
        utf8("hello-capability-not-utf8", "a capability is not UTF-8", "1a01 ff"),
    ]
}

fn lists() -> Vec<Case> {
    let list = |id: &str, comment: &str, requirements, flag, reason, frame| {
        invalid(Case::invalid(id, comment, requirements, reason).flag(flag), frame, LinkCode::Malformed)
    };
    let elements = "elements have 32 bytes each";
    let tags = "tags have 16 bytes each";
    let most = "at most 1024 entries";
    let zeros = |count| Bytes::from(vec![0x22; count]);
    let (query, answer, offer) = (
        |count| encoded(Body::Query(proto::Query { seq: 1, blinded: zeros(count) })),
        |evaluated, offer| {
            encoded(Body::Answer(proto::Answer { seq: 1, evaluated: zeros(evaluated), offer: zeros(offer) }))
        },
        |count| encoded(Body::Offer(proto::Offer { tags: zeros(count) })),
    );
    let leave = |count| encoded(Body::Leave(proto::Leave { channel_id: zeros(count) }));
    let id = "a channel id has 8 bytes";
    // 1025 entries: 32,800 bytes of elements are `a0 80 02`, 16,400 bytes of tags `90 80 01`.
    let elements_1025 = |head: &str| Parts::default().then(unhex(head)).times([0x22], 1025 * 32);
    let tags_1025 = |head: &str| Parts::default().then(unhex(head)).times([0x22], 1025 * 16);
    vec![
        list("query-31", "an element of 31 bytes", &["P-11"], "WrongLength", elements, query(31)),
        list("query-257", "eight elements and a byte", &["P-11"], "WrongLength", elements, query(257)),
        list("query-1025", "1025 elements", &["P-11"], "Limit", most, elements_1025("12a68002 0801 12a08002")),
        list("answer-evaluated-48", "one and a half elements", &["P-11"], "WrongLength", elements, answer(48, 128)),
        list("answer-offer-127", "eight tags without the last byte", &["P-11"], "WrongLength", tags, answer(256, 127)),
        list("answer-1025", "1025 elements", &["P-11"], "Limit", most, elements_1025("1aa68002 0801 12a08002")),
        list("answer-offer-1025", "1025 tags on offer", &["P-11"], "Limit", most, tags_1025("1a968001 0801 1a908001")),
        list("offer-65", "four tags and a byte", &["P-11"], "WrongLength", tags, offer(65)),
        list("offer-1025", "1025 tags", &["P-11"], "Limit", most, tags_1025("22948001 0a908001")),
        list(
            "revoke-8",
            "half a tag",
            &["P-11"],
            "WrongLength",
            tags,
            encoded(Body::Revoke(proto::Revoke { tags: zeros(8) })),
        ),
        list("revoke-1025", "1025 tags", &["P-11"], "Limit", most, tags_1025("2a948001 0a908001")),
        list(
            "accept-130",
            "eight tags and two bytes",
            &["P-11"],
            "WrongLength",
            tags,
            encoded(Body::Accept(proto::Accept { tags: zeros(130) })),
        ),
        list("accept-1025", "1025 tags", &["P-11"], "Limit", most, tags_1025("32948001 0a908001")),
        list("leave-nothing", "no channel id", &["L-31"], "WrongLength", id, leave(0)),
        list("leave-7", "a channel id of 7 bytes", &["L-31"], "WrongLength", id, leave(7)),
        list("leave-9", "a channel id of 9 bytes", &["L-31"], "WrongLength", id, leave(9)),
        list("leave-16", "a tag instead of a channel id", &["L-31"], "WrongLength", id, leave(16)),
    ]
}

fn goodbyes() -> Vec<Case> {
    let long = proto::Goodbye { code: 1, reason: "r".repeat(MAX_REASON_BYTES + 1) };
    let case = Case::invalid("goodbye-reason-257", "words of 257 bytes", &["L-31"], "reason has at most 256 bytes")
        .flag("Limit");
    let text = "text must be UTF-8";
    vec![
        invalid(case, encoded(Body::Goodbye(long)), LinkCode::Malformed),
        bytes("goodbye-not-utf8", "words that are not UTF-8", "NotUtf8", text, "5a 05 0801 1201 ff"),
    ]
}
