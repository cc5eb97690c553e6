//! Whom an event from outside befalls.

use super::{Lane, Life};
use shell_sim::world::{Act, Event, Place};

/// Whom it befalls, and what it means for them; none for how the world goes on by itself: what comes
/// of that is told, not that it comes. What clients do has an arrow of its own.
pub(super) fn befalls(event: &Event) -> Option<(Vec<Lane>, Life)> {
    let instance = |id| Lane::of(Place::Instance(id));
    let same = |lane| Some((vec![lane], Life::Same));
    match *event {
        Event::Advance(_)
        | Event::Deliver(_)
        | Event::Beat(..)
        | Event::ReadPods(_)
        | Event::ReadRecord(..)
        | Event::ReadLease(..)
        | Event::Renew(_)
        | Event::AskPeers(_)
        | Event::Probe(..)
        | Event::Decide(_)
        | Event::Effect(_)
        | Event::Ask(_)
        | Event::Write(..)
        | Event::Begin(..) => None,
        Event::Crash(id) | Event::RemovePod(id) | Event::Wipe(id) | Event::PowerLoss(id, _) => {
            Some((vec![instance(id)], Life::Ends))
        }
        Event::Start(id)
        | Event::MarkDeleted(id)
        | Event::CreatePod(id, _)
        | Event::AssignAddress(id)
        | Event::PowerOn(id)
        | Event::Busy(id, _) => same(instance(id)),
        Event::Cut(from, to, _) | Event::Heal(from, to) => {
            Some((vec![Lane::of(from), Lane::of(to)], Life::Same))
        }
        Event::Fail(id) | Event::Overdue(id) => {
            Some((vec![Lane::of(id.from), Lane::of(id.to)], Life::Same))
        }
        Event::CrashController(no) => Some((vec![Lane::Controller(no.0)], Life::Ends)),
        Event::StartController(no) => Some((vec![Lane::Controller(no.0)], Life::Begins)),
        Event::GiveUp(no) | Event::Release(no) => same(Lane::Controller(no.0)),
        Event::Freeze(place)
        | Event::Thaw(place)
        | Event::JumpWall(place, _)
        | Event::Drift(place, _) => same(Lane::of(place)),
        Event::RestartGateway(id) => same(Lane::of(Place::Gateway(id))),
        Event::GoOn(client, _) => same(Lane::Client(client.0)),
        Event::Act(act) => same(acted(act)),
        Event::ApiDown
        | Event::ApiUp
        | Event::DeleteRecord
        | Event::AcceptLoss(_)
        | Event::Reset(_)
        | Event::RestoreAside(_)
        | Event::Switchover(_)
        | Event::Pause(_) => same(Lane::Record),
    }
}

/// Whom an act past the controllers concerns.
fn acted(act: Act) -> Lane {
    match act {
        Act::LockOut(id, _)
        | Act::Forget(id)
        | Act::Restore(id, _)
        | Act::Engine(id, _)
        | Act::ByHand(id, _) => Lane::of(Place::Instance(id)),
        Act::Names(_)
        | Act::Scale(_)
        | Act::Durability(_)
        | Act::TouchRecord
        | Act::NewerRecord => Lane::Record,
    }
}
