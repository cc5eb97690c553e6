//! What happened in a run of ours, for people: in which lane, by which rule, and why. It words and
//! places; nothing is decided here.

use super::words;
use crate::{
    driver::{Line, What},
    world::{Event, Fate, Happening, Place},
};
use ha_core::{ids::InstanceId, leadership::Millis};
use std::fmt;

/// Where something belongs on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// An instance and its pod.
    Instance(u8),
    /// The controllers.
    Controller,
    /// The gateways.
    Gateways,
    /// The clients.
    Clients,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(id) => write!(f, "memgraph-ha-{id}"),
            Self::Controller => f.write_str("controller"),
            Self::Gateways => f.write_str("gateways"),
            Self::Clients => f.write_str("clients"),
        }
    }
}

/// The rule behind a step or a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRule {
    /// Its id and name.
    pub rule: String,
    /// Whether it acts, or waits.
    pub acts: bool,
    /// The situation that the rule is for.
    pub when: &'static str,
    /// The facts.
    pub why: String,
}

/// One line of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Milliseconds since the first thing that was done.
    pub at: Millis,
    /// Where it belongs.
    pub lane: Lane,
    /// What happened.
    pub what: String,
    /// The rule behind it.
    pub rule: Option<ByRule>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:03}s  ", self.at / 1_000, self.at % 1_000)?;
        match &self.rule {
            None => f.write_str(&self.what),
            Some(ByRule { rule, acts: true, why, .. }) => {
                write!(f, "act   {rule:<24} {} ({why})", self.what)
            }
            Some(ByRule { rule, acts: false, why, .. }) => write!(f, "hold  {rule:<24} {why}"),
        }
    }
}

/// The story of a run; failed writes in a row are told once.
pub(super) fn story(lines: &[Line], begun: Millis) -> Vec<Told> {
    let mut story: Vec<Told> = Vec::new();
    let mut failed: Option<(usize, usize)> = None;
    let clients = |at, what: String| Told { at, lane: Lane::Clients, what, rule: None };
    for line in lines.iter().filter(|line| line.at >= begun) {
        let at = line.at - begun;
        match fate(line) {
            Some(Fate::Failed | Fate::InDoubt) => {
                let (place, count) = failed.unwrap_or((story.len(), 0));
                if count == 0 {
                    story.push(clients(at, String::new()));
                }
                if let Some(told) = story.get_mut(place) {
                    told.what = format!("clients: {} writes in a row not acknowledged", count + 1);
                }
                failed = Some((place, count + 1));
            }
            Some(Fate::Acked) if failed.take().is_some() => {
                story.push(clients(at, "clients: writes are acknowledged again".into()));
            }
            Some(Fate::Acked | Fate::Pending | Fate::Held) => {}
            None if matches!(line.what, What::Event(Event::Write(..))) || !line.is_story() => {}
            None => {
                let next = told(line, at);
                // A cut is made, and mended, in both directions.
                let again = matches!(line.what, What::Event(_)) && story.contains(&next);
                if !again {
                    story.push(next);
                }
            }
        }
    }
    story
}

/// What a line tells of a write, if it does.
pub(super) const fn fate(line: &Line) -> Option<Fate> {
    let What::Happened(happening) = &line.what else { return None };
    if let Happening::Told(_, fate) = &**happening { Some(*fate) } else { None }
}

fn told(line: &Line, at: Millis) -> Told {
    let plain = |lane, what: String| Told { at, lane, what, rule: None };
    match &line.what {
        What::Act(_, step) => {
            let rule = step.rule.rule();
            Told {
                at,
                lane: Lane::Controller,
                what: step.action.to_string(),
                rule: Some(ByRule {
                    rule: format!("{} {}", rule.id, rule.name),
                    acts: true,
                    when: rule.when,
                    why: step.reason.to_string(),
                }),
            }
        }
        What::Hold(_, hold) => {
            let rule = hold.rule.rule();
            let of = hold.subject.map_or_else(String::new, |id| format!("{id}: "));
            Told {
                at,
                lane: Lane::Controller,
                what: "waits".to_owned(),
                rule: Some(ByRule {
                    rule: format!("{} {}", rule.id, rule.name),
                    acts: false,
                    when: rule.when,
                    why: format!("{of}{}", hold.reason),
                }),
            }
        }
        What::Event(event) => plain(of_event(event), words::event(event)),
        What::Settled(_) => plain(Lane::Controller, "settled: nothing is left to do".to_owned()),
        What::Happened(happening) => plain(of_happening(happening), words::happening(happening)),
        What::Broken(violation) => plain(Lane::Controller, format!("BROKEN {violation}")),
    }
}

const fn of(id: InstanceId) -> Lane {
    Lane::Instance(id.0)
}

/// What is done from outside is done to a pod, or else told with the controller; a cut between two
/// instances stands with the second one.
fn of_event(event: &Event) -> Lane {
    if let Event::Cut(Place::Instance(one), Place::Instance(other), _)
    | Event::Heal(Place::Instance(one), Place::Instance(other)) = event
    {
        return of(*one.max(other));
    }
    if let Event::Crash(id)
    | Event::Start(id)
    | Event::MarkDeleted(id)
    | Event::RemovePod(id)
    | Event::CreatePod(id, _)
    | Event::AssignAddress(id)
    | Event::PowerLoss(id, _)
    | Event::PowerOn(id)
    | Event::Wipe(id) = event
    {
        return of(*id);
    }
    Lane::Controller
}

const fn of_happening(happening: &Happening) -> Lane {
    match happening {
        Happening::ProcessStarted(id)
        | Happening::ProcessEnded(id)
        | Happening::BoltOpen(id)
        | Happening::RoleChanged(id, _)
        | Happening::Committed(id, _)
        | Happening::Aborted(id)
        | Happening::Prepared(id, _)
        | Happening::Discarded(id)
        | Happening::Applied(id, _)
        | Happening::Replaced(id)
        | Happening::SetAside(id)
        | Happening::Rejected(id, _)
        | Happening::Landed { on: id, .. }
        | Happening::RpcReceived { to: id, .. } => of(*id),
        Happening::Granted { .. }
        | Happening::Withdrawn { .. }
        | Happening::Forwarded { .. }
        | Happening::Acknowledged { .. } => Lane::Gateways,
        Happening::Told(..) => Lane::Clients,
        Happening::Planned { .. }
        | Happening::Sent { .. }
        | Happening::Ended { .. }
        | Happening::Leads(_)
        | Happening::GrantsOnPromises(_)
        | Happening::LeaseTaken { .. }
        | Happening::LeaseConflict(_)
        | Happening::RecordWritten { .. }
        | Happening::RecordConflict(_)
        | Happening::Lost(_) => Lane::Controller,
    }
}
