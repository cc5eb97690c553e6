//! An action that every guard allows in an observation, and the facts of which each alone makes some
//! of them refuse it.

#![allow(dead_code, reason = "each test takes what it needs")]

use crate::bases::{self, base, bolt, life, main_with, rebooted, restarted};
use ha_core::{
    action::Action,
    guard::{GUARDS, GuardId, Seen},
    ids::{GatewayId, InstanceId},
    observation::{
        BoltView, ClusterObservation, Contact, InstanceView, PodView, PromotionRight,
        PromotionWait, RoleView, Route, Row,
    },
    plan,
    reading::{Age, Reading, Why},
    record::Record,
    rules::RuleId,
};

/// An action and what is known when it is asked for.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) obs: ClusterObservation,
    pub(crate) action: Action,
}

/// What is different, and exactly the guards that refuse the action then.
pub(crate) type Fact = (&'static str, fn(&mut Asked), &'static [GuardId]);

/// What `rule` asks for last, once the steps before it are done.
pub(crate) fn asked_by(rule: RuleId, mut obs: ClusterObservation) -> Asked {
    let plan = plan(&obs);
    let mut steps = plan.steps.iter().filter(|step| step.rule == rule);
    let action = steps.next_back().unwrap_or_else(|| panic!("{rule} asks for nothing: {plan}"));
    let action = action.action.clone();
    if plan.steps.iter().any(|step| step.action == Action::SetRoute(Route::Closed)) {
        obs.route.handed_out = Route::Closed;
    }
    Asked { obs, action }
}

/// A hand-made action in a base.
pub(crate) fn asked(name: &str, action: Action) -> Asked {
    Asked { obs: base(name), action }
}

/// Holds that nothing speaks against the action, and that each fact alone does, by exactly its guards.
pub(crate) fn each_fact_counts(asked: &Asked, facts: &[Fact]) {
    assert_eq!(asked.refused(), [], "{}", asked.action);
    let mut wrong = Vec::new();
    for (what, change, guards) in facts {
        let mut other = asked.clone();
        change(&mut other);
        let refused = other.refused();
        if refused != *guards {
            wrong.push(format!("{what}: refused by {refused:?}, expected {guards:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", asked.action, wrong.join("\n"));
}

impl Asked {
    /// The guards that refuse the action, in the order of their table.
    fn refused(&self) -> Vec<GuardId> {
        let seen = Seen::first(&self.obs);
        let refusing = GUARDS.iter().filter(|guard| !(guard.allows)(&seen, &self.action));
        refusing.map(|guard| guard.id).collect()
    }

    /// The record as it was read.
    pub(crate) fn record(&mut self) -> &mut Record {
        bases::record(&mut self.obs).expect("a base with a record")
    }

    /// The record that the action writes.
    pub(crate) fn next(&mut self) -> &mut Record {
        let Action::WriteRecord { record, .. } = &mut self.action else {
            panic!("the action writes no record")
        };
        record
    }

    pub(crate) fn view(&mut self, id: InstanceId) -> &mut InstanceView {
        self.obs.instances.get_mut(&id).expect("an instance of the base")
    }

    pub(crate) fn answer(&mut self, id: InstanceId) -> &mut BoltView {
        bolt(&mut self.obs, id).expect("a base in which it answers")
    }

    /// The row of `id` on `main`.
    pub(crate) fn row(&mut self, main: InstanceId, id: InstanceId) -> &mut Row {
        match &mut self.answer(main).role {
            RoleView::Main { rows, .. } => rows.get_mut(&id).expect("a row of the base"),
            RoleView::Replica => panic!("{main} is no main"),
        }
    }

    pub(crate) fn silence(&mut self, id: InstanceId) {
        self.view(id).contact = Contact::Unreached { why: Why::Silent, since: Age::Expired };
    }

    pub(crate) fn take_address(&mut self, id: InstanceId) {
        let pod = PodView { address: None, ..bases::pod(id) };
        self.view(id).pod = Reading::fresh(Some(pod));
    }

    /// Its process ended, and another one answers.
    pub(crate) fn restart(&mut self, id: InstanceId) {
        self.answer(id).incarnation = restarted(life(id));
    }

    /// Its node lost power, and it answers again.
    pub(crate) fn reboot(&mut self, id: InstanceId) {
        self.answer(id).incarnation = rebooted(life(id));
    }

    /// The target restarted, and the record that is written names the life that answers.
    pub(crate) fn restart_target(&mut self, id: InstanceId) {
        self.restart(id);
        self.next().incarnation = restarted(life(id));
    }

    /// The target lost power, and the record that is written names the life that answers.
    pub(crate) fn reboot_target(&mut self, id: InstanceId) {
        self.reboot(id);
        self.next().incarnation = rebooted(life(id));
    }

    pub(crate) fn make_main(&mut self, id: InstanceId) {
        self.answer(id).role = main_with(&[]);
    }

    pub(crate) fn make_replica(&mut self, id: InstanceId) {
        self.answer(id).role = RoleView::Replica;
    }

    /// The instance answers as it does in another base.
    pub(crate) fn as_in(&mut self, name: &str, id: InstanceId) {
        self.obs.instances.insert(id, base(name).instances[&id].clone());
    }

    /// A gateway did not let go of an earlier grant of this process.
    pub(crate) fn hold_a_grant(&mut self) {
        self.obs.route.outstanding.insert(GatewayId(0));
    }

    /// A grant of an earlier leader may be alive.
    pub(crate) fn wait_for_grants(&mut self) {
        self.obs.leadership.promotion = PromotionRight::Waits(PromotionWait::EarlierLease);
    }
}
