//! What a record leaves open, and the answers that are tried. Which questions are asked follows
//! from the words and fields of the record alone, never from its name; this module deliberately
//! does not know which answer reproduces anything.

use crate::incident::{EventWord, Incident, Item, PodBefore, Role, Status};
use ha_core::ids::InstanceId;
use serde::Serialize;
use std::fmt;

/// Who answers where the address of a pod is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Localhost {
    /// The target main, through a forwarded port.
    Main,
    /// The sync replica, through a forwarded port.
    Sync,
    /// A Memgraph outside of the cluster.
    Outsider,
}

/// Why the failover check of the main failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Suspicion {
    /// The prober had counted three failed pings; the main serves all the same.
    Prober,
    /// Kubernetes does not call the pod of the main Ready; the main serves all the same.
    Unready,
    /// The main is down.
    Down,
}

/// What is on the volume of a pod that was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Storage {
    /// Everything.
    Whole,
    /// It misses the last commits of its own reign.
    NoTail,
    /// It is as it was before its own reign.
    BeforeReign,
    /// It has a commit of an earlier reign that the mains since then never had.
    Foreign,
}

/// One answer to everything that a record leaves open. `None`: the record does not raise it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OpenFacts {
    /// The target main, where the record does not say.
    pub target: InstanceId,
    /// Whether the record said so.
    pub target_stated: bool,
    /// Who answers on localhost.
    pub localhost: Option<Localhost>,
    /// Why the main was suspected.
    pub suspicion: Option<Suspicion>,
    /// What a recreated pod finds on its volume.
    pub storage: Option<Storage>,
    /// Whether the sync replica lacks a commit that the other replica has.
    pub tail: Option<bool>,
    /// Whether replicas that were `invalid` can be reached again when the pod comes back.
    pub reachable: Option<bool>,
    /// Which pod is meant where the record tells of one and names none.
    pub unnamed: Option<InstanceId>,
    /// Whether the list on which the failover check rests was read while the sync replica recovered.
    pub recovering: Option<bool>,
    /// Whose answer has no row.
    pub odd: Option<InstanceId>,
    /// Whether the rollout had cut the async replica off when it was looked at.
    pub rolled: Option<bool>,
    /// Whether the sync replica was out of its main's sight for a time, where a drop is told and not
    /// logged.
    pub unseen: Option<bool>,
}

/// One answered question, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: String,
}

/// Combines what there is with each answer to one more question.
fn vary<T: Copy>(all: &mut Vec<OpenFacts>, answers: &[T], set: fn(&mut OpenFacts, T)) {
    *all = all
        .iter()
        .flat_map(|one| {
            answers.iter().map(move |answer| {
                let mut one = *one;
                set(&mut one, *answer);
                one
            })
        })
        .collect();
}

/// The answers to a question; one that is not asked has none.
fn each<T: Copy>(asked: bool, answers: &[T]) -> Vec<Option<T>> {
    if asked { answers.iter().copied().map(Some).collect() } else { vec![None] }
}

fn has(incident: &Incident, words: &[EventWord]) -> bool {
    incident.happened().any(|item| words.contains(&item.event))
}

/// The target main as the record states it.
fn stated_target(incident: &Incident) -> Option<InstanceId> {
    let main = incident.topology_before.iter().find(|pod| pod.role == Some(Role::Main))?;
    u8::try_from(main.pod.ordinal).ok().map(InstanceId)
}

/// The questions that a record raises.
struct Raised {
    empty: bool,
    suspicion: bool,
    created: bool,
    diverged: bool,
    turned: bool,
    reachable: bool,
    unnamed: bool,
    recovering: bool,
    odd: bool,
    rolled: bool,
    unseen: bool,
}

