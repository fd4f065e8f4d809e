//! What all checks of one run share: where the target is, the channel, who dials.

use crate::{
    bytes::HelloBytes,
    client::{Client, ClientTarget},
    dialled::Dialled,
    link::{self, Conn, Incoming, Kind, Next, Reader, Sender},
    patience::Patience,
    player::{HELLO_BYTES, LIMIT, NO_HELLO, Player, SOON},
    tls::{ClientTls, ServerTls, ShownByServer},
    verdict::{Trouble, Verdict, failed, lacking, not_run},
};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName, InstanceId, NetworkKey, wire::Control};
use rand_core::{OsRng, RngCore};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Why checks that need the channel are not run.
pub(crate) const NOT_OFFERED: &str = "the target does not offer the channel: is it the right one, does the target hold it, has it \
                                      another network key, are its tags right? See match-hit";

/// How often, and how soon, a link is tried again that the target closed at once: it may have too many that are not established.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// A control lane, and what the target said on it first.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Dropped first: lanes end before their connection.
    pub(crate) send: Sender,
    pub(crate) reader: Reader,
    pub(crate) conn: Conn,
    pub(crate) first: Next,
    /// The transport's handshake was done between these two times.
    pub(crate) begun: Instant,
    pub(crate) dialled: Instant,
}

fn no_handshake(why: String) -> Trouble {
    failed("the transport's handshake succeeds", why)
}

/// One run, as one check sees it.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// The address of this machine to dial from, if not any.
    pub(crate) from: Option<IpAddr>,
    pub(crate) name: ChannelName,
    pub(crate) network_key: NetworkKey,
    pub(crate) client: Option<ClientTarget>,
    pub(crate) dialled: Option<Arc<Dialled>>,
    /// The target's, from its first Hello.
    pub(crate) target_id: Arc<OnceLock<InstanceId>>,
    pub(crate) slow: bool,
    /// Whether the target was seen to offer the channel, or was not asked yet.
    pub(crate) is_offered: bool,
    pub(crate) patience: Patience,
}

impl Context {
    /// The channel that the target holds, if it shows it.
    pub(crate) fn channel(&self) -> Result<ChannelKey, Trouble> {
        self.ensure_offered()?;
        Ok(ChannelKey { kind: ChannelKind::Network, name: self.name.clone() })
    }

    /// Where the target does not even offer that channel, it will match no other.
    pub(crate) fn ensure_offered(&self) -> Verdict {
        if self.is_offered { Ok(()) } else { Err(lacking(NOT_OFFERED)) }
    }

    /// A name that no other check uses. Needs clients, as nobody else joins it.
    pub(crate) fn fresh_name(&self) -> String {
        let mut random = [0; 8];
        OsRng.fill_bytes(&mut random);
        let tail = data_encoding::HEXLOWER.encode(&random);
        let head: String = self.name.reveal().chars().take(200).collect();
        format!("{head}.{tail}")
    }

    /// A channel key under a name.
    pub(crate) fn key(kind: ChannelKind, name: &str) -> ChannelKey {
        ChannelKey { kind, name: ChannelName::new(name).expect("made of channel characters") }
    }

    /// Dials with these settings.
    pub(crate) async fn dial_with(&self, tls: &ClientTls) -> Result<(Conn, Arc<ShownByServer>), String> {
        link::dial(self.kind, self.address, self.from, tls).await
    }

    /// Dials as the documents have it.
    pub(crate) async fn dial(&self) -> Result<Conn, Trouble> {
        let dialled = self.dial_with(&ClientTls::default()).await;
        dialled.map(|(conn, _)| conn).map_err(no_handshake)
    }

    /// A link as initiator: Hellos are exchanged, nothing else.
    pub(crate) async fn greeted(&self) -> Result<Player, Trouble> {
        self.greeted_with(|_| {}).await
    }

    /// The same with another Hello.
    pub(crate) async fn greeted_with(&self, change: impl FnOnce(&mut HelloBytes) + Send) -> Result<Player, Trouble> {
        Ok(self.greeted_and_shown(change).await?.0)
    }

