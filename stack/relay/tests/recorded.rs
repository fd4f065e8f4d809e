//! What the relay of 2017 was recorded to do on the wire, byte for byte, but for the differences that spec/06-relay.md
//! states; each is marked with `!` and what the recording has instead. And the six bodies as its configurator sends them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_relay::RelayConfig;
use std::collections::BTreeMap;
use support::{Peer, Running, SECRET};
use tokio_tungstenite::tungstenite::Message;

/// The six instructions as `NodeJSTunnelingClient` of 2017 sends them, with `|` as the delimiter.
const BODIES: [(&str, &str); 6] = [
    (
        "initialize",
        " function () { global.servers = [] global.clients = [] global.serverCredentials = [] global.delimiter = '|' return 'initialized tunnel relay'}",
    ),
    (
        "create server credential",
        " function () { var credential = Math.floor(Math.random() * 10000) serverCredentials.push(credential) this.send((serverCredentials.length - 1) + ' ' + credential) return 'created server credential'}",
    ),
    (
        "install server",
        " function (serverID, credential) { if (serverCredentials[serverID] == credential) { servers[serverID] = this this.send('1') return 'installed server'} else { debugger; this.send('0') return 'bad credential'}}",
    ),
    (
        "connect to server",
        " function (serverID, port, req) { if (servers[serverID]) { clients.push(this) servers[serverID].send('connected:atPort:for: ' + (clients.length - 1) + delimiter + port + delimiter + req.connection.remoteAddress.toString()) this.send('1') return 'connected client'} else { this.send('0') return 'server not connected'}}",
    ),
    (
        "forward to client",
        " function (channel, data) { if (clients[channel]) { clients[channel].send('from:data: ' + servers.indexOf(this) + delimiter + data) this.send('1') return 'sent data to client'} else { this.send('0') return 'no such client channel'}}",
    ),
    (
        "forward to server",
        " function (channel, data) { if (servers[channel]) { servers[channel].send('from:data: ' + clients.indexOf(this) + delimiter + data) this.send('1') return ('sent data to server')} else { this.send('0') return 'no such server channel'}}",
    ),
];

