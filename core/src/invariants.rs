//! The safety rules as named functions: the file a reviewer must trust. A simulated world, a
//! complete observation and a replayed log all project to a [`Topology`], so that every checker
//! runs the same list. Nothing here knows rules or guards.

use crate::{
    action::Action,
    ids::{GatewayId, Incarnation, InstanceId, InstanceRef, Term},
    observation::SyncMode,
    record::{Cause, Record, Stage},
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The roles and relations of a cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Topology {
    /// The stored record.
    pub record: Option<Record>,
    /// Every instance.
    pub instances: BTreeMap<InstanceId, Node>,
    /// Where each gateway forwards writes at this moment, by a grant that is alive.
    pub forwards: BTreeMap<GatewayId, (Term, InstanceRef)>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Node {
    /// The life that runs, if one does.
    pub incarnation: Option<Incarnation>,
    /// Its role.
    pub role: Role,
    /// Whose replica it is, by the uuid that it obeys (MR 3.4).
    pub obeys: Obeys,
    /// Its registrations: mode, and whether it takes itself for in touch by them. By a phantom it is
    /// not (MR 3.2), nor by an invalid row: a registration that failed is such a one after a restart.
    pub rows: BTreeMap<InstanceId, (SyncMode, bool)>,
    /// Whether it can be addressed.
    pub addressed: bool,
    /// Whether it holds any data.
    pub holds_data: bool,
    /// Whether it holds every write that any client was told is durable.
    pub complete: Known,
}

/// A role, or that it is not to be told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Main.
    Main,
    /// Replica.
    Replica,
    /// Its process does not run.
    Down,
    /// Not known.
    #[default]
    Unknown,
}

/// Whom a replica obeys.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Obeys {
    /// Nobody that exists.
    Nobody,
    /// This instance.
    Instance(InstanceId),
    /// Not known.
    #[default]
    Unknown,
}

/// Yes, no, or not to be told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Not known.
    #[default]
    Unknown,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's name, as in files.
    pub invariant: String,
    /// The facts.
    pub why: String,
}

/// What an invariant says.
pub type Judged = Result<(), Violation>;

/// An invariant of a state.
pub type OfState = fn(&Topology) -> Judged;

/// An invariant of a step: the state in which an action was sent, and the action.
pub type OfStep = fn(&Topology, &Action) -> Judged;

/// An invariant of a change of the record.
pub type OfRecord = fn(Option<&Record>, &Record) -> Judged;

/// The invariants of a state, by name.
pub const STATES: &[(&str, OfState)] = &[
    ("one-main-per-replica", one_main_per_replica),
    ("one-routed-main", one_routed_main),
    ("gateway-routes-only-to-target-main", gateway_routes_only_to_target_main),
];

/// The invariants of a step, by name.
pub const STEPS: &[(&str, OfStep)] = &[
    ("no-empty-address", no_empty_address),
    ("intent-precedes-promotion", intent_precedes_promotion),
    ("gateway-fencing", gateway_fencing),
    ("promote-only-caught-up", promote_only_caught_up),
    ("demote-before-register", demote_before_register),
    ("dual-main-guard", dual_main_guard),
    ("never-drop-sync", sync_replica_is_kept),
    ("bootstrap-refuses-ambiguity", bootstrap_refuses_ambiguity),
];

/// The invariants of the record, by name.
pub const RECORDS: &[(&str, OfRecord)] =
    &[("term-never-falls", term_never_falls), ("intent-before-effect", intent_before_effect)];

/// Every invariant of a state that does not hold in `topology`.
#[must_use]
pub fn broken(topology: &Topology) -> Vec<Violation> {
    STATES.iter().filter_map(|(_, holds)| holds(topology).err()).collect()
}

/// Every invariant of a step that `action`, sent in `topology`, breaks.
#[must_use]
pub fn broken_by(topology: &Topology, action: &Action) -> Vec<Violation> {
    STEPS.iter().filter_map(|(_, holds)| holds(topology, action).err()).collect()
}

