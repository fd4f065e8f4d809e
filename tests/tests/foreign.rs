//! Clients that nobody here wrote: the Python package `websockets` and the npm package `ws`.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use nws_tests::{
    program::{Program, SOON},
    proxy::Proxy,
};
use std::{path::Path, process::Command};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

#[track_caller]
fn talks(name: &str, program: &Path, script: &str) {
    assert!(
        program.exists() || program.components().count() == 1,
        "{} is not there: tests/run installs what the tests need",
        program.display()
    );
    let proxy = Proxy::local(&[]);
    let mut command = Command::new(program);
    command.arg(format!("{HERE}/foreign/{script}")).arg(proxy.port().to_string()).current_dir(HERE);
    let mut client = Program::start(name, &mut command);
    client.wait("all is well", SOON * 2, |line| (line.text == "all is well").then_some(()));
    assert!(client.ended(SOON).success());
}

#[test]
fn python_websockets() {
    talks("Python", Path::new(&format!("{HERE}/.venv/bin/python")), "talk.py");
}

#[test]
fn node_ws() {
    talks("Node", Path::new("node"), "talk.mjs");
}
