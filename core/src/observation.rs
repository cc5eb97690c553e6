//! What a controller knows at one moment: plain data, complete, with every gap visible. It is the
//! only input of a decision, and a test, a model or a replay builds one as easily as production.

mod stored;

pub use stored::{RecordContent, StoredRecord};

use crate::{
    desired::Desired,
    ids::{
        ControllerId, DatabaseUuid, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, Term,
    },
    reading::{Age, Reading, Why},
};
use alloc::{collections::BTreeMap, collections::BTreeSet, string::String};
use core::{fmt, net::IpAddr};
use serde::{Deserialize, Serialize};

/// Everything a decision may know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterObservation {
    /// What operators ask for.
    pub desired: Desired,
    /// What this controller may do.
    pub leadership: Leadership,
    /// The durable record. What was read may be that there is none: see [`RecordContent`].
    pub record: Reading<StoredRecord>,
    /// Every instance that should exist, present or not.
    pub instances: BTreeMap<InstanceId, InstanceView>,
    /// The write route as this controller hands it out, and who may still use an older one.
    pub route: RouteView,
    /// What this process did itself. Losing it may delay, never endanger.
    pub memory: Memory,
}

/// What this controller may do now. The shell computes it from its clocks with
/// [`crate::leadership`]; a decision only reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leadership {
    /// This controller.
    pub me: ControllerId,
    /// Who holds the lease.
    pub lease: LeaseView,
    /// Whether a promotion would be safe towards every grant that others may have given.
    pub promotion: PromotionRight,
}

/// Who holds the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseView {
    /// This controller, with time left.
    Held,
    /// This controller, and its time is over, but everybody who could take the lease over promised
    /// to promote nobody: it may go on granting, and do nothing else.
    Promised,
    /// Another one.
    Other(ControllerId),
    /// Nobody, or it ran out.
    Free,
    /// Not readable.
    Unknown,
}

/// Whether this process may promote, as far as clocks decide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromotionRight {
    /// Every grant of an earlier leader has run out.
    Granted,
    /// Not yet.
    Waits(PromotionWait),
}

/// What a promotion waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromotionWait {
    /// This process holds no lease that is confirmed.
    NoLease,
    /// The lease of an earlier leader, counted from when this process first saw its last value.
    EarlierLease,
    /// What this controller promised to another leader.
    OwnPromise,
    /// The time after the start of a process in which an earlier one of its pod may have granted.
    OwnStart,
}

/// One instance as seen from here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceView {
    /// Its pod; `Known` with `None` means: the API server says that there is none.
    pub pod: Reading<Option<PodView>>,
    /// The last answer over Bolt.
    pub bolt: Reading<BoltView>,
    /// How the latest attempts to reach it ended.
    pub contact: Contact,
    /// What the manifest on its volume says.
    pub volume: Reading<VolumeView>,
}

impl InstanceView {
    /// An instance that nobody looked at yet.
    #[must_use]
    pub const fn unseen() -> Self {
        Self {
            pod: Reading::never(),
            bolt: Reading::never(),
            contact: Contact::Unreached { why: Why::NeverRead, since: Age::Fresh },
            volume: Reading::never(),
        }
    }

    /// The answer of this round, if there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&BoltView> {
        match self.contact {
            Contact::Answering => self.bolt.proven(),
            Contact::Closed { .. } | Contact::Unreached { .. } => None,
        }
    }
}

/// How the latest attempts to reach an instance ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contact {
    /// It answers.
    Answering,
    /// Its socket closed and its address refuses: the process is gone.
    Closed {
        /// For how long.
        since: Age,
    },
    /// No answer, for another reason.
    Unreached {
        /// The reason.
        why: Why,
        /// For how long.
        since: Age,
    },
}

/// A pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PodView {
    /// Which life of the name.
    pub uid: PodUid,
    /// Where it can be reached. An empty address is `None`, never a text.
    pub address: Option<IpAddr>,
    /// Whether it is marked for deletion.
    pub deleting: bool,
    /// Whether its container runs.
    pub container: Container,
}

