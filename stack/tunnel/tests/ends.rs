//! The native ends on real sockets, with a relay that is played by hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod by_hand;
mod endings;

use by_hand::{ByHand, PATIENCE, Party, Said, WINDOW};
use nws_protocol::relay::Request;
use nws_tunnel::{Connect, DialError, Forward, Relay, Serve, Told, TunnelError};
use std::{collections::BTreeMap, io, net::SocketAddr, path::PathBuf};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// An end that runs.
struct Running {
    told: mpsc::UnboundedReceiver<Told>,
    ended: JoinHandle<Result<(), TunnelError>>,
    shutdown: CancellationToken,
    _guard: DropGuard,
}

impl Running {
    async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    async fn ended(self) -> Result<(), TunnelError> {
        timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }
}

fn running<F: Future<Output = Result<(), TunnelError>> + Send + 'static>(
    run: impl FnOnce(mpsc::UnboundedSender<Told>, CancellationToken) -> F,
) -> Running {
    let (sender, told) = mpsc::unbounded_channel();
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(run(sender, shutdown.clone()));
    Running { told, ended, _guard: shutdown.clone().drop_guard(), shutdown }
}

fn serve_with(url: &str, ports: &[(u16, SocketAddr)], resume_file: Option<PathBuf>) -> Running {
    let ports: BTreeMap<_, _> = ports.iter().map(|(port, target)| (*port, target.to_string())).collect();
    let serve = Serve { relay: Relay::new(url, None).unwrap(), ports, resume_file };
    running(|told, shutdown| serve.run(move |what| drop(told.send(what)), shutdown))
}

fn serve(relay: &ByHand, ports: &[(u16, SocketAddr)]) -> Running {
    serve_with(&relay.url(), ports, None)
}

async fn connect(relay: &ByHand) -> (SocketAddr, Running) {
    let forward = Forward { port: 80, listen: "127.0.0.1:0".parse().unwrap() };
    let connect = Connect::bind(Relay::new(&relay.url(), None).unwrap(), 3, &[forward]).await.unwrap();
    let (_, address) = connect.addresses().next().unwrap();
    (address, running(|told, shutdown| connect.run(move |what| drop(told.send(what)), shutdown)))
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    timeout(PATIENCE, listener.accept()).await.unwrap().unwrap().0
}

async fn read_all(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut all)).await.unwrap().map(|_| all)
}

