//! The TCP side of the relay: two pumps a connection, each with what is on its way.

use super::{Condition, Shape, Way};
use socket2::SockRef;
use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Most bytes on their way in one direction; then no more are read, and the sender feels it.
const MAX_UNDER_WAY_BYTES: usize = 1 << 20;

const CHUNK_BYTES: usize = 16 << 10;

pub(super) async fn relay(listener: TcpListener, target: SocketAddr, condition: watch::Receiver<Condition>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            Ok((near, _)) = listener.accept() => {
                connections.spawn(connection(near, target, condition.clone(), number));
                number += 1;
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut near: TcpStream, target: SocketAddr, mut condition: watch::Receiver<Condition>, number: u64) {
    let is_cut = |condition: &Condition| condition.way == Way::Cut;
    let mut far = tokio::select! {
        biased;
        _ = condition.wait_for(is_cut) => return reset(&near),
        far = TcpStream::connect(target) => match far {
            Ok(far) => far,
            Err(_) => return reset(&near),
        },
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let seed = condition.borrow().faults.seed;
    let shape = |direction| Shape::new(seed, 2 * number + direction, Instant::now());
    let broken = {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let there = pump(near_in, far_out, shape(0), condition.clone());
        let back = pump(far_in, near_out, shape(1), condition.clone());
        tokio::select! {
            _ = condition.wait_for(is_cut) => true,
            ended = async { tokio::try_join!(there, back) } => ended.is_err(),
        }
    };
    if broken {
        reset(&near);
        reset(&far);
    }
}

/// The connection ends with a reset when it is dropped.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Carries one direction to its end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut shape: Shape,
    mut condition: watch::Receiver<Condition>,
) -> io::Result<()> {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut bytes = 0;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut ended = false;
    loop {
        let Condition { faults, way } = *condition.borrow_and_update();
        let open = way == Way::Open;
        if ended && under_way.is_empty() {
            return to.shutdown().await;
        }
        let next = under_way.front().map(|(at, _)| *at);
        tokio::select! {
            () = sleep_until(next.unwrap_or_else(Instant::now)), if open && next.is_some() => {
                if let Some((_, chunk)) = under_way.pop_front() {
                    to.write_all(&chunk).await?;
                    bytes -= chunk.len();
                }
            }
            read = from.read(&mut buffer), if open && !ended && bytes < MAX_UNDER_WAY_BYTES => {
                let chunk = buffer.get(..read?).unwrap_or_default();
                ended = chunk.is_empty();
                if !ended {
                    bytes += chunk.len();
                    under_way.push_back((shape.stream(Instant::now(), chunk.len(), &faults), chunk.to_vec()));
                }
            }
            changed = condition.changed() => if changed.is_err() {
                return Ok(());
            }
        }
    }
}
