//! Masking (RFC 6455 section 5.3): every byte a client sends is XORed with a key of four bytes.

/// Masks or unmasks in place; `key` belongs to the first byte of `data`.
pub(super) fn apply(data: &mut [u8], key: [u8; 4]) {
    if key == [0; 4] {
        return;
    }
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Words of eight bytes keep the key's phase, and the compiler makes vector code of the loop.
    let (words, tail) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

/// The key that belongs to the byte `bytes` further on.
pub(super) fn advance(mut key: [u8; 4], bytes: usize) -> [u8; 4] {
    key.rotate_left(bytes % 4);
    key
}
