//! Forgets what all logs have in common and counts ticks from there, so that a cluster that
//! recovered from anything is again what it was before, and not older.

use super::{Body, Fate, MessageBody, Payload, World, WriteId};
use crate::memgraph::{Answer, Client, Ticks};
use ha_core::ids::InstanceId;
use std::collections::BTreeSet;

/// The tick of the oldest entry that is kept.
const BEGINNING: u64 = 2;

struct Least(u64);

impl Ticks for Least {
    fn tick(&mut self, tick: &mut u64) {
        self.0 = self.0.min(*tick);
    }
}

struct Shift(u64);

impl Ticks for Shift {
    fn tick(&mut self, tick: &mut u64) {
        *tick -= self.0;
    }
}

impl World {
    /// Forgets what every log holds for good. Nothing may happen from now on that takes what was
    /// flushed from a volume.
    pub fn forget_common_log(&mut self) {
        let common = self.common_entries();
        if let Some(last) = common.checked_sub(1) {
            self.settle_entries(common);
            let tick = self.bodies.first().and_then(|body| body.instance.volume.log.get(last));
            if let Some(tick) = tick.map(|entry| entry.tick) {
                for body in &mut self.bodies {
                    body.instance.forget_entries(last, tick);
                }
            }
        }
        self.bodies.iter_mut().for_each(|body| body.instance.forget_epochs());
        self.count_from_the_beginning();
    }

    /// How many entries at the beginning all logs have flushed and in common, up to one that may
    /// still come to something.
    fn common_entries(&self) -> usize {
        let logs = || self.bodies.iter().map(|body| &body.instance.volume);
        let flushed = logs().map(|volume| volume.flushed).min().unwrap_or(0);
        let Some(first) = logs().next() else { return 0 };
        let same = |at: &usize| {
            let entry = first.log.get(*at);
            entry.is_some()
                && logs().all(|volume| volume.log.get(*at) == entry)
                && entry.is_some_and(|entry| self.is_past(entry.payload))
        };
        (0..flushed).take_while(same).count()
    }

    /// Whether nothing can come any more of what an entry of all logs changed.
    fn is_past(&self, payload: Payload) -> bool {
        let Payload::Write(write) = payload else { return true };
        let fate = self.clients.iter().find_map(|client| client.writes.get(&write));
        matches!(fate, Some(Fate::Acked | Fate::InDoubt) | None) && !self.is_under_way(write)
    }

    fn is_under_way(&self, write: WriteId) -> bool {
        let is = |payload: &Payload| *payload == Payload::Write(write);
        let loose = self.bodies.iter().flat_map(|body| body.instance.loose_entries());
        let carried = self.network.messages.values().flat_map(|message| {
            if let MessageBody::Rpc { request, .. } = message { request.entries() } else { &[] }
        });
        loose.chain(carried).any(|entry| is(&entry.payload))
            || self.clients.iter().any(|client| {
                client.doing.is_some() && client.writes.get(&write) == Some(&Fate::Pending)
            })
    }

    /// The writes in the first entries are everywhere, whatever their clients were told.
    fn settle_entries(&mut self, common: usize) {
        for body in &mut self.bodies {
            for entry in body.instance.volume.log.iter_mut().take(common) {
                if let Payload::Write(write) = entry.payload {
                    entry.payload = Payload::Mark;
                    for client in &mut self.clients {
                        client.writes.remove(&write);
                    }
                    self.truth.undecided.remove(&write);
                    self.truth.unflushed.remove(&write);
                    self.truth.alone.remove(&write);
                }
            }
        }
    }

    fn count_from_the_beginning(&mut self) {
        let mut least = Least(u64::MAX);
        self.ticks(&mut least);
        if least.0 == u64::MAX || least.0 <= BEGINNING {
            return;
        }
        let by = least.0 - BEGINNING;
        self.ticks(&mut Shift(by));
        // A replica that has not answered yet is behind by the whole log (MR 2.3).
        let unheard = self.unheard();
        self.change_lags(|row| unheard.contains(&row), |lag| *lag += by.cast_signed());
    }

    /// Lags that controllers remember of replicas which have answered by now become the same for all,
    /// but for their sign. Such a lag may be over the whole log, from before the answer, and then its
    /// number rests on when the log was last counted from its beginning. Nothing compares it but with
    /// the next lag that is read, which is over a part of the log, and another in any case.
    pub fn level_lags(&mut self) {
        let unheard = self.unheard();
        self.change_lags(|row| !unheard.contains(&row), |lag| *lag = (*lag).max(-1));
    }

    /// Mains with the replicas that have not answered them.
    fn unheard(&self) -> BTreeSet<(InstanceId, InstanceId)> {
        let replica = |client: &Client<Payload>| {
            InstanceId(u8::try_from(client.registration.name.0).unwrap_or(u8::MAX))
        };
        let of = |(main, body): (InstanceId, &Body)| {
            let clients = body.instance.as_main().map_or(&[][..], |main| &main.clients);
            let unheard = clients.iter().filter(|c| c.live.as_ref().is_some_and(|l| l.ts == 0));
            unheard.map(|client| (main, replica(client))).collect::<Vec<_>>()
        };
        (0..).map(InstanceId).zip(&self.bodies).flat_map(of).collect()
    }

    fn change_lags(
        &mut self,
        of: impl Fn((InstanceId, InstanceId)) -> bool,
        change: impl Fn(&mut i64),
    ) {
        let ids = || (0..).map(InstanceId).take(self.bodies.len());
        let rows: Vec<_> = ids()
            .flat_map(|main| ids().map(move |replica| (main, replica)))
            .filter(|row| of(*row))
            .collect();
        for process in self.controllers.iter_mut().filter_map(|it| it.process.as_mut()) {
            for (main, replica) in &rows {
                if let Some(lag) = process.history.lag_mut(*main, *replica) {
                    change(lag);
                }
            }
        }
    }

    fn ticks(&mut self, by: &mut impl Ticks) {
        self.bodies.iter_mut().for_each(|body| body.instance.ticks(by));
        for message in self.network.messages.values_mut() {
            if let MessageBody::Rpc { request, .. } = message {
                request.ticks(by);
            } else if let MessageBody::RpcAnswer { answer: Ok(response), .. } = message {
                response.ticks(by);
            } else if let MessageBody::Answer { answer: Answer::Committed { tick, .. }, .. } =
                message
            {
                by.tick(tick);
            }
        }
    }
}