impl Raised {
    fn of(incident: &Incident) -> Self {
        let has = |words| has(incident, words);
        let any = |test: fn(&Item) -> bool| incident.happened().any(test);
        let removed = has(&[EventWord::PodDeleted, EventWord::PodForceKilled]);
        let marked = has(&[EventWord::PodDeletionRequested]);
        let failed_over =
            has(&[EventWord::Promote, EventWord::FailoverTriggered, EventWord::FailoverBlocked]);
        let created = has(&[EventWord::PodCreated]);
        let invalid = |pod: &PodBefore| pod.status == Some(Status::Invalid);
        let invalid = incident.topology_before.iter().any(invalid);
        let timed_out = has(&[EventWord::RolloutTimedOut]);
        Self {
            empty: has(&[EventWord::PodIpMissing])
                || any(|item| {
                    item.facts.bolt_address.as_deref().is_some_and(|at| at.starts_with(':'))
                }),
            suspicion: failed_over && !removed && !marked,
            created,
            diverged: has(&[EventWord::RegisterRejectedDiverged]),
            turned: any(|item| {
                item.event == EventWord::ReplicaStatusObserved
                    && item.facts.status == Some(Status::Diverged)
            }),
            reachable: invalid && (created || timed_out),
            unnamed: any(|item| {
                item.pod.is_none()
                    && item.facts.role_of_pod.is_none()
                    && OF_A_POD.contains(&item.event)
            }),
            recovering: any(|item| {
                item.event == EventWord::FailoverCheck
                    && item.facts.status == Some(Status::Recovery)
            }),
            odd: has(&[EventWord::ControllerStartupFailed]),
            rolled: has(&[EventWord::RollingRestartRequested]),
            unseen: incident
                .timeline
                .iter()
                .any(|item| item.event == EventWord::DropReplica && !item.evidence.is_recorded()),
        }
    }
}

/// What happens to one pod.
const OF_A_POD: &[EventWord] = &[
    EventWord::PodDeletionRequested,
    EventWord::PodStuckTerminating,
    EventWord::PodNotReady,
    EventWord::PodDeleted,
    EventWord::PodForceKilled,
    EventWord::PodCreated,
    EventWord::PodReady,
];

impl OpenFacts {
    /// Every combination of answers, in a fixed order.
    #[must_use]
    pub fn all(incident: &Incident) -> Vec<Self> {
        let stated = stated_target(incident);
        let targets = stated.map_or_else(|| vec![InstanceId(0), InstanceId(1)], |id| vec![id]);
        let raised = Raised::of(incident);
        let mut all: Vec<Self> =
            targets.into_iter().map(|target| Self::at(target, stated.is_some())).collect();
        let localhosts =
            each(raised.empty, &[Localhost::Outsider, Localhost::Sync, Localhost::Main]);
        vary(&mut all, &localhosts, |one, answer| one.localhost = answer);
        let suspicions =
            each(raised.suspicion, &[Suspicion::Prober, Suspicion::Unready, Suspicion::Down]);
        vary(&mut all, &suspicions, |one, answer| one.suspicion = answer);
        let mut storages = vec![Storage::Whole, Storage::NoTail, Storage::BeforeReign];
        if raised.diverged || raised.turned {
            storages.insert(1, Storage::Foreign);
        }
        let storages = each(raised.created, &storages);
        vary(&mut all, &storages, |one, answer| one.storage = answer);
        // A reading that the record shows was made.
        let read = [true];
        let (yes, no) = ([true, false], [false, true]);
        vary(&mut all, &each(raised.diverged, &no), |one, answer| one.tail = answer);
        vary(&mut all, &each(raised.reachable, &yes), |one, answer| one.reachable = answer);
        let pods = [InstanceId(0), InstanceId(1), InstanceId(2)];
        vary(&mut all, &each(raised.unnamed, &pods), |one, answer| one.unnamed = answer);
        vary(&mut all, &each(raised.recovering, &read), |one, answer| one.recovering = answer);
        let pair = [InstanceId(0), InstanceId(1)];
        vary(&mut all, &each(raised.odd, &pair), |one, answer| one.odd = answer);
        vary(&mut all, &each(raised.rolled, &no), |one, answer| one.rolled = answer);
        vary(&mut all, &each(raised.unseen, &no), |one, answer| one.unseen = answer);
        all
    }

