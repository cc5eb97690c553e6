//! Wrong decisions about what is slow, out of sight or about to leave, and about what others do to
//! a cluster. Each holds one belief wherever it applies.

use super::{Mutant, judged_by, really};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceRef,
    observation::{
        BoltView, ClusterObservation, Contact, Drain, EngineVersion, RecordContent, RoleView, Row,
        RowState, StoredRecord, SyncMode, Witness,
    },
    plan::Plan,
    reading::{Age, Reading, Why},
    reason::{Loss, Reason},
    record::Record,
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant { name: "minds-no-witness", what: "what gateways hear of the main counts for nothing", decide: minds_no_witness },
    Mutant { name: "commits-without-the-vote", what: "SYNC is as good as STRICT_SYNC, since the main waits for either", decide: commits_without_the_vote },
    Mutant { name: "believes-one-refusal", what: "a registration that was refused once for its history is proof", decide: believes_one_refusal },
    Mutant { name: "moves-whoever-recovers", what: "a planned move waits for nobody who is in recovery", decide: moves_whoever_recovers },
    Mutant { name: "waits-for-a-pod-that-is-gone", what: "a pod that is gone is made anew, so its main is expected back", decide: waits_for_a_pod_that_is_gone },
    Mutant { name: "takes-a-slow-voter-for-lost", what: "a voter that has a transaction for long is as good as silent", decide: takes_a_slow_voter_for_lost },
    Mutant { name: "waits-for-every-transaction", what: "an open transaction is let finish, however long it takes", decide: waits_for_every_transaction },
    Mutant { name: "takes-a-refused-login-for-a-loss", what: "who refuses the login does not answer", decide: takes_a_refused_login_for_a_loss },
    Mutant { name: "minds-only-the-size", what: "an instance beyond the size of the cluster is not there", decide: minds_only_the_size },
    Mutant { name: "asks-the-voter-alone", what: "a restarted main that its voter confirms is complete, whatever others have", decide: asks_the_voter_alone },
    Mutant { name: "takes-any-engine", what: "every version is one that is supported", decide: takes_any_engine },
    Mutant { name: "takes-a-newer-record-for-none", what: "a record that is not understood is no record", decide: takes_a_newer_record_for_none },
    Mutant { name: "promotes-beside-the-old-main", what: "a planned move goes on while the old main refuses to step down", decide: promotes_beside_the_old_main },
];

/// The answers in an observation, to be believed otherwise.
fn answers(observation: &mut ClusterObservation) -> impl Iterator<Item = &mut BoltView> {
    observation.instances.values_mut().filter_map(|view| match &mut view.bolt {
        Reading::Known { value, .. } => Some(value),
        Reading::Unknown { .. } => None,
    })
}

/// The rows in an observation, to be believed otherwise.
pub(super) fn rows(observation: &mut ClusterObservation) -> impl Iterator<Item = &mut Row> {
    answers(observation)
        .filter_map(|answer| match &mut answer.role {
            RoleView::Main { rows, .. } => Some(rows.values_mut()),
            RoleView::Replica => None,
        })
        .flatten()
}

fn minds_no_witness(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    believed.route.witness = Witness::Silent;
    ha_core::plan(&believed)
}

fn commits_without_the_vote(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for row in rows(&mut believed).filter(|row| row.mode == SyncMode::Sync) {
        row.mode = SyncMode::StrictSync;
    }
    let mut plan = ha_core::plan(&believed);
    for step in &mut plan.steps {
        if let Action::Register { mode, .. } = &mut step.action
            && *mode == SyncMode::StrictSync
        {
            *mode = SyncMode::Sync;
        }
    }
    plan
}

fn believes_one_refusal(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for made in believed.memory.registered.values_mut().filter(|made| made.branched > 0) {
        made.branched = 2;
    }
    ha_core::plan(&believed)
}

fn moves_whoever_recovers(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for row in rows(&mut believed).filter(|row| row.state == RowState::Recovery) {
        row.since = Age::Expired;
    }
    ha_core::plan(&believed)
}

fn waits_for_a_pod_that_is_gone(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        match s.record.and_then(|record| s.loss(record.target, record.incarnation)) {
            Some(Loss::PodGone | Loss::PodReplaced) => Verdict::Pass,
            Some(Loss::Closed | Loss::Terminated | Loss::Silent(_)) | None => {
                really(RuleId::E10, s)
            }
        }
    }
    judged_by(observation, &[(RuleId::E10, Judge::Once(judge))], &[])
}

fn takes_a_slow_voter_for_lost(observation: &ClusterObservation) -> Plan {
    let s = Situation::of(observation);
    let slow = s.proven_main().and_then(|main| {
        s.record.into_iter().flat_map(Record::voters).find(|id| {
            let row = main.rows.get(id);
            row.is_some_and(|row| row.state == RowState::Replicating && row.since != Age::Fresh)
        })
    });
    let mut believed = observation.clone();
    if let Some(view) = slow.and_then(|id| believed.instances.get_mut(&id)) {
        view.contact = Contact::Unreached { why: Why::Silent, since: Age::Expired };
    }
    ha_core::plan(&believed)
}

fn waits_for_every_transaction(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    if believed.route.drain == Drain::Overdue {
        believed.route.drain = Drain::Waiting;
    }
    ha_core::plan(&believed)
}

fn takes_a_refused_login_for_a_loss(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        if let Contact::Unreached { why, .. } = &mut view.contact
            && *why == Why::Unauthorized
        {
            *why = Why::Silent;
        }
    }
    ha_core::plan(&believed)
}

fn minds_only_the_size(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    let size = believed.desired.instances;
    believed.instances.retain(|id, _| id.0 < size);
    ha_core::plan(&believed)
}

fn asks_the_voter_alone(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for row in rows(&mut believed).filter(|row| row.mode != SyncMode::StrictSync) {
        row.behind = row.behind.min(0);
    }
    ha_core::plan(&believed)
}

fn takes_any_engine(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for answer in answers(&mut believed) {
        answer.engine.version = answer.engine.version.max(EngineVersion::SUPPORTED_FROM);
    }
    ha_core::plan(&believed)
}

fn takes_a_newer_record_for_none(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    if let Reading::Known { value, .. } = &mut believed.record
        && matches!(value.content, RecordContent::Newer { .. })
    {
        *value = StoredRecord { content: RecordContent::Absent, ..value.clone() };
    }
    ha_core::plan(&believed)
}

fn promotes_beside_the_old_main(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let usual = really(RuleId::P10, s);
        let (Verdict::Stop(Reason::OldMainFirst(_)), Some(record)) = (&usual, s.record) else {
            return usual;
        };
        let on = InstanceRef { id: record.target, incarnation: record.incarnation };
        let promote = Action::Promote { on, term: record.term };
        Verdict::Act(vec![promote], Reason::TargetReady(record.target))
    }
    let judges = [(RuleId::P10, Judge::Once(judge))];
    judged_by(observation, &judges, &[GuardId::PromoteIsFenced])
}
