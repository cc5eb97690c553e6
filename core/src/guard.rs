//! The second lock: what an action must satisfy to leave the core, written without the rules'
//! vocabulary, from the observation alone. A veto turns a mistake of a rule into a delay; rules
//! must never need one.

mod candidate;
mod reset;
mod stages;

use crate::{
    action::Action,
    ids::{Incarnation, InstanceId, InstanceRef, Term},
    observation::{
        BoltView, ClusterObservation, Contact, LeaseView, PromotionRight, RecordContent, RoleView,
        Route, Row, RowState, StoredRecord, SyncMode,
    },
    record::{Record, Stage},
};
use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

/// What a guard looks at: the observation, and route and record as the steps before would leave them.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The observation.
    pub observation: &'a ClusterObservation,
    /// The route at this point of the plan.
    pub route: Route,
    /// The record at this point of the plan.
    pub record: Option<&'a Record>,
}

/// One guard.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// Its name.
    pub id: GuardId,
    /// Its sentence.
    pub sentence: &'static str,
    /// The check.
    pub allows: fn(&Seen<'_>, &Action) -> bool,
}

/// The name of a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardId {
    /// See [`GUARDS`].
    LeaderActs,
    /// See [`GUARDS`].
    RecordIsCurrent,
    /// See [`GUARDS`].
    LivesAreRead,
    /// See [`GUARDS`].
    TermsRise,
    /// See [`GUARDS`].
    IntentIsFenced,
    /// See [`GUARDS`].
    CandidateIsProven,
    /// See [`GUARDS`].
    StagesAreEarned,
    /// See [`GUARDS`].
    PastIsKept,
    /// See [`GUARDS`].
    PromoteIsFenced,
    /// See [`GUARDS`].
    DemoteSparesTheMain,
    /// See [`GUARDS`].
    TargetAloneRegisters,
    /// See [`GUARDS`].
    VoterIsKept,
    /// See [`GUARDS`].
    CommitIsRecorded,
    /// See [`GUARDS`].
    RouteIsProven,
    /// See [`GUARDS`].
    ResetsAreEarned,
    /// See [`GUARDS`].
    ResetIsRecorded,
}

impl GuardId {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaderActs => "leader-acts",
            Self::RecordIsCurrent => "record-is-current",
            Self::LivesAreRead => "lives-are-read",
            Self::TermsRise => "terms-rise",
            Self::IntentIsFenced => "intent-is-fenced",
            Self::CandidateIsProven => "candidate-is-proven",
            Self::StagesAreEarned => "stages-are-earned",
            Self::PastIsKept => "past-is-kept",
            Self::PromoteIsFenced => "promote-is-fenced",
            Self::DemoteSparesTheMain => "demote-spares-the-main",
            Self::TargetAloneRegisters => "target-alone-registers",
            Self::VoterIsKept => "voter-is-kept",
            Self::CommitIsRecorded => "commit-is-recorded",
            Self::RouteIsProven => "route-is-proven",
            Self::ResetsAreEarned => "resets-are-earned",
            Self::ResetIsRecorded => "reset-is-recorded",
        }
    }
}

