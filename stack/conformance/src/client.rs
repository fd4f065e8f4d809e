//! A client of the target, in raw HTTP and raw WebSocket frames: a library would hide how frames are cut, and would not send
//! what is not allowed.

use crate::verdict::{Trouble, Verdict, ensure, failed};
use data_encoding::BASE64;
use nws_protocol::PeerId;
use serde_json::Value;
use sha1::{Digest, Sha1};
use std::{collections::VecDeque, net::SocketAddr, str::FromStr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout, timeout_at},
};

const SOON: Duration = Duration::from_secs(5);
const KEY: &str = "bndzIGNvbmZvcm1hbmNlIQ==";

/// Where clients join.
#[derive(Debug, Clone)]
pub(crate) struct ClientTarget {
    pub(crate) address: SocketAddr,
    /// `HOST:PORT` as the user gave it.
    pub(crate) host: String,
}

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fits = |known: &str| known.eq_ignore_ascii_case(name);
        self.headers.iter().filter(|(known, _)| fits(known)).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Fails unless a token is in the list that a header holds.
    pub(crate) fn names(&self, name: &str, token: &str) -> Verdict {
        let got = self.all(name).join(", ");
        let fits = got.split(',').any(|known| known.trim().eq_ignore_ascii_case(token));
        ensure(fits, format!("{name}: {token}"), format!("{name}: {got}"))
    }

    /// Fails unless a header has this value, without regard to case and to the spaces of lists.
    pub(crate) fn has(&self, name: &str, value: &str) -> Verdict {
        let plain = |text: &str| text.to_ascii_lowercase().replace(' ', "");
        let got = self.header(name);
        let fits = got.is_some_and(|got| plain(got) == plain(value));
        ensure(
            fits,
            format!("{name}: {value}"),
            got.map_or_else(|| format!("no {name}"), |got| format!("{name}: {got}")),
        )
    }
}

/// A connection before, or without, an upgrade.
#[derive(Debug)]
pub(crate) struct Http {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

fn socket(error: &std::io::Error) -> Trouble {
    failed("the client's connection is up", error.to_string())
}

impl Http {
    pub(crate) async fn connect(target: &ClientTarget) -> Result<Self, Trouble> {
        let stream = timeout(SOON, TcpStream::connect(target.address)).await;
        let stream = stream.map_err(|_| failed("a connection to the client interface", "none within 5 s"))?;
        let stream = stream.map_err(|error| failed("a connection to the client interface", error.to_string()))?;
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        Ok(Self { read: BufReader::with_capacity(64 * 1024, read), write })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Verdict {
        self.write.write_all(bytes).await.map_err(|error| socket(&error))
    }

    /// Reads a response; its body by Content-Length.
    pub(crate) async fn response(&mut self, has_body: bool) -> Result<Response, Trouble> {
        let read = timeout(SOON, self.read_response(has_body)).await;
        read.unwrap_or_else(|_| Err(failed("a response within 5 s", "none")))
    }

    async fn read_response(&mut self, has_body: bool) -> Result<Response, Trouble> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.read.read_u8().await.map_err(|error| failed("a response", error.to_string()))?;
            head.push(byte);
            ensure(head.len() < 65_536, "a head of a sensible size", "64 KiB")?;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| failed("an HTTP response", text.clone()))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut response = Response { status, headers, body: Vec::new() };
        let length = response.header("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        if has_body && status != 101 && status != 204 && length < 4 * 1024 * 1024 {
            response.body.resize(length, 0);
            self.read.read_exact(&mut response.body).await.map_err(|error| socket(&error))?;
        }
        Ok(response)
    }

    /// One request with these lines, on a connection of its own.
    pub(crate) async fn ask(target: &ClientTarget, request: &str) -> Result<Response, Trouble> {
        let mut http = Self::connect(target).await?;
        http.send(request.as_bytes()).await?;
        http.response(!request.starts_with("HEAD")).await
    }
}

/// A frame as it came.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) finished: bool,
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// A client that is in a channel.
#[derive(Debug)]
pub(crate) struct Client {
    http: Http,
    /// As the proxy calls it, where it has told.
    pub(crate) id: String,
    early: VecDeque<String>,
    pub(crate) upgrade: Response,
}

