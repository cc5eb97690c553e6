//! A schedule that was run, as a sequence: its trace says who did what and when.

use super::{Item, Lane, Life, Sequence, befalls::befalls, seconds};
use ha_core::{
    ids::{GatewayId, InstanceId},
    leadership::Millis,
};
use shell_sim::{
    driver::{Line, What},
    memgraph::RoleName,
    schedule::{Directive, Report, Schedule},
    world::{ControllerNo, Event, Fate, Happening, Payload, Place, WriteId},
};
use std::collections::BTreeMap;

/// Which part of what happened is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Nothing before this moment, in milliseconds. `None`: nothing before the cluster was first at
    /// rest, where it began empty.
    pub from: Option<Millis>,
    /// Nothing after this moment, in milliseconds.
    pub until: Option<Millis>,
    /// Whether what controllers wait for is shown, too.
    pub holds: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self { from: None, until: None, holds: true }
    }
}

impl Window {
    pub(super) fn contains(&self, at: Millis) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at <= until)
    }

    /// What is left out, in words.
    pub(super) fn words(&self) -> String {
        let from = self.from.map(|from| format!(" from {}", seconds(from)));
        let until = self.until.map(|until| format!(" until {}", seconds(until)));
        [from, until].into_iter().flatten().collect()
    }
}

fn instance(id: InstanceId) -> Lane {
    Lane::of(Place::Instance(id))
}

fn gateway(id: GatewayId) -> Lane {
    Lane::of(Place::Gateway(id))
}

impl Sequence {
    /// What came of a schedule that was run.
    #[must_use]
    pub fn told(title: &str, schedule: &Schedule, report: &Report, window: &Window) -> Self {
        let bootstraps =
            schedule.lines.iter().any(|(_, directive)| *directive == Directive::Bootstrap);
        let begins = match window.from {
            None if bootstraps => first_rest(&report.trace),
            None | Some(_) => 0,
        };
        let mut teller = Teller::new(report, window.holds);
        let mut items = Vec::new();
        for (at, line) in report.trace.iter().enumerate() {
            let told = teller.tell(line);
            if at >= begins && window.contains(line.at) {
                items.extend(told);
            }
        }
        let before = match begins {
            0 => String::new(),
            _ => " The bootstrap before is left out.".to_owned(),
        };
        let part = match window.words() {
            words if words.is_empty() => String::new(),
            words => format!(" Shown is what happens{words}."),
        };
        let note = format!(
            "Orders of controllers bear the rule that asked for them, and why; an order without an \
             answer below was done. Red: what befalls somebody.{before}{part}"
        );
        let instances = report.fair.world.settings.instances;
        Self::of(title.to_owned(), vec![note], items, (0..instances).map(Lane::Instance))
    }
}

/// The line after the one in which a controller first calls the cluster settled.
fn first_rest(trace: &[Line]) -> usize {
    let settled = |line: &Line| matches!(line.what, What::Settled(_));
    trace.iter().position(settled).map_or(0, |at| at + 1)
}

/// What has to be remembered from one line to the next.
struct Teller {
    holds: bool,
    /// How many instances the world has.
    instances: u8,
    /// Who hands out grants, as far as it was told.
    leader: Option<ControllerNo>,
    /// Whose each write is.
    writers: BTreeMap<WriteId, u8>,
    /// Through which gateway each client wrote last.
    through: BTreeMap<u8, GatewayId>,
    /// What was last said of each write.
    fates: BTreeMap<WriteId, Fate>,
    /// Whose process was ended from outside just now.
    ends: Option<Lane>,
}

impl Teller {
    fn new(report: &Report, holds: bool) -> Self {
        let clients = (0_u8..).zip(&report.fair.world.clients);
        let writers =
            clients.flat_map(|(no, client)| client.writes.keys().map(move |write| (*write, no)));
        Self {
            holds,
            instances: report.fair.world.settings.instances,
            leader: None,
            writers: writers.collect(),
            through: BTreeMap::new(),
            fates: BTreeMap::new(),
            ends: None,
        }
    }

    fn tell(&mut self, line: &Line) -> Option<Item> {
        let at = line.at;
        match &line.what {
            What::Event(event) => self.event(at, event),
            What::Act(no, step) => Some(Item::order(at, Lane::Controller(no.0), step)),
            What::Hold(no, hold) => {
                self.holds.then(|| Item::hold(at, Lane::Controller(no.0), hold))
            }
            What::Settled(no) => {
                Some(Item::note(at, vec![Lane::Controller(no.0)], "settled: nothing to do"))
            }
            What::Happened(happening) => self.happening(at, happening),
            What::Broken(violation) => {
                let lanes = (0..self.instances).map(Lane::Instance).collect();
                Some(Item::event(at, lanes, format!("BROKEN: {violation}")))
            }
        }
    }

    fn event(&mut self, at: Millis, event: &Event) -> Option<Item> {
        if let Event::Write(client, through, _) | Event::Begin(client, through) = *event {
            self.through.insert(client.0, through);
            let text = if matches!(event, Event::Begin(..)) { "begins" } else { "writes" };
            return Some(Item::message(at, Lane::Client(client.0), gateway(through), text));
        }
        let (over, life) = befalls(event)?;
        self.ends = over.first().copied().filter(|_| life == Life::Ends);
        Some(Item::event(at, over, event.to_string()).living(life))
    }

