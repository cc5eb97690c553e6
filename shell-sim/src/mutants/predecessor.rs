//! The earlier controller's mistakes, where no other file has them: each is our decision with one of
//! its beliefs. Its whole policy, as a machine of its own, is `crate::predecessor`.

use super::{
    Mutant,
    first::{accept_unheard, open_unheard, silent},
    judged_by, really, really_of,
    sixth::rows,
    third::convinced,
    write,
};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::{InstanceId, InstanceRef},
    observation::{
        BoltView, ClusterObservation, Contact, RoleView, Route, Row, RowState, VolumeView,
    },
    plan::Plan,
    reading::{Age, Reading},
    reason::Reason,
    record::{Member, Proof, Record, Reset, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant { name: "counts-invalid-as-ready", what: "a replica that shows as invalid and not behind has everything", decide: counts_invalid_as_ready },
    Mutant { name: "counts-whoever-was-ever-there", what: "nobody is registered while one that was ever there does not answer", decide: counts_whoever_was_ever_there },
    Mutant { name: "takes-the-unread-for-followers", what: "an instance whose role cannot be read is no main", decide: takes_the_unread_for_followers },
    Mutant { name: "opens-without-a-replica", what: "a main is there, so clients may write, and replicas follow when they can", decide: opens_without_a_replica },
    Mutant { name: "wipes-whoever-is-refused", what: "whoever is refused for its history has the wrong one, whoever is main", decide: wipes_whoever_is_refused },
];

fn counts_invalid_as_ready(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for row in rows(&mut believed).filter(|row| row.state == RowState::Invalid && row.behind == 0) {
        row.state = RowState::Ready;
        row.still = Age::Expired;
    }
    convinced(&believed, |_, _, row| row.is_even())
}

fn counts_whoever_was_ever_there(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let mut others = s.obs.instances.keys();
        match others.find(|id| s.answer(**id).is_none()) {
            Some(_) => Verdict::Pass,
            None => really_of(RuleId::A30, s, id),
        }
    }
    judged_by(observation, &[(RuleId::A30, Judge::Each(judge))], &[])
}

fn takes_the_unread_for_followers(observation: &ClusterObservation) -> Plan {
    let is_new = observation.record.proven().is_some_and(|stored| stored.record().is_none());
    if !is_new {
        return ha_core::plan(observation);
    }
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        let unread = !matches!(view.contact, Contact::Answering);
        if let (true, Reading::Known { value, .. }) = (unread, view.bolt.clone()) {
            let follows = RoleView::Replica;
            view.bolt = Reading::fresh(BoltView { role: follows, ..value });
            view.contact = Contact::Answering;
            view.volume = Reading::fresh(VolumeView::Used);
        }
    }
    ha_core::plan(&believed)
}

fn opens_without_a_replica(observation: &ClusterObservation) -> Plan {
    fn begin(s: &Situation<'_>) -> Verdict {
        let (Some(record), Some(main)) = (s.in_stage(Stage::Withdrawn), s.proven_main()) else {
            return Verdict::Pass;
        };
        // Whoever answers is to vote, as soon as it is registered.
        let votes = |at: InstanceRef| {
            let proof = Proof { main: main.at.incarnation, replica: at.incarnation };
            (at.id, Member { votes: true, proof: Some(proof) })
        };
        let voter = s.others(main.at.id).find_map(|id| s.replica(id));
        let record = Record {
            stage: Stage::Steady,
            members: voter.map(votes).into_iter().collect(),
            before: None,
            former: Default::default(),
            ..record.clone()
        };
        Verdict::Act(vec![write(s, record)], Reason::BeginsAlone(main.at.id))
    }
    fn open(s: &Situation<'_>) -> Verdict {
        let (Some(record), Some(main)) = (s.in_stage(Stage::Steady), s.proven_main()) else {
            return Verdict::Pass;
        };
        if matches!(s.obs.route.handed_out, Route::Open { .. }) {
            return Verdict::Pass;
        }
        let open = Action::SetRoute(Route::Open { term: record.term, main: main.at });
        Verdict::Act(vec![open], Reason::Unprotected(main.at.id))
    }
    fn withdraw(s: &Situation<'_>) -> Verdict {
        let gone = s.proven_main().is_none();
        if gone { really(RuleId::F10, s) } else { Verdict::Pass }
    }
    let judges = [
        (RuleId::F10, Judge::Once(withdraw)),
        (RuleId::V10, Judge::Once(begin)),
        (RuleId::R10, Judge::Once(open)),
    ];
    let guards = [GuardId::StagesAreEarned, GuardId::RouteIsProven, GuardId::PastIsKept];
    judged_by(observation, &judges, &guards)
}

fn wipes_whoever_is_refused(observation: &ClusterObservation) -> Plan {
    fn wipe(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = || really_of(RuleId::A40, s, id);
        let (Some(record), Some(main)) = (s.in_stage(Stage::Steady), s.proven_main()) else {
            return usual();
        };
        let Some(at) = s.replica(id).filter(|at| !record.resets(*at)) else { return usual() };
        let is_refused = |row: &Row| row.state == RowState::Diverged;
        let tried = s.tried(&main, id).is_some_and(|made| made.branched > 0);
        if !tried && !main.rows.get(&id).is_some_and(is_refused) {
            return usual();
        }
        let mut record = record.clone();
        let reset =
            Reset { volume: at.incarnation.volume, term: record.term, by: None, restores: None };
        record.resets.insert(id, reset);
        record.members.remove(&id);
        record.former.insert(id);
        Verdict::Act(vec![write(s, record)], Reason::Branched(id))
    }
    let unheard = [RuleId::E20, RuleId::E25, RuleId::E30, RuleId::E35];
    let judges: Vec<(RuleId, Judge)> = unheard
        .into_iter()
        .map(|id| (id, Judge::Once(silent)))
        .chain([
            (RuleId::E40, Judge::Once(accept_unheard)),
            (RuleId::A40, Judge::Each(wipe)),
            (RuleId::R10, Judge::Once(open_unheard)),
        ])
        .collect();
    let guards = [
        GuardId::StagesAreEarned,
        GuardId::RouteIsProven,
        GuardId::ResetsAreEarned,
        GuardId::PastIsKept,
    ];
    judged_by(observation, &judges, &guards)
}
