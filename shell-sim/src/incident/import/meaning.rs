//! From a record to what it tells. Some lines say less than an item needs (a demotion does not name
//! the target it rests on); what the lines before said of it is kept here, per file.

use super::{
    line::{Record, Source},
    messages::{OF_PRESTOP, REASONS, Tells, known},
};
use crate::incident::{Actor, EventWord as E, PodName, Status, SyncMode, Value};
use std::collections::BTreeMap;

/// What is known from the lines before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Context {
    /// The target as last read or stored.
    target: Option<i64>,
    /// The target that the pass under way read, if one is.
    pass: Option<Option<i64>>,
    /// Attempts at a failover so far.
    attempts: i64,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Its message is not known.
    Unknown,
    /// It is known, and no item is made of it.
    Known,
    /// Items.
    Items(Vec<Told>),
}

/// One item, without its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) actor: Actor,
    pub(super) pod: Option<PodName>,
    pub(super) event: E,
    pub(super) data: BTreeMap<String, Value>,
}

impl Told {
    fn new(actor: Actor, event: E, pod: Option<PodName>) -> Self {
        Self { actor, pod, event, data: BTreeMap::new() }
    }

    fn text(self, key: &str, text: Option<&str>) -> Self {
        self.with(key, text.map(|text| Value::Text(text.to_owned())))
    }

    fn number(self, key: &str, number: Option<i64>) -> Self {
        self.with(key, number.map(Value::Number))
    }

    fn with(mut self, key: &str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.data.insert(key.to_owned(), value);
        }
        self
    }

    /// Whether it tells how something is, so that to say it again says nothing.
    pub(super) fn is_observation(&self) -> bool {
        const OBSERVATIONS: &[E] = &[
            E::RoleObserved,
            E::ReplicaStatusObserved,
            E::ReplicasListed,
            E::PrestopWaiting,
            E::NoCorrectiveAction,
            E::GatewayConnectionRejected,
            E::ConnectAttemptFailed,
            E::QueryFailed,
            E::PodIpMissing,
            E::RegistrationBlockedDualMain,
            E::PodDeletionRequested,
            E::PodNotReady,
            E::PodReady,
        ];
        OBSERVATIONS.contains(&self.event)
    }
}

pub(super) fn of(record: &Record, context: &mut Context) -> Meaning {
    match record.source {
        Source::Controller if record.message == "kubernetes event" => kubernetes(record),
        Source::Kubernetes => kubernetes(record),
        Source::Prestop => prestop(record),
        Source::Controller => match known(free_text(&record.message)) {
            Some(tells) => controller(record, tells, context),
            None => Meaning::Unknown,
        },
    }
}

/// Early versions wrote the address into the text.
fn free_text(message: &str) -> &str {
    const EARLY: &str = "Gateway: Connection established to main";
    if message.starts_with(EARLY) { EARLY } else { message }
}

/// The pod of `memgraph-ha-1`, of `memgraph_ha_1`, or of a name with a namespace before it.
fn pod(text: &str) -> Option<PodName> {
    let name = text.rsplit('/').next()?.replace('_', "-");
    if let Ok(name) = name.parse() {
        return Some(name);
    }
    let (_, ordinal) = name.rsplit_once('-')?;
    ordinal.parse().ok().map(PodName::ha)
}

fn subject(record: &Record) -> Option<PodName> {
    const KEYS: &[&str] = &[
        "replica_name",
        "replica",
        "pod_name",
        "new_pod",
        "old_pod",
        "pod",
        "main_pod",
        "main_node",
    ];
    record.any(KEYS).and_then(pod)
}

fn number(record: &Record, keys: &[&str]) -> Option<i64> {
    record.any(keys)?.parse().ok()
}

fn one(told: Told) -> Meaning {
    Meaning::Items(vec![told])
}