const fn guard(
    id: GuardId,
    sentence: &'static str,
    allows: fn(&Seen<'_>, &Action) -> bool,
) -> Guard {
    Guard { id, sentence, allows }
}

/// Every guard.
#[rustfmt::skip]
pub const GUARDS: &[Guard] = &[
    guard(GuardId::LeaderActs, "only the holder of the lease acts; on promises it opens the route; anybody may close one", leader_acts),
    guard(GuardId::RecordIsCurrent, "an action rests on the record as last read", record_is_current),
    guard(GuardId::LivesAreRead, "a command goes to a life that answered in this round, at an address", lives_are_read),
    guard(GuardId::TermsRise, "a term never falls, and rises with each intent", terms_rise),
    guard(GuardId::IntentIsFenced, "an intent is written only while no grant is given", intent_is_fenced),
    guard(GuardId::CandidateIsProven, "an intent names an instance that is proven complete", candidate::is_proven),
    guard(GuardId::StagesAreEarned, "a stage is recorded only when its facts were read, and a reign keeps its promise", stages::are_earned),
    guard(GuardId::PastIsKept, "a record keeps the way back and the former mains, until they were read, and an intent begins with no votes", stages::keep_the_past),
    guard(GuardId::PromoteIsFenced, "a promotion is recorded, of a replica in its recorded life, and nobody forwards", promote_is_fenced),
    guard(GuardId::DemoteSparesTheMain, "the main of a steady reign is not demoted, nor the way back too early", demote_spares_the_main),
    guard(GuardId::TargetAloneRegisters, "only the recorded main registers, and only replicas", target_alone_registers),
    guard(GuardId::VoterIsKept, "the voter's row is dropped only while nobody forwards", voter_is_kept),
    guard(GuardId::CommitIsRecorded, "a commit of ours is made only in a reign whose voters are recorded", commit_is_recorded),
    guard(GuardId::RouteIsProven, "a route opens only to the proven main of a steady reign with a proven voter, or of one that is recorded as alone", route_is_proven),
    guard(GuardId::ResetsAreEarned, "a reset is ordered under a proven main of what has no vote: of what branched off, or by a person", reset::are_earned),
    guard(GuardId::ResetIsRecorded, "data is set aside only as recorded, of a replica that is neither main nor voter", reset::is_recorded),
];

impl<'a> Seen<'a> {
    /// Before the first step of a plan.
    #[must_use]
    pub fn first(observation: &'a ClusterObservation) -> Self {
        let record = observation.record.known().and_then(StoredRecord::record);
        Self { observation, route: observation.route.handed_out, record }
    }

    fn answer(&self, id: InstanceId) -> Option<&'a BoltView> {
        let view = self.observation.instances.get(&id)?;
        if view.contact == Contact::Answering { view.bolt.proven() } else { None }
    }

    fn lives(&self, at: InstanceRef) -> bool {
        self.answer(at.id).is_some_and(|view| view.incarnation == at.incarnation)
    }

    fn is_replica(&self, id: InstanceId) -> bool {
        self.answer(id).is_some_and(|view| view.role == RoleView::Replica)
    }

    fn rows(&self, id: InstanceId) -> Option<&'a BTreeMap<InstanceId, Row>> {
        match &self.answer(id)?.role {
            RoleView::Main { rows, .. } => Some(rows),
            RoleView::Replica => None,
        }
    }

    fn nobody_forwards(&self) -> bool {
        self.route == Route::Closed && self.observation.route.outstanding.is_empty()
    }

    fn may_promote(&self) -> bool {
        self.nobody_forwards() && self.observation.leadership.promotion == PromotionRight::Granted
    }

    /// Whether the life of `id` that answers has everything that `earlier` had.
    fn survived(&self, id: InstanceId, earlier: Incarnation) -> bool {
        let Some(view) = self.answer(id) else { return false };
        let now = view.incarnation;
        let flushes = view.engine.flushes_each_commit;
        now.volume == earlier.volume && (now.boot == earlier.boot || flushes)
    }
}

fn leader_acts(seen: &Seen<'_>, action: &Action) -> bool {
    let may = match seen.observation.leadership.lease {
        LeaseView::Held => true,
        LeaseView::Promised => matches!(action, Action::SetRoute(Route::Open { .. })),
        LeaseView::Other(_) | LeaseView::Free | LeaseView::Unknown => false,
    };
    *action == Action::SetRoute(Route::Closed) || (may && seen.observation.record.known().is_some())
}

fn record_is_current(seen: &Seen<'_>, action: &Action) -> bool {
    let term = match action {
        Action::WriteRecord { expected, .. } => {
            return seen.observation.record.known().is_some_and(|stored| {
                stored.version == *expected
                    && !matches!(
                        stored.content,
                        RecordContent::Newer { .. } | RecordContent::Unreadable { .. }
                    )
            });
        }
        Action::SetRoute(Route::Closed) => return true,
        Action::SetRoute(Route::Open { term, .. } | Route::Draining { term, .. })
        | Action::Promote { term, .. }
        | Action::Demote { term, .. }
        | Action::SetAside { term, .. }
        | Action::Register { term, .. }
        | Action::Drop { term, .. }
        | Action::Commit { term, .. } => *term,
    };
    seen.record.is_some_and(|record| record.term == term)
}

