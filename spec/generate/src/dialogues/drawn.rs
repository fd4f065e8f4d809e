//! Randomness that is repeatable, and that is remembered, so that a dialogue can tell what was drawn.

use nws_protocol::matching::dummy_input;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rand_core::{CryptoRng, Error, RngCore};

/// Seeded, and keeps what it gave.
pub(crate) struct Recorder {
    rng: ChaCha20Rng,
    pub(crate) drawn: Vec<Vec<u8>>,
}

impl Recorder {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: ChaCha20Rng::seed_from_u64(seed), drawn: Vec::new() }
    }
}

impl RngCore for Recorder {
    fn next_u32(&mut self) -> u32 {
        self.rng.next_u32()
    }
    fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.rng.fill_bytes(dest);
        self.drawn.push(dest.to_vec());
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Recorder {}

/// The input of a dummy with these random bytes.
pub(crate) fn dummy_of(random: &[u8]) -> Vec<u8> {
    struct Given<'a>(&'a [u8]);
    impl RngCore for Given<'_> {
        fn next_u32(&mut self) -> u32 {
            unreachable!("a dummy is drawn as bytes")
        }
        fn next_u64(&mut self) -> u64 {
            unreachable!("a dummy is drawn as bytes")
        }
        fn fill_bytes(&mut self, dest: &mut [u8]) {
            dest.copy_from_slice(self.0);
        }
        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
            self.fill_bytes(dest);
            Ok(())
        }
    }
    impl CryptoRng for Given<'_> {}
    dummy_input(&mut Given(random)).to_vec()
}
