//! How connections end when their end of the tunnel does: what was completed is written, what was not is a reset.

use super::*;
use std::time::Duration;

/// More than the system keeps for a connection whose program does not read.
const MUCH: usize = 12 << 20;

/// A channel of `connect`, and the program that has it.
async fn forwarded(relay: &ByHand, window: u64) -> (Running, Party<TcpStream>, TcpStream) {
    let (address, mut end) = connect(relay).await;
    let mut party = Party::with_window(accepted(&relay.listener).await, window).await;
    assert_eq!(end.told().await, Told::Connected);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let (id, ()) = party.request(wished).await;
    party.text(&format!(r#"{{"type":"connected","id":{},"channel":7}}"#, id.unwrap())).await;
    (end, party, stream)
}

fn wished(request: Request<'_>) -> Option<()> {
    (request == Request::Connect { server: 3, port: 80 }).then_some(())
}

fn cut_off(request: Request<'_>) -> Option<()> {
    matches!(request, Request::Close { channel: 7, status: Some(4000), .. }).then_some(())
}

async fn is_reset(stream: &mut TcpStream) {
    let read = read_all(stream).await.map(|all| all.len());
    assert!(read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset), "{read:?}");
}

/// Sends so much, and then the end of the channel.
async fn send_much(party: &mut Party<TcpStream>) {
    let piece = vec![7; 256 * 1024];
    for _ in 0..MUCH / piece.len() {
        party.binary(7, &piece).await;
    }
    party.text(r#"{"type":"disconnected","channel":7,"code":"closed","status":1000}"#).await;
}

/// R-38.
#[tokio::test]
async fn a_server_that_ends_closes_what_is_open_and_resets_it_at_the_service() {
    let folder = tempfile::tempdir().unwrap();
    for file in [None, Some(folder.path().join("server"))] {
        let (relay, (service, target)) = (ByHand::new().await, listener().await);
        let is_kept = file.is_some();
        let end = serve_with(&relay.url(), &[(80, target)], file);
        let mut party = relay.party().await;
        party.registers().await;
        party.asks(7, 80).await;
        let mut stream = accepted(&service).await;
        end.shutdown.cancel();
        party.request(cut_off).await;
        if !is_kept {
            party.request(|request| (request == Request::Unregister).then_some(())).await;
        }
        assert_eq!(party.hear().await, Said::Closed);
        is_reset(&mut stream).await;
        end.ended().await.unwrap();
    }
}

/// R-38.
#[tokio::test]
async fn a_client_that_ends_closes_what_is_open_and_resets_it_at_the_program() {
    let relay = ByHand::new().await;
    let (address, mut end) = connect(&relay).await;
    let mut party = relay.party().await;
    assert_eq!(end.told().await, Told::Connected);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (id, ()) = party.request(wished).await;
    party.text(&format!(r#"{{"type":"connected","id":{},"channel":7}}"#, id.unwrap())).await;
    // One that has no channel yet.
    let mut waits = TcpStream::connect(address).await.unwrap();
    party.request(wished).await;
    end.shutdown.cancel();
    party.request(cut_off).await;
    assert_eq!(party.hear().await, Said::Closed);
    is_reset(&mut stream).await;
    is_reset(&mut waits).await;
    end.ended().await.unwrap();
}

/// R-38.
#[tokio::test]
async fn a_server_whose_place_is_taken_resets_what_it_had() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let end = serve(&relay, &[(80, target)]);
    let mut party = relay.party().await;
    party.registers().await;
    party.asks(7, 80).await;
    let mut stream = accepted(&service).await;
    party.text(r#"{"type":"replaced","server":3}"#).await;
    assert!(matches!(end.ended().await, Err(TunnelError::Replaced)));
    is_reset(&mut stream).await;
}

#[tokio::test]
async fn what_was_completed_is_written_to_its_end_by_an_end_that_leaves() {
    let relay = ByHand::new().await;
    let (end, mut party, mut stream) = forwarded(&relay, 1 << 30).await;
    send_much(&mut party).await;
    end.shutdown.cancel();
    let all = read_all(&mut stream).await.unwrap();
    assert!(all.len() == MUCH && all.iter().all(|byte| *byte == 7), "{}", all.len());
    end.ended().await.unwrap();
}

/// R-38.
#[tokio::test]
async fn what_was_completed_and_is_not_read_in_the_time_that_is_left_is_reset() {
    let relay = ByHand::new().await;
    let (end, mut party, mut stream) = forwarded(&relay, 1 << 30).await;
    send_much(&mut party).await;
    end.shutdown.cancel();
    end.ended().await.unwrap();
    is_reset(&mut stream).await;
}

#[tokio::test]
async fn the_rest_of_a_channel_says_nothing_in_the_one_that_has_its_number_now() {
    let (relay, (service, target)) = (ByHand::new().await, listener().await);
    let mut end = serve(&relay, &[(80, target)]);
    let mut party = Party::with_window(accepted(&relay.listener).await, 1 << 30).await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    party.asks(7, 80).await;
    let mut first = accepted(&service).await;
    send_much(&mut party).await;
    // The next message is heard when that was.
    party.wants(8, 81).await;
    while !matches!(party.hear().await, Said::Text(text) if text.contains("refuse")) {}
    // A relay that was started anew gives the same number again.
    drop(party);
    assert!(matches!(end.told().await, Told::Lost { .. }));
    let mut party = relay.party().await;
    let (id, ()) = party.request(|request| matches!(request, Request::Resume { .. }).then_some(())).await;
    let id = id.unwrap();
    party.text(&format!(r#"{{"type":"error","id":{id},"code":"bad_credential","message":"who?"}}"#)).await;
    party.registers().await;
    assert_eq!(end.told().await, Told::Registered { server: 3 });
    party.asks(7, 80).await;
    let mut second = accepted(&service).await;
    first.write_all(b"of the first").await.unwrap();
    // It takes what it was sent meanwhile, and then breaks.
    timeout(PATIENCE, first.read_exact(&mut vec![0; MUCH / 2])).await.unwrap().unwrap();
    socket2::SockRef::from(&first).set_linger(Some(Duration::ZERO)).unwrap();
    drop(first);
    second.write_all(b"of the second").await.unwrap();
    drop(second);
    assert_eq!(party.hear().await, Said::Binary(7, "of the second".into()));
    party.request(|request| (request == Request::Finish { channel: 7 }).then_some(())).await;
}
