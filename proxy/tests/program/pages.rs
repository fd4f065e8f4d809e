//! What it serves besides channels: its own pages, the user's folder, and what it tells of itself.

use crate::{
    client::{Client, get},
    process::{Running, run},
};
use std::fs;

fn status(port: u16) -> String {
    let (status, _, body) = get(port, "/api/status", "");
    assert_eq!(status, 200);
    body
}

/// Asks until the answer says it.
fn wait_for_status(port: u16, words: &str) -> String {
    let begun = std::time::Instant::now();
    loop {
        let told = status(port);
        if told.contains(words) {
            return told;
        }
        assert!(begun.elapsed() < crate::process::PATIENCE, "no {words} in {told}");
        std::thread::yield_now();
    }
}

#[test]
fn console_and_library_are_in_the_program() {
    let running = Running::start(&[]);
    let port = running.port();
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/console", "text/html; charset=utf-8"),
        ("/console/console.js", "text/javascript; charset=utf-8"),
        ("/lib/network-web-sockets.js", "text/javascript; charset=utf-8"),
        ("/lib/network-web-sockets.mjs", "text/javascript; charset=utf-8"),
        ("/lib/namedwebsockets.js", "text/javascript; charset=utf-8"),
        ("/lib/networkwebsockets.js", "text/javascript; charset=utf-8"),
    ] {
        let (status, head, body) = get(port, path, "");
        assert_eq!(status, 200, "{path}");
        assert!(head.contains(&format!("Content-Type: {media_type}")), "{path}: {head}");
        assert!(body.len() > 100, "{path}: {body}");
    }
    let same = |path: &str, file: &str| {
        let file = fs::read_to_string(format!("{}/web/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(get(port, path, "").2 == file, "{path} is not {file}");
    };
    same("/", "console/index.html");
    same("/lib/networkwebsockets.js", "dist/network-web-sockets.js");
}

#[test]
fn what_a_page_of_the_program_names_is_there() {
    let running = Running::start(&[]);
    let web = format!("{}/web", env!("CARGO_MANIFEST_DIR"));
    for (folder, base) in [("console", "/console/"), ("examples", "/examples/")] {
        for path in html_files(format!("{web}/{folder}").as_ref()) {
            let page = fs::read_to_string(&path).unwrap();
            assert!(!page.contains("onclick=") && !page.contains("style=\""), "{} has inline code", path.display());
            let here = path.strip_prefix(format!("{web}/{folder}")).unwrap().parent().unwrap().to_str().unwrap();
            let slash = if here.is_empty() { "" } else { "/" };
            for piece in page.split("src=\"").skip(1).chain(page.split("href=\"").skip(1)) {
                let link = piece.split(['"', '?', '#']).next().unwrap();
                if link.is_empty() || link.contains(':') || link.starts_with("/www") {
                    continue;
                }
                let target = if link.starts_with('/') { link.to_owned() } else { format!("{base}{here}{slash}{link}") };
                let (status, ..) = get(running.port(), &normal(&target), "");
                assert!(matches!(status, 200 | 308), "{} names {link}: {status}", path.display());
            }
        }
    }
}

fn html_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let each = entries.map(|entry| entry.unwrap().path()).flat_map(|path| match path.is_dir() {
        true => html_files(&path),
        false => Vec::from_iter(path.extension().is_some_and(|e| e == "html").then_some(path)),
    });
    each.collect()
}

/// A path without dots, as browsers ask for it.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[test]
fn the_status_tells_of_links_and_channels() {
    let one = Running::start(&["--transport", "tcp"]);
    let peer = one.line("links").rsplit_once(' ').unwrap().1.to_owned();
    let other = Running::start(&["--transport", "tcp", "--peer", &peer]);
    let mut here = Client::join(one.port(), "room");
    let _there = Client::join(other.port(), "room");
    assert!(here.text().contains(r#""connect""#));
    let told = wait_for_status(one.port(), r#""channels_in_common":1"#);
    for words in [
        &format!("{{\"version\":\"{}\",\"instance\":\"", env!("CARGO_PKG_VERSION")),
        &format!("\"port\":{}", one.port()),
        r#""clients":1"#,
        r#""transport":["tcp"]"#,
        r#""discovery":{"state":"off","words":""#,
        r#""known_proxies":1"#,
        r#""role":"responder","address":"127.0.0.1:"#,
        r#""draining":false"#,
        r#""channels":[{"kind":"network","name":"room","clients":1,"peers":2}]"#,
    ] {
        assert!(told.contains(words), "no {words} in {told}");
    }
    let told = wait_for_status(other.port(), r#""channels_in_common":1"#);
    assert!(told.contains(r#""role":"initiator""#), "{told}");
    let (status, _, metrics) = get(one.port(), "/metrics", "");
    assert_eq!(status, 200);
    assert!(metrics.contains("nws_links{transport=\"tcp\"} 1\n") && !metrics.contains("room"), "{metrics}");
    assert!(metrics.contains("nws_remote_peers 1\n"), "{metrics}");
}

#[test]
fn no_other_origin_is_told() {
    let running = Running::start(&[]);
    let _client = Client::join(running.port(), "hush");
    for path in ["/api/status", "/metrics"] {
        for line in
            ["Origin: https://example.org\r\n", "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"]
        {
            let (status, head, body) = get(running.port(), path, line);
            assert_eq!(status, 403, "{path} {line}");
            assert!(
                !body.contains("hush") && !body.contains("nws_") && !head.contains("Access-Control"),
                "{head}{body}"
            );
        }
    }
}

#[test]
fn a_folder_of_the_users_own_is_served() {
    let around = tempfile::tempdir().unwrap();
    let www = around.path().join("site");
    fs::create_dir(&www).unwrap();
    fs::write(www.join("index.html"), "<!doctype html>mine").unwrap();
    fs::write(around.path().join("secret"), "secret").unwrap();
    let running = Running::start(&["--www", www.to_str().unwrap()]);
    assert_eq!(get(running.port(), "/www/", "").2, "<!doctype html>mine");
    assert_eq!(get(running.port(), "/www/../secret", "").0, 404);
    let without = Running::start(&[]);
    assert_eq!(get(without.port(), "/www/", "").0, 404);
}

#[test]
fn a_folder_that_is_not_there_is_input() {
    let around = tempfile::tempdir().unwrap();
    let file = around.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [around.path().join("nowhere"), file] {
        let path = path.to_str().unwrap();
        for check in [&["--www", path][..], &["--www", path, "--check"]] {
            let ended = run(check);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(66), ""), "{ended:?}");
            assert!(ended.stderr.contains(path) && ended.stderr.contains("--www"), "{ended:?}");
        }
    }
}