fn controller(record: &Record, tells: Tells, context: &mut Context) -> Meaning {
    let by = |event| Told::new(Actor::Controller, event, subject(record));
    match tells {
        Tells::State => Meaning::Known,
        Tells::TargetRead => {
            context.target = number(record, &["index", "target_main_index"]).or(context.target);
            Meaning::Known
        }
        Tells::TargetStored => {
            let target = number(record, &["index", "target_main_index"]);
            // The store and the failover both say so, one after the other.
            if target.is_some() && target == context.target {
                return Meaning::Known;
            }
            context.target = target.or(context.target);
            let told = Told::new(Actor::Controller, E::TargetMainUpdated, None);
            one(told.number("target_main_index", target).text("store", Some("ConfigMap")))
        }
        Tells::PassBegins => {
            let read = number(record, &["target_main_index"]).or(context.target);
            context.pass = Some(read);
            let told = Told::new(Actor::Controller, E::ReconcileStarted, None);
            one(told.number("target_main_index_read", read))
        }
        Tells::PassEnds => {
            context.pass = None;
            Meaning::Known
        }
        Tells::Role => {
            let told = by(E::RoleObserved).text("role", record.get("role"));
            one(told.text("bolt_address", record.get("bolt_address")))
        }
        Tells::RoleSet => {
            let event = if record.message.contains("REPLICA") { E::Demote } else { E::Promote };
            let told = by(event).text("bolt_address", record.get("bolt_address"));
            one(told.text("result", Some("ok")))
        }
        Tells::Replica => replica(record),
        Tells::ReplicaCount => {
            let told = by(E::ReplicasListed);
            one(told.number("count", number(record, &["replica_count"])))
        }
        Tells::PodUpdate => pod_update(record),
        Tells::PodGone => {
            let told = Told::new(Actor::Kubernetes, E::PodDeleted, subject(record));
            Meaning::Items(vec![told])
        }
        Tells::PodNew => one(Told::new(Actor::Kubernetes, E::PodCreated, subject(record))),
        Tells::Refused => refused(record, context),
        Tells::Upstream => upstream(record),
        Tells::TurnedAway => {
            let told = Told::new(Actor::Gateway, E::GatewayConnectionRejected, None);
            one(told.text("reason", Some("upstream address not set")))
        }
        Tells::Ended => ended(record),
        Tells::Diverged => {
            let told = Told::new(Actor::Memgraph, E::RegisterRejectedDiverged, subject(record));
            one(registration(told, record).text("error", Some("Error: 3")))
        }
        Tells::Did(event) => did(record, event, context),
    }
}

fn registration(told: Told, record: &Record) -> Told {
    let mode = record.get("sync_mode").map(str::to_ascii_uppercase);
    let mode = mode.filter(|mode| SyncMode::WORDS.contains(&mode.as_str()));
    told.text("replica_name", record.any(&["replica_name", "replica"]))
        .text("sync_mode", mode.as_deref())
}

/// What is made of an event of the controller, where it is more than the event and its pod.
type Making = fn(Told, &Record, &mut Context) -> Meaning;

const MAKINGS: &[(E, Making)] = &[
    (E::Demote, demotion),
    (E::RegisterReplica, |told, record, _| one(registration(told, record))),
    (E::RegisterFailed, |told, record, _| one(registration(told, record))),
    (E::DropReplica, |told, record, _| one(registration(told, record))),
    (E::RegistrationAllowed, allowed),
    (E::FailoverAttemptSucceeded, attempt_succeeded),
    (E::PrestopReplicaSkipped, skipped),
    (E::PodIpMissing, without_address),
    (E::GatewayConnectionEstablished, connected),
    (E::Promote, promotion),
];

fn did(record: &Record, event: E, context: &mut Context) -> Meaning {
    let told = Told::new(Actor::Controller, event, subject(record));
    match MAKINGS.iter().find(|(of, _)| *of == event) {
        Some((_, making)) => making(told, record, context),
        None => one(told),
    }
}

fn demotion(told: Told, record: &Record, context: &mut Context) -> Meaning {
    let told = told.text("current_role", record.get("current_role"));
    one(told.number("decided_with_target_main_index", context.pass.flatten()))
}

fn allowed(told: Told, record: &Record, _: &mut Context) -> Meaning {
    let told = told.text("replica_name", record.get("replica_name"));
    one(told.number("pod_count", number(record, &["pod_count"])))
}

fn attempt_succeeded(told: Told, _: &Record, context: &mut Context) -> Meaning {
    context.attempts += 1;
    one(told.number("attempt", Some(context.attempts)).text("replicas", Some("ready")))
}

fn skipped(told: Told, record: &Record, _: &mut Context) -> Meaning {
    let told = told.text("status", Some(record.get("status").unwrap_or("invalid")));
    one(told.number("behind", number(record, &["behind"]).or(Some(0))))
}

fn without_address(told: Told, _: &Record, _: &mut Context) -> Meaning {
    one(Told { actor: Actor::Kubernetes, ..told }.text("pod_ip", Some("")))
}

fn connected(told: Told, record: &Record, _: &mut Context) -> Meaning {
    if record.get("name").is_some_and(|name| name != "main-gw") {
        return Meaning::Known;
    }
    let early = record.message.rsplit_once(" at ").map(|(_, address)| address);
    let address = record.get("upstream_address").or(early);
    one(Told { actor: Actor::Gateway, pod: None, ..told }.text("upstream", address))
}

/// A bare line stands beside the one that names the pod.
fn promotion(told: Told, _: &Record, _: &mut Context) -> Meaning {
    if told.pod.is_none() { Meaning::Known } else { one(told) }
}