#[tokio::test]
async fn a_service_gets_what_the_client_says_and_its_end_and_may_answer_after_it() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let mut end = serve(&relay, &[(80, target)]);
    let mut party = relay.party().await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    party.asks(7, 80).await;
    let mut stream = accepted(&service).await;
    party.binary(7, b"GET ").await;
    // A page may send text.
    party.text(r#"{"type":"data","channel":7,"data":"\u00fcber"}"#).await;
    party.text(r#"{"type":"finished","channel":7}"#).await;
    assert_eq!(read_all(&mut stream).await.unwrap(), "GET über".as_bytes());
    stream.write_all(b"answer").await.unwrap();
    drop(stream);
    assert_eq!(party.data(7, 6).await, b"answer");
    party.request(|request| (request == Request::Finish { channel: 7 }).then_some(())).await;
    party.text(r#"{"type":"disconnected","channel":7,"code":"finished"}"#).await;
    end.shutdown.cancel();
    party.request(|request| (request == Request::Unregister).then_some(())).await;
    assert_eq!(party.hear().await, Said::Closed);
    end.ended().await.unwrap();
}

#[tokio::test]
async fn only_named_ports_with_a_target_that_answers_are_served() {
    let relay = ByHand::new().await;
    let (service, down) = listener().await;
    drop(service);
    let _end = serve(&relay, &[(80, down)]);
    let mut party = relay.party().await;
    party.registers().await;
    for (channel, port, words) in [(7, 81, "not served"), (8, 80, "cannot be reached")] {
        party.wants(channel, port).await;
        let refused = |request: Request<'_>| match request {
            Request::Refuse { channel: refused, reason } if refused == channel => reason.map(|it| it.into_owned()),
            _ => None,
        };
        let (_, reason) = party.request(refused).await;
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_service_is_read_only_as_far_as_the_credit_goes() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let _end = serve(&relay, &[(80, target), (81, target)]);
    let mut party = relay.party().await;
    party.registers().await;
    party.asks(7, 80).await;
    let mut stream = accepted(&service).await;
    let sent: Vec<u8> = (0..10 * WINDOW).map(|at| (at * at / 7) as u8).collect();
    let writing = tokio::spawn({
        let sent = sent.clone();
        async move { stream.write_all(&sent).await.map(|()| stream) }
    });
    let (mut got, mut cost, mut consumed) = (Vec::new(), 0, 0);
    while got.len() < sent.len() {
        let Said::Binary(7, payload) = party.hear().await else { panic!("no data") };
        cost += payload.len() as u64 + 16;
        got.extend(payload);
        assert!(cost <= consumed + WINDOW + 16, "{cost} with a credit up to {}", consumed + WINDOW);
        if cost >= consumed + WINDOW {
            // Another channel goes on while this one has no credit.
            party.asks(1000 + cost, 81).await;
            drop(accepted(&service).await);
            party.request(|request| matches!(request, Request::Finish { .. }).then_some(())).await;
            consumed = cost;
            party.text(&format!(r#"{{"type":"consumed","channel":7,"bytes":{consumed}}}"#)).await;
        }
    }
    assert!(got == sent);
    drop(writing.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_lost_connection_is_resumed_without_a_byte_lost_or_doubled() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let mut end = serve(&relay, &[(80, target)]);
    let mut party = relay.party().await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    party.asks(7, 80).await;
    let mut stream = accepted(&service).await;
    stream.write_all(b"first").await.unwrap();
    assert_eq!(party.data(7, 5).await, b"first");
    stream.write_all(b"second").await.unwrap();
    assert_eq!(party.data(7, 6).await, b"second");
    party.binary(7, b"one").await;
    let mut three = [0; 3];
    stream.read_exact(&mut three).await.unwrap();
    drop(party);
    assert!(matches!(end.told().await, Told::Lost { .. }));
    stream.write_all(b"third").await.unwrap();
    let mut party = relay.party().await;
    let (id, channels) = party
        .request(|request| match request {
            Request::Resume { server: 3, credential, channels } if credential.reveal() == "55" => Some(channels),
            _ => None,
        })
        .await;
    assert_eq!((channels.len(), channels[0].channel, channels[0].received, channels[0].consumed), (1, 7, 1, 19));
    // The relay has the first piece only.
    let positions = r#"[{"channel":7,"received":1,"consumed":0}]"#;
    party.text(&format!(r#"{{"type":"resumed","id":{},"server":3,"channels":{positions}}}"#, id.unwrap())).await;
    assert_eq!(end.told().await, Told::Resumed { server: 3 });
    assert_eq!(party.data(7, 11).await, b"secondthird");
    party.binary(7, b"two").await;
    stream.read_exact(&mut three).await.unwrap();
    assert_eq!(&three, b"two");
}

#[tokio::test]
async fn a_server_is_the_same_one_again_when_it_is_started_anew_with_its_file() {
    let relay = ByHand::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = Some(folder.path().join("server"));
    let mut end = serve_with(&relay.url(), &[], file.clone());
    let mut party = relay.party().await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    end.shutdown.cancel();
    // It doesn't unregister.
    assert_eq!(party.hear().await, Said::Closed);
    end.ended().await.unwrap();
    let mut end = serve_with(&relay.url(), &[], file);
    let mut party = relay.party().await;
    let (id, ()) = party.request(|request| matches!(request, Request::Resume { server: 3, .. }).then_some(())).await;
    let id = id.unwrap();
    party.text(&format!(r#"{{"type":"error","id":{id},"code":"bad_credential","message":"who?"}}"#)).await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
}

#[tokio::test]
async fn garbage_from_the_relay_costs_the_connection_and_nothing_else() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let mut end = serve(&relay, &[(80, target)]);
    let mut party = relay.party().await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    party.asks(7, 80).await;
    let mut stream = accepted(&service).await;
    for garbage in ["]", "{}", r#"{"type":"consumed","channel":-1}"#, r#"{"type":"welcome","window":1}"#] {
        party.text(garbage).await;
        let Told::Lost { words } = end.told().await else { panic!("{garbage}") };
        assert!(words.contains("no message"), "{words}");
        party = relay.party().await;
        let (id, ()) = party.request(|request| matches!(request, Request::Resume { .. }).then_some(())).await;
        let positions = r#"[{"channel":7,"received":0,"consumed":0}]"#;
        party.text(&format!(r#"{{"type":"resumed","id":{},"server":3,"channels":{positions}}}"#, id.unwrap())).await;
        assert_eq!(end.told().await, Told::Resumed { server: 3 });
    }
    stream.write_all(b"still here").await.unwrap();
    assert_eq!(party.data(7, 10).await, b"still here");
    party.text(r#"{"type":"replaced","server":3}"#).await;
    assert!(matches!(end.ended().await, Err(TunnelError::Replaced)));
}

#[tokio::test]
async fn a_relay_that_says_nothing_for_too_long_is_taken_for_lost() {
    let relay = ByHand::new().await;
    let mut end = serve(&relay, &[]);
    let mut party = relay.party().await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    // From here on time flies, and nobody answers pings.
    tokio::time::pause();
    let Some(Told::Lost { words }) = end.told.recv().await else { panic!("not lost") };
    assert!(words.contains("does not answer"), "{words}");
}

#[tokio::test]
async fn a_reset_travels_both_ways() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let _end = serve(&relay, &[(80, target)]);
    let mut party = relay.party().await;
    party.registers().await;
    party.asks(7, 80).await;
    let stream = accepted(&service).await;
    socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(stream);
    let (_, status) = party
        .request(|request| if let Request::Close { channel: 7, status, .. } = request { Some(status) } else { None })
        .await;
    assert_eq!(status, Some(4000));
    for (end, is_reset) in [(r#","status":4000"#, true), (r#","status":1000"#, false), ("", false)] {
        party.asks(8, 80).await;
        let mut stream = accepted(&service).await;
        party.binary(8, b"last").await;
        if is_reset {
            let mut last = [0; 4];
            stream.read_exact(&mut last).await.unwrap();
        }
        party.text(&format!(r#"{{"type":"disconnected","channel":8,"code":"closed"{end}}}"#)).await;
        match read_all(&mut stream).await {
            Ok(all) => assert!(!is_reset && all == b"last", "{end}"),
            Err(error) => assert!(is_reset && error.kind() == io::ErrorKind::ConnectionReset, "{end}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_local_connection_becomes_a_channel_or_is_reset() {
    let relay = ByHand::new().await;
    let (address, mut end) = connect(&relay).await;
    let mut party = relay.party().await;
    assert_eq!(end.told().await, Told::Connected);
    let wished = |request: Request<'_>| (request == Request::Connect { server: 3, port: 80 }).then_some(());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let (id, ()) = party.request(wished).await;
    party.text(&format!(r#"{{"type":"connected","id":{},"channel":7}}"#, id.unwrap())).await;
    assert_eq!(party.data(7, 5).await, b"hello");
    party.binary(7, b"hi").await;
    party.text(r#"{"type":"finished","channel":7}"#).await;
    assert_eq!(read_all(&mut stream).await.unwrap(), b"hi");
    let mut refused = TcpStream::connect(address).await.unwrap();
    let (id, ()) = party.request(wished).await;
    let id = id.unwrap();
    party.text(&format!(r#"{{"type":"error","id":{id},"code":"refused","message":"no"}}"#)).await;
    assert_eq!(read_all(&mut refused).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    // What a lost connection carried is over; what comes then waits for the next one.
    drop(party);
    assert_eq!(stream.read(&mut [0]).await.ok(), Some(0));
    let mut next = TcpStream::connect(address).await.unwrap();
    let mut party = relay.party().await;
    let (id, ()) = party.request(wished).await;
    party.text(&format!(r#"{{"type":"connected","id":{},"channel":8}}"#, id.unwrap())).await;
    party.binary(8, b"again").await;
    party.text(r#"{"type":"finished","channel":8}"#).await;
    assert_eq!(read_all(&mut next).await.unwrap(), b"again");
}

#[tokio::test]
async fn what_is_no_relay_is_said_in_words() {
    let (relay, nobody) = (ByHand::new().await, listener().await.1);
    let failed = async |url: String| serve_with(&url, &[], None).ended().await.unwrap_err();
    let error = failed(format!("ws://{nobody}/")).await;
    assert!(matches!(&error, TunnelError::Dial(DialError::Unreachable { .. })), "{error}");
    for (answer, words) in [
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "HTTP 503"),
        ("nonsense\r\n\r\n", "does not take us"),
    ] {
        let url = relay.url();
        let failing = tokio::spawn(async move { serve_with(&url, &[], None).ended().await.unwrap_err() });
        let mut stream = accepted(&relay.listener).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let error = failing.await.unwrap().to_string();
        assert!(error.contains(words), "{error}");
    }
    // A WebSocket, but one that speaks something else.
    let url = relay.url();
    let failing = tokio::spawn(async move { serve_with(&url, &[], None).ended().await.unwrap_err() });
    let _other = tokio_tungstenite::accept_async(accepted(&relay.listener).await).await.unwrap();
    let error = failing.await.unwrap().to_string();
    assert!(error.contains("nws-relay-1"), "{error}");
}

#[tokio::test]
async fn a_certificate_must_be_trusted() {
    let relay = ByHand::new().await;
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let url = format!("wss://localhost:{}/", relay.address.port());
    let other = folder.path().join("other.pem");
    let stranger = rcgen::KeyPair::generate().unwrap();
    let stranger = rcgen::CertificateParams::new(["x".to_owned()]).unwrap().self_signed(&stranger).unwrap();
    std::fs::write(&other, stranger.pem()).unwrap();
    for (trusted, is_trusted) in [(&other, false), (&ca, true)] {
        let serve =
            Serve { relay: Relay::new(&url, Some(trusted)).unwrap(), ports: BTreeMap::new(), resume_file: None };
        let mut end = running(|told, shutdown| serve.run(move |what| drop(told.send(what)), shutdown));
        let stream = acceptor.accept(accepted(&relay.listener).await).await;
        if is_trusted {
            Party::on(stream.unwrap()).await.registers().await;
            assert_eq!(end.told().await, Told::Registered { server: 3 });
        } else {
            let error = end.ended().await.unwrap_err();
            assert!(matches!(&error, TunnelError::Dial(DialError::Untrusted { .. })), "{error}");
            assert!(error.to_string().contains("--relay-ca"), "{error}");
        }
    }
}
