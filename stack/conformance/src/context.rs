//! What all checks of one run share: where the target is, the channel, who dials.

use crate::{
    bytes::HelloBytes,
    client::{Client, ClientTarget},
    dialled::Dialled,
    link::{self, Conn, Incoming, Kind},
    player::{LIMIT, Player},
    tls::{ClientTls, ServerTls, ShownByServer},
    verdict::{Trouble, failed, not_run},
};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName, InstanceId, NetworkKey};
use rand_core::{OsRng, RngCore};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// One run.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) name: ChannelName,
    pub(crate) network_key: NetworkKey,
    pub(crate) client: Option<ClientTarget>,
    pub(crate) dialled: Option<Dialled>,
    /// The target's, from its first Hello.
    pub(crate) target_id: OnceLock<InstanceId>,
    pub(crate) slow: bool,
}

impl Context {
    /// The channel that the target holds.
    pub(crate) fn channel(&self) -> ChannelKey {
        ChannelKey { kind: ChannelKind::Network, name: self.name.clone() }
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
        link::dial(self.kind, self.address, None, tls).await
    }

    /// Dials as the documents have it.
    pub(crate) async fn dial(&self) -> Result<Conn, Trouble> {
        let dialled = self.dial_with(&ClientTls::default()).await;
        dialled.map(|(conn, _)| conn).map_err(|why| failed("the transport's handshake succeeds", why))
    }

    /// A link as initiator: Hellos are exchanged, nothing else.
    pub(crate) async fn greeted(&self) -> Result<Player, Trouble> {
        self.greeted_with(|_| {}).await
    }

    /// The same with another Hello.
    pub(crate) async fn greeted_with(&self, change: impl FnOnce(&mut HelloBytes) + Send) -> Result<Player, Trouble> {
        let mut hello = HelloBytes::new(&random_id());
        change(&mut hello);
        for _ in 0..20 {
            match Player::initiator(self, self.dial().await?, &hello).await {
                Err(Trouble::NotRun(why)) if why == LIMIT => tokio::time::sleep(Duration::from_millis(200)).await,
                other => return other,
            }
        }
        Err(not_run(LIMIT))
    }

    /// An established link as initiator: the first Query was answered.
    pub(crate) async fn established(&self) -> Result<Player, Trouble> {
        let mut player = self.greeted().await?;
        player.ask(&[]).await?;
        Ok(player)
    }

    /// An established link as initiator from another address, if there is one: guesses that it costs are not missed by others.
    pub(crate) async fn established_elsewhere(&self) -> Result<Player, Trouble> {
        let elsewhere = IpAddr::from([127, 0, 0, 2]);
        let from = (self.address.is_ipv4() && self.address.ip().is_loopback()).then_some(elsewhere);
        let conn = match link::dial(self.kind, self.address, from, &ClientTls::default()).await {
            Ok((conn, _)) => conn,
            // Not every system has it.
            Err(_) => self.dial().await?,
        };
        let mut player = Player::initiator(self, conn, &HelloBytes::new(&random_id())).await?;
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

    /// A connection that the target dialled.
    pub(crate) async fn dialled_conn(&self) -> Result<Conn, Trouble> {
        let mut last = String::new();
        // A dial that lay here for long may have been given up by the target.
        for _ in 0..3 {
            match self.incoming().await?.accept(&ServerTls::default()).await.0 {
                Ok(conn) => return Ok(conn),
                Err(why) => last = why,
            }
        }
        Err(failed("the target's handshake as initiator succeeds", last))
    }

    /// The target dials.
    pub(crate) async fn incoming(&self) -> Result<Incoming, Trouble> {
        match &self.dialled {
            Some(dialled) => dialled.next().await,
            None => Err(not_run("without --listen the target dials nobody here")),
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
        name: ChannelName::new("x").expect("a name"),
        network_key: NetworkKey::default(),
        client: None,
        dialled: None,
        target_id: OnceLock::from(InstanceId::from_bytes(id)),
        slow: false,
    }
}
