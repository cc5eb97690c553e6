//! The names of all invariants, and what each asks for. This module fixes the list; it deliberately
//! does not know how any of them is checked.

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

impl InvariantName {
    /// What it asks for, as half a sentence.
    #[must_use]
    pub const fn asks(self) -> &'static str {
        match self {
            Self::SingleMain => {
                "one pod at a time is a main that anybody can reach, and the stored target names it"
            }
            Self::OneMainPerReplica => "a replica hears of one main only",
            Self::DualMainGuard => "nobody is registered while another pod is, or may be, a main",
            Self::DemoteBeforeRegister => "who is registered was read as a replica before",
            Self::NeverDropSync => "the sync replica keeps its registration however unwell it is",
            Self::NoUnreplicatedAck => {
                "what a client is told is written is on the sync replica too"
            }
            Self::ExactlyOneSyncReplica => {
                "one of the first two pods is the main and the other one its only sync replica"
            }
            Self::TwoPodAuthority => "only the first two pods are ever main or sync replica",
            Self::PromoteOnlyReadySyncReplica => {
                "who is promoted is the sync replica, and its state is ready"
            }
            Self::NoNeedlessFailover => "a healthy main that is not to go stays the main",
            Self::SerializedOperations => {
                "a reconcile pass and a failover never work at the same time"
            }
            Self::NoStaleDecision => {
                "what is done rests on a target, role, state or address that still holds"
            }
            Self::SingleWriterOfTarget => {
                "the target changes in one place, and is stored before anybody relies on it"
            }
            Self::StateKeyExact => "a stored key is read under the name under which it was written",
            Self::NoEmptyAddress => "nothing is asked of a pod that has no address",
            Self::GatewayFencing => {
                "clients are cut off from the old main before roles change, and until the new one is confirmed"
            }
            Self::GatewayRoutesOnlyToTargetMain => {
                "writes reach the confirmed target and nobody else"
            }
            Self::PrestopWaitsForReady => {
                "a main that is to go waits for every replica that can still recover"
            }
            Self::NoRegistrationOfTerminatingPod => "a pod that is about to end is not registered",
            Self::ParseNeverCrashes => {
                "an odd answer means that something is unknown: it ends no program and decides nothing"
            }
            Self::BootstrapRefusesAmbiguity => {
                "a cluster whose state is not understood is not initialized"
            }
            Self::HealthyMeansAllReplicasReady => {
                "a cluster is healthy when every replica is registered and ready"
            }
            Self::FailoverUnder1s => {
                "a lost main with a ready sync replica has a stored successor within a second"
            }
            Self::UrgentBeforeRoutine => {
                "what happens to the main waits no longer than a second behind routine work"
            }
            Self::ReconcileBounded => {
                "a reconcile pass ends in bounded time, whoever does not answer"
            }
            Self::SyncReplicaRestored => "after a failover there is a ready sync replica again",
            Self::ConvergesAfterRollingRestart => {
                "after a rolling restart everybody is registered and ready within the limit"
            }
            Self::PrestopTerminates => "a preStop hook ends, and says so",
            Self::PrestopReachesController => "safety needs no preStop request to arrive",
            Self::DivergedRecovers => {
                "a diverged async replica comes back, and a diverged sync replica is reported"
            }
        }
    }
}
