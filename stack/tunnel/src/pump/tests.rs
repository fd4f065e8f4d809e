//! A pump whose connection always has something.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use tokio::{net::TcpListener, time::timeout};

const PATIENCE: Duration = Duration::from_secs(20);

/// More than a task may read before the others have their turn.
const PIECES: usize = 1000;

/// On one thread, so that a pump that never gives its turn away is seen.
#[tokio::test]
async fn much_that_is_there_already_is_read_and_the_others_have_their_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut program = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    program.write_all(&[7; PIECES]).await.unwrap();
    program.shutdown().await.unwrap();

    let (events, mut said) = mpsc::channel(2 * PIECES);
    let owner = Owner { pump: 1, channel: 7, events };
    let a_byte_at_once = u64::try_from(binary_head(7).len()).unwrap() + 1;
    let (pump, _handle) = Pump::new(owner, u64::MAX, a_byte_at_once, CancellationToken::new());
    let pump = tokio::spawn(pump.run(stream));
    let mut pieces = 0;
    timeout(PATIENCE, async {
        while let What::Data(_) = said.recv().await.unwrap().what {
            pieces += 1;
        }
    })
    .await
    .unwrap();
    assert_eq!(pieces, PIECES);
    // The other direction is still open.
    assert!(!pump.is_finished());
}
