//! What is served beside WebSockets: files, a sign of life, and figures.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    fs,
    time::{Duration, SystemTime},
};
use support::Running;
use tempfile::TempDir;

/// 9 September 2001, 01:46:40 GMT.
const MODIFIED: u64 = 1_000_000_000;

/// The folder that the original was recorded with, and one beside it that nobody may see.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let file = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED);
        fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    };
    file("public/index.html", "<p>hi</p>\n");
    file("public/browser.js", "js");
    file("public/sub/index.html", "sub");
    file("public/empty/x.txt", "x");
    file("public/.hidden", "hidden");
    file("public/.git/config", "hidden");
    file("public/join", "file named join");
    file("public/health", "shadowed");
    file("public/a b+c.txt", "spaced");
    file("public/big.bin", &"0123456789".repeat(100_000));
    file("outside.js", "outside");
    #[cfg(unix)]
    {
        let public = folder.path().join("public");
        std::os::unix::fs::symlink("../outside.js", public.join("leak.js")).unwrap();
        std::os::unix::fs::symlink("..", public.join("up")).unwrap();
        std::os::unix::fs::symlink("browser.js", public.join("inside.js")).unwrap();
    }
    folder
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

async fn ask(server: &Running, method: &str, path: &str, headers: &str) -> Answer {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    let answer = server.raw(request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {answer:?}"));
    Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
}

/// Section 9.
#[tokio::test]
async fn files_are_served_as_a_plain_web_server_does() {
    let folder = folder();
    let server = Running::with(|builder| builder.public(folder.path().join("public"))).await;
    for path in ["/", "/index.html", "/?x=1"] {
        let answer = ask(&server, "GET", path, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "<p>hi</p>\n"), "{path}");
        for (name, value) in [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", "10"),
            ("Accept-Ranges", "bytes"),
            ("Cache-Control", "public, max-age=0"),
            ("Last-Modified", "Sun, 09 Sep 2001 01:46:40 GMT"),
            ("ETag", "W/\"a-e8d4a51000\""),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    let head = ask(&server, "HEAD", "/browser.js", "").await;
    assert_eq!((head.status, head.body.as_str(), head.header("Content-Length")), (200, "", Some("2")));
    assert!(head.header("Content-Type").unwrap().contains("javascript"), "{}", head.head);
    for (path, body) in [
        ("/sub/", "sub"),
        ("/join", "file named join"),
        ("/a%20b+c.txt", "spaced"),
        ("//browser.js", "js"),
        ("/inside.js", "js"),
    ] {
        let answer = ask(&server, "GET", path, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
    }
    assert_eq!(ask(&server, "GET", "/big.bin", "").await.body.len(), 1_000_000);
    let moved = ask(&server, "GET", "/sub", "").await;
    assert_eq!((moved.status, moved.header("Location")), (301, Some("/sub/")));
}

/// Section 9.
#[tokio::test]
async fn what_is_known_or_asked_for_in_part_is_not_sent_whole() {
    let folder = folder();
    let server = Running::with(|builder| builder.public(folder.path().join("public"))).await;
    let tag = "W/\"a-e8d4a51000\"";
    for known in [
        "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT".to_owned(),
        format!("If-None-Match: {tag}"),
        "If-None-Match: \"x\", \"a-e8d4a51000\"".to_owned(),
        "If-None-Match: *".to_owned(),
    ] {
        let answer = ask(&server, "GET", "/", &format!("{known}\r\n")).await;
        assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{known}");
        assert_eq!(answer.header("ETag"), Some(tag));
    }
    for changed in [
        "If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT",
        "If-Modified-Since: yesterday",
        "If-None-Match: \"other\"\r\nIf-Modified-Since: Sun, 09 Sep 2030 01:46:40 GMT",
    ] {
        assert_eq!(ask(&server, "GET", "/", &format!("{changed}\r\n")).await.status, 200, "{changed}");
    }
    let part = ask(&server, "GET", "/", "Range: bytes=1-3\r\n").await;
    assert_eq!((part.status, part.body.as_str()), (206, "p>h"));
    assert_eq!((part.header("Content-Range"), part.header("Content-Length")), (Some("bytes 1-3/10"), Some("3")));
    let end = ask(&server, "GET", "/big.bin", "Range: bytes=-3\r\n").await;
    assert_eq!((end.status, end.body.as_str()), (206, "789"));
    let beyond = ask(&server, "GET", "/", "Range: bytes=10-\r\n").await;
    assert_eq!((beyond.status, beyond.header("Content-Range")), (416, Some("bytes */10")));
    let several = ask(&server, "GET", "/", "Range: bytes=0-1,3-4\r\n").await;
    assert_eq!((several.status, several.body.len()), (200, 10));
    let meant = ask(&server, "GET", "/", &format!("Range: bytes=0-0\r\nIf-Range: {tag}\r\n")).await;
    assert_eq!(meant.status, 206);
    let other = ask(&server, "GET", "/", "Range: bytes=0-0\r\nIf-Range: \"other\"\r\n").await;
    assert_eq!((other.status, other.body.len()), (200, 10));
}

/// B-35.
#[tokio::test]
async fn nothing_hidden_or_outside_is_served() {
    let folder = folder();
    let server = Running::with(|builder| builder.public(folder.path().join("public"))).await;
    for path in [
        "/nope",
        "/.hidden",
        "/%2ehidden",
        "/.git/config",
        "/../outside.js",
        "/%2e%2e/outside.js",
        "/..%2foutside.js",
        "/sub/../../outside.js",
        "/sub/..%5c..%5coutside.js",
        "/leak.js",
        "/up/outside.js",
        "/up/public/.hidden",
        "/empty/",
        "/browser.js/",
        "/%00",
        "/%ff",
    ] {
        let answer = ask(&server, "GET", path, "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("outside") && !answer.body.contains("hidden"), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(ask(&server, method, "/", "").await.status, 404, "{method}");
    }
}

/// B-34.
#[tokio::test]
async fn health_and_metrics_are_there_with_files_and_without() {
    let folder = folder();
    let with = Running::with(|builder| builder.public(folder.path().join("public"))).await;
    let without = Running::start().await;
    for server in [&with, &without] {
        let health = ask(server, "GET", "/health", "").await;
        assert_eq!((health.status, health.header("Content-Type")), (200, Some("application/json")));
        assert!(health.body.starts_with("{\"status\":\"ok\",\"version\":\""), "{}", health.body);
        assert_eq!(ask(server, "POST", "/health", "").await.status, 405);
        assert_eq!(ask(server, "HEAD", "/metrics", "").await.body, "");
    }
    let _root = without.root().await;
    let mut joiner = without.joiner().await;
    joiner.send("{}").await;
    without.until(|figures| figures.to_root == 1).await;
    let metrics = ask(&without, "GET", "/metrics", "").await;
    assert_eq!(metrics.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in ["joiners 1", "root_connected 1", "joined_total 1", "messages_total{to=\"root\"} 1"] {
        assert!(metrics.body.contains(&format!("\nnws_bootstrap_{line}\n")), "{line}: {}", metrics.body);
    }
    assert_eq!(ask(&without, "GET", "/", "").await.status, 404);
    assert_eq!(ask(&without, "GET", "/join", "").await.status, 404);
}

/// Section 2: the table of the upgrade.
#[tokio::test]
async fn a_bad_handshake_is_told_what_is_wrong() {
    let server = Running::start().await;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (method, headers, status) in [
        ("GET", format!("{upgrade}Sec-WebSocket-Version: 12\r\n{key}"), 426),
        ("GET", format!("{upgrade}Sec-WebSocket-Version: 13\r\n"), 400),
        ("GET", format!("{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"), 400),
        ("POST", format!("{upgrade}Sec-WebSocket-Version: 13\r\n{key}"), 400),
        ("GET", format!("Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n{key}"), 400),
    ] {
        // Connection: close would be a second one.
        let request = format!("{method} /join HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let mut stream = server.connect().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        support::deadline(tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer)).await.unwrap();
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes(), "{headers}");
    }
    assert_eq!(server.handle.figures().refused_handshake, 5);
    assert_eq!(server.handle.figures().joined, 0);
}