/// Configures the relay as the configurator does.
async fn configure(admin: &mut Peer) {
    for (name, body) in BODIES {
        add(admin, name, body, SECRET).await;
        assert_eq!(admin.text().await, "server: received command 'add instruction'");
        assert_eq!(admin.text().await, format!("server: adding instruction '{name}'"));
        if name == "initialize" {
            admin.send(format!(r#"{{"credential":"{SECRET}","instruction":"initialize","parameters":[]}}"#)).await;
            for expected in [
                "server: received command 'initialize'",
                "server: evaluating added instruction 'initialize'",
                "server: initialized tunnel relay",
            ] {
                assert_eq!(admin.text().await, expected);
            }
        }
    }
}

async fn add(admin: &mut Peer, name: &str, body: &str, secret: &str) {
    let command = serde_json::json!({
        "credential": secret,
        "instruction": "add instruction",
        "parameters": {"instructionToAdd": name, "body": body},
    });
    admin.send(command.to_string()).await;
}

/// Plays a recording: who connects, who sends what, and what everybody must get, each in the order of its lines. `$1` and so on
/// stand for the credential of that server, as the relay gave it.
async fn replay(relay: &Running, recording: &str) {
    let mut parties: BTreeMap<String, Peer> = BTreeMap::new();
    let mut credentials: BTreeMap<String, String> = BTreeMap::new();
    for line in recording.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!'])) {
        if let Some(name) = line.strip_suffix(" connects") {
            parties.insert(name.to_owned(), relay.first().await);
        } else if let Some(name) = line.strip_suffix(" leaves") {
            let mut gone = parties.remove(name).unwrap();
            gone.socket.close(None).await.unwrap();
            while let Some(Ok(_)) = support::deadline(futures::StreamExt::next(&mut gone.socket)).await {}
        } else if let Some((name, sent)) = line.split_once(" > ") {
            let sent = credentials.iter().fold(sent.to_owned(), |sent, (mark, digits)| sent.replace(mark, digits));
            parties.get_mut(name).unwrap().send(sent).await;
        } else if let Some((name, expected)) = line.split_once(" < ") {
            let expected: String = serde_json::from_str(expected).unwrap();
            let got = parties.get_mut(name).unwrap().text().await;
            match expected.split_once(" $") {
                Some((server, mark)) => {
                    let digits = got.strip_prefix(&format!("{server} ")).unwrap();
                    assert!((30..=39).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
                    credentials.insert(format!("${mark}"), digits.to_owned());
                }
                None => assert_eq!(got, expected, "{line}"),
            }
        } else {
            panic!("{line}");
        }
    }
    for party in parties.values_mut() {
        party.fence_first().await;
    }
}

/// Section 9, R-28, R-32, R-33, R-34.
#[tokio::test]
async fn the_session_goes_as_recorded() {
    let relay = Running::start().await;
    configure(&mut relay.first().await).await;
    replay(&relay, SESSION).await;
}

const SESSION: &str = include_str!("recorded/session.txt");

/// R-34, R-35, and what is no command.
#[tokio::test]
async fn what_is_no_command_is_answered_as_recorded() {
    let relay = Running::start().await;
    configure(&mut relay.first().await).await;
    replay(&relay, &NO_COMMANDS.replace("$SECRET", SECRET)).await;
}

const NO_COMMANDS: &str = include_str!("recorded/no_commands.txt");

/// R-31, R-32: what the first relay let anybody do, or died of.
#[tokio::test]
async fn what_killed_or_fooled_the_original_is_answered() {
    let relay = Running::start().await;
    replay(&relay, FOOLED).await;
    assert_eq!(relay.handle.figures().channels_now, 0);
}

const FOOLED: &str = include_str!("recorded/fooled.txt");

/// A command in a binary frame is one too.
#[tokio::test]
async fn a_binary_frame_is_a_command() {
    let relay = Running::start().await;
    let mut party = relay.first().await;
    party.socket.send(Message::binary(r#"{"instruction":"create server credential"}"#)).await.unwrap();
    assert_eq!(party.text().await, "server: received command 'create server credential'");
    assert_eq!(party.text().await, "server: evaluating added instruction 'create server credential'");
    assert!(party.text().await.starts_with("0 "));
    assert_eq!(party.text().await, "server: created server credential");
    party.socket.send(Message::binary(vec![0xff, 0xfe])).await.unwrap();
    assert_eq!(party.text().await, "server: rejected malformed command\u{fffd}\u{fffd}");
}

/// R-35: the delimiter that a body of `initialize` assigns, other names, and no secret.
#[tokio::test]
async fn administration_changes_the_delimiter_and_nothing_else() {
    let relay = Running::start().await;
    let mut admin = relay.first().await;
    let mut server = relay.first().await;
    let (id, credential) = server.install().await;
    // Without the secret, or with a wrong one, nothing is changed.
    for secret in ["", "wrong", &SECRET[1..]] {
        add(&mut admin, "initialize", "global.delimiter = '!'", secret).await;
        assert_eq!(admin.text().await, "server: received command 'add instruction'");
        assert_eq!(admin.text().await, "server: rejected command 'add instruction'");
    }
    add(&mut admin, "evil", "process.exit()", SECRET).await;
    assert_eq!(admin.text().await, "server: received command 'add instruction'");
    assert!(admin.text().await.starts_with("server: rejected instruction 'evil': "));
    let mut client = relay.first().await;
    client.yes("connect to server", &format!("[{id},1]")).await;
    assert_eq!(server.text().await, "connected:atPort:for: 0|1|::ffff:127.0.0.1");
    add(&mut admin, "initialize", " function () { global.delimiter = '::' return 1 }", SECRET).await;
    admin.text().await;
    assert_eq!(admin.text().await, "server: adding instruction 'initialize'");
    client.yes("forward to server", &format!("[{id},\"x\"]")).await;
    assert_eq!(server.text().await, "from:data: 0::x");
    // `initialize` with the secret forgets everything; ids are not given again (R-15).
    admin.send(format!(r#"{{"credential":"{SECRET}","instruction":"initialize"}}"#)).await;
    for _ in 0..2 {
        admin.text().await;
    }
    assert_eq!(admin.text().await, "server: initialized tunnel relay");
    assert_eq!(client.no("forward to server", &format!("[{id},\"x\"]")).await, "no such server channel");
    assert_eq!(server.no("install server", &format!("[{id},\"{credential}\"]")).await, "bad credential");
    assert_eq!(server.install().await.0, id + 1);
    // A relay without a secret has no administration.
    let relay = Running::with(|_| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        nws_relay::Relay::builder().listener(tokio::net::TcpListener::from_std(listener).unwrap())
    })
    .await;
    let mut admin = relay.first().await;
    admin.send(r#"{"credential":"","instruction":"initialize"}"#).await;
    assert_eq!(admin.text().await, "server: received command 'initialize'");
    assert_eq!(admin.text().await, "server: rejected command 'initialize'");
}

/// Section 9, `<D>`: the delimiter that the relay was started with is in every frame that has one.
#[tokio::test]
async fn the_delimiter_is_the_one_that_was_set() {
    let relay = Running::with(|_| {
        let mut config = RelayConfig::default();
        for (name, value) in [("port", "0"), ("listen", "127.0.0.1"), ("delimiter", "::")] {
            config.set(name, value).unwrap();
        }
        config.builder().unwrap()
    })
    .await;
    let (mut server, mut client) = (relay.first().await, relay.first().await);
    let (id, _) = server.install().await;
    client.yes("connect to server", &format!("[{id},\"http\"]")).await;
    assert_eq!(server.text().await, "connected:atPort:for: 0::http::::ffff:127.0.0.1");
    client.yes("forward to server", &format!("[{id},\"a|b\"]")).await;
    assert_eq!(server.text().await, "from:data: 0::a|b");
    server.send(r#"{"instruction":"forward to client","parameters":[0,"c|d"]}"#).await;
    assert_eq!(client.text().await, format!("from:data: {id}::c|d"));
}

/// Section 9: between two parties of the first dialect a port is whatever the client says, as JavaScript writes it, up to 256 bytes.
#[tokio::test]
async fn a_port_that_is_no_integer_is_passed_on() {
    let relay = Running::start().await;
    let (mut server, mut client) = (relay.first().await, relay.first().await);
    let (id, _) = server.install().await;
    let long = "p".repeat(300);
    for (channel, (port, heard)) in [
        ("\"http\"", "http".to_owned()),
        ("65536", "65536".to_owned()),
        ("-1", "-1".to_owned()),
        ("1.50", "1.5".to_owned()),
        ("null", "null".to_owned()),
        ("\"\"", String::new()),
        (&format!("\"{long}\""), format!("{}…", &long[..256])),
    ]
    .into_iter()
    .enumerate()
    {
        client.yes("connect to server", &format!("[{id},{port}]")).await;
        assert_eq!(server.text().await, format!("connected:atPort:for: {channel}|{heard}|::ffff:127.0.0.1"));
    }
}

/// R-1, R-2: any path; our subprotocol if it is offered, else the first.
#[tokio::test]
async fn any_path_is_taken_and_the_first_subprotocol_echoed() {
    let relay = Running::start().await;
    for (path, offered, agreed) in [
        ("/any/path", &["p1, p2"][..], Some("p1")),
        ("/?a=b", &[], None),
        ("/health", &["p1, nws-relay-1"], Some("nws-relay-1")),
        ("/", &["nws-relay-1"], Some("nws-relay-1")),
    ] {
        let (mut peer, answer) = relay.upgrade(path, offered).await.unwrap_or_else(|_| panic!("{path}"));
        let header = answer.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap());
        assert_eq!(header, agreed, "{path}");
        assert!(!answer.headers().contains_key("sec-websocket-extensions"));
        if agreed == Some("nws-relay-1") {
            assert_eq!(peer.event().await["type"], "welcome");
        } else {
            peer.fence_first().await;
        }
    }
}
