//! HTTP at the client interface: who is let in, and the answers to those who are not.

use super::hello::about;
use crate::{
    check::checks,
    client::{ClientTarget, Http, Response, upgrade},
    context::Context,
    verdict::{Trouble, Verdict, ensure, failed, not_run},
};
use std::time::Duration;
use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};

checks! {
    Beside "http-paths" "a path is decoded once and must be a channel name then" ["C-1" "T-7"] paths;
    Beside "http-no-channel" "an upgrade on a path that is no channel gets 404" ["C-2"] no_channel;
    Beside "http-pages" "for an upgrade every name is a channel, also one under which a page lies" ["C-3"] pages;
    Beside "http-loopback" "clients are accepted on loopback only, by IPv4 and IPv6" ["C-4"] loopback;
    Beside "http-host" "one Host with an allowed name and the right port" ["C-5"] host;
    Beside "http-absolute" "a target in absolute form must name an allowed host" ["C-6"] absolute;
    Beside "http-host-first" "Host is checked before everything else" ["C-7"] host_first;
    Beside "http-origin" "figures are not readable by pages of other origins" ["C-9"] origin;
    Beside "http-upgrade" "the answer to an upgrade has what it must, and no extension" ["C-10" "C-11"] upgraded;
    Beside "http-426" "426 says how to upgrade" ["C-13"] upgrade_required;
    Beside "http-405" "405 says what is allowed" ["C-14"] not_allowed;
    Beside "http-health" "/health is there for everybody, and tells nothing" ["C-15" "C-16"] health;
    Beside "http-health-options" "OPTIONS /health is answered for browsers" ["C-17"] health_options;
    Beside "http-console" "the console has its policy" ["C-18"] console;
}

/// The status of an upgrade request with these lines after it.
async fn status(clients: &ClientTarget, path: &str, headers: &str) -> Result<Response, Trouble> {
    Http::ask(clients, &format!("{}{headers}\r\n", upgrade(&clients.host, path))).await
}

async fn expect(clients: &ClientTarget, path: &str, wanted: u16) -> Verdict {
    let got = status(clients, path, "").await?.status;
    ensure(got == wanted, format!("{wanted} for an upgrade of {path}"), format!("{got}"))
}

async fn paths(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let name = context.fresh_name();
    let mut one = clients.join(&format!("/{name}.a%2Bb")).await?;
    let mut two = clients.join(&format!("/{name}.a+b?a=query")).await?;
    two.connected(&one.id.clone()).await?;
    one.connected(&two.id).await?;
    let long = format!("/{}", "n".repeat(255));
    expect(clients, &long, 101).await?;
    expect(clients, "/A+=*._-9", 101).await?;
    for path in ["/a%2Fb", "/a%20b", "/%252B", "/%C3%A9", "/a%", "/a%zz", "/a%00"] {
        expect(clients, path, 404).await?;
    }
    expect(clients, &format!("{long}n"), 404).await
}

async fn no_channel(context: &Context) -> Verdict {
    let clients = context.clients()?;
    for path in
        ["/", "/a/b", "/broadcast/a/b/c", "/local/a%20b", "/local/a/b%20c", "/broadcast//", "/a,b", "//", "/local/"]
    {
        expect(clients, path, 404).await?;
    }
    Ok(())
}

async fn pages(context: &Context) -> Verdict {
    let clients = context.clients()?;
    for path in ["/console", "/health", "/api", "/metrics", "/local", "/broadcast"] {
        expect(clients, path, 101).await?;
    }
    Ok(())
}

async fn loopback(context: &Context) -> Verdict {
    let clients = context.clients()?;
    if !clients.address.ip().is_loopback() {
        return Err(failed("clients are accepted on loopback only", format!("{} is another address", clients.address)));
    }
    let port = clients.address.port();
    for address in ["127.0.0.1", "[::1]"] {
        // A machine without one of them is served on the other.
        let bound = std::net::TcpListener::bind(format!("{address}:0"));
        if bound.is_err() {
            continue;
        }
        let connected = timeout(Duration::from_secs(3), TcpStream::connect(format!("{address}:{port}"))).await;
        ensure(matches!(connected, Ok(Ok(_))), format!("the same port on {address}"), "nobody there")?;
    }
    // The address by which this machine speaks to others; nothing is sent for that.
    let outside = async {
        let socket = UdpSocket::bind("0.0.0.0:0").await.ok()?;
        socket.connect("192.0.2.1:9").await.ok()?;
        socket.local_addr().ok()
    };
    if let Some(mut address) = outside.await.filter(|address| !address.ip().is_loopback()) {
        address.set_port(port);
        let connected = timeout(Duration::from_secs(3), TcpStream::connect(address)).await;
        ensure(
            !matches!(connected, Ok(Ok(_))),
            "nobody there on other addresses",
            format!("a connection to {address}"),
        )?;
    }
    Ok(())
}

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

