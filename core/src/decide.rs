//! The engine: judges the table of rules against one observation, lets the guard look at every
//! step, and returns the plan. `decide` is its projection to actions.

use crate::{
    action::Action,
    guard,
    ids::InstanceId,
    observation::{ClusterObservation, LeaseView, Route},
    plan::{Hold, Leave, Plan, Step, Veto},
    record::{Record, Stage},
    rules::{Judge, Phase, RULES, Rule, RuleId, Verdict, moves_from},
    situation::Situation,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// What to do, as a function of what is known and of nothing else.
#[must_use]
pub fn decide(observation: &ClusterObservation) -> Vec<Action> {
    plan(observation).actions()
}

/// What to do and why, what is waited for, and what the guard refused.
#[must_use]
pub fn plan(observation: &ClusterObservation) -> Plan {
    plan_with(observation, RULES, guard::GUARDS)
}

/// The same with other rules or guards: for checks that switch one of them off.
#[must_use]
pub fn plan_with(
    observation: &ClusterObservation,
    rules: &[Rule],
    guards: &[guard::Guard],
) -> Plan {
    let situation = Situation::of(observation);
    let mut pass = Pass::new(&situation);
    for phase in Phase::ALL {
        if pass.stopped.is_none() || *phase == Phase::Report {
            pass.judge(rules.iter().filter(|rule| rule.phase == *phase), *phase);
        }
    }
    let (steps, vetoes) = check(observation, pass.steps, pass.others, guards);
    let mut plan = Plan {
        steps,
        holds: pass.holds,
        vetoes,
        leave: leave(&situation),
        settled: false,
        stopped_at: pass.stopped,
    };
    plan.settled = is_settled(&situation, &plan);
    plan
}

struct Pass<'s, 'a> {
    situation: &'s Situation<'a>,
    subjects: Vec<InstanceId>,
    steps: Vec<Step>,
    /// What concerns one other instance comes last: one that fails must not keep the rest waiting.
    others: Vec<Step>,
    holds: Vec<Hold>,
    stopped: Option<RuleId>,
}

impl<'s, 'a> Pass<'s, 'a> {
    fn new(situation: &'s Situation<'a>) -> Self {
        let target = situation.record.map(|record| record.target);
        let subjects =
            situation.obs.instances.keys().copied().filter(|id| Some(*id) != target).collect();
        Self {
            situation,
            subjects,
            steps: Vec::new(),
            others: Vec::new(),
            holds: Vec::new(),
            stopped: None,
        }
    }

    /// Judges one phase. But for reports, which are all made, the first rule that applies to a subject
    /// ends that subject's turn; where two could apply, the order of the table decides, and a test lists
    /// these pairs.
    fn judge<'r>(&mut self, rules: impl Iterator<Item = &'r Rule>, phase: Phase) {
        let mut spoken: BTreeSet<Option<InstanceId>> = BTreeSet::new();
        for rule in rules {
            match rule.judge {
                Judge::Once(judge) => {
                    if phase == Phase::Report || !spoken.contains(&None) {
                        let verdict = judge(self.situation);
                        self.apply(rule, None, verdict, &mut spoken);
                    }
                }
                Judge::Each(judge) => {
                    for index in 0..self.subjects.len() {
                        let id = self.subjects[index];
                        if phase == Phase::Report || !spoken.contains(&Some(id)) {
                            let verdict = judge(self.situation, id);
                            self.apply(rule, Some(id), verdict, &mut spoken);
                        }
                    }
                }
            }
            if self.stopped.is_some() && phase != Phase::Report {
                return;
            }
        }
    }

    fn apply(
        &mut self,
        rule: &Rule,
        subject: Option<InstanceId>,
        verdict: Verdict,
        spoken: &mut BTreeSet<Option<InstanceId>>,
    ) {
        let hold = |reason| Hold { rule: rule.id, subject, reason };
        match verdict {
            Verdict::Pass => return,
            Verdict::Hold(reason) => self.holds.push(hold(reason)),
            Verdict::Stop(reason) => {
                self.holds.push(hold(reason));
                self.stopped = Some(rule.id);
            }
            Verdict::Act(actions, reason) => {
                let steps = actions.into_iter().map(|action| Step {
                    rule: rule.id,
                    action,
                    reason: reason.clone(),
                });
                match (subject, rule.phase) {
                    (Some(_), _) => self.others.extend(steps),
                    (None, Phase::Prove | Phase::Route) => self.steps.extend(steps),
                    (
                        None,
                        Phase::Trust
                        | Phase::Bootstrap
                        | Phase::Elect
                        | Phase::Fence
                        | Phase::Promote
                        | Phase::Attach
                        | Phase::Report,
                    ) => {
                        self.steps.extend(steps);
                        self.stopped = Some(rule.id);
                    }
                }
            }
        }
        spoken.insert(subject);
    }
}

