//! The ordered table of rules. Each row is one situation with a stable id, which appears in every
//! log line, event and diagram; its judge is one function of the phase's file.

mod accept;
mod alone;
mod attach;
mod bootstrap;
mod elect;
mod fence;
mod promote;
mod prove;
mod report;
mod reset;
mod route;
mod scope;
mod switchover;
mod trust;
mod vote;

use crate::{action::Action, ids::InstanceId, reason::Reason, situation::Situation};
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The phases, in the order in which they are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// May I act, and do I know enough?
    Trust,
    /// Is there a cluster at all?
    Bootstrap,
    /// Who is to be main? Writes intents only.
    Elect,
    /// Can anybody else still accept or ship writes?
    Fence,
    /// Make the target main.
    Promote,
    /// Register replicas on the main.
    Attach,
    /// Prove replicas, commit, record.
    Prove,
    /// Where do writes go?
    Route,
    /// What else should people know?
    Report,
}

impl Phase {
    /// Its name, where rules are listed by phase.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Bootstrap => "bootstrap",
            Self::Elect => "elect",
            Self::Fence => "fence",
            Self::Promote => "promote",
            Self::Attach => "attach",
            Self::Prove => "prove",
            Self::Route => "route",
            Self::Report => "report",
        }
    }

    /// Every phase, in the order in which they are judged.
    pub const ALL: &[Self] = &[
        Self::Trust,
        Self::Bootstrap,
        Self::Elect,
        Self::Fence,
        Self::Promote,
        Self::Attach,
        Self::Prove,
        Self::Route,
        Self::Report,
    ];

    /// What it asks, in words.
    #[must_use]
    pub const fn question(self) -> &'static str {
        match self {
            Self::Trust => "May I act, and do I know enough?",
            Self::Bootstrap => "Is there a cluster at all?",
            Self::Elect => "Who is to be main?",
            Self::Fence => "Can anybody else still accept or ship writes?",
            Self::Promote => "Is the target main?",
            Self::Attach => "Is every replica registered on the main?",
            Self::Prove => "Who is proven to have everything?",
            Self::Route => "Where do writes go?",
            Self::Report => "What else should people know?",
        }
    }
}

/// Generates the id type and its names from one list.
macro_rules! rule_ids {
    ($($id:ident),+ $(,)?) => {
        /// The stable id of a rule.
        #[allow(missing_docs, reason = "each id is documented by its row in RULES")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum RuleId { $($id),+ }
        impl RuleId {
            /// Every id.
            pub const ALL: &[Self] = &[$(Self::$id),+];
        }
    };
}

rule_ids!(
    T10, T20, T30, T50, T60, B05, B10, B20, B30, B40, E05, E10, E15, E20, E25, E30, E35, E40, E43,
    E45, E46, E47, E48, E50, E60, E70, F10, F20, F30, F40, F45, F50, F60, P10, P20, P30, A20, A30,
    A35, A40, A45, A50, V10, V20, V30, V40, V50, V60, R10, R20, X05, X10, X15, X20, X30, X40,
);

impl RuleId {
    /// The row of this id.
    ///
    /// # Panics
    /// Never: a test holds that every id has a row.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        RULES.iter().find(|rule| rule.id == self).unwrap_or(&RULES[0])
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl RuleId {
    /// What this rule may do and wait for.
    ///
    /// # Panics
    /// Never: a test holds that every id has a scope.
    #[must_use]
    pub fn scope(self) -> &'static Scope {
        SCOPES.iter().find(|scope| scope.id == self).unwrap_or(&SCOPES[0])
    }
}

/// What a judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The rule does not apply.
    Pass,
    /// Wait for this; later phases go on.
    Hold(Reason),
    /// Wait for this, and let no later phase act.
    Stop(Reason),
    /// Do this.
    Act(Vec<Action>, Reason),
}