fn lives_are_read(seen: &Seen<'_>, action: &Action) -> bool {
    let addressed = |at: InstanceRef| {
        let pod = seen.observation.instances.get(&at.id).and_then(|view| view.pod.known().copied());
        seen.lives(at) && pod.flatten().is_some_and(|pod| pod.address.is_some())
    };
    let replica = match action {
        Action::Register { replica, .. } => Some(*replica),
        Action::WriteRecord { .. }
        | Action::SetRoute(_)
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::SetAside { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => None,
    };
    action.addressee().into_iter().chain(replica).all(addressed)
}

fn written<'a>(seen: &Seen<'a>, action: &'a Action) -> Option<(Option<&'a Record>, &'a Record)> {
    match action {
        // The record as it is changes nothing.
        Action::WriteRecord { record, .. } => {
            let old = Seen::first(seen.observation).record;
            (old != Some(&**record)).then_some((old, &**record))
        }
        Action::SetRoute(_)
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Register { .. }
        | Action::SetAside { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => None,
    }
}

fn terms_rise(seen: &Seen<'_>, action: &Action) -> bool {
    let Some((old, new)) = written(seen, action) else { return true };
    let old_term = old.map_or(Term(0), |record| record.term);
    let rises = new.term == old_term.next();
    match new.stage {
        Stage::Intent => rises,
        Stage::Withdrawn | Stage::Attached | Stage::Steady => {
            new.term == old_term && old.is_some_and(|old| old.target == new.target)
        }
    }
}

fn intent_is_fenced(seen: &Seen<'_>, action: &Action) -> bool {
    let Some((_, new)) = written(seen, action) else { return true };
    new.stage != Stage::Intent || seen.route == Route::Closed
}

fn promote_is_fenced(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::Promote { on, .. } = action else { return true };
    seen.may_promote()
        && seen.is_replica(on.id)
        && seen.record.is_some_and(|record| {
            record.stage == Stage::Withdrawn
                && record.target == on.id
                && record.incarnation == on.incarnation
        })
}

fn demote_spares_the_main(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::Demote { on, .. } = action else { return true };
    let Some(record) = seen.record else { return false };
    if record.target == on.id {
        return match record.stage {
            Stage::Intent => seen.may_promote(),
            Stage::Withdrawn | Stage::Attached => on.incarnation != record.incarnation,
            Stage::Steady => false,
        };
    }
    match record.stage {
        Stage::Intent => false,
        Stage::Withdrawn => seen.nobody_forwards(),
        Stage::Attached => record.voters().all(|id| !seen.is_replica(id)),
        Stage::Steady => true,
    }
}

fn target_alone_registers(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::Register { on, replica, mode, .. } = action else { return true };
    let Some(record) = seen.record else { return false };
    let reigns = record.stage != Stage::Intent
        && record.target == on.id
        && record.incarnation == on.incarnation
        && seen.rows(on.id).is_some();
    let votes = *mode != SyncMode::Async;
    let vote_recorded = match record.stage {
        Stage::Intent | Stage::Withdrawn => true,
        Stage::Attached | Stage::Steady => votes == record.voters().any(|id| id == replica.id),
    };
    let quiet = if record.is_voter(replica.id) {
        seen.may_promote()
    } else {
        !votes || seen.nobody_forwards()
    };
    reigns && vote_recorded && seen.is_replica(replica.id) && quiet
}

fn voter_is_kept(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::Drop { on, replica, .. } = action else { return true };
    let Some(record) = seen.record else { return false };
    let reigns = record.target == on.id && record.incarnation == on.incarnation;
    let votes = record.voters().any(|id| id == *replica);
    reigns && (!votes || seen.may_promote())
}

fn commit_is_recorded(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::Commit { on, drained, .. } = action else { return true };
    let quiet = seen.may_promote()
        || (matches!(seen.route, Route::Draining { .. })
            && seen.observation.route.drain == crate::observation::Drain::Drained);
    seen.record.is_some_and(|record| {
        matches!(record.stage, Stage::Attached | Stage::Steady)
            && record.target == on.id
            && record.incarnation == on.incarnation
            && seen.rows(on.id).is_some()
            && record.names_votes()
    }) && (!drained || quiet)
}

fn route_is_proven(seen: &Seen<'_>, action: &Action) -> bool {
    let main = match action {
        // A drain only ever narrows what is open.
        Action::SetRoute(Route::Draining { term, main })
            if seen.route == (Route::Open { term: *term, main: *main }) =>
        {
            return true;
        }
        Action::SetRoute(Route::Open { main, .. } | Route::Draining { main, .. }) => *main,
        Action::SetRoute(Route::Closed)
        | Action::WriteRecord { .. }
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Register { .. }
        | Action::SetAside { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => return true,
    };
    let Some(record) = seen.record else { return false };
    let steady = record.stage == Stage::Steady
        && record.target == main.id
        && record.incarnation == main.incarnation
        && seen.lives(main);
    let votes = |id: InstanceId| {
        let row = seen.rows(main.id).and_then(|rows| rows.get(&id));
        let sound =
            row.is_some_and(|row| row.mode == record.vote_mode() && row.state != RowState::Phantom);
        let proven = record.members.get(&id).and_then(|member| member.proof).is_some_and(|proof| {
            seen.lives(InstanceRef { id, incarnation: proof.replica }) && seen.is_replica(id)
        });
        sound && proven
    };
    steady && (record.is_alone() || record.voters().any(votes))
}
