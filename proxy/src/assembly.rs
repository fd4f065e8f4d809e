//! Puts the parts together: sockets first, so that nothing runs when one can't be had; then hubs,
//! links, discovery, and the door for clients. And takes them apart again, in order and in time.

use crate::{
    beside::{Handles, Prepared},
    exit::{Exit, Failure},
    links,
    settings::{AllowedOrigin, DiscoveryChoice, Settings, TransportChoice},
    status::Network,
    tls::Tls,
    web,
};
use nws_discovery::{DiscoveredTransport, Discovery, Health, Mdns, MdnsConfig, Off};
use nws_gateway::{BindError, Folder, Gateway, GatewaySettings, Listeners, SessionSettings, TlsDoor};
use nws_hub::{Channels, HubLimits};
use nws_mesh::{Mesh, MeshConfig, MeshHandle, Port};
use nws_protocol::{
    InstanceId, NetworkKey,
    limits::{FRAME_OVERHEAD_BYTES, MIN_FRAME_BYTES},
};
use nws_transports::{QuicConfig, QuicTransport, TcpConfig, TcpTransport, Transport, TransportError, TransportKind};
use rand_core::OsRng;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// QUIC's own limit of silence is a net below that of links, which notice earlier and say so.
const BEYOND_SILENCE: Duration = Duration::from_secs(5);

/// What was read from files before anything starts.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) network_key: NetworkKey,
    /// The folder of the user's own pages.
    pub(crate) www: Option<Folder>,
    /// For clients over TLS.
    pub(crate) tls: Option<Tls>,
    /// The servers that are to run beside the proxy.
    pub(crate) beside: Prepared,
}

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    mesh: Arc<MeshHandle>,
    gateway: JoinHandle<()>,
    /// The servers beside it, or nothing.
    beside: JoinHandle<()>,
    closing: CancellationToken,
    deadline: Duration,
    /// Where it can be reached.
    pub(crate) port: u16,
    pub(crate) tls_port: Option<u16>,
    pub(crate) links: Vec<(TransportKind, SocketAddr)>,
    /// For the servers beside it.
    pub(crate) handles: Handles,
}

impl Proxy {
    /// Starts one. When this returns, clients and links are accepted.
    pub(crate) async fn start(settings: &Settings, files: Files) -> Result<Self, Failure> {
        let door = door("--port", settings.port).await?;
        let port = door.port();
        let (tls, tls_port) = match &files.tls {
            Some(tls) => tls_door(tls).await.map(|(door, port)| (Some(door), Some(port)))?,
            None => (None, None),
        };
        let servers = files.beside.bind()?;
        let transports = transports(settings)?;
        let listeners = links::listen(&transports, settings.link_listen).await?;
        let links: Vec<_> = listeners.iter().map(|(kind, listener)| (*kind, listener.local_addr())).collect();

        let instance = InstanceId::random(&mut OsRng);
        let channels = Channels::new(hub_limits(settings));
        let mesh = Mesh::start(
            mesh_config(settings, instance, files.network_key),
            Arc::clone(&channels),
            transports
                .into_iter()
                .zip(listeners)
                .map(|(transport, (_, listener))| Port { transport, listener: Some(listener) })
                .collect(),
            discovery(settings, instance, &links),
            settings.peer.clone(),
        );
        let mesh = Arc::new(mesh);
        let network = Network {
            instance,
            transports: links.iter().map(|(kind, _)| *kind).collect(),
            searching: settings.discovery == DiscoveryChoice::Mdns,
            mesh: Arc::clone(&mesh),
        };
        let closing = CancellationToken::new();
        let gateway = Gateway::new(door, channels, gateway_settings(settings))
            .with_assets(web::assets())
            .with_folder(files.www)
            .with_status(Arc::new(network))
            .with_tls(tls);
        let gateway = tokio::spawn(gateway.run(closing.clone()));
        let handles = servers.handles();
        let beside = tokio::spawn(servers.run(closing.clone()));
        let deadline = settings.shutdown_deadline.get();
        Ok(Self { mesh, gateway, beside, closing, deadline, port, tls_port, links, handles })
    }

    /// How discovery fares, and whenever that changes.
    pub(crate) fn health(&self) -> watch::Receiver<Option<Health>> {
        self.mesh.discovery_health()
    }

    /// Ends only if the door for clients fails by itself. Cancel safe.
    pub(crate) async fn failed(&mut self) -> Failure {
        let ended: Result<(), JoinError> = (&mut self.gateway).await;
        let why = ended.err().map_or_else(|| "it ended by itself".to_owned(), |error| error.to_string());
        Failure::new(Exit::Internal, format!("the gateway for clients failed: {why}"))
    }

