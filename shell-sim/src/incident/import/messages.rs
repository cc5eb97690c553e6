//! Every message that carries state (PI 11), and what kind of thing it tells. Matching is by the
//! exact text, without leading signs; a message that is not here is not understood.

use super::super::EventWord as E;

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    /// Controller state that no item is made of.
    State,
    /// An event of the controller.
    Did(E),
    /// An event of the controller that closes the pass under way.
    PassEnds,
    /// A pass begins.
    PassBegins,
    /// The target as read.
    TargetRead,
    /// The target as stored.
    TargetStored,
    /// A role as read.
    Role,
    /// One replica, as its main shows it.
    Replica,
    /// How many replicas a main shows.
    ReplicaCount,
    /// A pod, before and after.
    PodUpdate,
    /// A pod is gone.
    PodGone,
    /// A pod is new.
    PodNew,
    /// A failover is refused.
    Refused,
    /// An upstream changes.
    Upstream,
    /// A client is turned away.
    TurnedAway,
    /// A role was set.
    RoleSet,
    /// The program ends.
    Ended,
    /// A registration was refused because the data diverged.
    Diverged,
}

use Tells::{
    Did, Diverged, Ended, PassBegins, PassEnds, PodGone, PodNew, PodUpdate, Refused, Replica,
    ReplicaCount, Role, RoleSet, State, TargetRead, TargetStored, TurnedAway, Upstream,
};

