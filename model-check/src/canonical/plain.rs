//! What is brought into canonical form in plain sight: numbers of writes that only their writer
//! compares, and causes that nobody asks for.

#![allow(clippy::wildcard_enum_match_arm, reason = "a message of another kind has no such number")]

use ha_core::{
    action::Action,
    ids::ControllerId,
    record::{Cause, Record, Stage},
};
use shell_sim::world::{Awaited, ControllerNo, MessageBody, Place, World};

/// Why a reign began is asked no more once it is steady.
pub(super) fn settle_causes(world: &mut World) {
    fn settle(record: &mut Record) {
        if record.stage == Stage::Steady {
            record.cause = Cause::Failover;
        }
    }
    fn settle_in(action: &mut Action) {
        if let Action::WriteRecord { record, .. } = action {
            settle(record);
        }
    }
    world.api.records.iter_mut().for_each(|(_, record)| settle(record));
    for process in world.controllers.iter_mut().filter_map(|c| c.process.as_mut()) {
        process.history.record_mut().into_iter().for_each(settle);
        process.queue.iter_mut().for_each(settle_in);
        process.waiting.iter_mut().for_each(|waiting| settle_in(&mut waiting.action));
    }
    for body in world.network.messages.values_mut() {
        if let MessageBody::RecordWrite { record, .. } = body {
            settle(record);
        }
    }
}

/// Numbers the writes of the record that a process waits for; which of them they were before makes
/// no difference, and those of ended processes are answered to nobody.
pub(super) fn number_tickets(world: &mut World) {
    for (no, controller) in (0..).map(ControllerNo).zip(&mut world.controllers) {
        let here = Place::Controller(no);
        let Some(process) = &mut controller.process else {
            continue;
        };
        let me = process.me();
        let mut tickets = Vec::new();
        if let Some(waiting) = &process.waiting
            && let Awaited::Record(ticket) = waiting.on
        {
            tickets.push(ticket);
        }
        for (id, body) in &world.network.messages {
            match body {
                MessageBody::RecordWrite { by, ticket, .. }
                | MessageBody::SetAside { by, ticket, .. }
                    if *by == me =>
                {
                    tickets.push(*ticket)
                }
                MessageBody::RecordAnswer { ticket, .. } if id.to == here => tickets.push(*ticket),
                _ => {}
            }
        }
        tickets.sort_unstable();
        tickets.dedup();
        let rank = |ticket: u32| tickets.iter().position(|t| *t == ticket).unwrap_or(0) as u32 + 1;
        if let Some(waiting) = &mut process.waiting
            && let Awaited::Record(ticket) = &mut waiting.on
        {
            *ticket = rank(*ticket);
        }
        for (id, body) in &mut world.network.messages {
            match body {
                MessageBody::RecordWrite { by, ticket, .. }
                | MessageBody::SetAside { by, ticket, .. }
                    if *by == me =>
                {
                    *ticket = rank(*ticket)
                }
                MessageBody::RecordAnswer { ticket, .. } if id.to == here => {
                    *ticket = rank(*ticket)
                }
                _ => {}
            }
        }
        process.tickets = tickets.len() as u32;
    }
    let living: Vec<ControllerId> =
        world.controllers.iter().filter_map(|c| c.process.as_ref()).map(|p| p.me()).collect();
    for body in world.network.messages.values_mut() {
        if let MessageBody::RecordWrite { by, ticket, .. }
        | MessageBody::SetAside { by, ticket, .. } = body
            && !living.contains(by)
        {
            *ticket = 0;
        }
    }
}
