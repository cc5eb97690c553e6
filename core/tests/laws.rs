//! What holds of a decision whatever the observation: laws, tried on sensible observations with a
//! few facts spoiled. What should be decided in a given situation is not said here.

mod common;

use common::{
    bases::BASES,
    spoil::{case, runs},
};
use ha_core::{
    action::Action,
    decide, guard,
    observation::{ClusterObservation, Route},
    plan, plan_with,
    reading::{Age, Reading, Why},
    rules::RULES,
};
use proptest::prelude::*;

/// Whether a gap in knowledge must never be what causes this.
fn is_risky(action: &Action) -> bool {
    match action {
        Action::WriteRecord { .. }
        | Action::SetRoute(Route::Open { .. })
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Register { .. }
        | Action::Drop { .. } => true,
        Action::SetRoute(Route::Closed | Route::Draining { .. }) | Action::Commit { .. } => false,
    }
}

fn forget<T>(reading: &mut Reading<T>) {
    *reading = Reading::Unknown { why: Why::Silent, since: Age::Fresh };
}

/// The observation with one reading that is not known any more, by name; every choice of one.
fn less_known(obs: &ClusterObservation) -> Vec<(String, ClusterObservation)> {
    let mut all = Vec::new();
    let mut without = |name: String, change: &dyn Fn(&mut ClusterObservation)| {
        let mut less = obs.clone();
        change(&mut less);
        if less != *obs {
            all.push((name, less));
        }
    };
    without("record".into(), &|less| forget(&mut less.record));
    for id in obs.instances.keys() {
        let view = |less: &mut ClusterObservation, change: fn(&mut _)| {
            less.instances.get_mut(id).map(change);
        };
        without(format!("pod of {id}"), &|less| view(less, |view| forget(&mut view.pod)));
        without(format!("answer of {id}"), &|less| view(less, |view| forget(&mut view.bolt)));
        without(format!("volume of {id}"), &|less| view(less, |view| forget(&mut view.volume)));
    }
    all
}

/// The steps of a plan that a guard refuses, judged by each guard anew.
fn refused(obs: &ClusterObservation, steps: &[ha_core::plan::Step]) -> Vec<&'static str> {
    let mut route = obs.route.handed_out;
    let mut found = Vec::new();
    for step in steps {
        let seen = guard::Seen { observation: obs, route };
        let against = guard::GUARDS.iter().filter(|guard| !(guard.allows)(&seen, &step.action));
        found.extend(against.map(|guard| guard.id.name()));
        if let Action::SetRoute(next) = step.action {
            route = next;
        }
    }
    found
}

proptest! {
    #![proptest_config(runs(3_000))]

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
        let read: ha_core::plan::Plan = serde_json::from_str(&serde_json::to_string(&plan)?)?;
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

    /// Knowing less never causes an effect that could do harm.
    #[test]
    fn a_gap_adds_no_risk(case in case()) {
        let obs = case.build();
        let known = decide(&obs);
        for (name, less) in less_known(&obs) {
            for action in decide(&less).iter().filter(|action| is_risky(action)) {
                prop_assert!(known.contains(action), "without the {name}: {action}");
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

/// The bases are what their names say: one is settled, and in the others something goes on.
#[test]
fn bases_differ() {
    let settled: Vec<_> =
        BASES.iter().filter(|(_, build)| plan(&build()).settled).map(|(name, _)| *name).collect();
    assert_eq!(settled, ["settled"]);
    let silent: Vec<_> = BASES
        .iter()
        .filter(|(_, build)| {
            let plan = plan(&build());
            plan.steps.is_empty() && plan.holds.is_empty()
        })
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(silent, ["settled"]);
}
