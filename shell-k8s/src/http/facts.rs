//! What several paths ask of an observation, each under one name.

use ha_core::{
    ids::{ControllerId, InstanceId},
    observation::{BoltView, ClusterObservation, LeaseView, PodView, RoleView, Row, RowState},
    reading::Reading,
    record::Record,
};
use std::collections::{BTreeMap, BTreeSet};

/// Who leads, as far as it is known here.
pub(super) const fn leader(seen: &ClusterObservation) -> Option<ControllerId> {
    match seen.leadership.lease {
        LeaseView::Held | LeaseView::Promised => Some(seen.leadership.me),
        LeaseView::Other(id) => Some(id),
        LeaseView::Free | LeaseView::Unknown => None,
    }
}

/// The record as last read.
pub(super) fn record(seen: &ClusterObservation) -> Option<&Record> {
    seen.record.known()?.record()
}

/// The registrations of a main.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registrations<'a> {
    /// Those of instances of the cluster.
    pub(super) rows: &'a BTreeMap<InstanceId, Row>,
    /// The names of others.
    pub(super) strangers: &'a BTreeSet<String>,
}

/// The registrations in an answer, if it is a main's.
pub(super) const fn registrations(view: &BoltView) -> Option<Registrations<'_>> {
    match &view.role {
        RoleView::Main { rows, strangers } => Some(Registrations { rows, strangers }),
        RoleView::Replica => None,
    }
}

/// The recorded main, where it answers as one now.
pub(super) fn main(seen: &ClusterObservation) -> Option<(InstanceId, Registrations<'_>)> {
    let target = record(seen)?.target;
    let answer = seen.instances.get(&target)?.answer()?;
    registrations(answer).map(|found| (target, found))
}

/// A recorded voter that its main finds up to date.
pub(super) fn ready_voter(seen: &ClusterObservation) -> Option<InstanceId> {
    let (_, found) = main(seen)?;
    let ready = |id: &InstanceId| found.rows.get(id).is_some_and(follows);
    record(seen)?.voters().find(ready)
}

/// Whether a main finds a replica in touch and up to date.
pub(super) const fn follows(row: &Row) -> bool {
    match row.state {
        RowState::Ready => row.behind == 0,
        // A transaction is on its way.
        RowState::Replicating => true,
        RowState::Recovery
        | RowState::Invalid
        | RowState::Diverged
        | RowState::Phantom
        | RowState::Unrecognized(_) => false,
    }
}

/// An instance's pod: unknown, or known to exist or not.
pub(super) fn pod(seen: &ClusterObservation, id: InstanceId) -> Option<Option<PodView>> {
    match &seen.instances.get(&id)?.pod {
        Reading::Known { value, .. } => Some(*value),
        Reading::Unknown { .. } => None,
    }
}

/// Pods that exist, and those among them whose instance answers.
pub(super) fn pods(seen: &ClusterObservation) -> (usize, usize) {
    let exists = |id: &&InstanceId| matches!(pod(seen, **id), Some(Some(_)));
    let all: Vec<_> = seen.instances.keys().filter(exists).collect();
    let answers = |id: &&&InstanceId| seen.instances[**id].answer().is_some();
    (all.len(), all.iter().filter(answers).count())
}
