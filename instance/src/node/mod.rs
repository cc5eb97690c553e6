//! The one owner of the machine: inputs come from sessions, timers and other instances, what
//! changed is made durable, and only then do outputs leave. It decides nothing that the machine
//! decides.

mod core;
mod names;

pub(crate) use names::Names;

use self::core::{Core, Fed};
use crate::cypher::ast::Address;
use crate::disk::DiskError;
use crate::fault::Faults;
use crate::graph::{Conflict, Delta, Graph, Transaction};
use crate::link::{self, Pool};
use crate::settings::Settings;
use shell_sim::memgraph::{
    Answer, Config, Endpoint, Input, Instance, Notice, PortState, ReplicaName, RoleName, Rpc,
    RpcFailure, RpcId, RpcResponse, ServerError, Session, Statement, StorageUuid,
};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why an instance ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The machine could not go on: a replica whose port is taken (MR 5.2).
    #[error(
        "the replication port {0} cannot be bound; free it, or start with another data directory"
    )]
    Died(u16),
    /// The data directory failed; nothing that was not written left the process.
    #[error("the data directory failed: {0}")]
    Disk(String),
    /// The Bolt port cannot be bound.
    #[error("cannot listen for Bolt on {address}: {why}")]
    Bolt {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        why: String,
    },
}

/// A statement that waits for its answer; dropped without one when the instance ends.
pub(crate) type Answered = oneshot::Receiver<Answer>;

/// A running instance.
#[derive(Debug)]
pub(crate) struct Node {
    core: Mutex<Core>,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) cancel: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pool: Pool,
    /// Held by whoever changes an index, from its beginning to its end.
    pub(crate) indexes: tokio::sync::Mutex<()>,
    next_session: AtomicU64,
    bolt_open: watch::Sender<bool>,
    ended: watch::Sender<Option<Ending>>,
}

