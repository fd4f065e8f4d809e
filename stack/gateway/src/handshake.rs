//! The opening handshake of a WebSocket server (RFC 6455 section 4.2), without IO.

use crate::{
    access::one,
    answer::{Answer, bare},
    refusal::Refusal,
};
use data_encoding::BASE64;
use hyper::{
    HeaderMap, Request, StatusCode, Version,
    body::Body,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION,
        HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use sha1::{Digest, Sha1};

/// RFC 6455 section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether the request asks for WebSocket at all, be it well or badly formed.
pub(crate) fn is_wanted<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), &UPGRADE, "websocket")
}

/// Checks the handshake and makes the 101. Extensions are never taken up; the first subprotocol
/// offered is echoed, as the original did.
pub(crate) fn accept<B: Body>(request: &Request<B>) -> Result<Answer, Refusal> {
    let headers = request.headers();
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::BadUpgrade("it needs HTTP/1.1"));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Refusal::BadUpgrade("the header \"Connection: Upgrade\" is missing"));
    }
    if !request.body().is_end_stream() {
        return Err(Refusal::BadUpgrade("it must not have a body"));
    }
    if one(headers, &SEC_WEBSOCKET_VERSION) != Ok(Some("13")) {
        return Err(Refusal::Version);
    }
    let key = one(headers, &SEC_WEBSOCKET_KEY)
        .map_err(|()| Refusal::BadUpgrade("there is more than one Sec-WebSocket-Key"))?
        .ok_or(Refusal::BadUpgrade("the header Sec-WebSocket-Key is missing"))?;
    if !BASE64.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Refusal::BadUpgrade("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    let mut answer = bare(StatusCode::SWITCHING_PROTOCOLS);
    let mut set = |name: HeaderName, value: HeaderValue| {
        answer.headers_mut().insert(name, value);
    };
    set(UPGRADE, HeaderValue::from_static("websocket"));
    set(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(value) = HeaderValue::from_str(&accept_key(key)) {
        set(SEC_WEBSOCKET_ACCEPT, value);
    }
    if let Some(value) = first_subprotocol(headers) {
        set(SEC_WEBSOCKET_PROTOCOL, value);
    }
    // These say nothing to a WebSocket, but the original sent them.
    set(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    set(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    set(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    Ok(answer)
}

fn accept_key(key: &str) -> String {
    BASE64.encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

fn first_subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let first = values.flat_map(|value| value.split(',')).map(str::trim).find(|token| !token.is_empty())?;
    HeaderValue::from_str(first).ok()
}

/// Whether a comma-separated list has the token, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use bytes::Bytes;
    use http_body_util::Full;

    fn request(headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
        let mut request = Request::builder().uri("/chat");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::default()).unwrap()
    }

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_example_of_the_rfc() {
        let answer = accept(&request(&GOOD)).unwrap();
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!answer.headers().contains_key("sec-websocket-protocol"));
    }

    #[test]
    fn the_first_subprotocol_is_echoed() {
        for (offers, echoed) in [(&["a, b"][..], "a"), (&["a", "b"], "a"), (&[" , ,chat"], "chat")] {
            let offers = offers.iter().map(|offer| ("sec-websocket-protocol", *offer));
            let headers: Vec<_> = GOOD.into_iter().chain(offers).collect();
            assert_eq!(accept(&request(&headers)).unwrap().headers()["sec-websocket-protocol"], echoed);
        }
    }

    #[test]
    fn each_missing_or_wrong_header_is_named() {
        for (name, value, word) in [
            ("connection", "", "Connection"),
            ("connection", "close", "Connection"),
            ("sec-websocket-version", "", "version 13"),
            ("sec-websocket-version", "8", "version 13"),
            ("sec-websocket-key", "", "missing"),
            ("sec-websocket-key", "dGhlIHNhbXBsZQ==", "16 bytes"),
            ("sec-websocket-key", "not base64 at all", "16 bytes"),
        ] {
            let headers = GOOD.map(|(known, good)| (known, if known == name { value } else { good }));
            let present: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let refusal = accept(&request(&present)).unwrap_err();
            assert!(refusal.to_string().contains(word), "{name}: {value}: {refusal}");
        }
        let twice: Vec<_> = GOOD.into_iter().chain([GOOD[3]]).collect();
        assert!(accept(&request(&twice)).unwrap_err().to_string().contains("more than one"));
    }
}
