//! The files that the program brings along: console, JavaScript library, examples. Which file stands at which path, and
//! nothing about headers or who may see it.

use crate::media_type;
use bytes::Bytes;
use data_encoding::BASE32HEX_NOPAD;
use hyper::header::HeaderValue;
use sha1::{Digest, Sha1};
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// Paths at which a file stands besides its own. The library is at the root too, where its address is short to
/// write; as names of channels these can be used like any other.
const ALIASES: [(&str, Room, &str); 8] = [
    ("/", Room::Console, "console/index.html"),
    ("/console", Room::Console, "console/index.html"),
    ("/console/", Room::Console, "console/index.html"),
    ("/examples/", Room::Examples, "examples/index.html"),
    ("/network-web-sockets.js", Room::Library, "dist/network-web-sockets.js"),
    ("/network-web-sockets.mjs", Room::Library, "dist/network-web-sockets.mjs"),
    // What the library was called by pages of earlier proxies.
    ("/lib/namedwebsockets.js", Room::Library, "dist/network-web-sockets.js"),
    ("/lib/networkwebsockets.js", Room::Library, "dist/network-web-sockets.js"),
];

/// One file.
pub(crate) struct Asset {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: &'static str,
    /// A strong entity tag made of the content.
    pub(crate) etag: HeaderValue,
}

/// The files by their names: `console/…`, `dist/…` for the library, `examples/…`.
#[derive(Default)]
pub struct Assets(BTreeMap<String, Asset>);

impl fmt::Debug for Assets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<String>, B: Into<Cow<'static, [u8]>>> FromIterator<(N, B)> for Assets {
    fn from_iter<I: IntoIterator<Item = (N, B)>>(files: I) -> Self {
        let files = files.into_iter().map(|(name, bytes)| {
            let name = name.into();
            let bytes = match bytes.into() {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            let tag = format!("\"{}\"", BASE32HEX_NOPAD.encode(&Sha1::digest(&bytes)));
            let etag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
            let media_type = media_type::of(&name);
            (name, Asset { bytes, media_type, etag })
        });
        Self(files.collect())
    }
}

/// Who a file is for; this decides about its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Console,
    Library,
    Examples,
    /// The examples that are with a server of the user's choice.
    Elsewhere,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a, T> {
    File(Room, &'a T),
    /// Nothing, but a folder of that name and a slash.
    Folder,
    /// Nothing, though the path is one of ours.
    Missing,
}

impl Assets {
    /// What stands at the path of a request; `None` if it is none of ours.
    pub(crate) fn at(&self, path: &str) -> Option<Place<'_, Asset>> {
        let file = |room, name: &str| self.0.get(name).map_or(Place::Missing, |asset| Place::File(room, asset));
        if let Some((_, room, name)) = ALIASES.iter().find(|(alias, ..)| *alias == path) {
            return Some(file(*room, name));
        }
        Some(match path.strip_prefix('/')?.split_once('/') {
            None if path == "/examples" => Place::Folder,
            Some(("console", name)) => file(Room::Console, &format!("console/{name}")),
            Some(("lib", name)) => file(Room::Library, &format!("dist/{name}")),
            Some(("examples", name)) if name.ends_with('/') => {
                file(example(name), &format!("examples/{name}index.html"))
            }
            Some(("examples", name)) if self.0.contains_key(&format!("examples/{name}/index.html")) => Place::Folder,
            Some(("examples", name)) => file(example(name), &format!("examples/{name}")),
            _ => return None,
        })
    }
}

fn example(name: &str) -> Room {
    let elsewhere = ["bootstrap/", "tunnel/"].iter().any(|folder| name.starts_with(folder));
    if elsewhere { Room::Elsewhere } else { Room::Examples }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

    use super::*;

    fn assets() -> Assets {
        let names = [
            "console/index.html",
            "console/console.js",
            "dist/network-web-sockets.js",
            "dist/types/index.d.ts",
            "examples/index.html",
            "examples/chat/index.html",
            "examples/chat/chat.js",
            "examples/bootstrap/index.html",
            "examples/tunnel/index.html",
        ];
        names.into_iter().map(|name| (name, name.as_bytes())).collect()
    }

    #[test]
    fn each_path_has_its_file() {
        let assets = assets();
        for (path, room, name) in [
            ("/", Room::Console, "console/index.html"),
            ("/console", Room::Console, "console/index.html"),
            ("/console/console.js", Room::Console, "console/console.js"),
            ("/lib/network-web-sockets.js", Room::Library, "dist/network-web-sockets.js"),
            ("/lib/namedwebsockets.js", Room::Library, "dist/network-web-sockets.js"),
            ("/lib/networkwebsockets.js", Room::Library, "dist/network-web-sockets.js"),
            ("/network-web-sockets.js", Room::Library, "dist/network-web-sockets.js"),
            ("/lib/types/index.d.ts", Room::Library, "dist/types/index.d.ts"),
            ("/examples/", Room::Examples, "examples/index.html"),
            ("/examples/chat/", Room::Examples, "examples/chat/index.html"),
            ("/examples/chat/chat.js", Room::Examples, "examples/chat/chat.js"),
            ("/examples/bootstrap/", Room::Elsewhere, "examples/bootstrap/index.html"),
            ("/examples/tunnel/", Room::Elsewhere, "examples/tunnel/index.html"),
        ] {
            match assets.at(path) {
                Some(Place::File(found, asset)) => {
                    assert_eq!((found, std::str::from_utf8(&asset.bytes).unwrap()), (room, name), "{path}");
                }
                _ => panic!("nothing at {path}"),
            }
        }
        for folder in ["/examples", "/examples/chat"] {
            assert!(matches!(assets.at(folder), Some(Place::Folder)), "{folder}");
        }
        for missing in
            ["/lib/", "/lib/x", "/console/../dist/x", "/examples/x", "/examples/x/", "/lib/../console/index.html"]
        {
            assert!(matches!(assets.at(missing), Some(Place::Missing)), "{missing}");
        }
        for other in ["/chat", "/lib", "/dist/x", "/www/", "/local/x", "*", ""] {
            assert!(assets.at(other).is_none(), "{other}");
        }
    }

    #[test]
    fn tags_tell_contents_apart() {
        let assets: Assets = [("console/a", &b"1"[..]), ("console/b", b"2"), ("console/c", b"1")].into_iter().collect();
        let tag = |path| match assets.at(path) {
            Some(Place::File(_, asset)) => asset.etag.clone(),
            _ => panic!("nothing at {path}"),
        };
        assert_eq!(tag("/console/a"), tag("/console/c"));
        assert_ne!(tag("/console/a"), tag("/console/b"));
    }
}
