//! What the user is told when a proxy that was named can't be reached: each reason once, however often it is tried. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_transports::{Cut, MemoryNetwork};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{Setup, at};
use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;

/// All that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// What was said since this was last asked: the complaints, and how often somebody was dialled.
    fn take(&self) -> (Vec<String>, usize) {
        let text = String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap();
        let complaints = text.lines().filter(|line| line.contains("WARN") && line.contains("not reached"));
        (complaints.map(str::to_owned).collect(), text.lines().filter(|line| line.contains(" dialling ")).count())
    }

    /// There were many attempts, and one complaint, with these words.
    fn one(&self, words: &str) {
        let (complaints, dials) = self.take();
        assert!(dials > 10, "{dials}");
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains(words) && complaints[0].contains("10.0.0.2:1"), "{complaints:?}");
    }
}

fn host(id: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, id).into()
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn why_a_named_proxy_is_not_reached_is_said_once_for_each_reason() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    let _here = tracing::subscriber::set_default(subscriber.with_writer(log.clone()).finish());
    let network = MemoryNetwork::new(1);
    let node = Setup::memory(1, &network).await.dials(at(2)).start();
    sleep(LONG).await;
    log.one("connection refused");
    sleep(LONG).await;
    assert_eq!(log.take().0, [""; 0]);
    // Another reason.
    network.partition(&[host(1)], &[host(2)], Cut::Dead);
    sleep(LONG).await;
    log.one("partitioned");
    network.heal();
    sleep(LONG).await;
    log.one("connection refused");
    // It was reached meanwhile: then the same is news again.
    let other = Setup::memory(2, &network).await.start();
    sleep(LONG).await;
    node.linked(1).await;
    drop(other);
    node.linked(0).await;
    log.take();
    sleep(LONG).await;
    let (complaints, dials) = log.take();
    assert!(dials > 10, "{dials}");
    assert_eq!(complaints.len(), 1, "{complaints:?}");
}
