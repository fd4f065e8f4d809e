//! Many at once: who comes and goes in a flood, who does not read, who sends faster than others read.

use crate::parties::{DEADLINE, Proxy, masked};
use nws_gateway::SessionSettings;
use nws_hub::HubLimits;
use serde_json::json;
use std::{io::ErrorKind, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::timeout,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_open_a_channel_at_the_same_moment_are_in_the_same_one() {
    let proxy = Arc::new(Proxy::default().await);
    for n in 0..40 {
        let open = |proxy: Arc<Proxy>| {
            tokio::spawn(async move {
                let mut client = proxy.client(&format!("c{n}")).await;
                client.told().await["action"] == "connect"
            })
        };
        let (one, two) = (open(Arc::clone(&proxy)), open(Arc::clone(&proxy)));
        assert!(one.await.unwrap() && two.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_at_once_and_in_the_middle_of_a_flood_hurts_nobody() {
    let proxy = Proxy::default().await;
    let mut flooder = proxy.raw("x", 65536).await;
    let mut steady = proxy.client("x").await;
    let flood = tokio::spawn(async move {
        for n in 0..20_000 {
            let text = format!(r#"{{"action":"broadcast","data":{n}}}"#);
            flooder.write_all(&masked(0x81, text.as_bytes())).await.unwrap();
        }
        flooder
    });
    let port = proxy.port;
    let passers = tokio::spawn(async move {
        for n in 0..200 {
            let url = format!("ws://127.0.0.1:{port}/x");
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            if n % 2 == 0 {
                drop(socket);
            } else {
                socket.close(None).await.unwrap();
            }
        }
    });
    let (mut next, mut came, mut went) = (0, 0, 0);
    let mut flood = Some(flood);
    while went < 201 {
        let told = steady.told().await;
        match told["action"].as_str() {
            Some("broadcast") => {
                assert_eq!(told["data"], next);
                next += 1;
            }
            Some("connect") => came += 1,
            Some("disconnect") => went += 1,
            _ => panic!("{told}"),
        }
        // The flooder leaves as well, once all that it said was heard.
        if next == 20_000
            && let Some(flood) = flood.take()
        {
            drop(flood.await.unwrap());
        }
    }
    passers.await.unwrap();
    // The flooder, and all who passed: each was announced, and is gone.
    assert_eq!((next, came), (20_000, 201));
    steady.send(r#"{"action":"status"}"#).await;
    assert_eq!(steady.told().await["action"], "status");
    assert_eq!(proxy.channels.clients(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_is_closed_with_1013_and_nobody_else_loses_anything() {
    let limits = HubLimits {
        channel_log_bytes: 1 << 20,
        // Long enough that a busy machine does not make the good one look as if it read nothing.
        client_stall: Duration::from_secs(3),
        client_burst_bytes: 0,
        ..HubLimits::default()
    };
    let proxy = Proxy::start(limits, SessionSettings::default()).await;
    let mut stuck = proxy.raw("x", 4096).await;
    let mut good = proxy.client("x").await;
    let mut sender = proxy.client("x").await;
    let total = 3000;
    let sending = tokio::spawn(async move {
        let data = "d".repeat(8000);
        for n in 0..total {
            sender.send(json!({"action":"broadcast","data":[n, data]}).to_string()).await;
        }
        sender
    });
    let mut next = 0;
    let mut gone = false;
    while next < total || !gone {
        let told = good.told().await;
        match told["action"].as_str() {
            Some("broadcast") => {
                assert_eq!(told["data"][0], next);
                next += 1;
            }
            Some("disconnect") => gone = true,
            _ => {}
        }
    }
    let mut got = Vec::new();
    timeout(DEADLINE, stuck.read_to_end(&mut got)).await.unwrap().unwrap();
    let tail = &got[got.len() - 17..];
    assert_eq!(tail, b"\x88\x0f\x03\xf5slow consumer", "whole frames, then the reason");
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_sender_is_held_back_and_everything_arrives() {
    let limits = HubLimits { channel_log_bytes: 4 << 20, ..HubLimits::default() };
    let proxy = Proxy::start(limits, SessionSettings::default()).await;
    let mut receiver = proxy.raw("x", 65536).await;
    let mut sender = proxy.raw("x", 65536).await;
    // More than the log, the socket buffers and the read buffer together can hold.
    let (messages, size) = (1600u64, 65_000usize);
    let sending = tokio::spawn(async move {
        let text = format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(size));
        let frame = masked(0x81, text.as_bytes());
        for _ in 0..messages {
            sender.write_all(&frame).await.unwrap();
        }
        sender
    });
    let mut buffer = vec![0; 1 << 16];
    let mut got = 0u64;
    // Each delivery is a 4-byte header, 68 bytes of envelope and the data; three presence frames at most come before.
    let expected = messages * (4 + 68 + size as u64 + 2);
    while got < expected {
        let read = timeout(DEADLINE, receiver.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {got} of {expected}");
        got += read as u64;
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn who_is_held_is_not_read() {
    // Nobody is closed for that while this test runs.
    let limits =
        HubLimits { channel_log_bytes: 256 << 10, client_stall: Duration::from_secs(600), ..HubLimits::default() };
    let session = SessionSettings { max_message_bytes: 60_000, ..SessionSettings::default() };
    let proxy = Proxy::start(limits, session).await;
    let _stuck = proxy.raw("x", 4096).await;
    let talker = proxy.raw("x", 4096).await;
    let mut elsewhere = proxy.client("y").await;
    let text = format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(50_000));
    let frame = masked(0x81, text.as_bytes());
    let (mut written, mut refused) = (0, 0);
    // Held: the system takes no more of it, though others were served again and again meanwhile.
    while refused < 100 {
        match talker.try_write(&frame[written % frame.len()..]) {
            Ok(bytes) => (written, refused) = (written + bytes, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                refused += 1;
                elsewhere.id().await;
            }
        }
        // The log, and what the system keeps for four sockets.
        assert!(written < 64 << 20, "read for ever");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_only_talk_and_never_read_do_not_lock_each_other() {
    let limits = HubLimits {
        channel_log_bytes: 256 << 10,
        // Long enough that a busy machine does not make the newcomer look as if it read nothing.
        client_stall: Duration::from_secs(3),
        client_burst_bytes: 0,
        ..HubLimits::default()
    };
    let session = SessionSettings { max_message_bytes: 60_000, ..SessionSettings::default() };
    let proxy = Proxy::start(limits, session).await;
    let mut talkers = Vec::new();
    for _ in 0..3 {
        let mut talker = proxy.raw("x", 4096).await;
        talkers.push(tokio::spawn(async move {
            let text = format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(10_000));
            let frame = masked(0x81, text.as_bytes());
            while talker.write_all(&frame).await.is_ok() {}
        }));
    }
    let mut newcomer = proxy.client("x").await;
    // The last talker to stay has nobody but the newcomer, and may talk for ever; it is enough that two are closed. Some may be
    // before the newcomer came.
    while proxy.channels.clients() > 2 {
        newcomer.told().await;
    }
    talkers.iter().for_each(JoinHandle::abort);
}
