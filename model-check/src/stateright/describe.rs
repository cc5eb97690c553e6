//! States and transitions as a person reads them in the Explorer.

use super::{Action, State};
use crate::model::Properties;
use ha_core::observation::Route;
use shell_sim::world::{Fate, World};
use std::fmt;

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acts = self.model.acts(&self.from);
        match acts.get(usize::from(self.edge)) {
            Some((act, None)) => write!(f, "{act}"),
            Some((act, Some(_))) => write!(f, "! {act}"),
            None => write!(f, "transition {}", self.edge),
        }
    }
}

/// What a person wants to know of a state, line by line.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.model.world(&self.packed);
        for name in Properties(self.broken).names() {
            writeln!(f, "the step here breaks {name}")?;
        }
        if self.broken >> 62 != 0 {
            writeln!(f, "the world refused what the model did")?;
        }
        instances(f, &world)?;
        control(f, &world)?;
        for id in world.network.messages.keys() {
            writeln!(f, "on its way: {id}")?;
        }
        for link in world.network.cuts.keys().filter(|link| link.from < link.to) {
            writeln!(f, "cut: {} from {}", link.from, link.to)?;
        }
        for (write, fate) in world.clients.iter().flat_map(|client| &client.writes) {
            writeln!(f, "{write}: {}", word(*fate))?;
        }
        Ok(())
    }
}

fn instances(f: &mut fmt::Formatter<'_>, world: &World) -> fmt::Result {
    for (id, body) in world.instances().zip(&world.bodies) {
        write!(f, "{id}: ")?;
        match (body.runs(), body.instance.role()) {
            (true, Some(role)) => write!(f, "{role:?}")?,
            (true, None) | (false, _) => f.write_str("does not run")?,
        }
        if body.frozen {
            f.write_str(", stands still")?;
        }
        write!(f, ", {} entries", body.instance.volume.log.len())?;
        for row in body.instance.rows() {
            write!(f, "; row {} {:?}", row.name, row.mode)?;
            match row.data {
                Some(data) => write!(f, " {:?}, behind {}", data.status, data.behind)?,
                None => f.write_str(" phantom")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

fn control(f: &mut fmt::Formatter<'_>, world: &World) -> fmt::Result {
    match world.api.record() {
        Some(record) => {
            write!(f, "record: {}, term {}, {:?}", record.target, record.term, record.stage)?;
            let voters: Vec<_> = record.voters().map(|id| id.to_string()).collect();
            writeln!(f, ", voters {}", voters.join(" "))?;
        }
        None => writeln!(f, "no record")?,
    }
    for no in world.controller_numbers() {
        let Ok(process) = world.controller(no) else {
            writeln!(f, "{no}: does not run")?;
            continue;
        };
        let leads = if process.leader.renewal().is_some() { "leads, " } else { "" };
        let route = route(process.history.route());
        let queue = process.queue.len() + usize::from(process.waiting.is_some());
        writeln!(f, "{no}: {leads}{route}, {queue} steps to go")?;
    }
    for gateway in &world.gateways {
        match gateway.live(world.now) {
            Some(grant) => {
                let draining = if grant.draining { ", draining" } else { "" };
                writeln!(f, "gateway: to {} in term {}{draining}", grant.main.id, grant.term)?;
            }
            None => writeln!(f, "gateway: no grant")?,
        }
    }
    Ok(())
}

const fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Pending => "pending",
        Fate::Acked => "acknowledged",
        Fate::Failed => "failed",
        Fate::InDoubt => "in doubt",
        Fate::Held => "held",
    }
}

fn route(route: Route) -> String {
    match route {
        Route::Closed => "route closed".into(),
        Route::Open { term, main } => format!("route open to {} in term {term}", main.id),
        Route::Draining { term, main } => format!("route draining at {} in term {term}", main.id),
    }
}
