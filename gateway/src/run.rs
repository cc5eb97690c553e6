//! A whole gateway: listeners, keeper, admin port. Built from settings and from whoever knows the
//! controllers; runs until it is told to stop.

use crate::{
    admin::Admin,
    admission::{Admission, Place},
    clock::Clock,
    controllers::{Controllers, StoredTarget},
    gate::Gate,
    keeper::Keeper,
    metrics::{Metrics, PortMetrics, Refusal},
    relay::{self, Dialer, Shared, Stream},
    replicas::Replicas,
    session::{Ending, Listener},
    settings::Settings,
    tls::{ListenerTls, TlsError, UpstreamTls, keep_fresh},
};
use ha_core::ids::GatewayId;
use std::{
    future::pending,
    hash::{BuildHasher, RandomState},
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{self, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;
/// The wait after no connection could be accepted, for want of files or memory.
const AFTER_ERROR: Duration = Duration::from_millis(50);
/// Files that a gateway needs beside those of its sessions.
const OTHER_FILES: u64 = 256;

/// A gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A file of TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A part of a gateway has ended, which none does by itself: so the gateway stopped.
#[derive(Debug, thiserror::Error)]
#[error("{part} has ended: {why}")]
pub struct PartEnded {
    /// Which one.
    pub part: &'static str,
    /// How it ended.
    pub why: String,
}

/// Tasks that run until the gateway ends, by what they are.
#[derive(Default)]
struct Parts {
    tasks: JoinSet<()>,
    names: Vec<(task::Id, &'static str)>,
}

impl Parts {
    fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(part).id();
        self.names.push((id, name));
    }

    /// Waits until one of them has ended.
    async fn ended(&mut self) -> PartEnded {
        let Some(ended) = self.tasks.join_next_with_id().await else { return pending().await };
        let (id, why) = match ended {
            Ok((id, ())) => (id, "nobody told it to".to_owned()),
            Err(error) => (error.id(), error.to_string()),
        };
        let name = self.names.iter().find(|(known, _)| *known == id);
        PartEnded { part: name.map_or("a part", |(_, name)| *name), why }
    }
}

/// One listener that is bound.
struct BoundPort {
    listener: TcpListener,
    shared: Arc<Shared>,
    admission: Arc<Admission>,
    tls: Option<ListenerTls>,
}

/// A gateway whose ports are bound, and that serves nobody yet.
pub struct Gateway {
    settings: Settings,
    gate: Arc<Gate>,
    metrics: Arc<Metrics>,
    ports: Vec<BoundPort>,
    admin: TcpListener,
    tls: Option<ListenerTls>,
    upstream_tls: Option<UpstreamTls>,
    stop: watch::Sender<bool>,
}

/// Where a gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The write listener.
    pub write: Option<SocketAddr>,
    /// The read listener.
    pub read: Option<SocketAddr>,
    /// The admin port.
    pub admin: Option<SocketAddr>,
}

/// A number that this process has and the one before it has not, as far as chance goes.
#[must_use]
pub fn drawn_id() -> GatewayId {
    let [a, b, c, d, ..] = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    GatewayId(u32::from_le_bytes([a, b, c, d]))
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error| StartError::Listen { address, error })
}

/// Raises the number of files that this process may have open, as far as it may.
fn raise_files(needed: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= needed) {
        return;
    }
    let current = Some(now.maximum.map_or(needed, |most| most.min(needed)));
    let raised = setrlimit(Resource::Nofile, Rlimit { current, maximum: now.maximum });
    if raised.is_err() || current.is_some_and(|current| current < needed) {
        tracing::warn!(needed, ?current, "fewer files may be open than max-connections needs");
    }
}

