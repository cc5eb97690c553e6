//! What is decided in an observation, in lines, and the facts of which each alone changes that.

#![allow(dead_code, reason = "each test takes what it needs")]

use crate::bases::{base, bolt, life, main_with, rebooted, record, restarted};
use ha_core::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::{
        BoltView, ClusterObservation, Contact, InstanceView, RegisterResult, Registration,
        RoleView, Route, Row,
    },
    plan,
    reading::{Age, Reading, Why},
    reason::Reason,
    record::Record,
};
use serde_json::Value;

/// What is different, and what is decided then.
pub(crate) type Fact = (&'static str, fn(&mut ClusterObservation), &'static [&'static str]);

/// Each step with its rule and each wait with its rule and reason. Whoever does not answer is known
/// from the observation, and left out.
pub(crate) fn lines(obs: &ClusterObservation) -> Vec<String> {
    let plan = plan(obs);
    let steps = plan.steps.iter().map(|step| format!("{} {}", step.rule, text(&step.action)));
    let heard = plan.holds.iter().filter(|hold| !matches!(hold.reason, Reason::Absent(_)));
    let holds = heard.map(|hold| {
        let of = hold.subject.map(|id| format!("{id}: ")).unwrap_or_default();
        format!("{} {of}{}", hold.rule, name(&hold.reason))
    });
    steps.chain(holds).collect()
}

/// The name of a reason in files.
fn name(reason: &Reason) -> String {
    match serde_json::to_value(reason).expect("a reason is data") {
        Value::String(name) => name,
        Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
            panic!("{other} is no reason")
        }
    }
}

fn names(ids: impl Iterator<Item = InstanceId>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// An action with what its own words leave out.
fn text(action: &Action) -> String {
    let mut text = action.to_string();
    let mut add = |word: &str, of: String| {
        if !of.is_empty() {
            text = format!("{text} {word}={of}");
        }
    };
    if let Action::WriteRecord { record, .. } = action {
        let first = life(record.target);
        let lives = [(restarted(first), "restarted"), (rebooted(first), "rebooted")];
        let known = lives.iter().find(|(life, _)| *life == record.incarnation);
        add("life", known.map(|(_, word)| (*word).to_owned()).unwrap_or_default());
        add("back", names(record.before.iter().map(|before| before.main)));
        add("unproven", names(record.voters().filter(|id| record.proof(*id).is_none())));
        add("resets", names(record.resets.keys().copied()));
    }
    if let Action::Commit { proves, .. } = action {
        add("proves", names(proves.iter().map(|at| at.id)));
    }
    text
}

/// Holds what is decided, and what is decided instead with each fact alone.
pub(crate) fn each_condition_counts(obs: &ClusterObservation, decided: &[&str], facts: &[Fact]) {
    let mut wrong = Vec::new();
    let mut hold = |what: &str, obs: &ClusterObservation, expected: &[&str]| {
        let found = lines(obs);
        if found != expected {
            wrong.push(format!("{what}:\n  found    {found:?}\n  expected {expected:?}"));
        }
    };
    hold("as it is", obs, decided);
    for (what, change, expected) in facts {
        let mut other = obs.clone();
        change(&mut other);
        hold(what, &other, expected);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A base with a change.
pub(crate) fn with(name: &str, change: impl FnOnce(&mut ClusterObservation)) -> ClusterObservation {
    let mut obs = base(name);
    change(&mut obs);
    obs
}

pub(crate) fn recorded(obs: &mut ClusterObservation) -> &mut Record {
    record(obs).expect("a base with a record")
}

pub(crate) fn view(obs: &mut ClusterObservation, id: InstanceId) -> &mut InstanceView {
    obs.instances.get_mut(&id).expect("an instance of the base")
}

pub(crate) fn answer(obs: &mut ClusterObservation, id: InstanceId) -> &mut BoltView {
    bolt(obs, id).expect("a base in which it answered")
}

/// The row of `id` on `main`.
pub(crate) fn row(obs: &mut ClusterObservation, main: InstanceId, id: InstanceId) -> &mut Row {
    match &mut answer(obs, main).role {
        RoleView::Main { rows, .. } => rows.get_mut(&id).expect("a row of the base"),
        RoleView::Replica => panic!("{main} is no main"),
    }
}

/// Its socket closed and its address refuses.
pub(crate) fn close(obs: &mut ClusterObservation, id: InstanceId) {
    view(obs, id).contact = Contact::Closed { since: Age::Fresh };
}

pub(crate) fn silence(obs: &mut ClusterObservation, id: InstanceId, since: Age) {
    view(obs, id).contact = Contact::Unreached { why: Why::Silent, since };
}

pub(crate) fn restart(obs: &mut ClusterObservation, id: InstanceId) {
    answer(obs, id).incarnation = restarted(life(id));
}

pub(crate) fn reboot(obs: &mut ClusterObservation, id: InstanceId) {
    answer(obs, id).incarnation = rebooted(life(id));
}

pub(crate) fn make_main(obs: &mut ClusterObservation, id: InstanceId) {
    answer(obs, id).role = main_with(&[]);
}

pub(crate) fn mark(obs: &mut ClusterObservation, id: InstanceId) {
    if let Reading::Known { value: Some(pod), .. } = &mut view(obs, id).pod {
        pod.deleting = true;
    }
}

pub(crate) fn withdraw(obs: &mut ClusterObservation) {
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
}

/// This process registered `id` on the recorded main so many times, in the lives that answer.
pub(crate) fn tried(
    obs: &mut ClusterObservation,
    id: InstanceId,
    result: RegisterResult,
    attempts: u8,
) {
    let (term, main) = (recorded(obs).term, recorded(obs).incarnation);
    let replica = answer(obs, id).incarnation;
    let branched = if result == RegisterResult::Branched { attempts } else { 0 };
    let made = Registration { term, main, replica, result, attempts, branched };
    obs.memory.registered.insert(id, made);
}

/// An instance in its first life.
pub(crate) fn first(id: InstanceId) -> InstanceRef {
    InstanceRef { id, incarnation: life(id) }
}
