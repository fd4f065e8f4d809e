//! Published vectors of the function, and pinned ones of our derivations.

use super::*;
use crate::matching::oprf::{Blinded, Evaluated, Key};
use data_encoding::HEXLOWER;
use rand_chacha::rand_core::{CryptoRng, Error};
use zeroize::Zeroizing;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// Gives the blind of a vector: scalars are drawn as 64 bytes, little-endian, and reduced.
struct Blind(Vec<u8>);

impl RngCore for Blind {
    fn next_u32(&mut self) -> u32 {
        unreachable!()
    }
    fn next_u64(&mut self) -> u64 {
        unreachable!()
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
        dest[..self.0.len()].copy_from_slice(&self.0);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Blind {}

/// RFC 9497 appendix A.1.1: OPRF(ristretto255, SHA-512).
#[test]
fn the_vectors_of_rfc_9497() {
    let key = Key::derived(&[0xa3; 32], &hex("74657374206b6579"));
    let blind = hex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706");
    let vectors = [
        (
            "00",
            "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
            "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
            "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
        ),
        (
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
            "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
            "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
        ),
    ];
    for (input, blinded, evaluated, output) in vectors {
        let (state, element) = Blinded::new(Zeroizing::new(hex(input)), &mut Blind(blind.clone()));
        assert_eq!(element.to_vec(), hex(blinded));
        let element = key.evaluate_blinded(&element).unwrap();
        assert_eq!(element.to_vec(), hex(evaluated));
        assert_eq!(state.finalize(&Evaluated::check(&element).unwrap()).to_vec(), hex(output));
        assert_eq!(key.evaluate(&hex(input)).to_vec(), hex(output));
    }
}

/// `spec/vectors/voprf.json`: the same as published, step by step, and what is an element.
#[test]
fn the_vectors_of_the_specification() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/vectors/voprf.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(file["count"], cases.len());
    for case in cases {
        let bytes = |name: &str| hex(case[name].as_str().unwrap());
        let element = |name: &str| bytes(name).try_into().unwrap();
        let id = &case["id"];
        if case["operation"] == "element" {
            let (valid, key) = (case["result"] == "valid", Key::derived(&[0xa3; 32], b""));
            assert_eq!(Evaluated::check(&element("element")).is_ok(), valid, "{id} at the initiator");
            assert_eq!(key.evaluate_blinded(&element("element")).is_ok(), valid, "{id} at the responder");
            assert!(valid || case["code"] == MatchFault::BadElement.code().number(), "{id}");
            continue;
        }
        assert_eq!(case["result"], "valid", "{id}");
        let key = Key::derived(&bytes("seed"), &bytes("info"));
        let scalar = voprf::OprfServer::<voprf::Ristretto255>::new_from_seed(&bytes("seed"), &bytes("info")).unwrap();
        assert_eq!(scalar.serialize().to_vec(), bytes("key"), "{id}");
        let (state, blinded) = Blinded::new(Zeroizing::new(bytes("input")), &mut Blind(bytes("blind")));
        assert_eq!(blinded.to_vec(), bytes("blinded"), "{id}");
        // A blind of one hides nothing.
        let (_, input_element) = Blinded::new(Zeroizing::new(bytes("input")), &mut Blind(vec![1]));
        assert_eq!(input_element.to_vec(), bytes("input_element"), "{id}");
        assert_eq!(key.evaluate_blinded(&input_element).unwrap().to_vec(), bytes("unblinded"), "{id}");
        let evaluated = key.evaluate_blinded(&blinded).unwrap();
        assert_eq!(evaluated.to_vec(), bytes("evaluated"), "{id}");
        assert_eq!(state.finalize(&Evaluated::check(&evaluated).unwrap()).to_vec(), bytes("y"), "{id}");
        assert_eq!(key.evaluate(&bytes("input")).to_vec(), bytes("y"), "{id}");
    }
}

const L: &str = "a90b7afc3e441ca2143df11d67502ca6b9c2d0e5b4bde76fdf239237ef3bc745";

fn link(network_key: &NetworkKey) -> LinkSecret {
    let ekm: [u8; 32] = std::array::from_fn(|n| n as u8);
    LinkSecret::derive(network_key, &ekm, b"hello of I", b"hello of R")
}

// What follows was computed by a program that shares no code with this one, from the text of the link protocol, RFC
// 5869, RFC 9380 and RFC 9496.

#[test]
fn the_secret_of_a_link() {
    assert_eq!(link(&NetworkKey::default()).reveal().to_vec(), hex(L));
    let with_key = "91c3a8f6d6e8dd99319453f056d7b421fbadd7c0346d4153827351898f9faef1";
    assert_eq!(link(&NetworkKey::new([0x42; 32])).reveal().to_vec(), hex(with_key));
}

#[test]
fn inputs() {
    let link = link(&NetworkKey::default());
    let label = "000d6e77732f31206368616e6e656c";
    let network_chat = hex(&format!("{label}0020{L}00076e6574776f726b000463686174"));
    let broadcast_chat = hex(&format!("{label}0020{L}000962726f616463617374000463686174"));
    assert_eq!(link.channel_input(&network("chat")).unwrap().to_vec(), network_chat);
    assert_eq!(link.channel_input(&key(ChannelKind::Broadcast, "chat")).unwrap().to_vec(), broadcast_chat);
    assert!(link.channel_input(&key(ChannelKind::Local, "chat")).is_none());
    let dummy = hex(&format!("000b6e77732f312064756d6d790020{}", "07".repeat(32)));
    assert_eq!(dummy_input(&mut Blind(vec![7; 32])).to_vec(), dummy);
}

#[test]
fn the_secrets_of_a_channel() {
    let link = link(&NetworkKey::default());
    // The key of RFC 9497 appendix A.1.1.
    let server = Key::derived(&[0xa3; 32], &hex("74657374206b6579"));
    let vectors = [
        (
            network("chat"),
            "990776d61676fc2fc9984cacfd76a40b037b00113651dc8b27f025c590f2f82489078283087e8de3672107c58065026ea0d9d74d3cfc1bba2323e8669f8b8b9e",
            "b3c26df8e2a1dee986dd4e6fbc665b84",
            "4a13c38b8d940acae614128e6f9b62af",
            "f83b66638d8d8408",
            "6b1e7f05a78b446424f3658fab478776190000e3397e1662a9b5ce2b8c4da8bb",
        ),
        (
            key(ChannelKind::Broadcast, "chat"),
            "bea1ecafffcb5ed10713b87771d9fde6549ae2a1a13cd68ad089d5ffca2c2c1e287e704b6f12c1e68f2ff2344c67235d7f37094dace035ec551936debae78840",
            "d494ccae33f45881458f585b60457dd2",
            "274ec0b0b8e0d2fbb9d6b539280bd961",
            "f25ad04ea733df41",
            "4c6a06dcd3ebf9a58b736c730613c9ffc0340b65208b58e850a75d9fe2126599",
        ),
    ];
    for (key, y, tag_r, tag_i, channel_id, channel_key) in vectors {
        let output = server.evaluate(&link.channel_input(&key).unwrap());
        assert_eq!(output.to_vec(), hex(y));
        let secrets = Secrets::derive(&link, &output);
        assert_eq!(secrets.tag_r.to_vec(), hex(tag_r));
        assert_eq!(secrets.tag_i.to_vec(), hex(tag_i));
        assert_eq!(secrets.channel_id.as_bytes().to_vec(), hex(channel_id));
        assert_eq!(secrets.channel_key.reveal().to_vec(), hex(channel_key));
    }
}

#[test]
fn everything_about_a_link_goes_into_its_secret() {
    let derive = |key: &NetworkKey, ekm: u8, i: &[u8], r: &[u8]| *LinkSecret::derive(key, &[ekm; 32], i, r).reveal();
    let none = NetworkKey::default();
    let secrets = std::collections::BTreeSet::from([
        derive(&none, 1, b"i", b"r"),
        derive(&none, 2, b"i", b"r"),
        derive(&none, 1, b"r", b"i"),
        derive(&none, 1, b"ir", b""),
        derive(&NetworkKey::new([0; 32]), 1, b"i", b"r"),
    ]);
    // The last is like the first: HMAC pads an absent salt with zeros (RFC 2104 section 2).
    assert_eq!(secrets.len(), 4);
}
