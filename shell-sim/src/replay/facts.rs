//! What a record leaves open, and the answers that are tried. Which questions are asked follows
//! from the words and fields of the record alone, never from its name; this module deliberately
//! does not know which answer reproduces anything.

use crate::incident::{EventWord, Incident, PodBefore, Role, Status};
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
}

/// One answered question, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The question.
    pub question: &'static str,
    /// The answer.
    pub answer: String,
}

/// What an option of one question becomes in all combinations.
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

impl OpenFacts {
    /// Every combination of answers, in a fixed order.
    #[must_use]
    pub fn all(incident: &Incident) -> Vec<Self> {
        let stated = stated_target(incident);
        let targets = stated.map_or_else(|| vec![InstanceId(0), InstanceId(1)], |id| vec![id]);
        let empty = has(incident, &[EventWord::PodIpMissing])
            || incident.happened().any(|item| {
                item.facts.bolt_address.as_deref().is_some_and(|at| at.starts_with(':'))
            });
        let removed = has(incident, &[EventWord::PodDeleted, EventWord::PodForceKilled]);
        let failed_over = has(incident, &[EventWord::Promote, EventWord::FailoverTriggered]);
        let created = has(incident, &[EventWord::PodCreated]);
        let diverged = has(incident, &[EventWord::RegisterRejectedDiverged]);
        let invalid = |pod: &PodBefore| pod.status == Some(Status::Invalid);
        let invalid = incident.topology_before.iter().any(invalid);
        let mut all = Vec::new();
        for target in targets {
            for localhost in each(empty, &[Localhost::Outsider, Localhost::Sync, Localhost::Main]) {
                for suspicion in each(
                    failed_over && !removed,
                    &[Suspicion::Prober, Suspicion::Unready, Suspicion::Down],
                ) {
                    for storage in
                        each(created, &[Storage::Whole, Storage::NoTail, Storage::BeforeReign])
                    {
                        for tail in each(diverged, &[false, true]) {
                            for reachable in each(invalid && created, &[true, false]) {
                                all.push(Self {
                                    target,
                                    target_stated: stated.is_some(),
                                    localhost,
                                    suspicion,
                                    storage,
                                    tail,
                                    reachable,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
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
        [target, localhost, suspicion, storage, tail, reachable].into_iter().flatten().collect()
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
