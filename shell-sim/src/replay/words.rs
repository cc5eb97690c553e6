//! What was done and what came about in a run, as sentences for people who know nothing of schedules.
//! What a replay never tells keeps the words of schedules.

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
        Event::Cut(..)
        | Event::Heal(..)
        | Event::Advance(_)
        | Event::Deliver(_)
        | Event::Fail(_)
        | Event::Overdue(_)
        | Event::PowerLoss(..)
        | Event::PowerOn(_)
        | Event::Wipe(_)
        | Event::Beat(..)
        | Event::Busy(..)
        | Event::StartController(_)
        | Event::CrashController(_)
        | Event::ReadPods(_)
        | Event::ReadRecord(..)
        | Event::ReadLease(..)
        | Event::Renew(_)
        | Event::AskPeers(_)
        | Event::Release(_)
        | Event::Probe(..)
        | Event::Decide(_)
        | Event::Effect(_)
        | Event::GiveUp(_)
        | Event::Ask(_)
        | Event::RestartGateway(_)
        | Event::Freeze(_)
        | Event::Thaw(_)
        | Event::JumpWall(..)
        | Event::Drift(..)
        | Event::ApiDown
        | Event::ApiUp
        | Event::Write(..)
        | Event::Begin(..)
        | Event::GoOn(..)
        | Event::Act(_)
        | Event::DeleteRecord
        | Event::AcceptLoss(_)
        | Event::Switchover(_)
        | Event::Pause(_) => format!("done: {event}"),
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
        Happening::Planned { .. }
        | Happening::Sent { .. }
        | Happening::Ended { .. }
        | Happening::LeaseTaken { .. }
        | Happening::LeaseConflict(_)
        | Happening::RecordWritten { .. }
        | Happening::RecordConflict(_)
        | Happening::Landed { .. }
        | Happening::ProcessStarted(_)
        | Happening::RpcReceived { .. }
        | Happening::Committed(..)
        | Happening::Aborted(_)
        | Happening::Prepared(..)
        | Happening::Applied(..)
        | Happening::Forwarded { .. }
        | Happening::Acknowledged { .. }
        | Happening::Told(..)
        | Happening::Lost(_)
        | Happening::Rejected(..) => happening.to_string(),
    }
}