    /// Nothing answered but the target.
    const fn at(target: InstanceId, target_stated: bool) -> Self {
        Self {
            target,
            target_stated,
            localhost: None,
            suspicion: None,
            storage: None,
            tail: None,
            reachable: None,
            unnamed: None,
            recovering: None,
            odd: None,
            rolled: None,
            unseen: None,
        }
    }

    /// The pod that an item is about: the one it names, the main of the time if it says so, or the
    /// answer to which one it means.
    #[must_use]
    pub fn subject(&self, item: &Item, main: InstanceId) -> Option<InstanceId> {
        if let Some(pod) = item.pod {
            return super::setup::instance_of(pod);
        }
        if item.facts.role_of_pod == Some(Role::Main) {
            return Some(main);
        }
        self.unnamed.filter(|_| OF_A_POD.contains(&item.event))
    }

    /// The answers in words.
    #[must_use]
    pub fn answered(&self) -> Vec<Answered> {
        let target = (!self.target_stated).then(|| Answered {
            question: "which pod was the main",
            answer: crate::predecessor::pod_of(self.target).to_string(),
        });
        let localhost = self.localhost.map(|who| Answered {
            question: "who answered on localhost",
            answer: match who {
                Localhost::Main => "the main itself, through a forwarded port",
                Localhost::Sync => "the sync replica, through a forwarded port",
                Localhost::Outsider => "a Memgraph outside of the cluster",
            }
            .into(),
        });
        let suspicion = self.suspicion.map(|why| Answered {
            question: "what started the promotion",
            answer: match why {
                Suspicion::Prober => "the prober, after three failed pings of a main that serves",
                Suspicion::Unready => "the pass's own check: the pod of the main was not Ready",
                Suspicion::Down => "the main was down",
            }
            .into(),
        });
        let storage = self.storage.map(|what| Answered {
            question: "what the recreated pod found on its volume",
            answer: match what {
                Storage::Whole => "everything it had",
                Storage::NoTail => "its data without the last commits of its own reign",
                Storage::BeforeReign => "its data as it was before its own reign",
                Storage::Foreign => "a commit of an earlier reign that no main since then had",
            }
            .into(),
        });
        let tail = self.tail.map(|lacks| Answered {
            question: "whether the sync replica lacked commits that the other replica had",
            answer: if lacks { "yes" } else { "no" }.into(),
        });
        let reachable = self.reachable.map(|yes| Answered {
            question: "whether the invalid replicas could be reached when the pod came back",
            answer: if yes { "yes" } else { "no" }.into(),
        });
        let unnamed = self.unnamed.map(|id| Answered {
            question: "which pod is meant where none is named",
            answer: crate::predecessor::pod_of(id).to_string(),
        });
        let odd = self.odd.map(|id| Answered {
            question: "whose answer has no row",
            answer: crate::predecessor::pod_of(id).to_string(),
        });
        let yes_no = |question, answer: Option<bool>| {
            answer.map(|yes| Answered { question, answer: if yes { "yes" } else { "no" }.into() })
        };
        let recovering = yes_no(
            "whether the list behind the first failover check was read while the sync replica recovered",
            self.recovering,
        );
        let rolled =
            yes_no("whether the rollout had cut the async replica off for a time", self.rolled);
        let unseen =
            yes_no("whether the sync replica was out of its main's sight for a time", self.unseen);
        let all = [
            target, localhost, suspicion, storage, tail, reachable, unnamed, recovering, odd,
            rolled, unseen,
        ];
        all.into_iter().flatten().collect()
    }
}

impl fmt::Display for OpenFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.answered().iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "; " })?;
            write!(f, "{}: {}", one.question, one.answer)?;
        }
        Ok(())
    }
}