async fn host(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let port = clients.address.port();
    for good in
        [format!("localhost:{port}"), format!("LocalHost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")]
    {
        let got = Http::ask(clients, &get("/health", &format!("Host: {good}\r\n"))).await?.status;
        ensure(got == 200, format!("200 for Host: {good}"), format!("{got}"))?;
    }
    let other = if port == 1 { 2 } else { port - 1 };
    for bad in [
        format!("example.com:{port}"),
        format!("localhost.example.com:{port}"),
        format!("xlocalhost:{port}"),
        format!("127.0.0.2:{port}"),
        format!("localhost:{other}"),
        format!("localhost.:{port}"),
        "localhost".to_owned(),
    ] {
        if port == 80 && bad == "localhost" {
            continue;
        }
        for path in ["/health", "/conformance"] {
            let got = Http::ask(clients, &get(path, &format!("Host: {bad}\r\n"))).await?.status;
            ensure(got == 403 || got == 400, format!("403 for {path} with Host: {bad}"), format!("{got}"))?;
        }
        let got = Http::ask(clients, &format!("{}\r\n", upgrade(&bad, "/conformance"))).await?.status;
        ensure(got == 403 || got == 400, format!("403 for an upgrade with Host: {bad}"), format!("{got}"))?;
    }
    let got = Http::ask(clients, &get("/health", "")).await?.status;
    ensure(got == 400, "400 without Host", format!("{got}"))?;
    let twice = format!("Host: localhost:{port}\r\nHost: localhost:{port}\r\n");
    let got = Http::ask(clients, &get("/health", &twice)).await?.status;
    ensure(got == 400, "400 with two Hosts", format!("{got}"))
}

async fn absolute(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let host = format!("Host: {}\r\n", clients.host);
    let got =
        Http::ask(clients, &get(&format!("http://example.com:{}/health", clients.address.port()), &host)).await?.status;
    ensure(matches!(got, 400 | 403), "400 or 403 for another host in the request target", format!("{got}"))?;
    let got = Http::ask(clients, &get(&format!("http://{}/health", clients.host), &host)).await?.status;
    ensure(got == 200, "200 for an allowed host in the request target", format!("{got}"))
}

async fn host_first(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let bad = format!("Host: example.com:{}\r\n", clients.address.port());
    for request in [
        get("/a/b/c", &bad),
        get("/", &bad),
        format!("POST /chat HTTP/1.1\r\n{bad}Content-Length: 0\r\n\r\n"),
        format!("OPTIONS /health HTTP/1.1\r\n{bad}\r\n"),
        format!("GET /chat HTTP/1.1\r\n{bad}Upgrade: websocket\r\n\r\n"),
    ] {
        let got = Http::ask(clients, &request).await?.status;
        let line = request.lines().next().unwrap_or_default().to_owned();
        ensure(got == 403, format!("403 for {line} with another host"), format!("{got}"))?;
    }
    Ok(())
}

async fn origin(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let host = &clients.host;
    for path in ["/metrics", "/api", "/api/status", "/api/channels", "/api/v1/status", "/status"] {
        for foreign in [
            "Origin: http://example.com\r\n",
            "Origin: null\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\n",
        ] {
            let got = Http::ask(clients, &get(path, &format!("Host: {host}\r\n{foreign}"))).await?.status;
            // What is not there reveals nothing.
            let refused = matches!(got, 403 | 404 | 426);
            ensure(refused, format!("403 for {path} with {}", foreign.trim()), format!("{got}"))?;
        }
    }
    Ok(())
}

async fn upgraded(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let headers = "Sec-WebSocket-Protocol: first, second\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: http://example.com\r\n";
    let client = clients.join_with(&format!("/{}", context.fresh_name()), headers, b"").await?;
    let response = &client.upgrade;
    response.has("Upgrade", "websocket")?;
    response.names("Connection", "Upgrade")?;
    response.has("Sec-WebSocket-Protocol", "first")?;
    let extensions = response.all("Sec-WebSocket-Extensions");
    ensure(extensions.is_empty(), "no Sec-WebSocket-Extensions", extensions.join(", "))?;
    let client = clients.join_raw(&format!("/{}", context.fresh_name())).await?;
    let protocols = client.upgrade.all("Sec-WebSocket-Protocol");
    ensure(protocols.is_empty(), "no Sec-WebSocket-Protocol where none was offered", protocols.join(", "))
}

