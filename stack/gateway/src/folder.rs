//! A folder of the user's own, served at `/www/`: files as they are, `index.html` for folders, and nothing else. No path
//! leaves the folder, and what begins with a dot is not there.
//!
//! All that touches the disk runs on the blocking pool.

use crate::{
    answer::{Answer, Body, CROSS_ORIGIN_RESOURCE_POLICY, FileBody, bare},
    conditional::{Part, Version},
    media_type,
    refusal::Refusal,
};
use hyper::{
    HeaderMap, StatusCode, Uri,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
        LAST_MODIFIED, LOCATION, X_CONTENT_TYPE_OPTIONS,
    },
};
use percent_encoding::percent_decode_str;
use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Files on their way at once; half the visitors of the door by default, so that a few players of films do not shut it.
const MAX_DOWNLOADS: usize = 256;

/// The folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Without symbolic links in it.
    root: PathBuf,
    downloads: Arc<Semaphore>,
}

/// What is at a path.
#[derive(Debug)]
enum Found {
    File {
        file: File,
        length: u64,
        modified: Option<SystemTime>,
        media_type: &'static str,
    },
    /// A folder, asked for without its slash.
    Folder,
}

impl Folder {
    /// The folder at this path.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(path)?;
        fs::read_dir(&root)?;
        Ok(Self { root, downloads: Arc::new(Semaphore::new(MAX_DOWNLOADS)) })
    }

    /// The answer to a GET or HEAD. `path` is what stands behind `/www/`, still percent-encoded.
    pub(crate) async fn answer(&self, uri: &Uri, path: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let wanted = relative(path).ok_or(Refusal::NoFile)?;
        let root = self.root.clone();
        let slash = path.is_empty() || path.ends_with('/');
        let found = spawn_blocking(move || find(&root, &wanted, slash)).await.ok().flatten().ok_or(Refusal::NoFile)?;
        match found {
            Found::Folder => redirect(uri),
            Found::File { file, length, modified, media_type } => {
                self.send(file, length, modified, media_type, headers)
            }
        }
    }

    fn send(
        &self,
        mut file: File,
        length: u64,
        modified: Option<SystemTime>,
        media_type: &'static str,
        headers: &HeaderMap,
    ) -> Result<Answer, Refusal> {
        let version = Version { etag: tag(length, modified), modified };
        if version.is_known_to(headers) {
            let mut answer = bare(StatusCode::NOT_MODIFIED);
            version.describe(answer.headers_mut());
            return Ok(answer);
        }
        let part = version.part(headers, length);
        let (status, first, sent) = match &part {
            Part::Whole => (StatusCode::OK, 0, length),
            Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, *range.start(), range.end() - range.start() + 1),
            Part::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
        };
        let mut answer = bare(status);
        if sent > 0 {
            let permit = Arc::clone(&self.downloads).try_acquire_owned();
            let permit = permit.map_err(|_| Refusal::Busy("many files are on their way"))?;
            file.seek(SeekFrom::Start(first)).map_err(|_| Refusal::NoFile)?;
            *answer.body_mut() = Body::File(Box::new(FileBody::new(file, sent, permit)));
        }
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                answer.headers_mut().insert(name, value);
            }
        };
        match part {
            Part::Whole => {}
            Part::Bytes(range) => set(CONTENT_RANGE, &format!("bytes {}-{}/{length}", range.start(), range.end())),
            Part::Beyond => set(CONTENT_RANGE, &format!("bytes */{length}")),
        }
        set(CONTENT_TYPE, media_type);
        set(ACCEPT_RANGES, "bytes");
        version.describe(answer.headers_mut());
        Ok(answer)
    }
}

impl Version {
    fn describe(&self, headers: &mut HeaderMap) {
        headers.insert(ETAG, self.etag.clone());
        if let Some(modified) = self.modified
            && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(modified))
        {
            headers.insert(LAST_MODIFIED, date);
        }
        for (name, value) in [
            (CACHE_CONTROL, "no-cache"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
            // All else is up to the user's pages; but no other site shows them in a frame.
            (CONTENT_SECURITY_POLICY, "frame-ancestors 'self'"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// To the same path with a slash.
pub(crate) fn redirect(uri: &Uri) -> Result<Answer, Refusal> {
    let mut answer = bare(StatusCode::PERMANENT_REDIRECT);
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = HeaderValue::from_str(&format!("{}/{query}", uri.path())).map_err(|_| Refusal::NotFound)?;
    answer.headers_mut().insert(LOCATION, target);
    Ok(answer)
}

fn tag(length: u64, modified: Option<SystemTime>) -> HeaderValue {
    let since = modified.and_then(|modified| modified.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    HeaderValue::from_str(&format!("\"{:x}-{length:x}\"", since.as_nanos())).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The path below the folder that is meant: each segment is percent-decoded once and must be a plain name.
fn relative(path: &str) -> Option<PathBuf> {
    let mut wanted = PathBuf::new();
    let segments = path.strip_suffix('/').unwrap_or(path);
    for segment in segments.split('/').filter(|_| !segments.is_empty()) {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        let odd = |c: char| matches!(c, '/' | '\\' | '\0') || (cfg!(windows) && c == ':');
        if name.is_empty() || name.starts_with('.') || name.contains(odd) {
            return None;
        }
        wanted.push(&*name);
    }
    Some(wanted)
}

/// Opens the file; `None` if there is none that may be seen.
fn find(root: &Path, wanted: &Path, slash: bool) -> Option<Found> {
    let mut path = inside(root, &root.join(wanted))?;
    if path.is_dir() {
        if !slash {
            return Some(Found::Folder);
        }
        path = inside(root, &path.join("index.html"))?;
    } else if slash {
        return None;
    }
    // Asked before it is opened, as opening a pipe would wait for its writer.
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let file = File::open(&path).ok()?;
    let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
    let media_type = media_type::of(&path.file_name()?.to_string_lossy());
    Some(Found::File { file, length: metadata.len(), modified: metadata.modified().ok(), media_type })
}

/// The path without symbolic links, if it is still in the folder and nothing on the way is hidden.
fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let below = path.strip_prefix(root).ok()?;
    let plain =
        |part: Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
    let visible = below.components().all(plain);
    visible.then_some(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn segments_are_plain_names_decoded_once() {
        let path = |text| relative(text).map(|path| path.to_str().unwrap().to_owned());
        for (text, wanted) in [
            ("", ""),
            ("/", ""),
            ("a", "a"),
            ("a/", "a"),
            ("a/b.html", "a/b.html"),
            ("a%20b/%C3%A9", "a b/é"),
            ("%252e", "%2e"),
        ] {
            assert_eq!(path(text).as_deref(), Some(wanted), "{text}");
        }
        for bad in [
            "..",
            "../x",
            "a/..",
            "a/../b",
            ".",
            "./a",
            "%2e%2e",
            "%2E%2e/x",
            "a/%2e%2e/%2e%2e/x",
            ".env",
            "a/.git/config",
            "%2fetc",
            "a%2Fb",
            "a%5Cb",
            "..%5Cx",
            "a%00",
            "a//b",
            "//",
            "/etc/passwd",
            "%FF",
            "a\\b",
        ] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
