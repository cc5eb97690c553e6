//! Which rule a recorded step broke, when, and on which facts. This module decides by the timeline
//! alone; it deliberately never asks which incident it reads and names no rule that the evidence
//! cannot show. The rules are the predecessor's as its documents state them.
//!
//! Two invariants have no check, because no word of the vocabulary can show their breach:
//! `bootstrap-refuses-ambiguity` (there is no word for a bootstrap) and
//! `healthy-means-all-replicas-ready` (none for a verdict on the cluster).
//!
//! Two kinds of check share one table: invariants of states and steps fold the timeline into a
//! [`Believed`] topology and look at it before each item; checks of the trace compare items.

mod believed;
mod bounds;
mod fold;
mod gateway;
mod mains;
mod name;
mod prestop;
mod replicas;
mod target;
#[cfg(test)]
mod tests;
mod trace;

pub use believed::{Believed, Failover, Gateway, Life, Loss, MainLife, Mark, Pass, PodBelief};
pub use name::InvariantName;
pub use trace::{Finding, Step, Trace};

use crate::incident::Incident;

/// One check: everything in a trace that breaks one invariant.
pub type Check = fn(&Trace<'_>) -> Vec<Finding>;

/// Every check, in the order of the invariants' list.
pub const CHECKS: &[(InvariantName, Check)] = &[
    (InvariantName::SingleMain, mains::single_main),
    (InvariantName::OneMainPerReplica, mains::one_main_per_replica),
    (InvariantName::DualMainGuard, mains::dual_main_guard),
    (InvariantName::DemoteBeforeRegister, mains::demote_before_register),
    (InvariantName::NeverDropSync, replicas::never_drop_sync),
    (InvariantName::NoUnreplicatedAck, replicas::no_unreplicated_ack),
    (InvariantName::ExactlyOneSyncReplica, replicas::exactly_one_sync_replica),
    (InvariantName::TwoPodAuthority, replicas::two_pod_authority),
    (InvariantName::PromoteOnlyReadySyncReplica, mains::promote_only_ready_sync_replica),
    (InvariantName::NoNeedlessFailover, mains::no_needless_failover),
    (InvariantName::SerializedOperations, target::serialized_operations),
    (InvariantName::NoStaleDecision, target::no_stale_decision),
    (InvariantName::SingleWriterOfTarget, target::single_writer_of_target),
    (InvariantName::StateKeyExact, target::state_key_exact),
    (InvariantName::NoEmptyAddress, target::no_empty_address),
    (InvariantName::GatewayFencing, gateway::gateway_fencing),
    (InvariantName::GatewayRoutesOnlyToTargetMain, gateway::gateway_routes_only_to_target_main),
    (InvariantName::PrestopWaitsForReady, prestop::prestop_waits_for_ready),
    (InvariantName::NoRegistrationOfTerminatingPod, replicas::no_registration_of_terminating_pod),
    (InvariantName::ParseNeverCrashes, target::parse_never_crashes),
    (InvariantName::FailoverUnder1s, bounds::failover_under_1s),
    (InvariantName::UrgentBeforeRoutine, bounds::urgent_before_routine),
    (InvariantName::ReconcileBounded, bounds::reconcile_bounded),
    (InvariantName::SyncReplicaRestored, bounds::sync_replica_restored),
    (InvariantName::ConvergesAfterRollingRestart, bounds::converges_after_rolling_restart),
    (InvariantName::PrestopTerminates, prestop::prestop_terminates),
    (InvariantName::PrestopReachesController, prestop::prestop_reaches_controller),
    (InvariantName::DivergedRecovers, bounds::diverged_recovers),
];

/// Everything in an incident that breaks an invariant, by rising order.
#[must_use]
pub fn audit(incident: &Incident) -> Vec<Finding> {
    let trace = Trace::of(incident);
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(&trace)).collect();
    findings.sort_by_key(|finding| (finding.order, finding.invariant));
    findings
}