impl Node {
    /// Opens the data directory; nothing runs yet.
    pub(crate) fn open(settings: Settings) -> Result<Arc<Self>, DiskError> {
        let core = Core::open(&settings)?;
        Ok(Arc::new(Self {
            core: Mutex::new(core),
            settings,
            faults: Faults::default(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            pool: Pool::default(),
            indexes: tokio::sync::Mutex::default(),
            next_session: AtomicU64::new(1),
            bolt_open: watch::Sender::new(false),
            ended: watch::Sender::new(None),
        }))
    }

    /// The machine starts; Bolt opens when it says so.
    pub(crate) fn start(self: &Arc<Self>) {
        let mut core = self.core();
        let mut listener = None;
        if let Some(port) = core.stored_port() {
            let bound = TcpListener::bind((self.settings.replication_address, port));
            let state = if bound.is_ok() { PortState::Free } else { PortState::Taken };
            listener = bound.ok();
            self.feed(&mut core, Input::Port(state));
        }
        self.feed(&mut core, Input::Start);
        self.follow_role(&mut core, listener);
    }

    /// A number for a new connection.
    pub(crate) fn session(&self) -> Session {
        Session(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether Bolt is open; changes once.
    pub(crate) fn bolt_open(&self) -> watch::Receiver<bool> {
        self.bolt_open.subscribe()
    }

    /// Why the instance ended by itself.
    pub(crate) fn ended(&self) -> watch::Receiver<Option<Ending>> {
        self.ended.subscribe()
    }

    /// Ends the instance: no output leaves any more.
    pub(crate) fn end(&self, why: Ending) {
        tracing::error!(%why, "the instance ends");
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(why);
            first
        });
        self.cancel.cancel();
    }

    /// Runs a statement of the machine. A demotion binds its port first.
    pub(crate) fn execute(
        self: &Arc<Self>,
        session: Session,
        statement: Statement<Delta>,
    ) -> Answered {
        let mut core = self.core();
        let mut listener = None;
        if let Statement::SetRoleReplica { port } = &statement
            && core.machine().role() == Some(RoleName::Main)
        {
            let bound = TcpListener::bind((self.settings.replication_address, *port));
            if let Err(error) = &bound {
                tracing::warn!(port, %error, "the replication port cannot be bound");
            }
            let state = if bound.is_ok() { PortState::Free } else { PortState::Taken };
            listener = bound.ok();
            self.feed(&mut core, Input::Port(state));
        }
        let answered = core.await_answer(session);
        self.feed(&mut core, Input::Execute { session, statement });
        self.follow_role(&mut core, listener);
        answered
    }

    /// Opens a transaction on the graph; a read of its own takes its tick here.
    pub(crate) fn begin(
        self: &Arc<Self>,
        session: Session,
        reads: bool,
    ) -> Result<Transaction, Broken> {
        let mut core = self.core();
        if reads {
            self.feed(&mut core, Input::Execute { session, statement: Statement::Read });
        }
        core.begin()
    }

    /// Claims what a transaction changed.
    pub(crate) fn claim(&self, transaction: &mut Transaction) -> Result<(), Conflict> {
        self.core().store.claim(transaction)
    }

    /// A transaction on the graph is over.
    pub(crate) fn finish(&self, transaction: &Transaction) {
        self.core().store.finish(transaction);
    }

    /// A connection is gone.
    pub(crate) fn abandon(self: &Arc<Self>, session: Session) {
        let mut core = self.core();
        core.forget(session);
        self.feed(&mut core, Input::Abandon { session });
    }

    /// Serves a request of another instance; none refuses the connection.
    pub(crate) fn serve(self: &Arc<Self>, request: Rpc<Delta>) -> Option<RpcResponse> {
        let mut core = self.core();
        let id = RpcId(core.fresh());
        // The answer goes back on the connection it came from, so the address does not matter.
        let fed = self.feed(&mut core, Input::Request { id, from: Endpoint(0), request });
        self.follow_role(&mut core, None);
        fed.response
    }

    /// A round of frequent heartbeats.
    pub(crate) fn beat(self: &Arc<Self>) {
        let mut core = self.core();
        let names: Vec<ReplicaName> = core.machine().beating().collect();
        for name in names {
            self.feed(&mut core, Input::Heartbeat { name });
        }
    }

    /// What became of an own request.
    pub(crate) fn replied(self: &Arc<Self>, id: RpcId, reply: Result<RpcResponse, RpcFailure>) {
        let input = match reply {
            Ok(response) => Input::Response { id, response },
            Err(why) => Input::Failed { id, why },
        };
        let mut core = self.core();
        self.feed(&mut core, input);
    }

    /// Takes a snapshot if there is anything new since the last one.
    pub(crate) fn snapshot(self: &Arc<Self>) {
        let mut core = self.core();
        if core.machine().is_bolt_open() && core.has_news() {
            let session = self.session();
            self.feed(&mut core, Input::Execute { session, statement: Statement::Snapshot });
        }
    }

    /// Flushes the data directory at the end.
    pub(crate) fn flush(&self) -> Result<(), DiskError> {
        self.core().flush()
    }

    /// What the machine knows.
    pub(crate) fn with_machine<T>(&self, look: impl FnOnce(&Instance<Delta>) -> T) -> T {
        look(self.core().machine())
    }

    /// What readers see now.
    pub(crate) fn graph(&self) -> Graph {
        self.core().store.graph().clone()
    }

    /// Whether the graph does not hold what the log says.
    pub(crate) fn is_broken(&self) -> bool {
        self.core().is_broken()
    }

    /// Settings of the machine.
    pub(crate) fn config(&self) -> Config {
        self.core().machine().config
    }

    /// Identity of the database.
    pub(crate) fn storage_uuid(&self) -> Option<StorageUuid> {
        self.core().machine().volume.storage_uuid
    }

    /// The text of a failure.
    pub(crate) fn text(&self, error: &ServerError) -> String {
        let core = self.core();
        error.text(&|name| core.names.replica(name))
    }

    /// The title of a notification.
    pub(crate) fn title(&self, notice: &Notice) -> String {
        let core = self.core();
        notice.title(&|name| core.names.replica(name))
    }

    /// The number of a replica's name.
    pub(crate) fn number_replica(&self, name: &str) -> Option<ReplicaName> {
        self.core().names.number_replica(name)
    }

    /// The number of a replica's name, if it has one.
    pub(crate) fn known_replica(&self, name: &str) -> Option<ReplicaName> {
        self.core().names.known_replica(name)
    }

    /// The number of an address.
    pub(crate) fn number_address(&self, address: &Address) -> Option<Endpoint> {
        self.core().names.number_address(address)
    }

    /// A replica's name as it was typed.
    pub(crate) fn replica(&self, name: ReplicaName) -> String {
        self.core().names.replica(name)
    }

    /// An address as it was typed.
    pub(crate) fn address(&self, endpoint: Endpoint) -> Address {
        self.core().names.address(endpoint)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic under the lock is a mistake of ours; the process then ends on its own terms, by
        // the next write that does not fit.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One input; what must leave the process leaves after it is durable.
    fn feed(self: &Arc<Self>, core: &mut Core, input: Input<Delta>) -> Fed {
        if self.ended.borrow().is_some() {
            return Fed::default();
        }
        let mut fed = match core.handle(input) {
            Ok(fed) => fed,
            Err(error) => {
                self.end(Ending::Disk(error.to_string()));
                return Fed::default();
            }
        };
        if fed.died {
            self.end(Ending::Died(core.stored_port().unwrap_or_default()));
        }
        for (id, to, request) in std::mem::take(&mut fed.sends) {
            let (node, address) = (Arc::clone(self), core.names.address(to));
            self.tasks.spawn(async move {
                let asked = link::ask(&node.pool, &node.faults, &address, &request);
                let reply = tokio::select! {
                    reply = asked => reply,
                    () = node.cancel.cancelled() => return,
                };
                node.replied(id, reply);
            });
        }
        if fed.bolt_open {
            self.bolt_open.send_replace(true);
        }
        fed
    }

    /// The replication server runs exactly while the machine says so.
    fn follow_role(self: &Arc<Self>, core: &mut Core, listener: Option<TcpListener>) {
        if !core.machine().is_listening() {
            if let Some(server) = core.replication.take() {
                server.cancel();
            }
            return;
        }
        if let Some(listener) = listener {
            let cancel = self.cancel.child_token();
            link::listen(self, listener, cancel.clone());
            core.replication = Some(cancel);
        }
    }
}

/// The graph does not hold what the log says (MR 4.4, the broken state).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Database is in the broken state because the recovery process failed. {0}")]
pub(crate) struct Broken(pub(crate) String);