impl Gateway {
    /// Binds the ports and reads the files of TLS.
    ///
    /// # Errors
    /// What cannot be had.
    pub fn bind(settings: Settings, id: GatewayId, clock: Clock) -> Result<Self, StartError> {
        let tls = match &settings.tls {
            Some((pair, clients)) => Some(ListenerTls::new(pair.clone(), clients.as_deref())?),
            None => None,
        };
        let upstream_tls = match &settings.upstream_tls {
            Some(paths) => Some(paths.read()?),
            None => None,
        };
        let sessions = settings.limits.connections as u64 * 4;
        raise_files(sessions.saturating_add(OTHER_FILES));
        let gate = Gate::new(id, settings.grant_limit_ms, clock.clone());
        let gate = Arc::new(gate.with_reads_from_main(settings.read_fallback));
        let replicas = Arc::new(Replicas::new(Arc::clone(&gate)));
        let metrics = Arc::new(Metrics::new());
        let dialer =
            Dialer { limit: settings.dial_limit, watch: settings.watch, tls: upstream_tls.clone() };
        let port = |listener: Listener, address: SocketAddr| {
            let policy = settings.policy.of_listener(listener);
            let shared = Shared {
                policy: Arc::new(policy),
                clock: clock.clone(),
                metrics: metrics.port(listener),
                dialer: dialer.clone(),
                gate: Arc::clone(&gate),
                replicas: Arc::clone(&replicas),
                listener,
                buffer: settings.buffer,
                idle_ms: settings.idle_ms,
                stall_ms: settings.stall_ms,
                looks_at_start: settings.looks_at_start,
            };
            Ok::<_, StartError>(BoundPort {
                listener: listen(address)?,
                shared: Arc::new(shared),
                admission: Admission::new(settings.limits),
                tls: tls.clone(),
            })
        };
        let mut ports = vec![port(Listener::Write, settings.write)?];
        if let Some(read) = settings.read {
            ports.push(port(Listener::Read, read)?);
        }
        let admin = listen(settings.admin)?;
        let stop = watch::Sender::new(false);
        Ok(Self { settings, gate, metrics, ports, admin, tls, upstream_tls, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        let of = |wanted: Listener| {
            let port = self.ports.iter().find(|port| port.shared.listener == wanted)?;
            port.listener.local_addr().ok()
        };
        let admin = self.admin.local_addr().ok();
        Addresses { write: of(Listener::Write), read: of(Listener::Read), admin }
    }

    /// The grant.
    #[must_use]
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Serves until `stopped` is done, and then until no transaction is open, or for as long as
    /// `stop-limit` allows.
    ///
    /// # Errors
    /// It stopped because a part of it had ended; the log says so too.
    pub async fn run(
        self,
        controllers: impl Controllers,
        stored: impl StoredTarget,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), PartEnded> {
        let addresses = self.addresses();
        tracing::info!(?addresses, "the gateway listens");
        let keeper = Keeper {
            gate: Arc::clone(&self.gate),
            metrics: Arc::clone(&self.metrics),
            asking: self.settings.asking,
            pod: self.settings.pod.clone(),
        };
        let admin = Arc::new(Admin {
            metrics: self.metrics,
            gate: self.gate,
            stopping: self.stop.subscribe(),
        });
        let (mut around, mut listeners) = (Parts::default(), Parts::default());
        around.spawn("the keeper of the grant", keeper.run(controllers, stored));
        around.spawn("the admin port", admin.serve(self.admin));
        if let Some(tls) = self.tls {
            around.spawn("what reads the listeners' certificates again", keep_fresh(tls));
        }
        if let Some(tls) = self.upstream_tls {
            around.spawn("what reads certificates for instances again", keep_fresh(tls));
        }
        for port in self.ports {
            let name = match port.shared.listener {
                Listener::Write => "the write listener",
                Listener::Read => "the read listener",
            };
            listeners.spawn(name, port.serve(self.stop.subscribe()));
        }
        let outcome = tokio::select! {
            () = stopped => Ok(()),
            ended = around.ended() => Err(ended),
            ended = listeners.ended() => Err(ended),
        };
        if let Err(ended) = &outcome {
            tracing::error!(error = %ended, "the gateway cannot go on");
        }
        tracing::info!("the gateway stops: new connections are refused, open transactions end");
        self.stop.send_replace(true);
        let ended = timeout(self.settings.stop_limit, async {
            while listeners.tasks.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("transactions were open at the end of stop-limit; they are cut");
        }
        outcome
    }
}

impl BoundPort {
    /// Accepts until it is told to stop, and returns when all its sessions have ended.
    async fn serve(self, stop: watch::Receiver<bool>) {
        let mut sessions = JoinSet::new();
        let mut told = stop.clone();
        loop {
            tokio::select! {
                biased;
                () = relay::told(&mut told) => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, peer)) => {
                        let now = self.shared.clock.monotonic();
                        match self.admission.admit(peer.ip(), now) {
                            Ok(place) => {
                                let task = self.session(socket, peer.ip(), place, stop.clone());
                                sessions.spawn(task);
                            }
                            Err(why) => self.shared.metrics.refused(why),
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(AFTER_ERROR).await;
                    }
                },
                Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            }
        }
        drop(self.listener);
        while sessions.join_next().await.is_some() {}
    }

    fn session(
        &self,
        socket: TcpStream,
        peer: IpAddr,
        place: Place,
        stop: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (shared, tls) = (Arc::clone(&self.shared), self.tls.clone());
        async move {
            let metrics: PortMetrics = shared.metrics.clone();
            metrics.accepted.inc();
            metrics.active.inc();
            if let Some(client) = opened(socket, tls, &shared).await {
                let ending = relay::serve(client, shared, stop).await;
                metrics.ended(ending);
                if ending == Ending::InDoubt {
                    tracing::warn!(%peer, %ending, "a client does not know whether it wrote");
                } else {
                    tracing::debug!(%peer, %ending, "a connection ended");
                }
            }
            metrics.active.dec();
            drop(place);
        }
    }
}

/// A client's socket, set up, and with TLS where that is spoken.
async fn opened(socket: TcpStream, tls: Option<ListenerTls>, shared: &Shared) -> Option<Stream> {
    // A client that is gone already cannot be set up.
    shared.dialer.watch.apply(&socket).ok()?;
    let Some(tls) = tls else { return Some(Stream::Plain(socket)) };
    let limit = Duration::from_millis(shared.policy.login_ms);
    match timeout(limit, TlsAcceptor::from(tls.config()).accept(socket)).await {
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream.into()))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            shared.metrics.refused(Refusal::Tls);
            None
        }
        Err(_) => {
            shared.metrics.refused(Refusal::Tls);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;

    fn looked_at(stream: &Stream) -> io::Result<(bool, Duration, Option<Duration>)> {
        let Stream::Plain(socket) = stream else { return Err(io::ErrorKind::Other.into()) };
        let socket = SockRef::from(socket);
        let user_timeout = socket.tcp_user_timeout()?;
        Ok((socket.keepalive()?, socket.tcp_keepalive_time()?, user_timeout))
    }

    #[tokio::test]
    async fn the_kernel_watches_over_both_sides_as_is_set() -> io::Result<()> {
        let set = [
            ("bind-address", "127.0.0.1:0"),
            ("read-bind-address", "127.0.0.1:0"),
            ("admin-bind-address", "127.0.0.1:0"),
            ("controllers", "nobody:1"),
            ("keepalive", "77s"),
            ("user-timeout", "13s"),
        ];
        let of = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| *value);
        let settings = Settings::read(|setting| of(setting.name).map(ToOwned::to_owned));
        let settings = settings.map_err(io::Error::other)?;
        let gateway = Gateway::bind(settings, GatewayId(1), Clock::system());
        for port in gateway.map_err(io::Error::other)?.ports {
            let instance = TcpListener::bind("127.0.0.1:0").await?;
            let to_instance = port.shared.dialer.dial(instance.local_addr()?).await;
            let _client = TcpStream::connect(port.listener.local_addr()?).await?;
            let (accepted, _) = port.listener.accept().await?;
            let of_client = opened(accepted, None, &port.shared).await;
            let expected = (true, Duration::from_secs(77), Some(Duration::from_secs(13)));
            let sides = [Some(to_instance.map_err(io::Error::other)?), of_client];
            for side in sides.iter().flatten() {
                assert_eq!(looked_at(side)?, expected);
            }
            assert!(sides[1].is_some());
        }
        Ok(())
    }
}