/// Lets the guard look at each step in turn, in the light of the steps before it. A step that the
/// record forbids once it is written as a step before wants it waits for the next pass.
fn check(
    observation: &ClusterObservation,
    steps: Vec<Step>,
    others: Vec<Step>,
    guards: &[guard::Guard],
) -> (Vec<Step>, Vec<Veto>) {
    let mut route = observation.route.handed_out;
    let mut written: Option<Record> = None;
    let mut kept = Vec::new();
    let mut vetoes = Vec::new();
    for step in steps.into_iter().chain(others) {
        let now = guard::Seen { route, ..guard::Seen::first(observation) };
        let then = written.as_ref().map(|record| guard::Seen { record: Some(record), ..now });
        let refuses = |seen: &guard::Seen<'_>| {
            guards.iter().find(|guard| !(guard.allows)(seen, &step.action)).map(|guard| guard.id)
        };
        match (refuses(&now), then.as_ref().and_then(refuses)) {
            (Some(guard), _) => vetoes.push(Veto { step, guard }),
            (None, Some(_)) => {}
            (None, None) => {
                match &step.action {
                    Action::SetRoute(next) => route = *next,
                    Action::WriteRecord { record, .. } => written = Some((**record).clone()),
                    Action::Promote { .. }
                    | Action::Demote { .. }
                    | Action::Register { .. }
                    | Action::Drop { .. }
                    | Action::SetAside { .. }
                    | Action::Commit { .. } => {}
                }
                kept.push(step);
            }
        }
    }
    (kept, vetoes)
}

/// Every replica proven, the route open, nothing to do or to wait for.
fn is_settled(s: &Situation<'_>, plan: &Plan) -> bool {
    let (Some(record), Some(main)) = (s.record, s.proven_main()) else {
        return false;
    };
    record.stage == Stage::Steady
        && s.obs.route.handed_out == Route::Open { term: record.term, main: main.at }
        && plan.steps.is_empty()
        && plan.holds.is_empty()
        && plan.vetoes.is_empty()
        && !record.former.iter().any(|id| s.obs.instances.contains_key(id))
}

fn leave(s: &Situation<'_>) -> BTreeMap<InstanceId, Leave> {
    let judge = |id: &InstanceId| {
        let Some(record) = s.record else { return Leave::Unknown };
        if s.obs.leadership.lease != LeaseView::Held {
            return Leave::Unknown;
        }
        // Data that is to be set aside counts for nothing, and is set aside between two processes.
        if record.target != *id && s.lives(*id).is_some_and(|at| record.resets(at)) {
            return Leave::MayLeave;
        }
        let concerned = record.target == *id
            || (record.stage != Stage::Steady
                && record.before.is_some_and(|before| before.main == *id));
        // Whoever votes in an unfinished reign is waited for, or given up first (E43).
        let votes_early = record.stage != Stage::Steady && record.is_voter(*id);
        // Only the voter takes over from a main that is lost, or proves one that restarted.
        let proves = record.is_voter(*id)
            && s.proven_main().is_none()
            && (s.fit_voter().is_ok() || s.main(record.target).is_some());
        if concerned {
            Leave::MainMoves
        } else if votes_early || proves || moves_from(s, *id) {
            Leave::VoteMoves
        } else {
            Leave::MayLeave
        }
    };
    s.obs.instances.keys().map(|id| (*id, judge(id))).collect()
}
