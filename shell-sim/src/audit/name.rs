//! The names of all invariants. This module fixes the list; it deliberately does not know how any
//! of them is checked.

use crate::incident::words;

words! {
    /// One invariant, by the name that files and reports use.
    InvariantName, "invariant" {
        SingleMain = "single-main",
        OneMainPerReplica = "cardinal-rule/one-main-per-replica",
        DualMainGuard = "dual-main-guard",
        DemoteBeforeRegister = "demote-before-register",
        NeverDropSync = "never-drop-sync",
        NoUnreplicatedAck = "no-unreplicated-ack",
        ExactlyOneSyncReplica = "exactly-one-sync-replica",
        TwoPodAuthority = "two-pod-authority",
        PromoteOnlyReadySyncReplica = "promote-only-ready-sync-replica",
        NoNeedlessFailover = "no-needless-failover",
        SerializedOperations = "serialized-operations",
        NoStaleDecision = "no-stale-decision",
        SingleWriterOfTarget = "single-writer-of-target",
        StateKeyExact = "state-key-exact",
        NoEmptyAddress = "no-empty-address",
        GatewayFencing = "gateway-fencing",
        GatewayRoutesOnlyToTargetMain = "gateway-routes-only-to-target-main",
        PrestopWaitsForReady = "prestop-waits-for-ready",
        NoRegistrationOfTerminatingPod = "no-registration-of-terminating-pod",
        ParseNeverCrashes = "parse-never-crashes",
        BootstrapRefusesAmbiguity = "bootstrap-refuses-ambiguity",
        HealthyMeansAllReplicasReady = "healthy-means-all-replicas-ready",
        FailoverUnder1s = "failover-under-1s",
        UrgentBeforeRoutine = "urgent-before-routine",
        ReconcileBounded = "reconcile-bounded",
        SyncReplicaRestored = "sync-replica-restored",
        ConvergesAfterRollingRestart = "converges-after-rolling-restart",
        PrestopTerminates = "prestop-terminates",
        PrestopReachesController = "prestop-reaches-controller",
        DivergedRecovers = "diverged-recovers",
    }
}