    /// The same, and what the target showed in the handshake.
    pub(crate) async fn greeted_and_shown(
        &self,
        change: impl FnOnce(&mut HelloBytes) + Send,
    ) -> Result<(Player, Arc<ShownByServer>), Trouble> {
        let mut hello = HelloBytes::new(&random_id());
        change(&mut hello);
        let mut tries = 0;
        loop {
            let (conn, shown) = self.dial_with(&ClientTls::default()).await.map_err(no_handshake)?;
            let end = match Player::initiator(self, conn, &hello).await {
                Ok(player) => return Ok((player, shown)),
                Err(Trouble::Lacking(why)) if why == LIMIT => lacking(why),
                // TCP carries no code: it may have been Limit.
                Err(Trouble::Failed { expected, seen }) if expected == NO_HELLO && self.kind == Kind::Tcp => {
                    failed(expected, seen)
                }
                Err(other) => return Err(other),
            };
            tries += 1;
            if tries == TRIES {
                return Err(end);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// A control lane on which these bytes were said, and nothing else.
    pub(crate) async fn opened(&self, bytes: &[u8]) -> Result<Opened, Trouble> {
        let mut tries = 0;
        loop {
            tries += 1;
            let begun = Instant::now();
            let conn = self.dial().await?;
            let dialled = Instant::now();
            let opened = async {
                let (mut send, recv) = conn.open_control().await?;
                send.write(bytes).await?;
                let mut reader = Reader::new(recv, HELLO_BYTES);
                let first = reader.next(SOON).await;
                Ok((send, reader, first))
            };
            match opened.await {
                // One link too many that is not established, for the moment: that is allowed.
                Ok((_, _, Next::Finished | Next::Lost(_))) | Err(Trouble::Failed { .. }) if tries < TRIES => {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Ok((send, reader, first)) => return Ok(Opened { send, reader, conn, first, begun, dialled }),
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// An established link as initiator: the first Query was answered.
    pub(crate) async fn established(&self) -> Result<Player, Trouble> {
        let mut player = self.greeted().await?;
        player.ask(&[]).await?;
        Ok(player)
    }

    /// An established link as responder: the target dialled, and its first Query is read but not answered.
    pub(crate) async fn asked(&self) -> Result<Player, Trouble> {
        let mut player = self.greeted_by_target(&random_id()).await?;
        player.first_query().await?;
        Ok(player)
    }

    /// A link that the target dialled; Hellos are exchanged.
    pub(crate) async fn greeted_by_target(&self, id: &[u8; 16]) -> Result<Player, Trouble> {
        let conn = self.dialled_conn().await?;
        Player::responder(self, conn, &HelloBytes::new(id)).await
    }

    /// The same, with a client of the target in this channel before Hello. It joins when the dial is there: a client that is not read
    /// meanwhile answers no pings.
    pub(crate) async fn greeted_with_client(&self, id: &[u8; 16], name: &str) -> Result<(Client, Player), Trouble> {
        let conn = self.dialled_conn().await?;
        let client = self.client(name).await?;
        let player = Player::responder(self, conn, &HelloBytes::new(id)).await?;
        Ok((client, player))
    }

    /// A connection that the target dialled.
    pub(crate) async fn dialled_conn(&self) -> Result<Conn, Trouble> {
        let mut fresh = 0;
        loop {
            let begun = Instant::now();
            let incoming = self.incoming().await?;
            // Dials that lay here may have been given up by the target; several may lie here.
            fresh += usize::from(begun.elapsed() > Duration::from_millis(100));
            match self.patience.unhurried(incoming.accept(&ServerTls::default())).await.0 {
                Ok(conn) => return Ok(conn),
                Err(why) if fresh == 3 => return Err(failed("the target's handshake as initiator succeeds", why)),
                Err(_) => {}
            }
        }
    }

    /// The target dials.
    pub(crate) async fn incoming(&self) -> Result<Incoming, Trouble> {
        match &self.dialled {
            Some(dialled) => self.patience.unhurried(dialled.next()).await,
            None => Err(not_run("without --listen the target dials nobody here")),
        }
    }

    /// How long until the target has guesses for this machine again, if it has none now. Tags that it was offered wait for them,
    /// and nothing else tells. It is asked from the address that it dials.
    pub(crate) async fn shortage(&self) -> Option<Duration> {
        let conn = link::dial(self.kind, self.address, None, &ClientTls::default()).await.ok()?.0;
        let mut player = Player::initiator(self, conn, &HelloBytes::new(&random_id())).await.ok()?;
        // More than any check offers at once, but for those that use the budgets up.
        let inputs: Vec<Vec<u8>> = (0..64u8).map(|n| vec![n, 9]).collect();
        player.query(Player::blind(&inputs).iter().map(|blinded| blinded.element).collect()).await.ok()?;
        let busy = player.wait("Answer or Busy", SOON, |message| match message {
            Control::Busy { retry_after, .. } => Some(Some(*retry_after)),
            Control::Answer { .. } => Some(None),
            _ => None,
        });
        busy.await.ok().flatten()
    }

    /// Whether the target offers the channel that it should hold.
    pub(crate) async fn sees_channel(&self) -> Result<bool, Trouble> {
        let mut player = self.greeted().await?;
        let found = player.ask(&[self.channel()?]).await?;
        match found.first() {
            Some(secrets) => Ok(player.wait_offer(secrets).await.is_ok()),
            None => Ok(false),
        }
    }

    /// A client of the target in a `network` channel, whose id is known.
    pub(crate) async fn client(&self, name: &str) -> Result<Client, Trouble> {
        self.clients()?.join(&format!("/{name}")).await
    }

    /// Where clients join.
    pub(crate) fn clients(&self) -> Result<&ClientTarget, Trouble> {
        self.client.as_ref().ok_or_else(|| not_run("without --client nobody joins at the target"))
    }
}

/// 16 random bytes.
pub(crate) fn random_id() -> [u8; 16] {
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    id
}

/// A random number.
pub(crate) fn random_number() -> u64 {
    OsRng.next_u64()
}

/// A context of which only the target's id counts.
#[cfg(test)]
pub(crate) fn for_tests(id: [u8; 16]) -> Context {
    Context {
        kind: Kind::Tcp,
        address: ([127, 0, 0, 1], 1).into(),
        from: None,
        name: ChannelName::new("x").expect("a name"),
        network_key: NetworkKey::default(),
        client: None,
        dialled: None,
        target_id: Arc::new(OnceLock::from(InstanceId::from_bytes(id))),
        slow: false,
        is_offered: true,
        patience: Patience::new(Duration::ZERO, |_| {}),
    }
}