/// The container of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// Not started yet.
    Waiting,
    /// Running.
    Running,
    /// Ended, as the kubelet says.
    Terminated,
}

/// What an instance answered over Bolt, all on one connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BoltView {
    /// The life that answered.
    pub incarnation: Incarnation,
    /// Program and settings.
    pub engine: Engine,
    /// Its role.
    pub role: RoleView,
    /// Whether it holds data.
    pub content: Content,
    /// Its database, where its version tells (MR 1.5).
    pub database: Option<DatabaseUuid>,
}

/// The program and the settings on which the promise rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Engine {
    /// Memgraph's version.
    pub version: EngineVersion,
    /// Whether it keeps a write-ahead log; without one nothing replicates (MR 4).
    pub wal: bool,
    /// Whether its storage mode is in-memory transactional, the only one that replicates (MR 1.5).
    pub transactional: bool,
    /// Whether data is there again after a restart (MR 5.1): without that, whoever restarts has nothing.
    pub recovers_data: bool,
    /// Whether role and registrations survive a restart (MR 5.1).
    pub restores_state: bool,
    /// Whether every commit is flushed before it is acknowledged (MR 5.1).
    pub flushes_each_commit: bool,
    /// Period of the replica check in seconds; 0 means never (MR 2.4).
    pub check_period_s: u32,
}

/// A version of Memgraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EngineVersion {
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u16,
}

impl EngineVersion {
    /// The first version whose promotion aborts a pending prepared transaction (MR 6).
    pub const SUPPORTED_FROM: Self = Self { major: 3, minor: 8 };
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The role of an instance, with what only a main can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleView {
    /// A main, with its registrations.
    Main {
        /// Rows of SHOW REPLICAS whose name belongs to an instance of the cluster.
        rows: BTreeMap<InstanceId, Row>,
        /// Names of the other rows: somebody registered them by hand.
        strangers: BTreeSet<String>,
    },
    /// A replica. It cannot say whose (MR 1.5).
    Replica,
}

/// One row of SHOW REPLICAS.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    /// The mode it was registered with.
    pub mode: SyncMode,
    /// What the main believes of it.
    pub state: RowState,
    /// The replica's last known tick minus the main's: below zero it lags, above zero the main
    /// lost a tail (MR 2.3). Only order and equality mean anything.
    pub behind: i64,
    /// For how long the state has been what it is.
    pub since: Age,
    /// For how long `behind` has been what it is: in quiet times, not in passing.
    pub still: Age,
}

impl Row {
    /// Whether the main is in touch with the replica, and has told it all that was before.
    #[must_use]
    pub const fn is_in_touch(&self) -> bool {
        matches!(self.state, RowState::Ready | RowState::Replicating)
    }

    /// Whether the replica has been out of touch for longer than it is let be.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.state == RowState::Invalid && self.since == Age::Expired
    }
}

/// Memgraph's replication modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SyncMode {
    /// Two-phase: the replica votes on every commit.
    StrictSync,
    /// The main waits, and goes on alone when the replica fails.
    Sync,
    /// The main does not wait.
    Async,
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StrictSync => "STRICT_SYNC",
            Self::Sync => "SYNC",
            Self::Async => "ASYNC",
        })
    }
}

/// What a main believes of a replica (MR 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowState {
    /// At the last contact it was not behind.
    Ready,
    /// A transaction is on its way.
    Replicating,
    /// It is being brought up to date.
    Recovery,
    /// Unreachable, refused or not yet checked. It passes.
    Invalid,
    /// Its history branched off.
    Diverged,
    /// The registration exists without anything behind it: `data_info` is empty (MR 3.2).
    Phantom,
    /// A word this program does not know.
    Unrecognized(String),
}

