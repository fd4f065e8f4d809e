//! The vectors of RFC 9497 for the one mode and suite that is used, and those of RFC 9496 for what is an element.

use crate::{
    file::{Case, File},
    json::{hex, unhex},
    multiples::MULTIPLES,
    oprf::{Blind, Key, RFC_INFO, RFC_SEED, input_element, is_evaluated},
};
use nws_protocol::LinkCode;

pub(crate) fn file() -> File {
    let mut cases = rfc_9497();
    cases.extend(elements());
    File {
        name: "voprf",
        document: "03-matching.md",
        sections: &["3"],
        about: &[
            "`operation` `evaluate`: the OPRF of RFC 9497, mode OPRF (0x00), suite ristretto255-SHA512, appendix \
             A.1.1 there. `key` is DeriveKeyPair(`seed`, `info`). The input is hashed to `input_element`, blinded \
             by `blind`, evaluated by the key, unblinded, and hashed to `y`; Evaluate(`input`) by the key gives `y` \
             at once.",
            "`operation` `element`: 32 bytes that come in Query.blinded or in Answer.evaluated. They are those of \
             RFC 9496, appendix A. result `invalid`: the link is closed with `code`, by R and by I alike.",
            "Scalars are 32 bytes, little-endian.",
        ],
        flags: &[
            ("Identity", "The identity element: RFC 9496 decodes it, P-3 refuses it."),
            ("NegativeField", "A field element that is negative, which is to say odd."),
            ("NegativeXY", "x * y would be negative."),
            ("NonCanonical", "A field element that is not below the prime, or has the highest bit set."),
            ("NonSquare", "x^2 would not be a square."),
            ("ZeroY", "s = -1, for which y would be 0."),
        ],
        cases,
    }
}

fn rfc_9497() -> Vec<Case> {
    let key = Key::derived(&RFC_SEED, RFC_INFO);
    let scalar = "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e";
    assert_eq!(key.scalar().to_vec(), unhex(scalar));
    let blind = unhex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706");
    let vectors = [
        (
            "rfc-9497-a-1-1-1",
            "00",
            "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
            "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
            "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
        ),
        (
            "rfc-9497-a-1-1-2",
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
            "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
            "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
        ),
    ];
    vectors
        .into_iter()
        .enumerate()
        .map(|(n, (id, input, blinded, evaluated, y))| {
            let input = unhex(input);
            let client = Blind::new(&input, &blind);
            assert_eq!(client.element.to_vec(), unhex(blinded));
            assert_eq!(key.blind_evaluate(&client.element).unwrap().to_vec(), unhex(evaluated));
            assert_eq!(client.finalize(&input, &unhex(evaluated).try_into().unwrap()).to_vec(), unhex(y));
            assert_eq!(key.evaluate(&input).to_vec(), unhex(y));
            let element = input_element(&input);
            Case::valid(id, &format!("appendix A.1.1, test vector {}", n + 1), &["P-3"])
                .input("operation", "evaluate")
                .hex("seed", RFC_SEED)
                .hex("info", RFC_INFO)
                .hex("key", key.scalar())
                .hex("input", &input)
                .hex("blind", client.scalar())
                .expect("input_element", hex(element))
                .expect("blinded", blinded)
                .expect("evaluated", evaluated)
                .expect("unblinded", hex(key.blind_evaluate(&element).unwrap()))
                .expect("y", y)
        })
        .collect()
}

fn elements() -> Vec<Case> {
    let key = Key::derived(&RFC_SEED, RFC_INFO);
    let judge = |text: &str| {
        let element: [u8; 32] = unhex(text).try_into().unwrap();
        assert_eq!(key.blind_evaluate(&element).is_some(), is_evaluated(&element));
        is_evaluated(&element)
    };
    let mut cases: Vec<_> = (1..MULTIPLES.len())
        .map(|n| {
            assert!(judge(MULTIPLES[n]));
            Case::valid(&format!("multiple-{n}"), &format!("{n} times the generator"), &["P-3"])
                .input("operation", "element")
                .input("element", MULTIPLES[n])
        })
        .collect();
    let refused =
        INVALID.iter().flat_map(|(flag, reason, texts)| texts.iter().map(move |text| (*flag, *reason, *text)));
    cases.extend(refused.enumerate().map(|(n, (flag, reason, text))| {
        assert!(!judge(text));
        Case::invalid(&format!("no-element-{}", n + 1), "", &["P-3", "P-4"], reason)
            .flag(flag)
            .input("operation", "element")
            .input("element", text)
            .code(LinkCode::BadElement)
    }));
    cases
}

/// The identity; RFC 9496 appendix A.2; and the generator with its highest bit set.
const INVALID: [(&str, &str, &[&str]); 7] = [
    ("Identity", "the identity", &[MULTIPLES[0]]),
    (
        "NonCanonical",
        "not below the prime of the field",
        &[
            "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ],
    ),
    (
        "NonCanonical",
        "the highest bit is set, on the generator and on the identity",
        &[
            "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2df6",
            "0000000000000000000000000000000000000000000000000000000000000080",
        ],
    ),
    (
        "NegativeField",
        "a negative field element",
        &[
            "0100000000000000000000000000000000000000000000000000000000000000",
            "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
            "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
            "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
            "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
            "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
            "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
        ],
    ),
    (
        "NonSquare",
        "x^2 is not a square",
        &[
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
            "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
            "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
            "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
            "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
            "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
            "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
            "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
        ],
    ),
    (
        "NegativeXY",
        "x * y is negative",
        &[
            "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
            "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
            "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
            "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
            "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
            "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
            "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
            "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
        ],
    ),
    ("ZeroY", "y is 0", &["ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"]),
];