/// The table: PI 11.1 to 11.6 in their order.
pub(super) const MESSAGES: &[(&str, Tells)] = &[
    ("starting leader election with identity", State),
    ("started leading as", State),
    ("New leader elected", State),
    ("Lost leadership - stopping operations", State),
    ("Not leader, skipping reconciliation cycle", State),
    ("Configuration loaded", State),
    ("GetTargetMainIndex: loaded target main index from ConfigMap", TargetRead),
    ("SetTargetMainIndex: updated target main index in ConfigMap", TargetStored),
    ("ConfigMap not ready - performing discovery...", State),
    ("discoverClusterState step 1", State),
    ("discoverClusterState step 2", State),
    ("discoverClusterState step 3", State),
    ("pod0 does not exist", State),
    ("pod0 is not ready", State),
    ("pod1 does not exist", State),
    ("pod1 is not ready", State),
    ("discoverClusterState step 2: discovered new cluster", State),
    ("discoverClusterState step 3: pod roles", State),
    ("discoverClusterState step 3: pod0 is main, pod1 is sync replica", State),
    ("discoverClusterState step 3: pod1 is main, pod0 is sync replica", State),
    (
        "discoverClusterState step 4: cluster is in an unknown state - manual intervention required",
        State,
    ),
    ("Cluster discovered with target main index", TargetRead),
    ("step 1: demoting pod-1 to replica role", Did(E::Demote)),
    ("step 2: setting up strict sync replication from pod-0 to pod-1", Did(E::RegisterReplica)),
    ("step 2: setting up sync replication from pod-0 to pod-1", Did(E::RegisterReplica)),
    ("step 3: verifying replication status", State),
    ("replica found", Replica),
    ("initialize memgraph cluster completed", State),
    ("Controller reconciliation loop failed", Ended),
    ("onPodUpdate", PodUpdate),
    ("onPodDelete", PodGone),
    ("onPodAdd: pod added, triggering reconciliation", PodNew),
    ("onPodUpdate: pod state changed, triggering reconciliation", State),
    ("onPodDelete: pod deleted, triggering reconciliation", PodGone),
    (
        "Main pod deletion detected - NOT triggering failover (prestop hook will manage transition)",
        PodGone,
    ),
    ("isPodBecomeUnhealthy", State),
    ("discovered new pod", State),
    ("pod no longer exists - disconnecting", PodGone),
    ("memgraph role", Role),
    ("Queried replication role", Role),
    ("memgraph storage info", State),
    ("Replica pod is not ready and not terminating", State),
    ("Processing terminating pod for demotion check", State),
    ("Failed to get role for pod", Did(E::QueryFailed)),
    ("Pod has wrong role, demoting to replica", Did(E::Demote)),
    ("Successfully demoted pod to replica", State),
    ("Failed to demote pod to replica", State),
    ("RunQueryWithTimeout timed out", Did(E::QueryFailed)),
    ("driver is no longer valid", Did(E::ConnectAttemptFailed)),
    ("Queried replicas", ReplicaCount),
    ("Replica found", Replica),
    ("memgraph replicas", ReplicaCount),
    ("Main pod has registered replicas", ReplicaCount),
    ("Failed to get replicas from main node", Did(E::QueryFailed)),
    ("Replica has healthy replication status", State),
    (
        "Replica has unhealthy replication status - letting Memgraph handle retries",
        Did(E::NoCorrectiveAction),
    ),
    ("Replication has diverged", Replica),
    ("Skipping replica registration for terminating pod", State),
    (
        "DUAL-MAIN DETECTED: Skipping registration for this replica to prevent divergence",
        Did(E::RegistrationBlockedDualMain),
    ),
    ("POD COUNT MISMATCH: Skipping registration for this replica for safety", State),
    (
        "Safe to register replica: single main confirmed, all pods reachable",
        Did(E::RegistrationAllowed),
    ),
    ("Registered replication", Did(E::RegisterReplica)),
    ("Failed to register replication - diverged data", Diverged),
    ("Failed to register replication", Did(E::RegisterFailed)),
    ("Failed to drop replication", State),
    (
        "onPodUpdate: main pod became unhealthy, triggering failover check",
        Did(E::FailoverTriggered),
    ),
    ("queued failover check event", State),
    ("processing failover check event", State),
    ("completed failover check", State),
    ("failed failover check", State),
    ("deduplicating failover check event", State),
    ("performFailoverCheck", TargetRead),
    (
        "failover check: current target main pod is healthy and in 'main' role, no failover needed",
        State,
    ),
    (
        "FAILOVER NEEDED: Target main pod is unhealthy or not in 'main' role",
        Did(E::FailoverTriggered),
    ),
    ("failover check: health check still failing, proceeding with failover", State),
    ("failover check: health check passed, no failover needed", State),
    ("failover: sync replica pod is not healthy, cannot perform failover", Refused),
    ("failover: cannot get replicas from target main node", Refused),
    ("failover: sync replica node not found in cluster state", Refused),
    (
        "failover: sync replica pod not found in cached replicas list, unsafe to perform failover",
        Refused,
    ),
    ("failover: cached replica type is not strict_sync, unsafe to perform failover", Refused),
    ("failover: cached replica data_info is nil, unsafe to perform failover", Refused),
    ("failover: cached replica status is not ready, unsafe to perform failover", Refused),
    ("failover: replica not ready, unsafe to perform failover", Refused),
    ("failover: replica has nil data_info, unsafe to perform failover", Refused),
    ("failover: sync replica pod is not reachable, unsafe to perform failover", Refused),
    (
        "failover: all replicas are ready, proceeding with failover",
        Did(E::FailoverAttemptSucceeded),
    ),
    ("promoting sync replica to main", Did(E::Promote)),
    ("failover: sync replica pod is already main, skipping promotion", State),
    ("failover: failed to promote pod to main", Did(E::QueryFailed)),
    ("failover: pod promotion to main did not take effect", Role),
    ("success promoting sync replica to main", State),
    ("failover: failed to update target main index", Did(E::TargetMainPersistSkipped)),
    ("failover: updated target main index", TargetStored),
    ("failover completed successfully", Did(E::FailoverCompleted)),
    ("getHealthyRole: pod does not exist", State),
    ("getHealthyRole: Cannot query role from pod", Did(E::QueryFailed)),
    ("getHealthyRole: pod %s exists but has no IP", Did(E::PodIpMissing)),
    ("getHealthyRole: pod %s is not ready", State),
    ("getHealthyRole: pod %s is not in MemgraphNodes map", State),
    ("Health check failed: cannot ping main pod", Did(E::ConnectAttemptFailed)),
    ("Health check failed: cannot get main node", State),
    ("Health check failed: cannot get target main index", State),
    ("Health prober: failure threshold reached, triggering failover", Did(E::FailoverTriggered)),
    ("Health prober: main pod recovered", State),
    ("READ GATEWAY UPSTREAM FAILURE: threshold reached, switching upstream", State),
    ("Changing upstream address", Upstream),
    ("gateway upstream change detected", Upstream),
    ("disconnecting all active connections", State),
    ("all connections disconnected cleanly", State),
    ("Connection rejected - upstream address not set", TurnedAway),
    ("Connection rate limited", State),
    ("Connection rejected - max connections reached", State),
    ("Failed to connect to upstream", State),
    ("Connection established to main", Did(E::GatewayConnectionEstablished)),
    ("Gateway: Connection established to main", Did(E::GatewayConnectionEstablished)),
    ("proxy session completed", State),
    (
        "CRITICAL: Read gateway upstream is being promoted to main - disconnecting all read \
         clients to prevent accidental writes",
        State,
    ),
    ("Read gateway updated with replica", State),
    ("Read gateway using main as fallback", State),
    ("Failed to reconcile gateway", State),
    ("handlePreStopHook started", Did(E::PrestopCalled)),
    ("handlePreStopHook completed", State),
    ("handlePreStopHook failed", Did(E::PrestopFailed)),
    ("HandlePreStopHook: Cluster still not healthy", Did(E::PrestopWaiting)),
    ("HandlePreStopHook: Replica status details", Replica),
    ("HandlePreStopHook: Cluster is healthy", Did(E::PrestopCompleted)),
    ("PreStopHook: All replicas in unhealable state, allowing prestop to proceed", State),
    ("HandlePreStopHook: Timeout reached, cluster did not become healthy", Did(E::PrestopFailed)),
    ("HandlePreStopHook: Replica final status", Replica),
    ("Unauthorized request", State),
    ("performReconciliationActions started", PassBegins),
    ("performReconciliationActions completed", PassEnds),
    ("Generated cluster status", State),
    ("Successfully set replication role to MAIN", RoleSet),
    ("Successfully set replication role to MAIN (fast failover)", RoleSet),
    ("Successfully set replication role to REPLICA", RoleSet),
    ("Admin API: PreStop hook - clearing gateway upstreams", Did(E::PrestopCalled)),
    ("Admin API: PreStop hook completed successfully", Did(E::PrestopCompleted)),
    ("Step 4: Dropping unhealthy or misconfigured replica", Did(E::DropReplica)),
    ("Dropped replica successfully", State),
    ("Step 4: Replica has IP mismatch", State),
    (
        "Step 4: Replica has unhealthy replication but correct IP - trusting Memgraph auto-retry",
        State,
    ),
    ("MAIN POD DELETED - triggering failover check", Did(E::FailoverTriggered)),
    ("Updated TargetMainIndex", TargetStored),
    (
        "PreStopHook: Replica stuck in invalid state with behind=0, treating as healthy",
        Did(E::PrestopReplicaSkipped),
    ),
    ("Main failover detected - handling failover...", Did(E::FailoverTriggered)),
];