/// Every invariant of the record that the change breaks.
#[must_use]
pub fn broken_record(before: Option<&Record>, after: &Record) -> Vec<Violation> {
    RECORDS.iter().filter_map(|(_, holds)| holds(before, after).err()).collect()
}

fn violated(invariant: &str, why: String) -> Judged {
    Err(Violation { invariant: invariant.into(), why })
}

/// No replica obeys a main other than the recorded target once that target registered it; but for one
/// whose data is set aside or put back, which counts for nothing until it is proven.
///
/// # Errors
/// The replica and whom it obeys.
pub fn one_main_per_replica(t: &Topology) -> Judged {
    let Some(record) = t.record.as_ref().filter(|record| record.stage == Stage::Steady) else {
        return Ok(());
    };
    let Some(target) = t.instances.get(&record.target) else { return Ok(()) };
    if target.role != Role::Main || target.incarnation != Some(record.incarnation) {
        return Ok(());
    }
    let counts = |id: &InstanceId| !record.resets.contains_key(id);
    for (id, (_, in_touch)) in target.rows.iter().filter(|(id, _)| counts(id)) {
        let Some(node) = t.instances.get(id).filter(|_| *in_touch) else { continue };
        match node.obeys {
            Obeys::Instance(other) if node.role == Role::Replica && other != record.target => {
                let why = format!("{id} obeys {other}, registered by {}", record.target);
                return violated("one-main-per-replica", why);
            }
            Obeys::Instance(_) | Obeys::Nobody | Obeys::Unknown => {}
        }
    }
    Ok(())
}

/// All gateways that forward do so to the same instance in the same term. A grant for a life of it
/// that ended reaches nobody.
///
/// # Errors
/// Two that differ.
pub fn one_routed_main(t: &Topology) -> Judged {
    let mut routes = t.forwards.iter();
    let Some((first, (term, main))) = routes.next() else { return Ok(()) };
    match routes.find(|(_, (other, there))| other != term || there.id != main.id) {
        None => Ok(()),
        Some((other, _)) => {
            violated("one-routed-main", format!("{first} and {other} forward to different mains"))
        }
    }
}

/// A gateway forwards only to the main that the record names or, until an intent has been
/// followed by its withdrawal, named.
///
/// # Errors
/// The gateway and where it forwards.
pub fn gateway_routes_only_to_target_main(t: &Topology) -> Judged {
    let Some(record) = &t.record else { return Ok(()) };
    for (gateway, (term, main)) in &t.forwards {
        let current = *term == record.term && main.id == record.target;
        let withdrawing = record.stage == Stage::Intent && *term < record.term;
        if !current && !withdrawing {
            let why = format!(
                "{gateway} forwards to {main} in term {term}; the record says {} in term {}, {}",
                record.target, record.term, record.stage
            );
            return violated("gateway-routes-only-to-target-main", why);
        }
    }
    Ok(())
}