/// How often a rule is judged.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// Once.
    Once(fn(&Situation<'_>) -> Verdict),
    /// For each instance other than the recorded target.
    Each(fn(&Situation<'_>, InstanceId) -> Verdict),
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable id.
    pub id: RuleId,
    /// Its phase.
    pub phase: Phase,
    /// Its name.
    pub name: &'static str,
    /// The situation, in words.
    pub when: &'static str,
    /// The function.
    pub judge: Judge,
}

const fn once(
    id: RuleId,
    phase: Phase,
    name: &'static str,
    when: &'static str,
    judge: fn(&Situation<'_>) -> Verdict,
) -> Rule {
    Rule { id, phase, name, when, judge: Judge::Once(judge) }
}

const fn each(
    id: RuleId,
    phase: Phase,
    name: &'static str,
    when: &'static str,
    judge: fn(&Situation<'_>, InstanceId) -> Verdict,
) -> Rule {
    Rule { id, phase, name, when, judge: Judge::Each(judge) }
}

pub use scope::{SCOPES, Scope};
pub(crate) use vote::moves_from;

use Phase::{Attach, Bootstrap, Elect, Fence, Promote, Prove, Report, Route, Trust};
use RuleId::{
    A20, A30, A35, A40, A45, A50, B05, B10, B20, B30, B40, E05, E10, E15, E20, E25, E30, E35, E40,
    E43, E45, E46, E47, E48, E50, E60, E70, F10, F20, F30, F40, F45, F50, F60, P10, P20, P30, R10,
    R20, T10, T20, T30, T50, T60, V10, V20, V30, V40, V50, V60, X05, X10, X15, X20, X30, X40,
};

/// The table. Its order is the order of judging, and part of the design.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    once(T10, Trust, "lease", "this controller does not hold the lease", trust::lease),
    once(T20, Trust, "record-unread", "the record was not read since the lease was acquired", trust::record_unread),
    once(T30, Trust, "record-foreign", "the record is of a newer schema or not readable", trust::record_foreign),
    once(T50, Trust, "paused", "an operator paused the controller", trust::paused),
    once(T60, Trust, "record-in-doubt", "an earlier write of the record may still land", trust::record_in_doubt),

    once(B05, Bootstrap, "main-named", "there is no record, and a person named the main", accept::named),
    once(B10, Bootstrap, "wait-for-all", "there is no record, and an instance is not known", bootstrap::wait_for_all),
    once(B20, Bootstrap, "first-main", "there is no record, and all instances are provably empty", bootstrap::first_main),
    once(B30, Bootstrap, "adopt", "there is no record, and one main has replicas", bootstrap::adopt),
    once(B40, Bootstrap, "refuse", "there is no record, and the instances are not empty", bootstrap::refuse),

    once(E05, Elect, "loss-accepted", "nobody is proven, and a person accepted what an instance lacks", accept::loss),
    once(E10, Elect, "failover", "the main is lost and its voter is proven", elect::failover),
    once(E15, Elect, "no-candidate", "the main is lost and nobody is proven", elect::no_candidate),
    once(E20, Elect, "tail-lost", "the main came back with less than its voter has", elect::tail_lost),
    once(E25, Elect, "renew", "the main may have lost a tail that nobody has, or is a replica, unchanged", elect::renew),
    once(E30, Elect, "both-lost-power", "main and voter lost power and writes were not flushed", elect::both_lost_power),
    once(E35, Elect, "main-unproven", "the main restarted and its voter has not spoken", elect::main_unproven),
    once(E40, Elect, "main-proven", "the main restarted and its voter confirms it", elect::main_proven),
    once(E43, Elect, "voter-lost-early", "the voter is gone before the reign has a commit", vote::begins_anew),
    once(E45, Elect, "vote-moves", "the voter is lost or not the one that is wanted, and another can vote", vote::moves),
    once(E46, Elect, "goes-alone", "the voter is lost, nobody else can vote, and `fast` is wanted", alone::goes_on),
    once(E47, Elect, "vote-restored", "the main goes on alone, and somebody can vote", alone::ends),
    once(E48, Elect, "durability-changes", "another promise is wanted than the reign keeps", alone::changes),
    once(E50, Elect, "switchover", "the main is to be moved, and its voter can take over", switchover::switchover),
    once(E60, Elect, "way-back", "the target fails, or has nobody to vote for it, before the reign has a commit", elect::way_back),
    once(E70, Elect, "target-waits", "the target fails, and nobody else is complete", elect::target_waits),

    once(F10, Fence, "withdraw-route", "a route is handed out that nothing proves any more", fence::withdraw),
    once(F20, Fence, "withdrawal-waits", "a gateway may still forward, or an earlier leader grant", fence::withdrawal_waits),
    once(F30, Fence, "target-steps-down", "nobody forwards, and the target is still main", fence::target_steps_down),
    once(F40, Fence, "record-withdrawn", "nobody forwards, and the target is a replica in its proven life", fence::record_withdrawn),
    once(F45, Fence, "voter-misses", "the voter's row shows that it misses something", fence::voter_misses),
    once(F50, Fence, "foreign-main", "an instance became main by nobody's order", fence::foreign_main),
    each(F60, Fence, "other-main", "an instance other than the target is main", fence::other_main),

    once(P10, Promote, "promote-target", "nobody forwards, and the target is a complete replica", promote::promote),
    once(P20, Promote, "target-restarted", "the target's process restarted since it was proven", promote::restarted),
    once(P30, Promote, "target-stepped-down", "the target was made a replica before its reign was steady", promote::stepped_down),

    each(A20, Attach, "clear-row", "a row is a phantom, of another mode, unproven or stuck", attach::clear_row),
    each(A30, Attach, "register", "a replica has no row", attach::register),
    once(A35, Attach, "reset-asked", "a person wants the data of an instance set aside", reset::asked),
    each(A40, Attach, "set-aside", "an instance without a vote branched off", reset::set_aside),
    each(A45, Attach, "stays-invalid", "an instance stays invalid after a second registration", attach::stays_invalid),
    each(A50, Attach, "absent", "an instance is no replica to be registered", attach::absent),

    once(V10, Prove, "voter-proof", "the voter of a new reign is registered", prove::voter),
    once(V20, Prove, "first-commit", "the reign has no commit yet", prove::first_commit),
    once(V30, Prove, "steady", "the first commit was acknowledged", prove::steady),
    once(V40, Prove, "record-proofs", "replicas were proven, or former mains seen as replicas", prove::record_proofs),
    once(V50, Prove, "prove-by-commit", "a ready replica is not proven", prove::by_commit),
    once(V60, Prove, "reset-done", "an instance whose data was set aside is proven again", reset::reset_done),

    once(R10, Route, "route-to-main", "main and voter are proven", route::open),
    once(R20, Route, "route-waits", "main or voter is not proven", route::waits),

    once(X05, Report, "main-unheard", "the main does not answer, and is not lost", report::main_unheard),
    each(X10, Report, "replica-waits", "a replica is not up to date or not proven", report::replica_waits),
    once(X15, Report, "unprotected", "the main goes on without a vote", alone::unprotected),
    once(X20, Report, "vote-stays", "the voter cannot vote, and nobody can take the vote", vote::stays),
    once(X30, Report, "strangers", "registrations were made by hand", report::strangers),
    once(X40, Report, "unsafe-engine", "a setting makes the promise impossible", report::unsafe_engine),
];
