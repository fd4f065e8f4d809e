//! What joiners are called: 128 random bits, or a row of ids that is the same for the same seed.

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use rand_core::{OsRng, RngCore};
use std::fmt;

/// A joiner's id. Whoever knows it can write to the joiner while it waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct JoinerId([u8; 16]);

impl JoinerId {
    /// Reads the one form an id has: 32 hexadecimal digits, lower case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 16];
        match HEXLOWER.decode_mut(text.as_bytes(), id.get_mut(..HEXLOWER.decode_len(text.len()).ok()?)?) {
            Ok(16) => Some(Self(id)),
            _ => None,
        }
    }
}

impl fmt::Display for JoinerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// It is like an address that should not be told to others, so it is not shown whole.
impl fmt::Debug for JoinerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "JoinerId({a:02x}{b:02x}…)")
    }
}

/// Where ids come from.
#[derive(Debug)]
pub(crate) enum Ids {
    Random,
    /// The state of Robert Jenkins' 32-bit hash, applied over and over, as the original does.
    Seeded(i32),
}

impl Ids {
    /// No seed, and the seed 0, which the original takes for none, make random ids. A seed counts
    /// modulo 2^32.
    pub(crate) fn new(seed: Option<i64>) -> Self {
        match seed {
            None | Some(0) => Self::Random,
            #[expect(clippy::cast_possible_truncation, reason = "what JavaScript's bitwise operators do")]
            Some(seed) => Self::Seeded(seed as i32),
        }
    }

    pub(crate) fn next(&mut self) -> JoinerId {
        match self {
            Self::Random => {
                let mut id = [0; 16];
                OsRng.fill_bytes(&mut id);
                JoinerId(id)
            }
            Self::Seeded(state) => {
                *state = jenkins(*state);
                JoinerId(Md5::digest(state.to_string()).into())
            }
        }
    }
}

/// One round, in the order of the original's operations; its sums are exact in doubles, so they wrap the same.
#[expect(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "bits are bits")]
const fn jenkins(state: i32) -> i32 {
    let mut s = state as u32;
    s = s.wrapping_add(0x7ed5_5d16).wrapping_add(s << 12);
    s = s ^ 0xc761_c23c ^ (s >> 19);
    s = s.wrapping_add(0x1656_67b1).wrapping_add(s << 5);
    s = s.wrapping_add(0xd3a2_646c) ^ (s << 9);
    s = s.wrapping_add(0xfd70_46c5).wrapping_add(s << 3);
    s = s ^ 0xb55a_4f09 ^ (s >> 16);
    s as i32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    /// As recorded from webrtc-bootstrap 4.4.1.
    const RECORDED: [(i64, [&str; 3]); 6] = [
        (
            1,
            [
                "143c5677bb8026ada7ad6dbd4a44e705",
                "8d468468b9b6f61c1a9621ebff91acc5",
                "09eda066a55712c10fdf2c7248f7c882",
            ],
        ),
        (
            2,
            [
                "d0fb82fe43bed9b74f5f33b317f93577",
                "4ccd68dd7819de4ce05a39fb53e0879b",
                "3c6a36eb3157501b00e48180c5981a7a",
            ],
        ),
        (
            12345,
            [
                "446194c02a909bf6a85891825a0751ce",
                "2e0dae4f5e5643e825144b65fd90846f",
                "292ca579c423a128fbcdb0a9cc8a720d",
            ],
        ),
        (
            -7,
            [
                "568bc624d9364897467e2970ee9d4e64",
                "7b14e009ec96a8cbef268f1ea5fdbe0f",
                "a9775488ce8b025bebf658e75b4c9663",
            ],
        ),
        (
            49_734_321,
            [
                "27cb806e166c6476de1cc1097b66c188",
                "964c91f6839ce26c4a679ca60f386738",
                "eb8a894a58c0ca290e85de9bd1491a14",
            ],
        ),
        (
            4_294_967_297,
            [
                "143c5677bb8026ada7ad6dbd4a44e705",
                "8d468468b9b6f61c1a9621ebff91acc5",
                "09eda066a55712c10fdf2c7248f7c882",
            ],
        ),
    ];

    #[test]
    fn a_seed_gives_the_ids_that_the_original_gives() {
        for (seed, expected) in RECORDED {
            let mut ids = Ids::new(Some(seed));
            for expected in expected {
                assert_eq!(ids.next().to_string(), expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn without_a_seed_ids_are_random_and_0_is_none() {
        assert_ne!(Ids::new(None).next(), Ids::new(None).next());
        assert_ne!(Ids::new(Some(0)).next(), Ids::new(Some(0)).next());
    }

    #[test]
    fn an_id_has_one_form() {
        let text = "143c5677bb8026ada7ad6dbd4a44e705";
        assert_eq!(JoinerId::parse(text).unwrap().to_string(), text);
        for bad in ["", "143c", &text.to_uppercase(), &format!("{text}00"), &text.replace('1', "g"), &"é".repeat(16)] {
            assert_eq!(JoinerId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_log_does_not_have_the_whole_id() {
        let id = JoinerId::parse("143c5677bb8026ada7ad6dbd4a44e705").unwrap();
        assert_eq!(format!("{id:?}"), "JoinerId(143c…)");
    }
}
