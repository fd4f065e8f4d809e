//! A WebSocket client as a process (`nws-client`), here or on a host of the laboratory, whose frames can be waited for.

use crate::{
    netns::Host,
    program::{Line, Program, SOON, built},
};
use serde_json::{Value, json};
use std::{process::Command, time::Duration};

/// A client that has joined.
#[derive(Debug)]
pub struct Client {
    program: Program,
}

impl Client {
    /// Joins from this machine. `url` as `ws://127.0.0.1:9009/chat`.
    ///
    /// # Panics
    /// If it isn't let in soon.
    #[must_use]
    #[track_caller]
    pub fn join(url: &str) -> Self {
        Self::start(Command::new(built("nws-client")), url)
    }

    /// Joins from a host, where its proxy is on loopback.
    ///
    /// # Panics
    /// If it isn't let in soon.
    #[must_use]
    #[track_caller]
    pub fn join_on(host: &Host, url: &str) -> Self {
        Self::start(host.command(built("nws-client")), url)
    }

    #[track_caller]
    fn start(mut command: Command, url: &str) -> Self {
        let mut program = Program::start(format!("client of {url}"), command.arg(url));
        program.wait("joined", SOON, |line| event(line)?.get("open").is_some().then_some(()));
        Self { program }
    }

    /// Sends a text frame.
    pub fn send_text(&mut self, text: &str) {
        self.program.send(text);
    }

    /// Sends a message of the channel's JSON format.
    pub fn send(&mut self, message: &Value) {
        self.program.send(&message.to_string());
    }

    /// Broadcasts to the channel.
    pub fn broadcast(&mut self, data: Value) {
        self.send(&json!({"action": "broadcast", "data": data}));
    }

    /// Sends to one member.
    pub fn message(&mut self, target: &str, data: Value) {
        self.send(&json!({"action": "message", "target": target, "data": data}));
    }

    /// The next message that fits; those before it are passed.
    ///
    /// # Panics
    /// If none comes in time.
    #[track_caller]
    pub fn wait(&mut self, what: &str, within: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        self.program.wait(what, within, |line| message(line).filter(|message| fits(message)))
    }

    /// The next message whose `action` is this.
    ///
    /// # Panics
    /// If none comes in time.
    #[track_caller]
    pub fn wait_action(&mut self, action: &str, within: Duration) -> Value {
        self.wait(action, within, |message| message.get("action").and_then(Value::as_str) == Some(action))
    }

    /// Makes sure that no message that fits comes for a while.
    ///
    /// # Panics
    /// If one does.
    #[track_caller]
    pub fn never(&mut self, what: &str, during: Duration, fits: impl Fn(&Value) -> bool) {
        self.program.never(what, during, |line| message(line).is_some_and(|message| fits(&message)));
    }

    /// Waits until the connection is closed; the code and the reason, or none if it just broke.
    ///
    /// # Panics
    /// If it isn't closed in time.
    #[track_caller]
    pub fn closed(&mut self, within: Duration) -> Option<(u64, String)> {
        let close = self.program.wait("closed", within, |line| event(line)?.get("close").cloned());
        let code = close.get("code")?.as_u64()?;
        Some((code, close.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned()))
    }

    /// Leaves the channel, and waits until the connection is closed.
    pub fn leave(mut self) {
        self.program.close_input();
        let _ = self.program.ended(SOON);
    }

    /// The process.
    pub const fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

fn event(line: &Line) -> Option<Value> {
    if line.error { None } else { serde_json::from_str(&line.text).ok() }
}

fn message(line: &Line) -> Option<Value> {
    serde_json::from_str(event(line)?.get("text")?.as_str()?).ok()
}
