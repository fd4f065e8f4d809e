#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! The pages that the program brings along: who may load them, and what they may do.

mod support;

use nws_gateway::{Assets, GatewaySettings};
use nws_hub::HubLimits;
use support::{KEY_LINES, Proxy, ask, header};

const FILES: [(&str, &str); 10] = [
    ("console/index.html", "<!doctype html>console"),
    ("console/console.js", "console()"),
    ("dist/network-web-sockets.js", "classic()"),
    ("dist/network-web-sockets.mjs", "module()"),
    ("dist/types/index.d.ts", "declare"),
    ("examples/index.html", "<!doctype html>examples"),
    ("examples/chat/index.html", "<!doctype html>chat"),
    ("examples/chat/chat.css", "chat{}"),
    ("examples/bootstrap/index.html", "<!doctype html>bootstrap"),
    ("examples/tunnel/index.html", "<!doctype html>tunnel"),
];

async fn proxy() -> Proxy {
    let assets: Assets = FILES.into_iter().map(|(name, text)| (name, text.as_bytes())).collect();
    Proxy::start_with(GatewaySettings::default(), HubLimits::default(), |gateway| gateway.with_assets(assets)).await
}

#[tokio::test]
async fn each_page_is_served_with_its_type_to_get_and_head() {
    let proxy = proxy().await;
    for (path, media_type, content) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>console"),
        ("/console", "text/html; charset=utf-8", "<!doctype html>console"),
        ("/?x=1", "text/html; charset=utf-8", "<!doctype html>console"),
        ("/console/console.js", "text/javascript; charset=utf-8", "console()"),
        ("/lib/network-web-sockets.js", "text/javascript; charset=utf-8", "classic()"),
        ("/lib/namedwebsockets.js", "text/javascript; charset=utf-8", "classic()"),
        ("/lib/networkwebsockets.js", "text/javascript; charset=utf-8", "classic()"),
        ("/lib/network-web-sockets.mjs", "text/javascript; charset=utf-8", "module()"),
        ("/network-web-sockets.js", "text/javascript; charset=utf-8", "classic()"),
        ("/network-web-sockets.mjs", "text/javascript; charset=utf-8", "module()"),
        ("/lib/types/index.d.ts", "text/plain; charset=utf-8", "declare"),
        ("/examples/", "text/html; charset=utf-8", "<!doctype html>examples"),
        ("/examples/chat/", "text/html; charset=utf-8", "<!doctype html>chat"),
        ("/examples/chat/chat.css", "text/css; charset=utf-8", "chat{}"),
    ] {
        let (status, head, body) = ask(&proxy, &format!("GET {path}"), "").await;
        assert_eq!((status, body.as_str()), (200, content), "{path}");
        assert_eq!(header(&head, "content-type").unwrap(), media_type, "{path}");
        assert_eq!(header(&head, "x-content-type-options").unwrap(), "nosniff");
        assert_eq!(header(&head, "cache-control").unwrap(), "no-cache");
        let (status, same, nothing) = ask(&proxy, &format!("HEAD {path}"), "").await;
        assert_eq!((status, nothing.as_str()), (200, ""));
        assert_eq!(support::header_set(&same), support::header_set(&head), "{path}");
    }
    for missing in ["/lib/", "/lib/x.js", "/console/x", "/examples/chat/x", "/console/../dist/types/index.d.ts"] {
        assert_eq!(ask(&proxy, &format!("GET {missing}"), "").await.0, 404, "{missing}");
    }
    for path in ["/", "/lib/network-web-sockets.js", "/examples/", "/lib/x"] {
        let (status, head, _) = ask(&proxy, &format!("POST {path}"), "").await;
        assert_eq!((status, header(&head, "allow").unwrap().as_str()), (405, "GET, HEAD"), "{path}");
    }
}

