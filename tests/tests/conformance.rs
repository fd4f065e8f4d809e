//! `nws conformance` against the real `nws`: over both transports, in all roles, everything passes; and what is not as it should be is
//! told by the exit status.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_tests::{
    loopback::free_address,
    program::{Program, SOON},
    proxy::{self, Proxy},
};
use serde_json::Value;
use std::{net::TcpListener, process::Command, time::Duration};

/// More than a run takes on a busy machine.
const RUN: Duration = Duration::from_secs(420);

/// The runner with these words; its exit status and what it wrote.
fn conformance(words: &[&str]) -> (i32, String) {
    let mut command = Command::new(proxy::binary());
    command.arg("conformance").args(words);
    let mut program = Program::start("nws conformance", &mut command);
    let status = program.ended(RUN);
    (status.code().unwrap(), program.output())
}

/// The checks that ended like this, by name.
fn checks<'a>(report: &'a Value, outcome: &str) -> Vec<&'a str> {
    let all = report["checks"].as_array().unwrap().iter();
    all.filter(|check| check["outcome"] == outcome).map(|check| check["id"].as_str().unwrap()).collect()
}

/// Also the checks that take more than a minute, and everything twice: for long runs.
fn is_long() -> bool {
    std::env::var_os("NWS_LONG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// What takes more than a minute.
const SLOW: [&str; 2] = ["pace-stalled", "ws-silent"];

/// One run with all that there is, and another one against the same process.
fn whole_run(kind: &str, not_run: &[&str]) {
    let addresses: Vec<_> = (0..9).map(|_| free_address()).collect();
    let transport = format!("--transport={kind}");
    let peers: Vec<String> = addresses.iter().map(|address| format!("--peer={address}")).collect();
    let more: Vec<&str> = [transport.as_str()].into_iter().chain(peers.iter().map(String::as_str)).collect();
    let target = Proxy::local(&more);

    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("report.json");
    let listen: Vec<String> = addresses.iter().map(|address| format!("--listen={address}")).collect();
    let url = format!("--target={kind}://127.0.0.1:{}", target.link_port());
    let client = format!("--client=ws://localhost:{}/conformance", target.port());
    let file = format!("--output={}", output.display());
    let words = [url.as_str(), "--channel=conformance", &client, "--format=json", &file];
    let run = |more: &[&str]| -> Value {
        let (status, said) = conformance(&[&words, more].concat());
        let report: Value = serde_json::from_str(&std::fs::read_to_string(&output).unwrap()).unwrap();
        let failed: Vec<&Value> =
            report["checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "failed").collect();
        assert!(failed.is_empty(), "{kind}: {failed:#?}\n{target:?}");
        assert_eq!(status, 0, "{kind}: {said}");
        report
    };
    let mut first: Vec<&str> = listen.iter().map(String::as_str).collect();
    let mut not_run = not_run.to_vec();
    if is_long() {
        first.push("--slow");
    } else {
        not_run.extend(SLOW);
    }
    let report = run(&first);
    let mut found = checks(&report, "not run");
    found.sort_unstable();
    not_run.sort_unstable();
    assert_eq!(found, not_run, "{kind}: {report:#}");
    assert!(checks(&report, "passed").len() > 190, "{kind}");
    assert!(report["agent"].as_str().unwrap().starts_with("nws/"));
    // Another one, which finds what the first one left. Where the target dials it waits for long by now, so that is left out.
    if is_long() {
        let report = run(&["--no-dialled"]);
        assert!(checks(&report, "passed").len() > 150, "{kind}: {report:#}");
    } else {
        let report = run(&["--no-dialled", "--only=match-hit,match-early,match-flood,match-budget,match-revoke,C-15"]);
        assert!(checks(&report, "passed").contains(&"match-budget"), "{kind}: {report:#}");
    }
}

#[test]
fn nws_passes_over_tcp_in_all_roles() {
    whole_run("tcp", &["quic-version", "quic-one-stream"]);
}

#[test]
fn nws_passes_over_quic_in_all_roles() {
    whole_run(
        "quic",
        &[
            "tls-1.2",
            "dial-tls-1.3",
            "dial-no-alpn",
            "yamux-ack",
            "yamux-half",
            "yamux-early-end",
            "yamux-ping",
            "yamux-body",
            "yamux-rules",
        ],
    );
}

#[test]
fn the_exit_status_says_how_it_went() {
    let target = Proxy::local(&["--transport=tcp"]);
    let url = format!("--target=tcp://127.0.0.1:{}", target.link_port());
    // Nobody holds the channel at the target, which is no fault of it.
    let (status, said) = conformance(&[&url, "--channel=nobody-is-here", "--no-dialled", "--only=match-hit,L-36"]);
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("the target does not offer the channel") && said.contains("0 failed"), "{said}");
    // The same with another network key, where the runner has seen to it that the target holds the channel.
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "42".repeat(32)).unwrap();
    let key = format!("--network-key-file={}", key.display());
    let client = format!("--client=ws://127.0.0.1:{}/x", target.port());
    let (status, said) = conformance(&[&url, "--channel=x", &client, &key, "--no-dialled", "--only=match-hit,C-15"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("FAILED  match-hit") && said.contains("P-28: The first Answer MUST offer"), "{said}");
    assert!(said.contains("1 passed, 1 failed, 0 not run"), "{said}");
    // It is fine without.
    let (status, said) =
        conformance(&[&url, "--channel=x", &client, "--no-dialled", "--only=match-hit", "--format=junit"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("<testsuites ") && said.contains("failures=\"0\""), "{said}");
    // What is left out at the user's wish is no lack; that nobody dials is one.
    let (status, said) = conformance(&[&url, "--channel=x", "--only=P-17,L-36", "--dial-wait=1s"]);
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("the target did not dial within 1 s"), "{said}");
    let (status, said) = conformance(&[&url, "--channel=x", "--only=C-15,L-36", "--no-dialled"]);
    assert_eq!(status, 0, "{said}");
    // Nobody is there, or somebody else.
    let nobody = format!("--target=tcp://{}", free_address());
    let pages = format!("--target=tcp://127.0.0.1:{}", target.port());
    let not_clients = format!("--client=ws://127.0.0.1:{}/x", target.link_port());
    for (words, expected) in [
        ([nobody.as_str(), "--channel=x", "--no-dialled"], "nobody listens at tcp://"),
        ([pages.as_str(), "--channel=x", "--no-dialled"], "does not speak TLS"),
        ([url.as_str(), "--channel=x", not_clients.as_str()], "no client can join the channel"),
    ] {
        let (status, said) = conformance(&words);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    for wrong in ["--only=L-9999", "--target=http://localhost:1", "--unknown"] {
        let mut words = vec!["--channel=x", "--no-dialled", wrong];
        if !wrong.starts_with("--target") {
            words.push(&url);
        }
        let (status, said) = conformance(&words);
        assert_eq!(status, 2, "{wrong}: {said}");
    }
}

#[test]
fn who_never_speaks_is_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("--target=tcp://{}", listener.local_addr().unwrap());
    let silent = std::thread::spawn(move || listener.accept().map(|(stream, _)| stream));
    let mut command = Command::new(proxy::binary());
    command.args(["conformance", &url, "--channel=x", "--no-dialled"]);
    let mut program = Program::start("nws conformance", &mut command);
    let held = silent.join().unwrap().unwrap();
    assert_eq!(program.ended(SOON).code(), Some(3));
    assert!(program.output().contains("cannot be reached"), "{program:?}");
    drop(held);
}
