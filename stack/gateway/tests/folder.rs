#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! The user's own folder: what is in it, and that nothing else is.

mod support;

use nws_gateway::{Folder, GatewaySettings};
use nws_hub::HubLimits;
use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};
use support::{Proxy, ask, ask_bytes, deadline, header};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A folder `www` inside one that is not served, and a proxy that serves it.
async fn serve() -> (TempDir, Proxy) {
    let around = tempfile::tempdir().unwrap();
    write(around.path(), "secret.txt", "top secret");
    write(around.path(), "www-too/secret.txt", "top secret");
    let www = around.path().join("www");
    for (name, content) in [
        ("index.html", "<!doctype html>home"),
        ("app/index.html", "<!doctype html>app"),
        ("app/main.js", "main()"),
        ("a b é.txt", "odd name"),
        ("bare/x.json", "{}"),
        (".env", "top secret"),
        (".git/config", "top secret"),
        ("unknown.xyz", "bytes"),
        ("empty.txt", ""),
    ] {
        write(&www, name, content);
    }
    let folder = Folder::open(&www).unwrap();
    let (settings, limits) = (GatewaySettings::default(), HubLimits::default());
    let proxy = Proxy::start_with(settings, limits, |gateway| gateway.with_folder(Some(folder))).await;
    (around, proxy)
}

