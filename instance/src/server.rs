//! A whole instance within this process: started with settings, ended by its handle.

use crate::disk::DiskError;
use crate::fault::{self, Fault, Faults, Gate, Port};
use crate::node::{Ending, Node};
use crate::session::{self, TlsError};
use crate::settings::{Settings, SettingsError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long connections may take to go at the end.
const STOP_TIME: Duration = Duration::from_millis(500);

/// Why an instance does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that cannot be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// There can be no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The admin socket cannot be made.
    #[error("{}: the admin socket cannot be made: {source}", path.display())]
    AdminSocket {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It ended before clients could connect.
    #[error(transparent)]
    Ended(#[from] Ending),
}

/// One simulated Memgraph.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Starts an instance, on the current tokio runtime, and waits until its Bolt port is open. A
    /// main with replicas contacts them before (MR 5.2), which takes seconds for each that hangs.
    ///
    /// # Errors
    /// Why it did not come so far.
    pub async fn start(settings: Settings) -> Result<Running, StartError> {
        settings.validate()?;
        let tls = settings.tls.as_ref().map(session::acceptor).transpose()?;
        let node = Node::open(settings)?;
        if let Some(path) = &node.settings.admin_socket {
            let failed = |source| StartError::AdminSocket { path: path.clone(), source };
            fault::serve(&node, path).map_err(failed)?;
        }
        node.start();
        node.tasks.spawn(beat(Arc::clone(&node)));
        node.tasks.spawn(take_snapshots(Arc::clone(&node)));
        let (mut open, mut ended) = (node.bolt_open(), node.ended());
        tokio::select! {
            _ = open.wait_for(|open| *open) => {}
            _ = ended.wait_for(Option::is_some) => {}
        }
        let bound = bind(&node);
        if let Some(ending) = node.ended().borrow().clone() {
            node.cancel.cancel();
            return Err(ending.into());
        }
        let (listener, address) = bound?;
        let limit = node.settings.max_connections;
        let gate = Gate { port: Port::Bolt, limit, cancel: node.cancel.child_token() };
        let accepting =
            fault::accept_loop(Arc::clone(&node), gate, listener, move |node, stream, peer| {
                session::serve(node, stream, peer, tls.clone())
            });
        node.tasks.spawn(accepting);
        tracing::info!(%address, "Bolt is open");
        Ok(Running { node, address })
    }
}

fn bind(node: &Node) -> Result<(TcpListener, SocketAddr), Ending> {
    let address = node.settings.bolt;
    let bound = TcpListener::bind(address).and_then(|it| it.local_addr().map(|at| (it, at)));
    bound.map_err(|error| {
        node.cancel.cancel();
        Ending::Bolt { address, why: error.to_string() }
    })
}

/// Frequent heartbeats, all at one time: each has its own request.
async fn beat(node: Arc<Node>) {
    let mut ticks = interval(node.settings.heartbeat_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = node.cancel.cancelled() => return,
            _ = ticks.tick() => node.beat(),
        }
    }
}

/// Snapshots from time to time, when there is anything new.
async fn take_snapshots(node: Arc<Node>) {
    let Some(period) = node.settings.snapshot_every else { return };
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = node.cancel.cancelled() => return,
            _ = ticks.tick() => node.snapshot(),
        }
    }
}

/// An instance that runs. Dropped without an end it is cut off as by a kill.
#[derive(Debug)]
pub struct Running {
    node: Arc<Node>,
    address: SocketAddr,
}

impl Running {
    /// Where Bolt listens.
    #[must_use]
    pub const fn bolt_address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the fault of a port, in the place of the one before.
    pub fn set_fault(&self, port: Port, fault: Fault) {
        self.node.faults.set(port, fault);
    }

    /// The fault switches, to keep.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.node.faults.clone()
    }

    /// Waits until the instance ends by itself, and says why.
    pub async fn ended(&self) -> Ending {
        let mut ended = self.node.ended();
        loop {
            if let Some(ending) = ended.borrow_and_update().clone() {
                return ending;
            }
            if ended.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends as after SIGTERM: connections close, the log is flushed, and a snapshot is taken if
    /// the settings want it.
    ///
    /// # Errors
    /// The data directory failed.
    pub async fn stop(self) -> Result<(), DiskError> {
        self.end().await
    }

    /// The same, with the data still in memory.
    pub(crate) async fn end(&self) -> Result<(), DiskError> {
        self.cut().await;
        if self.node.settings.snapshot_on_exit {
            self.node.snapshot();
        }
        self.node.flush()
    }

    /// Ends as after SIGKILL: at once, and nothing is flushed.
    pub async fn kill(self) {
        self.cut().await;
    }

    async fn cut(&self) {
        self.node.cancel.cancel();
        self.node.tasks.close();
        if timeout(STOP_TIME, self.node.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.node.cancel.cancel();
    }
}
