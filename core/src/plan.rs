//! What a decision says: steps with the rule and the reason behind each, deliberate waits, and
//! refusals of the guard. Every exit of every rule is one of these values; prose is made in
//! [`core::fmt::Display`] only.

use crate::{
    action::Action,
    ids::InstanceId,
    reason::Reason,
    rules::{Phase, Rule, RuleId},
};
use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The whole answer to one observation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Plan {
    /// What to do, in order; stop at the first step that is not done.
    pub steps: Vec<Step>,
    /// What is waited for, and why.
    pub holds: Vec<Hold>,
    /// What the guard refused. Rules must never need it.
    pub vetoes: Vec<Veto>,
    /// Whether the pod of each instance may go, for whoever asks on its behalf.
    pub leave: BTreeMap<InstanceId, Leave>,
    /// Whether the promise is kept in full: route open, every replica proven, nothing to do or to
    /// wait for.
    pub settled: bool,
    /// The rule after which no later phase was judged.
    pub stopped_at: Option<RuleId>,
}

/// What one rule said in a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    /// It asked for these effects.
    Acted(Vec<&'a Step>),
    /// It waits.
    Held(Vec<&'a Hold>),
    /// It asked for these effects, and the guard refused them.
    Refused(Vec<&'a Veto>),
    /// Its situation is not this one.
    Silent,
    /// A rule of an earlier phase ended the pass.
    NotReached,
}

/// One effect and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// The rule that asked for it.
    pub rule: RuleId,
    /// The effect.
    pub action: Action,
    /// The facts that caused it.
    pub reason: Reason,
}

/// A deliberate wait.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hold {
    /// The rule that waits.
    pub rule: RuleId,
    /// The instance concerned, where it is one.
    pub subject: Option<InstanceId>,
    /// What is waited for.
    pub reason: Reason,
}

/// A step that the guard refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Veto {
    /// The step.
    pub step: Step,
    /// The guard's sentence.
    pub guard: crate::guard::GuardId,
}

/// Whether a pod may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leave {
    /// It holds nothing that others wait for.
    MayLeave,
    /// It is main; the move is under way.
    MainMoves,
    /// It votes; the vote is to move first.
    VoteMoves,
    /// Not known: no record, or no lease to read it under.
    Unknown,
}

impl Plan {
    /// The effects alone.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        self.steps.iter().map(|step| step.action.clone()).collect()
    }

    /// Whether a planned move waits for what may be there for a moment only, and nobody tells, so that
    /// it is worth looking again soon.
    #[must_use]
    pub fn is_move_waiting(&self) -> bool {
        // Clients write while a move waits for its promotion.
        let is_idle = |reason: &Reason| matches!(reason, Reason::PromotionWaits(_));
        self.holds.iter().any(|hold| hold.rule == RuleId::E50 && !is_idle(&hold.reason))
    }

    /// Whether clients cannot write until a voter is there or even, of which nobody tells either. It may
    /// take long, so looks may come less and less often.
    #[must_use]
    pub fn is_voter_awaited(&self) -> bool {
        self.holds.iter().any(|hold| matches!(hold.reason, Reason::VoterWaits { .. }))
    }

    /// What `rule` said.
    #[must_use]
    pub fn said(&self, rule: &Rule) -> Said<'_> {
        let acted: Vec<_> = self.steps.iter().filter(|step| step.rule == rule.id).collect();
        let held: Vec<_> = self.holds.iter().filter(|hold| hold.rule == rule.id).collect();
        let refused: Vec<_> = self.vetoes.iter().filter(|veto| veto.step.rule == rule.id).collect();
        if !refused.is_empty() {
            return Said::Refused(refused);
        }
        if !acted.is_empty() {
            return Said::Acted(acted);
        }
        if !held.is_empty() {
            return Said::Held(held);
        }
        let after_stop = self.stopped_at.is_some_and(|stop| stop.rule().phase < rule.phase);
        if after_stop && rule.phase != Phase::Report { Said::NotReached } else { Said::Silent }
    }

    /// The procedures left to people that it waits for.
    pub fn recipes(&self) -> impl Iterator<Item = crate::reason::Recipe> + '_ {
        self.holds.iter().filter_map(|hold| hold.reason.recipe())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule.rule();
        write!(f, "act   {} {:<20} {} ({})", rule.id, rule.name, self.action, self.reason)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule.rule();
        write!(f, "hold  {} {:<20} ", rule.id, rule.name)?;
        if let Some(subject) = self.subject {
            write!(f, "{subject}: ")?;
        }
        write!(f, "{}", self.reason)
    }
}

impl fmt::Display for Veto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "veto  {} {:<20} {} (asked by {})",
            self.guard.name(),
            "",
            self.step.action,
            self.step.rule.rule().id
        )
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        for hold in &self.holds {
            writeln!(f, "{hold}")?;
        }
        for veto in &self.vetoes {
            writeln!(f, "{veto}")?;
        }
        if self.settled {
            writeln!(f, "settled")?;
        }
        Ok(())
    }
}