    /// Says goodbye to clients and links, and cuts off who has not left by the deadline.
    pub(crate) async fn stop(self) {
        self.closing.cancel();
        let beside = timeout(self.deadline, self.beside);
        let (_, gateway, beside) = tokio::join!(self.mesh.shutdown(self.deadline), self.gateway, beside);
        if let Err(error) = gateway {
            tracing::error!(%error, "the gateway failed while it closed");
        }
        if let Ok(Err(error)) = beside {
            tracing::error!(%error, "a server beside the proxy failed while it closed");
        }
    }
}

/// The sockets that clients come in by; `flag` is where their port was chosen.
async fn door(flag: &str, port: u16) -> Result<Listeners, Failure> {
    let door = Listeners::bind(port).await.map_err(|error| no_door(flag, port, &error))?;
    if let Some(missing) = door.missing() {
        tracing::info!("clients can use one address of loopback only: {missing}");
    }
    Ok(door)
}

async fn tls_door(tls: &Tls) -> Result<(TlsDoor, u16), Failure> {
    let door = door("--tls-port", tls.port).await?;
    let port = door.port();
    let door = TlsDoor::new(door, &tls.slot).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    Ok((door, port))
}

fn no_door(flag: &str, port: u16, error: &BindError) -> Failure {
    let words = match error {
        BindError::InUse(_) => {
            format!("port {port} is in use: is another nws running? Choose another port with {flag}")
        }
        BindError::Forbidden(_) => format!(
            "the system does not allow port {port}; ports under 1024 often need a privilege. Choose another with {flag}"
        ),
        _ => format!("clients cannot be accepted: {error}. Another port may be had with {flag}"),
    };
    Failure::new(Exit::Unavailable, words)
}

fn transports(settings: &Settings) -> Result<Vec<Arc<dyn Transport>>, Failure> {
    let internal = |error: TransportError| Failure::new(Exit::Internal, error.to_string());
    let quic = || {
        let mut config = QuicConfig::default();
        config.idle_timeout = settings.link_silence.get() + BEYOND_SILENCE;
        QuicTransport::new(config).map_err(internal)
    };
    let tcp = || TcpTransport::new(TcpConfig::default()).map_err(internal);
    Ok(match settings.transport {
        TransportChoice::Auto => vec![Arc::new(quic()?), Arc::new(tcp()?)],
        TransportChoice::Quic => vec![Arc::new(quic()?)],
        TransportChoice::Tcp => vec![Arc::new(tcp()?)],
    })
}

fn discovery(settings: &Settings, instance: InstanceId, links: &[(TransportKind, SocketAddr)]) -> Box<dyn Discovery> {
    if settings.discovery == DiscoveryChoice::Off {
        return Box::new(Off::default());
    }
    let announce = links
        .iter()
        .filter_map(|(kind, address)| match kind {
            TransportKind::Quic => Some((DiscoveredTransport::Quic, address.port())),
            TransportKind::Tcp => Some((DiscoveredTransport::Tcp, address.port())),
            TransportKind::Memory => None,
        })
        .collect();
    let mut config = MdnsConfig::new(instance, announce);
    config.interfaces = settings.interface.iter().map(|interface| interface.0.clone()).collect();
    Box::new(Mdns::new(config))
}

fn hub_limits(settings: &Settings) -> HubLimits {
    HubLimits {
        channel_log_bytes: settings.channel_log_bytes.bytes(),
        client_queue_bytes: settings.client_queue_bytes.bytes(),
        lane_queue_bytes: settings.lane_queue_bytes.bytes(),
        client_stall: settings.client_stall.get(),
        client_min_rate: settings.client_min_rate.bytes() as u64,
        lane_stall: settings.lane_stall.get(),
        max_clients: settings.max_clients.0,
        ..HubLimits::default()
    }
}

fn mesh_config(settings: &Settings, instance: InstanceId, network_key: NetworkKey) -> MeshConfig {
    MeshConfig {
        network_key,
        max_frame_bytes: (settings.max_message_bytes.bytes() + FRAME_OVERHEAD_BYTES).max(MIN_FRAME_BYTES),
        ping_after: settings.link_ping.get(),
        silence_limit: settings.link_silence.get(),
        lane_stall: settings.lane_stall.get(),
        max_links: settings.max_links.0,
        link_budget: settings.link_guesses,
        address_budget: settings.address_guesses,
        proxy_budget: settings.proxy_guesses,
        ..MeshConfig::new(instance)
    }
}

fn gateway_settings(settings: &Settings) -> GatewaySettings {
    let origins = settings.allow_origin.iter().map(|origin| match origin {
        AllowedOrigin::Any => None,
        AllowedOrigin::Exactly(origin) => Some(origin.clone()),
    });
    GatewaySettings {
        allow_hosts: settings.allow_host.iter().map(|host| host.0.clone()).collect(),
        // One `any` lets all in.
        allow_origins: origins.collect(),
        drain_deadline: settings.shutdown_deadline.get(),
        session: SessionSettings {
            max_message_bytes: settings.max_message_bytes.bytes(),
            ping_interval: settings.ping_interval.get(),
            ..SessionSettings::default()
        },
        ..GatewaySettings::default()
    }
}