    fn happening(&mut self, at: Millis, happening: &Happening) -> Option<Item> {
        match happening {
            Happening::Ended { controller, action, outcome } => {
                Item::ended(at, Lane::Controller(controller.0), action, *outcome)
            }
            Happening::Leads(no) => {
                self.leader = Some(*no);
                Some(Item::note(at, vec![Lane::Controller(no.0)], "leads"))
            }
            Happening::GrantsOnPromises(no) => {
                let text = "grants on the promises of the others";
                Some(Item::note(at, vec![Lane::Controller(no.0)], text))
            }
            Happening::RecordConflict(by) => {
                let text = "conflict: another version";
                Some(Item::answer(at, Lane::Record, Lane::of(*by), text))
            }
            Happening::Granted { gateway: id, term, main } => {
                let text = format!("grant: writes to {main}, term {term}");
                Some(match self.leader {
                    Some(no) => Item::message(at, Lane::Controller(no.0), gateway(*id), text),
                    None => Item::note(at, vec![gateway(*id)], text),
                })
            }
            Happening::Withdrawn { gateway: id, term, main } => {
                let text = format!("lets go of {main}, term {term}");
                Some(Item::note(at, vec![gateway(*id)], text))
            }
            Happening::Acknowledged { controller, gateway: id } => {
                let to = Lane::Controller(controller.0);
                Some(Item::answer(at, gateway(*id), to, "nothing open any more"))
            }
            Happening::Forwarded { gateway: id, main, client } => {
                let text = format!("forwards for {client}");
                Some(Item::message(at, gateway(*id), instance(*main), text))
            }
            Happening::Told(write, fate) => self.fate(at, *write, *fate),
            // What was done to it says so already.
            Happening::ProcessEnded(id) if self.ends.take() == Some(instance(*id)) => None,
            Happening::ProcessEnded(_)
            | Happening::ProcessStarted(_)
            | Happening::Landed { .. }
            | Happening::Planned { .. }
            | Happening::Sent { .. }
            | Happening::LeaseTaken { .. }
            | Happening::LeaseConflict(_)
            | Happening::RecordWritten { .. }
            | Happening::BoltOpen(_)
            | Happening::RoleChanged(..)
            | Happening::RpcReceived { .. }
            | Happening::Committed(..)
            | Happening::Aborted(_)
            | Happening::Prepared(..)
            | Happening::Discarded(_)
            | Happening::Applied(..)
            | Happening::Replaced(_)
            | Happening::SetAside(_)
            | Happening::Lost(_)
            | Happening::Rejected(..) => of_instance(at, happening),
        }
    }

    /// What a client is told, where it is news.
    fn fate(&mut self, at: Millis, write: WriteId, fate: Fate) -> Option<Item> {
        let before = self.fates.insert(write, fate);
        if before == Some(fate) || fate == Fate::Pending {
            return None;
        }
        let client = *self.writers.get(&write)?;
        let from = self
            .through
            .get(&client)
            .map_or(Lane::Client(client), |gateway| Lane::of(Place::Gateway(*gateway)));
        let text = match fate {
            Fate::Held | Fate::Pending => format!("{write} is held"),
            Fate::Acked => format!("{write} is acknowledged"),
            Fate::Failed => format!("{write} failed, and certainly did not happen"),
            Fate::InDoubt => format!("{write} may have happened or not"),
        };
        Some(Item::answer(at, from, Lane::Client(client), text))
    }
}

/// What an instance tells of itself.
fn of_instance(at: Millis, happening: &Happening) -> Option<Item> {
    let note = |id: &InstanceId, text: String| Some(Item::note(at, vec![instance(*id)], text));
    let event = |id: &InstanceId, text: String| Some(Item::event(at, vec![instance(*id)], text));
    match happening {
        Happening::ProcessStarted(id) => {
            note(id, "process starts".into()).map(|item| item.living(Life::Begins))
        }
        Happening::ProcessEnded(id) => {
            event(id, "process ends".into()).map(|item| item.living(Life::Ends))
        }
        Happening::Landed { on, kind, late: true, .. } => {
            event(on, format!("a late order lands: {}", kind.word()))
        }
        Happening::Rejected(id, why) => event(id, format!("rejected: {why}")),
        Happening::RoleChanged(id, RoleName::Main) => note(id, "is main".into()),
        Happening::RoleChanged(id, RoleName::Replica) => note(id, "is replica".into()),
        Happening::BoltOpen(id) => note(id, "answers again".into()),
        Happening::Committed(id, Payload::Write(write)) => note(id, format!("commits {write}")),
        Happening::Discarded(id) => note(id, "drops what it had prepared".into()),
        Happening::Replaced(id) => note(id, "takes the whole state of its main".into()),
        Happening::SetAside(id) => note(id, "begins without its data, which is kept aside".into()),
        Happening::Landed { .. }
        | Happening::Planned { .. }
        | Happening::Sent { .. }
        | Happening::Ended { .. }
        | Happening::Leads(_)
        | Happening::GrantsOnPromises(_)
        | Happening::LeaseTaken { .. }
        | Happening::LeaseConflict(_)
        | Happening::RecordWritten { .. }
        | Happening::RecordConflict(_)
        | Happening::RpcReceived { .. }
        | Happening::Committed(_, Payload::Mark)
        | Happening::Aborted(_)
        | Happening::Prepared(..)
        | Happening::Applied(..)
        | Happening::Granted { .. }
        | Happening::Withdrawn { .. }
        | Happening::Forwarded { .. }
        | Happening::Acknowledged { .. }
        | Happening::Told(..)
        | Happening::Lost(_) => None,
    }
}
