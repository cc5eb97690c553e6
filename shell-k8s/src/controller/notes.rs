//! What people are told of in events: moves, data that is set aside, what is waited for if that lasts,
//! refusals of the guard, and warnings that last. Each once, and no more than a bound: events cost the
//! API server, and whoever is told everything reads nothing. All of it is in the log and in the status,
//! too.

use super::{Shared, Status, Warning};
use crate::cluster::{About, Note, Weight};
use ha_core::{
    action::Action,
    ids::InstanceId,
    observation::{ClusterObservation, Route},
    plan::{Hold, Step},
    record::{Cause, Record, Stage},
    rules::{Phase, RuleId},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// Notes that wait to be sent, at most; more are only logged.
const WAITING: usize = 32;
/// What is waited for is told when it has lasted so long.
const LASTS: Duration = Duration::from_secs(10);
/// And again when it has lasted so much longer.
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// The shortest time from one event to the next, so that a storm stays a trickle.
const PACE: Duration = Duration::from_millis(200);
/// How often sending is tried.
const TRIES: u32 = 3;
const AFTER_ERROR: Duration = Duration::from_secs(2);

/// Takes notes without waiting.
pub(super) type Pad = mpsc::Sender<Note>;

pub(super) fn pad() -> (Pad, mpsc::Receiver<Note>) {
    mpsc::channel(WAITING)
}

fn put(pad: &Pad, note: Note) {
    if let Err(error) = pad.try_send(note) {
        tracing::warn!(%error, "an event is not told: too many wait");
    }
}

/// A step was done.
pub(super) fn step(pad: &Pad, step: &Step) {
    if let Some(note) = of_step(step) {
        put(pad, note);
    }
}

/// Sends notes for as long as this controller runs.
pub(super) async fn send(shared: Arc<Shared>, mut notes: mpsc::Receiver<Note>) {
    while let Some(note) = notes.recv().await {
        let mut tries = 1;
        while let Err(error) = shared.effects.publish(&note).await {
            if tries == TRIES {
                tracing::warn!(%error, reason = note.reason, note = note.text, "an event is not told");
                break;
            }
            tries += 1;
            sleep(AFTER_ERROR).await;
        }
        sleep(PACE).await;
    }
}

/// Takes notes of what lasts, for as long as this controller runs.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut status = shared.board.watch();
    let mut lasting = Lasting::default();
    while status.changed().await.is_ok() {
        let now = Arc::clone(&status.borrow_and_update());
        for note in lasting.notes(&now, Instant::now()) {
            put(&shared.pad, note);
        }
    }
}