fn replica(record: &Record) -> Meaning {
    let name = record.any(&["replica_name", "name", "replica"]);
    let shown = record.get("parsed_data_info").map(super::fields::replica_state);
    let get = |key: &str| {
        let parsed = shown.as_ref().and_then(|pairs| pairs.iter().find(|(found, _)| found == key));
        parsed.map(|(_, value)| value.as_str()).or_else(|| record.get(key))
    };
    let status = if record.message.contains("diverged") { Some("diverged") } else { get("status") };
    let status = status.filter(|word| Status::WORDS.contains(word));
    let told = Told::new(Actor::Memgraph, E::ReplicaStatusObserved, name.and_then(pod));
    let told = registration(told, record).text("status", status);
    let told = told.number("behind", get("behind").and_then(|text| text.parse().ok()));
    one(told.number("ts", get("ts").and_then(|text| text.parse().ok())))
}

/// What changed for a pod: deletion mark, address, readiness (PI 10.1, shape 1).
fn pod_update(record: &Record) -> Meaning {
    let by = |event| Told::new(Actor::Kubernetes, event, subject(record));
    let is = |key: &str, value: &str| record.get(key) == Some(value);
    let absent = |key: &str| record.get(key).is_none_or(|value| value == "<nil>");
    let mut items = Vec::new();
    if absent("old_pod_delete_ts") && !absent("new_pod_delete_ts") {
        let told = by(E::PodDeletionRequested);
        items.push(told.with("ready", Some(Value::Flag(!is("new_pod_ready", "false")))));
    }
    if !is("old_pod_phase", "Succeeded") && is("new_pod_phase", "Succeeded") {
        items.push(by(E::PodTerminated).text("phase", Some("Succeeded")));
    }
    if is("new_pod_ip", "") && is("new_pod_phase", "Pending") {
        items.push(by(E::PodIpMissing).text("pod_ip", Some("")));
    }
    if is("old_pod_ready", "true") && is("new_pod_ready", "false") && items.is_empty() {
        items.push(by(E::PodNotReady));
    }
    if is("old_pod_ready", "false") && is("new_pod_ready", "true") {
        items.push(by(E::PodReady));
    }
    if items.is_empty() { Meaning::Known } else { Meaning::Items(items) }
}

fn refused(record: &Record, context: &mut Context) -> Meaning {
    context.attempts += 1;
    let told = Told::new(Actor::Controller, E::FailoverBlocked, None);
    let reason = match record.get("status") {
        Some(status) => format!("replicas {status}"),
        None => {
            record.message.trim_start_matches(|sign: char| !sign.is_ascii_alphabetic()).to_owned()
        }
    };
    one(told.number("attempt", Some(context.attempts)).text("reason", Some(&reason)))
}

fn upstream(record: &Record) -> Meaning {
    if record.get("name").is_some_and(|name| name != "main-gw") {
        return Meaning::Known;
    }
    let new = record.any(&["new_address", "new_upstream"]).unwrap_or_default();
    let old = record.any(&["old_address", "old_upstream"]);
    if !new.is_empty() {
        return Meaning::Known;
    }
    let told = Told::new(Actor::Gateway, E::GatewayUpstreamCleared, None);
    one(told.text("name", Some("main-gw")).text("old_upstream", old).text("new_upstream", Some("")))
}

/// `failed to discover cluster state: failed to query ... for node X: no results returned from Y`.
fn ended(record: &Record) -> Meaning {
    let error = record.get("error").unwrap_or_default();
    let mut items = Vec::new();
    if let Some((before, cause)) = error.rsplit_once(": ")
        && let Some((_, node)) = before.rsplit_once("for node ")
    {
        let query = cause.rsplit_once(" from ").map(|(_, query)| query);
        let told = Told::new(Actor::Controller, E::QueryFailed, pod(node));
        items.push(told.text("query", query).text("error", Some(cause)));
    }
    let told = Told::new(Actor::Controller, E::ControllerStartupFailed, None);
    let stage = error.contains("discover cluster state").then_some("discover cluster state");
    items.push(told.text("stage", stage));
    Meaning::Items(items)
}

fn prestop(record: &Record) -> Meaning {
    let found = OF_PRESTOP.iter().find(|(begin, _)| record.message.starts_with(begin));
    let inner = record.message.contains("finally block");
    match found {
        Some((_, Tells::Did(event))) => one(Told::new(Actor::Kubernetes, *event, None)),
        Some(_) => Meaning::Known,
        None if inner => Meaning::Known,
        None => Meaning::Unknown,
    }
}

fn kubernetes(record: &Record) -> Meaning {
    let reason = record.get("reason").unwrap_or_default();
    let Some((_, tells)) = REASONS.iter().find(|(known, _)| *known == reason) else {
        return Meaning::Unknown;
    };
    let object = record.get("object").unwrap_or_default();
    let is_pod = record.get("kind").is_some_and(|kind| kind.eq_ignore_ascii_case("pod"));
    let of_set =
        pod(object).filter(|_| is_pod && object.rsplit('-').next().is_some_and(|o| o.len() < 3));
    match (tells, of_set) {
        (Tells::Did(event), Some(name)) => {
            one(Told::new(Actor::Kubernetes, *event, Some(name)).text("reason", Some(reason)))
        }
        (_, _) => Meaning::Known,
    }
}