async fn upgrade_required(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let host = &clients.host;
    let plain = Http::ask(clients, &get("/conformance-426", &format!("Host: {host}\r\n"))).await?;
    let old = format!(
        "GET /chat HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\
         Sec-WebSocket-Key: bndzIGNvbmZvcm1hbmNlIQ==\r\n\r\n"
    );
    let old = Http::ask(clients, &old).await?;
    for (what, response) in [("a channel's path without an upgrade", plain), ("another version", old)] {
        ensure(response.status == 426, format!("426 for {what}"), format!("{}", response.status))?;
        response.has("Upgrade", "websocket")?;
        response.names("Connection", "Upgrade")?;
        response.has("Sec-WebSocket-Version", "13").map_err(|trouble| about(what, trouble))?;
    }
    Ok(())
}

async fn not_allowed(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let host = &clients.host;
    let post =
        |path: &str| format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let channel = Http::ask(clients, &post("/conformance-405")).await?;
    ensure(channel.status == 405, "405 for POST to a channel", format!("{}", channel.status))?;
    channel.has("Allow", "GET")?;
    let health = Http::ask(clients, &post("/health")).await?;
    ensure(health.status == 405, "405 for POST /health", format!("{}", health.status))?;
    health.has("Allow", "GET, HEAD, OPTIONS")
}

async fn health(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let name = context.fresh_name();
    let client = clients.join(&format!("/{name}")).await?;
    let host = &clients.host;
    let headers = format!("Host: {host}\r\nOrigin: https://example.com\r\nSec-Fetch-Site: cross-site\r\n");
    let response = Http::ask(clients, &get("/health", &headers)).await?;
    ensure(response.status == 200, "200", format!("{}", response.status))?;
    response.has("Content-Type", "application/json")?;
    response.has("Access-Control-Allow-Origin", "*")?;
    response.has("Cache-Control", "no-store")?;
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| failed("a JSON object", format!("{error}: {text}")))?;
    ensure(crate::client::of(&value, "status") == "ok", r#""status":"ok""#, text.clone())?;
    for secret in [name.as_str(), client.id.as_str(), context.name.reveal()] {
        ensure(!text.contains(&format!("\"{secret}\"")), "nothing about channels or peers", text.clone())?;
    }
    let members = value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let telling = ["channels", "clients", "peers", "links", "instance", "instance_id", "network"];
    let told: Vec<&String> = members.iter().filter(|name| telling.contains(&name.to_lowercase().as_str())).collect();
    ensure(told.is_empty(), "no member about channels, peers or links", format!("{told:?}"))
}

async fn health_options(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let request = format!(
        "OPTIONS /health HTTP/1.1\r\nHost: {}\r\nOrigin: https://example.com\r\nAccess-Control-Request-Method: GET\r\n\
         Access-Control-Request-Private-Network: true\r\nConnection: close\r\n\r\n",
        clients.host
    );
    let response = Http::ask(clients, &request).await?;
    ensure(response.status == 204, "204", format!("{}", response.status))?;
    response.has("Access-Control-Allow-Origin", "*")?;
    response.has("Access-Control-Allow-Methods", "GET, HEAD")?;
    response.has("Access-Control-Allow-Headers", "*")?;
    response.has("Access-Control-Allow-Private-Network", "true")?;
    response.has("Allow", "GET, HEAD, OPTIONS")
}

async fn console(context: &Context) -> Verdict {
    let clients = context.clients()?;
    let response = Http::ask(clients, &get("/console", &format!("Host: {}\r\n", clients.host))).await?;
    if response.status != 200 {
        return Err(not_run(format!("there is no console: {} for /console", response.status)));
    }
    response.has("Cross-Origin-Resource-Policy", "same-origin")?;
    let policy = response.header("Content-Security-Policy").unwrap_or_default().to_ascii_lowercase();
    ensure(policy.contains("frame-ancestors 'none'"), "a policy with frame-ancestors 'none'", policy.clone())?;
    let scripts = policy.split(';').map(str::trim).find(|part| part.starts_with("script-src "));
    let scripts = scripts.or_else(|| policy.split(';').map(str::trim).find(|part| part.starts_with("default-src ")));
    let sources: Vec<&str> = scripts.unwrap_or("script-src *").split(' ').skip(1).collect();
    let local = |source: &&str| source.starts_with('\'') && *source != "'unsafe-inline'" && *source != "'unsafe-eval'";
    ensure(sources.iter().all(local), "a policy that allows no script from elsewhere", policy.clone())
}
