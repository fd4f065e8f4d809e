//! Checks of single fields: the lengths and limits that the schema can only say in words.

use super::WireError;
use bytes::Bytes;

/// An id: exactly `N` bytes.
pub(super) fn id<T: From<[u8; N]>, const N: usize>(field: &'static str, bytes: &[u8]) -> Result<T, WireError> {
    let exact: [u8; N] = bytes.try_into().map_err(|_| WireError::BadLength { field, length: bytes.len(), unit: N })?;
    Ok(exact.into())
}

/// A list of ids or elements of `N` bytes each, at most `limit` of them.
pub(super) fn list<T: From<[u8; N]>, const N: usize>(
    field: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<Vec<T>, WireError> {
    let (whole, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(WireError::BadLength { field, length: bytes.len(), unit: N });
    }
    at_most(field, whole.len(), limit)?;
    Ok(whole.iter().map(|chunk| T::from(*chunk)).collect())
}

/// A list as it travels.
pub(super) fn concat<const N: usize>(items: &[[u8; N]]) -> Bytes {
    Bytes::copy_from_slice(items.as_flattened())
}

/// Refuses more than `limit` entries.
pub(super) const fn at_most(field: &'static str, count: usize, limit: usize) -> Result<(), WireError> {
    if count > limit { Err(WireError::TooMany { field, count, limit }) } else { Ok(()) }
}

/// Refuses a text of more than `limit` bytes.
pub(super) const fn no_longer(field: &'static str, text: &str, limit: usize) -> Result<(), WireError> {
    let length = text.len();
    if length > limit { Err(WireError::TooLong { field, length, limit }) } else { Ok(()) }
}
