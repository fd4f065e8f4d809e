//! A WebSocket client for scripts: each line of standard input is sent as a text frame, and each thing that happens is a
//! line of JSON on standard output:
//!
//! ```text
//! {"open":{"protocol":null}}              the connection is open
//! {"text":"{\"action\":\"connect\",…}"}   a text frame
//! {"binary":"AAEC"}                       a binary frame, in base64
//! {"close":{"code":1001,"reason":"…"}}    the end; null without a close frame
//! {"refused":{"status":404,"body":"…"}}   the server let nobody in
//! {"error":"…"}                           anything else; the program ends with code 1
//! ```
//!
//! The end of standard input closes the connection with code 1000.

use data_encoding::BASE64;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    io::{Write, stdout},
    process::ExitCode,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    net::TcpStream,
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue, Request},
    },
};

/// Joins a channel and lets a script speak.
#[derive(Debug, clap::Parser)]
struct Arguments {
    /// As ws://127.0.0.1:9009/chat.
    url: String,
    /// A further header, as "Origin: https://example.org". May be given again.
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = <Arguments as clap::Parser>::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&json!({ "error": why }));
            ExitCode::FAILURE
        }
    }
}

fn say(event: &Value) {
    let mut out = stdout().lock();
    if writeln!(out, "{event}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

async fn run(arguments: &Arguments) -> Result<(), String> {
    let request = request(arguments)?;
    let host = request.uri().authority().map(ToString::to_string).ok_or("no host in the address")?;
    let host = if request.uri().port().is_some() { host } else { format!("{host}:80") };
    let tcp = TcpStream::connect(&host).await.map_err(|error| format!("{host}: {error}"))?;
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let (mut socket, response) = match client_async(request, tcp).await {
        Ok(open) => open,
        Err(Error::Http(response)) => {
            let body = response.body().as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
            say(&json!({"refused": {"status": response.status().as_u16(), "body": body}}));
            return Ok(());
        }
        Err(error) => return Err(error.to_string()),
    };
    let protocol = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
    say(&json!({"open": {"protocol": protocol}}));

    let mut lines = BufReader::new(stdin()).lines();
    let mut leaving = false;
    loop {
        tokio::select! {
            line = lines.next_line(), if !leaving => match line {
                Ok(Some(line)) => socket.send(Message::text(line)).await.map_err(|error| error.to_string())?,
                Ok(None) | Err(_) => {
                    leaving = true;
                    let _ = socket.close(None).await;
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => say(&json!({"text": text.as_str()})),
                Some(Ok(Message::Binary(bytes))) => say(&json!({"binary": BASE64.encode(&bytes)})),
                Some(Ok(Message::Close(frame))) => {
                    let close = frame.map(|frame| json!({"code": u16::from(frame.code), "reason": frame.reason.as_str()}));
                    say(&json!({ "close": close }));
                    // The answer to it is sent by reading on.
                    while let Some(Ok(_)) = socket.next().await {}
                    return Ok(());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    say(&json!({ "close": null }));
                    return Ok(());
                }
            },
        }
    }
}

fn request(arguments: &Arguments) -> Result<Request<()>, String> {
    let mut request = arguments.url.as_str().into_client_request().map_err(|error| error.to_string())?;
    for header in &arguments.header {
        let (name, value) = header.split_once(": ").ok_or_else(|| format!("{header:?} is not NAME: VALUE"))?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}
