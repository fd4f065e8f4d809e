//! Static files, as a plain web server has them: nothing hidden, and nothing outside the folder.

use axum::{body::Body, response::Response};
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS,
    },
};
use percent_encoding::percent_decode_str;
use std::{
    fs::Metadata,
    io::{self, SeekFrom},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use tokio_util::io::ReaderStream;

/// Shown for a folder.
const INDEX: &str = "index.html";

/// A folder of files.
#[derive(Debug)]
pub(crate) struct Public {
    /// Without symbolic links in it.
    root: PathBuf,
}

impl Public {
    /// Fails if it is no folder.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        if root.is_dir() { Ok(Self { root }) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// The answer to a request for a file; `None` if there is none, or it is not to be had like this.
    pub(crate) async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let wanted = local(path)?;
        let found = tokio::fs::canonicalize(self.root.join(&wanted)).await.ok()?;
        // A symbolic link does not lead out either.
        if !found.starts_with(&self.root) {
            return None;
        }
        let metadata = tokio::fs::metadata(&found).await.ok()?;
        match (metadata.is_dir(), path.ends_with('/')) {
            (true, true) => {
                let index = tokio::fs::canonicalize(found.join(INDEX)).await.ok()?;
                if !index.starts_with(&self.root) {
                    return None;
                }
                file(&index, method, headers).await
            }
            (true, false) => moved(path),
            (false, false) => file(&found, method, headers).await,
            (false, true) => None,
        }
    }
}

/// The path in the folder that a request's path stands for. No hidden file, and no way up.
fn local(path: &str) -> Option<PathBuf> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let mut local = PathBuf::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        // A backslash and a colon mean something to Windows.
        if segment.starts_with('.') || segment.contains(['\0', '\\', ':']) {
            return None;
        }
        local.push(segment);
    }
    Some(local)
}

/// A folder's address ends with a slash. Not with two at its beginning, which would name another host.
fn moved(path: &str) -> Option<Response> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let to = HeaderValue::from_str(&format!("/{}/", path.trim_start_matches('/'))).ok()?;
    answer.headers_mut().insert(LOCATION, to);
    Some(answer)
}

async fn file(path: &Path, method: &Method, headers: &HeaderMap) -> Option<Response> {
    let mut file = File::open(path).await.ok()?;
    // Of what was opened, not of what was looked for.
    let metadata = file.metadata().await.ok().filter(Metadata::is_file)?;
    let version = Version::of(&metadata);
    let mut answer = Response::new(Body::empty());
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    };
    set(ACCEPT_RANGES, "bytes".to_owned());
    set(CACHE_CONTROL, "public, max-age=0".to_owned());
    set(LAST_MODIFIED, version.last_modified());
    set(ETAG, version.etag.clone());
    if version.is_known(headers) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Some(answer);
    }
    set(CONTENT_TYPE, content_type(path));
    set(X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    let size = metadata.len();
    let (status, start, length) = match range(headers, size).filter(|_| version.is_meant(headers)) {
        None => (StatusCode::OK, 0, size),
        Some(None) => {
            set(CONTENT_RANGE, format!("bytes */{size}"));
            (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0)
        }
        Some(Some(range)) => {
            set(CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start(), range.end()));
            (StatusCode::PARTIAL_CONTENT, *range.start(), range.end() - range.start() + 1)
        }
    };
    set(CONTENT_LENGTH, length.to_string());
    *answer.status_mut() = status;
    if *method == Method::GET && length > 0 {
        file.seek(SeekFrom::Start(start)).await.ok()?;
        *answer.body_mut() = Body::from_stream(ReaderStream::new(file.take(length)));
    }
    Some(answer)
}

/// With `charset` where it matters.
fn content_type(path: &Path) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let text = guess.type_() == "text" || guess.subtype() == "javascript" || guess.subtype() == "json";
    format!("{guess}{}", if text { "; charset=utf-8" } else { "" })
}

/// By what a file is told from its earlier versions.
struct Version {
    /// To a second, as HTTP has it.
    modified: SystemTime,
    etag: String,
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Self {
            modified: UNIX_EPOCH + Duration::from_secs(since.as_secs()),
            etag: format!("W/\"{:x}-{:x}\"", metadata.len(), since.as_millis()),
        }
    }

    fn last_modified(&self) -> String {
        httpdate::fmt_http_date(self.modified)
    }

    /// Whether the client has it already (RFC 9110 section 13.2.2).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if let Some(tags) = value(headers, &IF_NONE_MATCH) {
            let strip = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
            return tags.trim() == "*" || tags.split(',').any(|tag| strip(tag) == strip(&self.etag));
        }
        let since = value(headers, &IF_MODIFIED_SINCE).and_then(|date| httpdate::parse_http_date(date).ok());
        since.is_some_and(|since| self.modified <= since)
    }

    /// Whether a range is asked of this version.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        value(headers, &IF_RANGE).is_none_or(|which| which == self.etag || which == self.last_modified())
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The one range that is asked for; `Some(None)` if the file has nothing of it. Several at once are answered
/// with the whole file, as RFC 9110 section 14.2 allows.
fn range(headers: &HeaderMap, size: u64) -> Option<Option<RangeInclusive<u64>>> {
    let (first, last) = value(headers, &RANGE)?.strip_prefix("bytes=")?.trim().split_once('-')?;
    if first.is_empty() {
        let suffix: u64 = last.parse().ok()?;
        return Some((suffix > 0 && size > 0).then(|| size.saturating_sub(suffix)..=size - 1));
    }
    let first: u64 = first.parse().ok()?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().ok().filter(|last| *last >= first)? };
    Some((first < size).then(|| first..=last.min(size - 1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn no_path_leads_out_or_to_what_is_hidden() {
        assert_eq!(local("/").unwrap(), Path::new(""));
        assert_eq!(local("/a/b%20c.html").unwrap(), Path::new("a/b c.html"));
        assert_eq!(local("//a///b").unwrap(), Path::new("a/b"));
        for bad in
            ["/..", "/../x", "/%2e%2e/x", "/a/../../x", "/.git/config", "/a/.env", "/a%5c..%5cx", "/c:/x", "/%00"]
        {
            assert_eq!(local(bad), None, "{bad}");
        }
        assert_eq!(local("/%ff"), None);
        assert_eq!(local("/a%2f..%2f..%2fx"), None);
    }

    #[test]
    fn one_range_is_understood() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, text.parse().unwrap());
            range(&headers, 10)
        };
        assert_eq!(of("bytes=1-3"), Some(Some(1..=3)));
        assert_eq!(of("bytes=8-"), Some(Some(8..=9)));
        assert_eq!(of("bytes=8-99"), Some(Some(8..=9)));
        assert_eq!(of("bytes=-3"), Some(Some(7..=9)));
        assert_eq!(of("bytes=-99"), Some(Some(0..=9)));
        assert_eq!(of("bytes=10-"), Some(None));
        assert_eq!(of("bytes=-0"), Some(None));
        for whole in ["bytes=3-1", "bytes=", "bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b"] {
            assert_eq!(of(whole), None, "{whole}");
        }
    }

    #[test]
    fn a_folder_is_never_another_host() {
        let location = |path| moved(path).unwrap().headers()[LOCATION].to_str().unwrap().to_owned();
        assert_eq!(location("/sub"), "/sub/");
        assert_eq!(location("//evil.example"), "/evil.example/");
    }
}
