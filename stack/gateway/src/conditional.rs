//! Whether the client has what it asks for already, and which part of it it wants (RFC 9110 sections 13 and 14). Pure.

use crate::access::one;
use hyper::header::{HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use std::{
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

/// What tells one state of a file from another.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// A strong entity tag, in quotes and without a comma.
    pub(crate) etag: HeaderValue,
    pub(crate) modified: Option<SystemTime>,
}

/// Which part is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// From this byte to that one.
    Bytes(RangeInclusive<u64>),
    /// None of it is there.
    Beyond,
}

impl Version {
    /// The client has it: it is to be told so, and not sent again.
    pub(crate) fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let mut tags = headers.get_all(IF_NONE_MATCH).iter().peekable();
        if tags.peek().is_some() {
            let all = tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
            return all.map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag);
        }
        let (Some(modified), Ok(Some(since))) = (self.modified, one(headers, &IF_MODIFIED_SINCE)) else { return false };
        httpdate::parse_http_date(since).is_ok_and(|since| whole_seconds(modified) <= since)
    }

    /// Which part of `length` bytes is wanted. Several ranges at once are answered with the whole, as is allowed.
    pub(crate) fn part(&self, headers: &HeaderMap, length: u64) -> Part {
        let Ok(Some(range)) = one(headers, &RANGE) else { return Part::Whole };
        if headers.contains_key(IF_RANGE) && !self.is_still(headers) {
            return Part::Whole;
        }
        // What is not understood is to be ignored (RFC 9110 section 14.2).
        parse(range, length).unwrap_or(Part::Whole)
    }

    /// The rest of what the client has a part of is still the same.
    fn is_still(&self, headers: &HeaderMap) -> bool {
        let Ok(Some(condition)) = one(headers, &IF_RANGE) else { return false };
        if condition.starts_with('"') {
            return condition == self.etag;
        }
        let date = httpdate::parse_http_date(condition).ok();
        date.is_some() && date == self.modified.map(whole_seconds)
    }
}

/// Dates of HTTP know no parts of seconds.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn parse(range: &str, length: u64) -> Option<Part> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |digits: &str| {
        let digits = digits.trim();
        let digits = Some(digits).filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))?;
        // More than fits is more than there is.
        Some(digits.parse().unwrap_or(u64::MAX))
    };
    let end = length.checked_sub(1);
    let (first, last) = match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix)? {
            0 => return Some(Part::Beyond),
            suffix => (length.saturating_sub(suffix), u64::MAX),
        },
        (first, "") => (number(first)?, u64::MAX),
        (first, last) => (number(first)?, number(last)?),
    };
    if first > last {
        return None;
    }
    match end {
        Some(end) if first <= end => Some(Part::Bytes(first..=last.min(end))),
        _ => Some(Part::Beyond),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use hyper::header::HeaderName;

    fn version() -> Version {
        // A second, and a part of one that dates do not show.
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900);
        Version { etag: HeaderValue::from_static("\"abc\""), modified: Some(modified) }
    }

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append::<HeaderName>(name, value);
        }
        headers
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let known = |pairs: &[(HeaderName, &str)]| version().is_known_to(&headers(pairs));
        for tags in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*", " \"abc\" ,"] {
            assert!(known(&[(IF_NONE_MATCH, tags)]), "{tags}");
        }
        for tags in ["\"x\"", "abc", "\"ABC\"", ""] {
            assert!(!known(&[(IF_NONE_MATCH, tags)]), "{tags}");
        }
        assert!(!known(&[]));
        assert!(known(&[(IF_MODIFIED_SINCE, DATE)]));
        assert!(!known(&[(IF_MODIFIED_SINCE, EARLIER)]));
        assert!(!known(&[(IF_MODIFIED_SINCE, "yesterday")]));
        // The tag alone counts where both are given.
        assert!(!known(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, DATE)]));
    }

    #[test]
    fn one_range_is_cut_to_what_is_there() {
        let part = |range| version().part(&headers(&[(RANGE, range)]), 100);
        for (range, wanted) in [
            ("bytes=0-0", 0..=0),
            ("bytes=0-", 0..=99),
            ("bytes=10-19", 10..=19),
            ("bytes=90-1000", 90..=99),
            ("Bytes = 90-99999999999999999999999", 90..=99),
            ("bytes=-1", 99..=99),
            ("bytes=-500", 0..=99),
        ] {
            assert_eq!(part(range), Part::Bytes(wanted), "{range}");
        }
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(part(beyond), Part::Beyond, "{beyond}");
        }
        for odd in [
            "bytes=0-1,5-6",
            "bytes=5-1",
            "lines=0-1",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=--1",
        ] {
            assert_eq!(part(odd), Part::Whole, "{odd}");
        }
        assert_eq!(version().part(&headers(&[(RANGE, "bytes=0-")]), 0), Part::Beyond);
        assert_eq!(version().part(&headers(&[]), 100), Part::Whole);
    }

    #[test]
    fn a_range_of_something_else_is_the_whole() {
        let part = |condition| version().part(&headers(&[(RANGE, "bytes=0-1"), (IF_RANGE, condition)]), 100);
        for same in ["\"abc\"", DATE] {
            assert_eq!(part(same), Part::Bytes(0..=1), "{same}");
        }
        for other in ["\"x\"", "W/\"abc\"", EARLIER, "yesterday", ""] {
            assert_eq!(part(other), Part::Whole, "{other}");
        }
    }
}
