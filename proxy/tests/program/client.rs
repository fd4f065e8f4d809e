//! The least of a WebSocket client: it can join, say something, and see frames. It never answers a close.

use crate::process::PATIENCE;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
};

/// A client that came in.
#[derive(Debug)]
pub(crate) struct Client(TcpStream);

impl Client {
    /// Joins a channel.
    pub(crate) fn join(port: u16, channel: &str) -> Self {
        let (client, answer) = Self::ask(port, channel);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        client
    }

    /// Asks for an upgrade; with the head of the answer.
    pub(crate) fn ask(port: u16, channel: &str) -> (Self, String) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /{channel} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (Self(stream), String::from_utf8(head).unwrap())
    }

    /// Sends a short text frame, masked with zeros.
    pub(crate) fn say(&mut self, text: &str) {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).unwrap();
        self.0.write_all(&[0x81, 0x80 | length, 0, 0, 0, 0]).unwrap();
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// The next frame: its first byte and its content.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut more = [0; 2];
                self.0.read_exact(&mut more).unwrap();
                usize::from(u16::from_be_bytes(more))
            }
            length => usize::from(length),
        };
        let mut content = vec![0; length];
        self.0.read_exact(&mut content).unwrap();
        (head[0], content)
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> String {
        loop {
            if let (0x81, content) = self.frame() {
                return String::from_utf8(content).unwrap();
            }
        }
    }

    /// The close code with which the proxy says goodbye.
    pub(crate) fn closed(&mut self) -> u16 {
        loop {
            if let (0x88, content) = self.frame() {
                return u16::from_be_bytes([content[0], content[1]]);
            }
        }
    }
}

/// Asks for a page, with these lines after the Host: the answer's status, head and body.
pub(crate) fn get(port: u16, path: &str, lines: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}
