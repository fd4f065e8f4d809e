//! The network key's file. Nothing that it holds ever appears in words for people.

use crate::exit::{Exit, Failure};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use nws_protocol::NetworkKey;
use std::{fs::File, io::Read, path::Path};
use zeroize::{Zeroize, Zeroizing};

/// More than any way of writing 32 bytes needs.
const MAX_FILE_BYTES: usize = 1024;

/// Reads a key, and says what is not well about its file, such as that others may read it.
///
/// # Errors
/// When the file can't be read or holds no key.
pub(crate) fn read_network_key(path: &Path) -> Result<(NetworkKey, Option<String>), Failure> {
    let shown = path.display();
    let unreadable = |error| Failure::new(Exit::Input, format!("the network key file {shown} cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let warning = open_to_others(&file)
        .then(|| format!("the network key file {shown} can be read by other users of this machine; chmod 600 it"));
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
    let key = parse(&content).ok_or_else(|| {
        Failure::new(
            Exit::Config,
            format!(
                "the network key file {shown} holds no key: it must hold 32 bytes, as 64 hex digits, as base64, or as they are; \
                 make one with: openssl rand -hex 32 > FILE"
            ),
        )
    })?;
    if key.reveal().iter().all(|byte| *byte == 0) {
        // As a salt it is the same as no key (HMAC pads with zeros), and so would keep nobody out.
        let words =
            format!("the network key file {shown} holds 32 zero bytes, which is as good as no key; make another");
        return Err(Failure::new(Exit::Config, words));
    }
    Ok((key, warning))
}

/// 32 bytes are taken as they are; anything else is read as hex or base64, with white space around it.
fn parse(content: &[u8]) -> Option<NetworkKey> {
    if let Ok(mut raw) = <[u8; 32]>::try_from(content) {
        let key = NetworkKey::new(raw);
        raw.zeroize();
        return Some(key);
    }
    let text = content.trim_ascii();
    [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD].iter().find_map(|encoding| {
        let decoded = Zeroizing::new(encoding.decode(text).ok()?);
        let mut raw = <[u8; 32]>::try_from(decoded.as_slice()).ok()?;
        let key = NetworkKey::new(raw);
        raw.zeroize();
        Some(key)
    })
}

#[cfg(unix)]
fn open_to_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn every_way_of_writing_gives_the_same_key() {
        let raw: Vec<u8> = (0..32).map(|n| n * 8 + 5).collect();
        let hex = HEXLOWER_PERMISSIVE.encode(&raw);
        for content in [
            raw.clone(),
            format!("{hex}\n").into_bytes(),
            hex.to_ascii_uppercase().into_bytes(),
            format!(" {}\r\n", BASE64.encode(&raw)).into_bytes(),
            BASE64_NOPAD.encode(&raw).into_bytes(),
            BASE64URL.encode(&raw).into_bytes(),
        ] {
            assert_eq!(parse(&content).unwrap().reveal(), raw.as_slice());
        }
    }

    #[test]
    fn what_is_not_32_bytes_is_no_key() {
        for content in [&b""[..], b"secret", &[b'a'; 31], &[b'a'; 63], &[b'a'; 65], &[0; 33], &[b'a'; 1025]] {
            assert!(parse(content).is_none(), "{} bytes", content.len());
        }
    }

    #[test]
    fn a_key_of_zeros_is_refused_as_it_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "00".repeat(32)).unwrap();
        let failure = read_network_key(&path).unwrap_err().to_string();
        assert!(failure.contains("zero bytes"), "{failure}");
    }
}