impl fmt::Display for RowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Replicating => f.write_str("replicating"),
            Self::Recovery => f.write_str("recovery"),
            Self::Invalid => f.write_str("invalid"),
            Self::Diverged => f.write_str("diverged"),
            Self::Phantom => f.write_str("phantom"),
            Self::Unrecognized(text) => write!(f, "unrecognized ({text})"),
        }
    }
}

/// Whether an instance holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Counted, and none.
    Empty,
    /// Counted, and some.
    Data,
    /// Not counted.
    Uncounted,
}

/// The manifest on a volume, written by our own init container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeView {
    /// No instance of a cluster ever served from it.
    New,
    /// It was part of a cluster.
    Used,
}

/// The write route as this controller hands it out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteView {
    /// What gateways that ask now are told.
    pub handed_out: Route,
    /// Gateways that may still forward under an earlier grant of this process: neither
    /// acknowledged nor run out.
    pub outstanding: BTreeSet<GatewayId>,
    /// How far gateways are with letting open transactions finish.
    pub drain: Drain,
    /// Whether gateways hear from the main.
    pub witness: Witness,
}

/// Where writes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Nowhere: gateways hold.
    Closed,
    /// To this main in this term.
    Open {
        /// The reign.
        term: Term,
        /// The main.
        main: InstanceRef,
    },
    /// To this main for transactions that are open already; new ones are held.
    Draining {
        /// The reign.
        term: Term,
        /// The main.
        main: InstanceRef,
    },
}

/// Progress of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drain {
    /// None was asked for.
    Idle,
    /// Transactions are open, or a gateway did not answer yet.
    Waiting,
    /// Every gateway reports that no transaction is open.
    Drained,
    /// The bound passed; what is still open will be cut.
    Overdue,
}

/// Whether gateways hear from the main: a second look from elsewhere, since a replica cannot say
/// whom it follows (MR 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// A gateway heard from it lately, and the limit for trusting that has not passed.
    Hears,
    /// No gateway hears from it, or the limit passed.
    Silent,
}

/// What this process did itself and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Memory {
    /// The last registration of each instance.
    pub registered: BTreeMap<InstanceId, Registration>,
    /// The last commit of our own.
    pub commit: Option<OwnCommit>,
    /// Whether a write of the record may still land that was sent before what this process knows of
    /// it: by an earlier leader, or by itself with no answer. A write of its own that is confirmed
    /// makes every such write miss.
    pub writes_may_land: bool,
}

/// The registrations of one replica on one main by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Registration {
    /// The reign in which it was made.
    pub term: Term,
    /// The main's life.
    pub main: Incarnation,
    /// The replica's life, read before.
    pub replica: Incarnation,
    /// How the last one ended.
    pub result: RegisterResult,
    /// How many were sent for these two lives and not refused at once, counted up to the second.
    pub attempts: u8,
    /// How many of them failed because of a branched history (Error 3, MR 1.3), counted up to the
    /// second.
    pub branched: u8,
}

impl Registration {
    /// How far they are counted: whether there was a second one is all that matters.
    pub(crate) const COUNTED: u8 = 2;

    /// Whether a second one was sent for these two lives.
    #[must_use]
    pub const fn was_repeated(&self) -> bool {
        self.attempts >= Self::COUNTED
    }
}

/// How a REGISTER ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterResult {
    /// Registered, and the replica was checked.
    Done,
    /// Error 3: the history branched off.
    Branched,
    /// Error 5: unreachable, or itself a main.
    Unreachable,
    /// Any other answer, or none: read the rows again.
    Unclear,
}

/// A commit of our own: it writes and leaves nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnCommit {
    /// The reign.
    pub term: Term,
    /// The main's life.
    pub main: Incarnation,
    /// The lives of the replicas as read before it began.
    pub replicas: BTreeMap<InstanceId, Incarnation>,
    /// Whether it began after every open transaction had ended.
    pub drained: bool,
    /// Whether the main acknowledged it.
    pub acknowledged: bool,
}
