//! What was done and what came about in a run, as sentences for people who know nothing of schedules.
//! What a replay never tells keeps the words of schedules.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what has no sentence here is told in the words of schedules, which all have"
)]

use crate::world::{Cut, Event, Happening, Place};

/// What was done to the cluster.
pub(super) fn event(event: &Event) -> String {
    match event {
        Event::Cut(Place::Instance(one), Place::Instance(other), how) => {
            let (one, other) = (one.min(other), one.max(other));
            let how = match how {
                Cut::Refuse => "connections are refused",
                Cut::Silent => "what is sent is lost",
            };
            format!("done: {one} and {other} are cut off from each other, {how}")
        }
        Event::Heal(Place::Instance(one), Place::Instance(other)) => {
            let (one, other) = (one.min(other), one.max(other));
            format!("done: {one} and {other} reach each other again")
        }
        Event::Crash(id) => format!("done: the process of {id} ends at once"),
        Event::Start(id) => format!("done: the process of {id} starts"),
        Event::MarkDeleted(id) => format!("done: the pod of {id} is marked for deletion"),
        Event::RemovePod(id) => format!("done: the pod of {id} is gone"),
        Event::CreatePod(id, true) => format!("done: the pod of {id} is made again"),
        Event::CreatePod(id, false) => {
            format!("done: the pod of {id} is made again, without an address")
        }
        Event::AssignAddress(id) => format!("done: the pod of {id} gets its address"),
        other => format!("done: {other}"),
    }
}

/// What came about.
pub(super) fn happening(happening: &Happening) -> String {
    match happening {
        Happening::ProcessEnded(id) => format!("the process of {id} has ended"),
        Happening::BoltOpen(id) => format!("{id} answers again"),
        Happening::RoleChanged(id, role) => format!("{id} is a {} now", role.as_str()),
        Happening::Discarded(id) => format!("{id} drops a transaction that it only prepared"),
        Happening::Replaced(id) => format!("{id} takes over all data of its main"),
        Happening::SetAside(id) => format!("the data of {id} is set aside"),
        Happening::Granted { gateway, term, main } => {
            format!("{gateway} forwards to {main} (term {term})")
        }
        Happening::Withdrawn { gateway, term, main } => {
            format!("{gateway} forwards to {main} no longer (term {term})")
        }
        Happening::Leads(controller) => format!("{controller} leads"),
        Happening::GrantsOnPromises(controller) => {
            format!("{controller} grants although its lease ran out: the others promised")
        }
        other => other.to_string(),
    }
}