#[tokio::test]
async fn files_and_indexes_are_served() {
    let (_around, proxy) = serve().await;
    for (path, media_type, content) in [
        ("/www/", "text/html; charset=utf-8", "<!doctype html>home"),
        ("/www/index.html", "text/html; charset=utf-8", "<!doctype html>home"),
        ("/www/app/", "text/html; charset=utf-8", "<!doctype html>app"),
        ("/www/app/main.js?v=1", "text/javascript; charset=utf-8", "main()"),
        ("/www/a%20b%20%C3%A9.txt", "text/plain; charset=utf-8", "odd name"),
        ("/www/bare/x.json", "application/json", "{}"),
        ("/www/unknown.xyz", "application/octet-stream", "bytes"),
        ("/www/empty.txt", "text/plain; charset=utf-8", ""),
    ] {
        let (status, head, body) = ask(&proxy, &format!("GET {path}"), "").await;
        assert_eq!((status, body.as_str()), (200, content), "{path}");
        assert_eq!(header(&head, "content-type").unwrap(), media_type, "{path}");
        assert_eq!(header(&head, "content-length").unwrap(), content.len().to_string());
        assert_eq!(header(&head, "x-content-type-options").unwrap(), "nosniff");
        assert_eq!(header(&head, "cross-origin-resource-policy").unwrap(), "same-origin");
        assert_eq!(header(&head, "access-control-allow-origin"), None);
        let (status, same, nothing) = ask(&proxy, &format!("HEAD {path}"), "").await;
        assert_eq!((status, nothing.as_str()), (200, ""));
        // To HEAD a length of nothing is not said.
        let expected: Vec<_> =
            support::header_set(&head).into_iter().filter(|line| line != "content-length: 0").collect();
        assert_eq!(support::header_set(&same), expected, "{path}");
    }
    for (path, location) in [("/www", "/www/"), ("/www/app", "/www/app/"), ("/www/app?x=1", "/www/app/?x=1")] {
        let (status, head, _) = ask(&proxy, &format!("GET {path}"), "").await;
        assert_eq!((status, header(&head, "location").unwrap().as_str()), (308, location), "{path}");
    }
    for missing in ["/www/bare/", "/www/none", "/www/index.html/", "/www/app/main.js/", "/www/APP2/"] {
        assert_eq!(ask(&proxy, &format!("GET {missing}"), "").await.0, 404, "{missing}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(ask(&proxy, &format!("{method} /www/index.html"), "").await.0, 405);
    }
    assert_eq!(ask(&proxy, "GET /wwwx", "").await.0, 426);
}

#[tokio::test]
async fn no_path_leaves_the_folder() {
    let (around, proxy) = serve().await;
    let absolute = format!("/www/{}/secret.txt", around.path().display());
    for path in [
        "/www/../secret.txt",
        "/www/app/../../secret.txt",
        "/www/%2e%2e/secret.txt",
        "/www/%2E%2E/secret.txt",
        "/www/.%2e/secret.txt",
        "/www/..%2fsecret.txt",
        "/www/..%2Fwww-too%2Fsecret.txt",
        "/www/%2e%2e%2fsecret.txt",
        "/www/..%5csecret.txt",
        "/www/%252e%252e/secret.txt",
        "/www//../secret.txt",
        "/www/./index.html",
        "/www//etc/passwd",
        "/www/%2fetc/passwd",
        "/www/..",
        "/www/../",
        "/www/%00",
        "/www/index.html%00.txt",
        "/www/..;/secret.txt",
        "/www/%c0%ae%c0%ae/secret.txt",
        "/www-too/secret.txt",
        "/www/.env",
        "/www/%2eenv",
        "/www/.git/config",
        "/www/.git/",
        "/www/.git",
        &absolute,
    ] {
        let (status, _, body) = ask(&proxy, &format!("GET {path}"), "").await;
        assert_eq!(status, 404, "{path}");
        assert!(!body.contains("secret") && !body.contains("root:"), "{path}: {body}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_may_point_inside_only_and_pipes_are_no_files() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let (around, proxy) = serve().await;
    let www = around.path().join("www");
    symlink(around.path().join("secret.txt"), www.join("out.txt")).unwrap();
    symlink("../secret.txt", www.join("out2.txt")).unwrap();
    symlink(around.path(), www.join("outdir")).unwrap();
    symlink("../www-too", www.join("too")).unwrap();
    symlink(".env", www.join("env.txt")).unwrap();
    symlink(".git", www.join("git")).unwrap();
    symlink("/etc", www.join("etc")).unwrap();
    symlink("loop", www.join("loop")).unwrap();
    symlink("app/main.js", www.join("inside.js")).unwrap();
    symlink("app", www.join("inside")).unwrap();
    fs::create_dir(www.join("sly")).unwrap();
    symlink("../../secret.txt", www.join("sly/index.html")).unwrap();
    let _socket = UnixListener::bind(www.join("socket.txt")).unwrap();
    for path in [
        "out.txt",
        "out2.txt",
        "outdir/secret.txt",
        "outdir/",
        "too/secret.txt",
        "env.txt",
        "git/config",
        "etc/passwd",
        "loop",
        "sly/",
        "socket.txt",
    ] {
        let (status, _, body) = ask(&proxy, &format!("GET /www/{path}"), "").await;
        assert_eq!(status, 404, "{path}: {body}");
    }
    for (path, content) in [("inside.js", "main()"), ("inside/main.js", "main()"), ("inside/", "<!doctype html>app")] {
        let (status, _, body) = ask(&proxy, &format!("GET /www/{path}"), "").await;
        assert_eq!((status, body.as_str()), (200, content), "{path}");
    }
}

#[tokio::test]
async fn who_has_it_is_told_so_until_it_changes() {
    let (around, proxy) = serve().await;
    let path = around.path().join("www/app/main.js");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let (_, head, _) = ask(&proxy, "GET /www/app/main.js", "").await;
    let tag = header(&head, "etag").unwrap();
    assert_eq!(header(&head, "last-modified").unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
    for condition in [format!("If-None-Match: {tag}"), "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT".to_owned()] {
        let (status, head, body) = ask(&proxy, "GET /www/app/main.js", &format!("{condition}\r\n")).await;
        assert_eq!((status, body.as_str()), (304, ""), "{condition}");
        assert_eq!(header(&head, "etag").unwrap(), tag);
    }
    fs::write(&path, "other()").unwrap();
    let (status, head, body) = ask(&proxy, "GET /www/app/main.js", &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((status, body.as_str()), (200, "other()"));
    assert_ne!(header(&head, "etag").unwrap(), tag);
}

#[tokio::test]
async fn a_part_is_sent_where_a_part_is_asked_for() {
    let (around, proxy) = serve().await;
    let content: Vec<u8> = (0..300_000_u32).map(|index| (index % 251) as u8).collect();
    write(around.path(), "www/clip.webm", &content);
    let part = async |lines: &str| ask_bytes(&proxy, "GET /www/clip.webm", lines).await;
    let (status, head, body) = part("").await;
    assert_eq!((status, header(&head, "accept-ranges").unwrap().as_str()), (200, "bytes"));
    assert!(body == content);
    let tag = header(&head, "etag").unwrap();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199999", 100, 199_999),
        ("bytes=299999-", 299_999, 299_999),
        ("bytes=-1000", 299_000, 299_999),
        ("bytes=0-9999999", 0, 299_999),
    ] {
        let (status, head, body) = part(&format!("Range: {range}\r\nIf-Range: {tag}\r\n")).await;
        assert_eq!(status, 206, "{range}");
        assert_eq!(header(&head, "content-range").unwrap(), format!("bytes {first}-{last}/300000"));
        assert_eq!(header(&head, "content-length").unwrap(), (last - first + 1).to_string());
        assert!(body == content[first..=last], "{range}");
    }
    let (status, head, body) = part("Range: bytes=300000-\r\n").await;
    assert_eq!((status, body.len()), (416, 0));
    assert_eq!(header(&head, "content-range").unwrap(), "bytes */300000");
    for whole in ["Range: bytes=0-1,5-6\r\n", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n", "Range: pages=1-2\r\n"] {
        let (status, _, body) = part(whole).await;
        assert_eq!((status, body.len()), (200, content.len()), "{whole}");
    }
}

#[tokio::test]
async fn a_big_file_is_streamed_and_one_that_shrinks_is_cut() {
    let (around, proxy) = serve().await;
    let path = around.path().join("www/big.bin");
    let big = 3_u64 << 30;
    File::create(&path).unwrap().set_len(big).unwrap();
    let before = resident_bytes();
    let mut raw = proxy.connect().await;
    let request = format!("GET /www/big.bin HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", proxy.port);
    raw.stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let mut read = 0;
    while read < 200 << 20 {
        read += deadline(raw.stream.read(&mut buffer)).await.unwrap();
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for one download");
    // All that was promised can't be sent any more: the end must not look like the end.
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    loop {
        match deadline(raw.stream.read(&mut buffer)).await {
            Ok(0) | Err(_) => break,
            Ok(more) => read += more,
        }
    }
    assert!((read as u64) < big);
    assert_eq!(ask(&proxy, "GET /www/index.html", "").await.0, 200);
}

/// What this process holds in memory, where the system says it.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "file", "x");
    assert!(Folder::open(&folder.path().join("nowhere")).is_err());
    assert!(Folder::open(&folder.path().join("file")).is_err());
}