/// No command goes to an instance without an address.
///
/// # Errors
/// The instance.
pub fn no_empty_address(t: &Topology, action: &Action) -> Judged {
    match action.addressee() {
        Some(at) if t.instances.get(&at.id).is_some_and(|node| !node.addressed) => {
            violated("no-empty-address", format!("{action}: {at} has no address"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A promotion is preceded by its durable intent: the record names the target, in this term, and
/// says that the route is withdrawn.
///
/// # Errors
/// What the record says instead.
pub fn intent_precedes_promotion(t: &Topology, action: &Action) -> Judged {
    let Action::Promote { on, term } = action else { return Ok(()) };
    let recorded = t.record.as_ref().is_some_and(|record| {
        record.term == *term && record.target == on.id && record.stage == Stage::Withdrawn
    });
    if recorded {
        return Ok(());
    }
    violated("intent-precedes-promotion", format!("{action} without its record"))
}

/// Nobody forwards while an instance is promoted.
///
/// # Errors
/// The gateway that forwards.
pub fn gateway_fencing(t: &Topology, action: &Action) -> Judged {
    let Action::Promote { .. } = action else { return Ok(()) };
    match t.forwards.iter().next() {
        None => Ok(()),
        Some((gateway, (_, main))) => {
            violated("gateway-fencing", format!("{action} while {gateway} forwards to {main}"))
        }
    }
}

/// Only an instance that holds every acknowledged write is promoted.
///
/// # Errors
/// The instance.
pub fn promote_only_caught_up(t: &Topology, action: &Action) -> Judged {
    let Action::Promote { on, .. } = action else { return Ok(()) };
    match t.instances.get(&on.id).map(|node| node.complete) {
        Some(Known::No) => {
            violated("promote-only-caught-up", format!("{action}: it misses an acknowledged write"))
        }
        Some(Known::Yes | Known::Unknown) | None => Ok(()),
    }
}

/// An instance is registered only while it is a replica.
///
/// # Errors
/// The instance and its role.
pub fn demote_before_register(t: &Topology, action: &Action) -> Judged {
    let Action::Register { replica, .. } = action else { return Ok(()) };
    match t.instances.get(&replica.id).map(|node| node.role) {
        Some(Role::Main) => {
            violated("demote-before-register", format!("{action}: {replica} is a main"))
        }
        Some(Role::Replica | Role::Down | Role::Unknown) | None => Ok(()),
    }
}

/// Only the recorded target registers, at the recorded term.
///
/// # Errors
/// Who else.
pub fn dual_main_guard(t: &Topology, action: &Action) -> Judged {
    let Action::Register { on, term, .. } = action else { return Ok(()) };
    let recorded =
        t.record.as_ref().is_some_and(|record| record.target == on.id && record.term == *term);
    if recorded {
        return Ok(());
    }
    violated("dual-main-guard", format!("{action}: {on} is not the recorded main of term {term}"))
}

/// The recorded voter's row is dropped only while nobody forwards writes.
///
/// # Errors
/// The voter.
pub fn sync_replica_is_kept(t: &Topology, action: &Action) -> Judged {
    let Action::Drop { replica, .. } = action else { return Ok(()) };
    let votes = t.record.as_ref().is_some_and(|record| record.is_voter(*replica));
    if votes && !t.forwards.is_empty() {
        return violated("never-drop-sync", format!("{action} while writes are forwarded"));
    }
    Ok(())
}

/// A first record is written only where no instance holds data, or of the one main that all others
/// follow, or by a person's word.
///
/// # Errors
/// The instance that does.
pub fn bootstrap_refuses_ambiguity(t: &Topology, action: &Action) -> Judged {
    let Action::WriteRecord { record, .. } = action else { return Ok(()) };
    let others_follow = || {
        let others = t.instances.iter().filter(|(id, _)| **id != record.target);
        others.into_iter().all(|(_, node)| node.role == Role::Replica)
    };
    let is_said = match record.cause {
        Cause::Adoption => others_follow(),
        Cause::Accepted { .. } => true,
        Cause::Bootstrap
        | Cause::Failover
        | Cause::Switchover { .. }
        | Cause::Return
        | Cause::Renewal => false,
    };
    if t.record.is_some() || is_said {
        return Ok(());
    }
    match t.instances.iter().find(|(_, node)| node.holds_data) {
        None => Ok(()),
        Some((id, _)) => {
            violated("bootstrap-refuses-ambiguity", format!("{action}: {id} holds data"))
        }
    }
}

/// A term never falls, and another target means another term.
///
/// # Errors
/// Both terms.
pub fn term_never_falls(before: Option<&Record>, after: &Record) -> Judged {
    let Some(before) = before else { return Ok(()) };
    let same_reign = before.term == after.term && before.target == after.target;
    if same_reign || before.term < after.term {
        return Ok(());
    }
    let why = format!(
        "{} in term {} after {} in term {}",
        after.target, after.term, before.target, before.term
    );
    violated("term-never-falls", why)
}

/// A reign begins with an intent.
///
/// # Errors
/// The stage that it began with.
pub fn intent_before_effect(before: Option<&Record>, after: &Record) -> Judged {
    let new_reign = before.is_none_or(|before| before.term != after.term);
    if new_reign && after.stage != Stage::Intent {
        let why = format!("term {} begins at {}", after.term, after.stage);
        return violated("intent-before-effect", why);
    }
    Ok(())
}
