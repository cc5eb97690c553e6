//! What holds of a decision whatever the observation: laws, tried on sensible observations with a
//! few facts spoiled. What should be decided in a given situation is not said here.

mod common;

use common::{
    bases::{BASES, base},
    runs::runs,
    spoil::case,
};
use ha_core::{
    action::Action,
    decide, guard,
    ids::InstanceRef,
    observation::{ClusterObservation, InstanceView, Route},
    plan,
    plan::{Plan, Step},
    plan_with,
    record::Stage,
    rules::RULES,
};
use proptest::prelude::*;
use std::iter;

/// The lives that an action sends something to, or makes a target or a route of.
fn addressed(action: &Action) -> Vec<InstanceRef> {
    match action {
        Action::WriteRecord { record, .. } if record.stage == Stage::Intent => {
            vec![InstanceRef { id: record.target, incarnation: record.incarnation }]
        }
        Action::WriteRecord { .. } | Action::SetRoute(Route::Closed | Route::Draining { .. }) => {
            vec![]
        }
        Action::SetRoute(Route::Open { main, .. }) => vec![*main],
        Action::Promote { on, .. }
        | Action::Demote { on, .. }
        | Action::SetAside { on, .. }
        | Action::Drop { on, .. } => {
            vec![*on]
        }
        Action::Register { on, replica, .. } => vec![*on, *replica],
        Action::Commit { on, proves, .. } => {
            iter::once(*on).chain(proves.iter().copied()).collect()
        }
    }
}

/// The steps of a plan that a guard refuses, judged by each guard anew.
fn refused(obs: &ClusterObservation, steps: &[Step]) -> Vec<&'static str> {
    let mut route = obs.route.handed_out;
    let mut found = Vec::new();
    for step in steps {
        let seen = guard::Seen { route, ..guard::Seen::first(obs) };
        let against = guard::GUARDS.iter().filter(|guard| !(guard.allows)(&seen, &step.action));
        found.extend(against.map(|guard| guard.id.name()));
        if let Action::SetRoute(next) = step.action {
            route = next;
        }
    }
    found
}

proptest! {
    #![proptest_config(runs(10_000))]

    /// The same knowledge gives the same decision, also to another process that is handed it.
    #[test]
    fn a_decision_is_a_function(case in case()) {
        let obs = case.build();
        let first = plan(&obs);
        prop_assert_eq!(&first, &plan(&obs));
        prop_assert_eq!(decide(&obs), first.actions());
        let text = serde_json::to_string(&obs)?;
        let read: ClusterObservation = serde_json::from_str(&text)?;
        prop_assert_eq!(&read, &obs);
        prop_assert_eq!(&first, &plan(&read));
    }

    /// A plan and its parts survive the journal.
    #[test]
    fn a_plan_survives_being_written(case in case()) {
        let plan = plan(&case.build());
        let read: Plan = serde_json::from_str(&serde_json::to_string(&plan)?)?;
        prop_assert_eq!(read, plan);
    }

    /// No step of a plan is refused by any guard, and none is lost without a veto.
    #[test]
    fn no_step_is_refused(case in case()) {
        let obs = case.build();
        let plan = plan(&obs);
        prop_assert_eq!(refused(&obs, &plan.steps), Vec::<&str>::new());
        let free = plan_with(&obs, RULES, &[]);
        prop_assert_eq!(free.steps.len(), plan.steps.len() + plan.vetoes.len());
        for step in &free.steps {
            let vetoed = plan.vetoes.iter().any(|veto| veto.step == *step);
            prop_assert!(vetoed || plan.steps.contains(step), "{step} vanished");
        }
    }

    /// Rules alone, without any guard, command only instances that answered in this round, in the
    /// life that answered.
    #[test]
    fn commands_go_to_who_answers(case in case()) {
        let obs = case.build();
        for step in plan_with(&obs, RULES, &[]).steps {
            for at in addressed(&step.action) {
                let lives = obs.instances.get(&at.id).and_then(InstanceView::answer);
                let lives = lives.map(|view| view.incarnation);
                prop_assert_eq!(lives, Some(at.incarnation), "{}", step);
            }
        }
    }

    /// Every plan can be shown, and says something unless it is empty.
    #[test]
    fn a_plan_reads(case in case()) {
        let plan = plan(&case.build());
        let lines = plan.to_string().lines().count();
        let said = plan.steps.len() + plan.holds.len() + plan.vetoes.len();
        prop_assert_eq!(lines, said + usize::from(plan.settled));
    }
}

/// Each base as it stands needs no guard: rules alone are right about it.
#[test]
fn bases_need_no_guard() {
    for (name, build) in BASES {
        let plan = plan(&build());
        assert!(plan.vetoes.is_empty(), "{name}:\n{plan}");
    }
}

/// The bases are what their names say: the cluster is settled in one, in one of `fast` too, and in the others something goes on.
#[test]
fn bases_differ() {
    assert!(plan(&base("settled")).settled);
    let settled: Vec<_> =
        BASES.iter().filter(|(_, build)| plan(&build()).settled).map(|(name, _)| *name).collect();
    assert_eq!(settled, ["settled", "fast"]);
    let silent: Vec<_> = BASES
        .iter()
        .filter(|(_, build)| {
            let plan = plan(&build());
            plan.steps.is_empty() && plan.holds.is_empty()
        })
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(silent, ["settled", "fast"]);
}