/// The head of an upgrade, up to and without its empty line.
pub(crate) fn upgrade(host: &str, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    )
}

/// A client's frame, masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => frame.push(0x80 | short),
        (_, Ok(medium)) => {
            frame.push(0xfe);
            frame.extend(medium.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

impl ClientTarget {
    /// Joins a channel, whatever its kind; nothing is sent yet.
    pub(crate) async fn join_raw(&self, path: &str) -> Result<Client, Trouble> {
        self.join_with(path, "", b"").await
    }

    /// The same with further headers, and bytes in the packet of the request.
    pub(crate) async fn join_with(&self, path: &str, headers: &str, more: &[u8]) -> Result<Client, Trouble> {
        let mut http = Http::connect(self).await?;
        let mut bytes = format!("{}{headers}\r\n", upgrade(&self.host, path)).into_bytes();
        bytes.extend_from_slice(more);
        http.send(&bytes).await?;
        let upgrade = http.response(true).await?;
        ensure(upgrade.status == 101, format!("101 for {path}"), format!("{}", upgrade.status))?;
        let key = format!("{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        upgrade.has("Sec-WebSocket-Accept", &BASE64.encode(&Sha1::digest(key.as_bytes())))?;
        Ok(Client { http, id: String::new(), early: VecDeque::new(), upgrade })
    }

    /// Joins a `network` channel and asks who it is.
    pub(crate) async fn join(&self, path: &str) -> Result<Client, Trouble> {
        let mut client = self.join_raw(path).await?;
        client.ask_id().await?;
        Ok(client)
    }
}

impl Client {
    /// Asks who this is. What comes before is kept.
    pub(crate) async fn ask_id(&mut self) -> Verdict {
        self.text(r#"{"action":"status"}"#).await?;
        let mut early = VecDeque::new();
        loop {
            let text = self.message("the answer to status").await?;
            let value: Value =
                serde_json::from_str(&text).map_err(|error| failed("JSON", format!("{error}: {text}")))?;
            if of(&value, "action") == "status" {
                self.id = of(&value, "source").to_owned();
                break;
            }
            early.push_back(text);
        }
        self.early = early;
        Ok(())
    }

    /// Its id as bytes.
    pub(crate) fn peer(&self) -> Result<PeerId, Trouble> {
        PeerId::from_str(&self.id).map_err(|_| failed("a peer id in its text form", self.id.clone()))
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) -> Verdict {
        self.http.send(bytes).await
    }

    /// Sends one text message.
    pub(crate) async fn text(&mut self, text: &str) -> Verdict {
        self.raw(&frame(0x81, text.as_bytes())).await
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self, within: Duration) -> Result<Option<Frame>, String> {
        let deadline = Instant::now() + within;
        let read = &mut self.http.read;
        // The first byte may be waited for in vain; a frame that has begun comes whole.
        let first = match timeout_at(deadline, read.read_u8()).await {
            Err(_) => return Ok(None),
            Ok(Err(error)) => return Err(error.to_string()),
            Ok(Ok(first)) => first,
        };
        let rest = async {
            let second = read.read_u8().await?;
            let length = match second & 0x7f {
                126 => u64::from(read.read_u16().await?),
                127 => read.read_u64().await?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length.min(80 * 1024 * 1024)).unwrap_or(0)];
            read.read_exact(&mut payload).await?;
            std::io::Result::Ok((second & 0x80 != 0, payload))
        };
        let (masked, payload) = timeout(Duration::from_secs(20), rest)
            .await
            .map_err(|_| "a frame that does not end".to_owned())?
            .map_err(|error| error.to_string())?;
        if masked || first & 0x70 != 0 {
            return Err("a masked frame, or reserved bits".to_owned());
        }
        Ok(Some(Frame { finished: first & 0x80 != 0, opcode: first & 0x0f, payload }))
    }

    /// The next message, which must be one text frame. Pings are answered.
    pub(crate) async fn message(&mut self, what: &str) -> Result<String, Trouble> {
        match self.message_within(SOON).await? {
            Some(text) => Ok(text),
            None => Err(failed(format!("{what} within {SOON:?}"), "nothing")),
        }
    }

    /// The same; `None` when nothing comes.
    pub(crate) async fn message_within(&mut self, within: Duration) -> Result<Option<String>, Trouble> {
        if let Some(early) = self.early.pop_front() {
            return Ok(Some(early));
        }
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let frame = self.frame(left).await.map_err(|why| failed("a message for the client", why))?;
            let Some(got) = frame else { return Ok(None) };
            match got.opcode {
                1 if got.finished => {
                    let text = String::from_utf8(got.payload);
                    return text.map(Some).map_err(|_| failed("text in UTF-8", "other bytes"));
                }
                9 => self.raw(&frame_of(0x8a, &got.payload)).await?,
                8 => return Err(failed("a message for the client", format!("closed with {}", close_code(&got)))),
                opcode => {
                    let words = format!("opcode {opcode}, final: {}", got.finished);
                    return Err(failed("one unfragmented text frame for each message", words));
                }
            }
        }
    }

    /// The next message as JSON.
    pub(crate) async fn value(&mut self, what: &str) -> Result<Value, Trouble> {
        let text = self.message(what).await?;
        serde_json::from_str(&text).map_err(|error| failed("JSON", format!("{error}: {text}")))
    }

    /// The next message, which must be this one, byte for byte.
    pub(crate) async fn expect(&mut self, text: &str) -> Verdict {
        match self.message(text).await {
            Ok(got) => ensure(got == text, text, got),
            Err(Trouble::Failed { seen, .. }) => Err(failed(text, seen)),
            Err(other) => Err(other),
        }
    }

    /// The same within another time.
    pub(crate) async fn expect_within(&mut self, text: &str, within: Duration) -> Verdict {
        let got = self.message_within(within).await?;
        ensure(
            got.as_deref() == Some(text),
            format!("{text} within {within:?}"),
            got.unwrap_or_else(|| "nothing".to_owned()),
        )
    }

    /// Nothing may come.
    pub(crate) async fn quiet(&mut self, during: Duration) -> Verdict {
        match self.message_within(during).await? {
            None => Ok(()),
            Some(text) => Err(failed(format!("nothing for the client for {during:?}"), text)),
        }
    }

    /// `connect` of a peer must come next.
    pub(crate) async fn connected(&mut self, peer: &str) -> Verdict {
        self.expect(&format!(r#"{{"action":"connect","source":"{}","target":"{peer}"}}"#, self.id)).await
    }

    /// `disconnect` of a peer must come next.
    pub(crate) async fn disconnected(&mut self, peer: &str, within: Duration) -> Verdict {
        let text = format!(r#"{{"action":"disconnect","source":"{}","target":"{peer}"}}"#, self.id);
        self.expect_within(&text, within).await
    }

    /// What comes answers nothing before: all before it was read.
    pub(crate) async fn synced(&mut self) -> Verdict {
        self.text(r#"{"action":"status"}"#).await?;
        let id = &self.id;
        let expected = format!(r#"{{"action":"status","source":"{id}","target":"{id}"}}"#);
        self.expect(&expected).await
    }

    /// Waits for the close frame; its code, or 1005 without one.
    pub(crate) async fn closed(&mut self, within: Duration) -> Result<u16, Trouble> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.frame(left).await {
                Ok(Some(frame)) if frame.opcode == 8 => return Ok(close_code(&frame)),
                Ok(Some(_)) => {}
                Ok(None) => return Err(failed(format!("a close frame within {within:?}"), "none")),
                Err(why) => return Err(failed("a close frame", why)),
            }
        }
    }

    /// Closes in order, and waits for the end.
    pub(crate) async fn leave(mut self) {
        let _ = self.raw(&frame_of(0x88, &1000u16.to_be_bytes())).await;
        let _ = self.closed(SOON).await;
    }

    /// For reading and writing at the same time.
    pub(crate) const fn halves(&mut self) -> (&mut BufReader<OwnedReadHalf>, &mut OwnedWriteHalf) {
        (&mut self.http.read, &mut self.http.write)
    }
}

fn frame_of(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload)
}

fn close_code(frame: &Frame) -> u16 {
    frame.payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}

/// A member that is text.
pub(crate) fn of<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}
