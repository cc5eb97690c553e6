//! What a leader asks for before effects that an earlier leader, an earlier write or an earlier
//! reading could still undo.

#[path = "common/bases.rs"]
mod bases;

use bases::base;
use ha_core::{
    action::{Action, Precondition},
    observation::{PromotionRight, PromotionWait, Route, RowState},
    plan,
    reading::Age,
    record::Stage,
    rules::RuleId,
};

/// In every situation with a record, a write that may still land is made to miss first.
#[test]
fn a_record_in_doubt_is_written_once_more() {
    for name in ["settled", "failover-begins", "failover-intent", "withdrawn", "attached"] {
        let mut obs = base(name);
        obs.memory.writes_may_land = true;
        let plan = plan(&obs);
        assert!(plan.vetoes.is_empty(), "{name}: {plan}");
        let [step] = plan.steps.as_slice() else { panic!("{name}: {plan}") };
        assert_eq!(step.rule, RuleId::T60, "{name}");
        let Action::WriteRecord { record, reads_target, .. } = &step.action else {
            panic!("{name}: {plan}")
        };
        assert_eq!(Some(&**record), bases::record(&mut obs).as_deref(), "{name}");
        // A record that says `withdrawn` already says so of a target that may be main by now.
        assert!(!reads_target, "{name}");
    }
}

/// A grant of the leader before may be alive though this one knows of none.
#[test]
fn a_voters_row_waits_for_the_grants_of_the_leader_before() {
    let mut obs = base("settled");
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
    let main = bases::record(&mut obs).expect("a record").target;
    let voter = bases::record(&mut obs).expect("a record").voters().next().expect("one");
    if let Some(view) = bases::bolt(&mut obs, main)
        && let ha_core::observation::RoleView::Main { rows, .. } = &mut view.role
        && let Some(row) = rows.get_mut(&voter)
    {
        row.state = RowState::Invalid;
        row.since = Age::Expired;
    }
    let drops = |plan: &plan::Plan| {
        plan.steps.iter().any(|step| matches!(&step.action, Action::Drop { .. }))
    };
    assert!(drops(&plan(&obs)), "{}", plan(&obs));
    obs.leadership.promotion = PromotionRight::Waits(PromotionWait::EarlierLease);
    assert!(!drops(&plan(&obs)), "{}", plan(&obs));
}

/// That the route is withdrawn is written of a target that is read after that.
#[test]
fn the_target_is_read_again_before_withdrawn_is_written() {
    let obs = base("failover-intent");
    let plan = plan(&obs);
    let written = plan.steps.iter().find_map(|step| match &step.action {
        Action::WriteRecord { record, .. } if record.stage == Stage::Withdrawn => {
            Some((step.action.preconditions(), record.target))
        }
        Action::WriteRecord { .. }
        | Action::SetRoute(_)
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::SetAside { .. }
        | Action::Register { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => None,
    });
    let Some((preconditions, target)) = written else { panic!("{plan}") };
    let nobody = preconditions.iter().position(|p| *p == Precondition::NobodyForwards);
    let lives = preconditions.iter().position(|p| matches!(p, Precondition::Lives(_)));
    assert!(nobody.is_some() && nobody < lives, "{preconditions:?}");
    assert!(preconditions.contains(&Precondition::IsReplica(target)), "{preconditions:?}");
}