fn of_step(step: &Step) -> Option<Note> {
    let rule = step.rule.rule().id;
    let note = |about, weight, reason, what: &dyn std::fmt::Display, text| {
        Some(Note { about, weight, reason, action: format!("{rule}-{what}"), text })
    };
    match &step.action {
        Action::WriteRecord { record, .. } if record.stage == Stage::Intent => {
            let (weight, reason) = begun(record.cause);
            let text = begins(record, step, rule);
            note(About::Set, weight, reason, &record.term, text)
        }
        Action::SetRoute(Route::Open { term, main }) => {
            let text = format!("writes go to {main} in term {term} ({rule}: {})", step.reason);
            note(About::Set, Weight::Normal, "RouteOpened", term, text)
        }
        Action::SetAside { on, .. } => {
            let about = About::Pod(on.id, on.incarnation.pod);
            let text = format!(
                "its data is set aside on its own volume and it starts anew ({rule}: {})",
                step.reason
            );
            note(about, Weight::Warning, "DataSetAside", &on.incarnation.volume, text)
        }
        Action::WriteRecord { record, .. } if step.rule == RuleId::A35 => {
            let text = format!("set aside: {} ({rule})", step.reason);
            note(About::Set, Weight::Warning, "ResetOrdered", &record.term, text)
        }
        Action::WriteRecord { .. }
        | Action::SetRoute(Route::Closed | Route::Draining { .. })
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Register { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => None,
    }
}

const fn begun(cause: Cause) -> (Weight, &'static str) {
    match cause {
        Cause::Bootstrap => (Weight::Normal, "Bootstrap"),
        Cause::Adoption => (Weight::Normal, "Adoption"),
        Cause::Failover => (Weight::Warning, "Failover"),
        Cause::Switchover { .. } => (Weight::Normal, "Switchover"),
        Cause::Return => (Weight::Warning, "Return"),
        Cause::Accepted { .. } => (Weight::Warning, "LossAccepted"),
        Cause::Renewal => (Weight::Normal, "Renewal"),
    }
}

fn begins(record: &Record, step: &Step, rule: RuleId) -> String {
    let Record { term, target, .. } = record;
    let from = match record.before.map(|before| before.main) {
        Some(from) if from != *target => format!(" from {from}"),
        Some(_) | None => String::new(),
    };
    format!("term {term}: the main moves{from} to {target} ({rule}: {})", step.reason)
}

/// Something that may last: a hold of a rule, a refusal of a guard, or a warning.
type Subject = (&'static str, Option<RuleId>, Option<InstanceId>);

/// Since when each thing has lasted, and when it was told.
#[derive(Debug, Default)]
struct Lasting(BTreeMap<Subject, (Instant, Option<Instant>)>);

impl Lasting {
    /// What is to be told now.
    fn notes(&mut self, status: &Status, now: Instant) -> Vec<Note> {
        let Some(seen) = status.observation.as_ref().filter(|_| status.leads) else {
            self.0.clear();
            return Vec::new();
        };
        let holds = status
            .plan
            .holds
            .iter()
            .map(|hold| (("Waits", Some(hold.rule), hold.subject), of_hold(seen, hold), LASTS));
        let vetoes = status.plan.vetoes.iter().map(|veto| {
            let guard = veto.guard.name();
            let rule = veto.step.rule;
            let text = format!("{} was refused: {guard} (asked by {rule})", veto.step.action);
            let note = Note {
                about: About::Set,
                weight: Weight::Warning,
                reason: "Refused",
                action: format!("{rule}-{guard}"),
                text,
            };
            ((guard, Some(rule), None), note, Duration::ZERO)
        });
        let warnings = status.warnings.iter().map(|warning| {
            let Warning { kind, words } = warning;
            let (name, reason) = (kind.name(), kind.reason());
            let note = Note {
                about: About::Set,
                weight: Weight::Warning,
                reason,
                action: name.to_owned(),
                text: words.clone(),
            };
            ((name, None, None), note, LASTS)
        });
        let present: Vec<_> = holds.chain(vetoes).chain(warnings).collect();
        self.0.retain(|subject, _| present.iter().any(|(it, ..)| it == subject));
        let mut notes = Vec::new();
        for (subject, note, lasts) in present {
            let (since, told) = self.0.entry(subject).or_insert((now, None));
            let is_due = match told {
                None => now.duration_since(*since) >= lasts,
                Some(told) => now.duration_since(*told) >= AGAIN,
            };
            if is_due {
                *told = Some(now);
                notes.push(note);
            }
        }
        notes
    }
}

fn of_hold(seen: &ClusterObservation, hold: &Hold) -> Note {
    let rule = hold.rule.rule();
    let pod = |id: InstanceId| Some((id, seen.instances.get(&id)?.pod.known()?.as_ref()?.uid));
    let subject = hold.subject.and_then(pod);
    let about = subject.map_or(About::Set, |(id, pod)| About::Pod(id, pod));
    let weight = if rule.phase == Phase::Report { Weight::Normal } else { Weight::Warning };
    let whom = match (about, hold.subject) {
        (About::Set, Some(id)) => format!("{id}: "),
        (About::Set, None) | (About::Pod(..), _) => String::new(),
    };
    let text = format!("{whom}{} ({}: {})", hold.reason, rule.id, rule.name);
    Note { about, weight, reason: "Waits", action: rule.id.to_string(), text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::WarningKind;
    use ha_core::{guard::GUARDS, observation::Route, plan::Veto, reason::Reason};

    fn leads() -> Status {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/observations/settled.json");
        let text = std::fs::read_to_string(path).expect("an observation");
        let observation = Some(serde_json::from_str(&text).expect("an observation"));
        Status { leads: true, observation, ..Status::default() }
    }

    fn reasons(notes: Vec<Note>) -> Vec<&'static str> {
        assert!(notes.iter().all(|note| note.weight == Weight::Warning), "{notes:?}");
        notes.into_iter().map(|note| note.reason).collect()
    }

    /// What lasts is told once, and again half an hour later; what a leader alone may tell it tells
    /// alone.
    #[test]
    fn a_warning_is_told_when_it_lasts_and_no_more_often_than_that() {
        let (mut lasting, begun) = (Lasting::default(), Instant::now());
        let kind = WarningKind::SetSize;
        let warnings = vec![Warning { kind, words: "5 pods, 3 instances".to_owned() }];
        let amiss = Status { warnings, ..leads() };
        let follows = Status { leads: false, ..amiss.clone() };
        let mut told = |status: &Status, s: u64| {
            reasons(lasting.notes(status, begun + Duration::from_secs(s)))
        };
        assert_eq!(told(&amiss, 0), [""; 0]);
        assert_eq!(told(&amiss, 9), [""; 0]);
        assert_eq!(told(&amiss, 10), ["SizeDiffers"]);
        assert_eq!(told(&amiss, 11), [""; 0]);
        assert_eq!(told(&amiss, 1_809), [""; 0]);
        assert_eq!(told(&amiss, 1_810), ["SizeDiffers"]);
        assert_eq!(told(&leads(), 1_811), [""; 0]);
        // Begun anew it lasts anew.
        assert_eq!(told(&amiss, 1_812), [""; 0]);
        assert_eq!(told(&amiss, 1_822), ["SizeDiffers"]);
        assert_eq!(told(&follows, 9_000), [""; 0]);
    }

    #[test]
    fn a_refusal_of_a_guard_is_told_at_once() {
        let action = Action::SetRoute(Route::Closed);
        let step = Step { rule: RuleId::E10, action, reason: Reason::NotLeader };
        let mut refused = leads();
        refused.plan.vetoes = vec![Veto { step, guard: GUARDS[0].id }];
        let mut lasting = Lasting::default();
        let now = Instant::now();
        assert_eq!(reasons(lasting.notes(&refused, now)), ["Refused"]);
        assert_eq!(reasons(lasting.notes(&refused, now)), [""; 0]);
    }
}