#[tokio::test]
async fn the_names_of_pages_are_still_names_of_channels() {
    let proxy = proxy().await;
    for path in ["/console", "/lib", "/examples", "/www", "/metrics", "/api", "/network-web-sockets.js"] {
        assert_eq!(ask(&proxy, &format!("GET {path}"), KEY_LINES).await.0, 101, "{path}");
    }
    assert_eq!(ask(&proxy, "GET /lib", "").await.0, 426);
    assert_eq!(ask(&proxy, "GET /console/console.js", KEY_LINES).await.0, 404);
}

#[tokio::test]
async fn who_has_it_is_told_so() {
    let proxy = proxy().await;
    let (_, head, _) = ask(&proxy, "GET /console/console.js", "").await;
    let tag = header(&head, "etag").unwrap();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{tag}");
    for condition in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let lines = format!("If-None-Match: {condition}\r\n");
        let (status, head, body) = ask(&proxy, "GET /console/console.js", &lines).await;
        assert_eq!((status, body.as_str()), (304, ""), "{condition}");
        assert_eq!(header(&head, "etag").unwrap(), tag);
        assert!(header(&head, "content-security-policy").is_some());
        assert_eq!(ask(&proxy, "HEAD /console/console.js", &lines).await.0, 304);
    }
    for condition in ["\"x\"", "W/\"y\""] {
        let lines = format!("If-None-Match: {condition}\r\n");
        assert_eq!(ask(&proxy, "GET /console/console.js", &lines).await.0, 200, "{condition}");
    }
    let (_, other, _) = ask(&proxy, "GET /lib/network-web-sockets.js", "").await;
    assert_ne!(header(&other, "etag").unwrap(), tag);
}

#[tokio::test]
async fn console_and_examples_are_locked_down() {
    let proxy = proxy().await;
    for (path, cameras, media) in
        [("/", "camera=(), microphone=()", false), ("/examples/chat/", "camera=(self), microphone=(self)", true)]
    {
        let (_, head, _) = ask(&proxy, &format!("GET {path}"), "Origin: http://evil.example\r\n").await;
        let policy = header(&head, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' "));
        assert!(policy.contains(&format!(" ws://localhost:{} ws://127.0.0.1:{}", proxy.port, proxy.port)), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(policy.contains("media-src 'self' blob:"), media, "{policy}");
        assert!(header(&head, "permissions-policy").unwrap().starts_with(cameras), "{head}");
        assert_eq!(header(&head, "cross-origin-resource-policy").unwrap(), "same-origin");
        assert_eq!(header(&head, "access-control-allow-origin"), None);
    }
    // These are with a server of the user's choice; no other page may open a socket to elsewhere.
    for path in ["/examples/bootstrap/", "/examples/tunnel/"] {
        let (_, head, _) = ask(&proxy, &format!("GET {path}"), "").await;
        let policy = header(&head, "content-security-policy").unwrap();
        assert!(policy.contains("; connect-src 'self' ws: wss:; "), "{policy}");
    }
}

#[tokio::test]
async fn any_page_may_load_the_library() {
    let proxy = proxy().await;
    for path in ["/lib/network-web-sockets.mjs", "/lib/namedwebsockets.js"] {
        let (_, head, _) = ask(&proxy, &format!("GET {path}"), "Origin: https://public.example\r\n").await;
        assert_eq!(header(&head, "access-control-allow-origin").unwrap(), "*");
        assert_eq!(header(&head, "cross-origin-resource-policy").unwrap(), "cross-origin");
        let preflight = "Origin: https://public.example\r\nAccess-Control-Request-Method: GET\r\n";
        let (status, head, _) = ask(&proxy, &format!("OPTIONS {path}"), preflight).await;
        assert_eq!(status, 204);
        assert_eq!(header(&head, "access-control-allow-private-network").unwrap(), "true");
    }
}

#[tokio::test]
async fn folders_are_asked_for_with_a_slash() {
    let proxy = proxy().await;
    for (path, location) in [("/examples", "/examples/"), ("/examples/chat?room=a&b", "/examples/chat/?room=a&b")] {
        let (status, head, _) = ask(&proxy, &format!("GET {path}"), "").await;
        assert_eq!((status, header(&head, "location").unwrap().as_str()), (308, location));
    }
}