/// The lines of the preStop script (PI 11.7), by how they begin.
pub(super) const OF_PRESTOP: &[(&str, Tells)] = &[
    ("START PreStop hook", Did(E::PrestopStartedInPod)),
    ("Pod: ", State),
    ("Configuration: ", State),
    ("Attempt ", State),
    ("END PreStop hook (exit=0", State),
    ("END PreStop hook (exit=1", Did(E::PrestopFailed)),
];

/// The reasons of Kubernetes' events.
pub(super) const REASONS: &[(&str, Tells)] = &[
    ("Killing", Did(E::PodDeletionRequested)),
    ("FailedPreStopHook", Did(E::PrestopFailed)),
    ("ExceededGracePeriod", Did(E::PodForceKilled)),
    ("Scheduled", Did(E::PodCreated)),
    ("Started", Did(E::PodRunning)),
    ("Unhealthy", Did(E::PodNotReady)),
    ("Created", State),
    ("Pulled", State),
    ("Pulling", State),
    ("SuccessfulCreate", State),
    ("SuccessfulDelete", State),
    ("BackOff", State),
    ("FailedScheduling", State),
    ("SuccessfulAttachVolume", State),
    ("FailedMount", State),
    ("LeaderElection", State),
];

/// What a message tells; none if it is not known. Signs before the first letter do not count.
pub(super) fn known(message: &str) -> Option<Tells> {
    let bare = message.trim_start_matches(|sign: char| !sign.is_ascii_alphanumeric());
    MESSAGES.iter().find(|(text, _)| *text == bare).map(|(_, tells)| *tells)
}
