//! Ticks and entries, wherever they stand: so that a model can count them from another beginning,
//! and forget what every log has in common.

use super::Instance;
use super::process::{Finding, Live, Main, Process, Role, Running, Task, Work};
use super::rpc::{Rpc, RpcResponse};
use super::volume::{Branch, Entry, Volume};

/// What is done with each tick. Their order and their distances must stay.
pub trait Ticks {
    /// A tick.
    fn tick(&mut self, tick: &mut u64);
}

fn branches(history: &mut [Branch], by: &mut impl Ticks) {
    history.iter_mut().for_each(|branch| by.tick(&mut branch.ldt));
}

impl<P> Entry<P> {
    fn ticks(&mut self, by: &mut impl Ticks) {
        by.tick(&mut self.tick);
    }
}

impl<P> Instance<P> {
    /// Visits every tick, but for those that stand for none.
    pub fn ticks(&mut self, by: &mut impl Ticks) {
        self.volume.ticks(by);
        if let Some(process) = &mut self.process {
            process.ticks(by);
        }
    }

    /// Forgets the first entries of the log, and the epochs that ended before `tick`, which is the
    /// tick of the first entry that stays. Only sensible if no other instance lacks them.
    pub fn forget_entries(&mut self, entries: usize, tick: u64) {
        let volume = &mut self.volume;
        volume.log.drain(..entries.min(volume.log.len()));
        volume.flushed = volume.flushed.saturating_sub(entries);
        if let Some(checkpoint) = &mut volume.checkpoint {
            checkpoint.entries = checkpoint.entries.saturating_sub(entries);
            checkpoint.history.retain(|branch| branch.ldt >= tick);
        }
        if let Some(process) = &mut self.process {
            process.timeline.history.retain(|branch| branch.ldt >= tick);
        }
    }

    /// Forgets what no comparison asks for: of an epoch that ended anything but its last end, of the
    /// present one everything, and how far the clock of a replica is behind its log.
    pub fn forget_epochs(&mut self) {
        let Some(process) = &mut self.process else { return };
        let timeline = &mut process.timeline;
        let (epoch, mut met) = (timeline.epoch, Vec::new());
        timeline.history.reverse();
        timeline.history.retain(|branch| {
            let asked = branch.epoch != epoch && !met.contains(&branch.epoch);
            met.push(branch.epoch);
            asked
        });
        timeline.history.reverse();
        if matches!(process.role, Role::Replica(_)) {
            // A promotion starts it behind the log (MR 2.3).
            timeline.clock = timeline.clock.max(timeline.ldt + 1);
        }
    }

    /// Entries that are not in the log: prepared, in a commit, or on their way to a replica.
    pub fn loose_entries(&self) -> impl Iterator<Item = &Entry<P>> {
        let main = self.as_main();
        let commit = main.and_then(|main| main.commit.as_ref()).map(|commit| &commit.entry);
        let clients = main.map_or(&[][..], |main| &main.clients);
        let lives = clients.iter().filter_map(|client| client.live.as_ref());
        let tasks = lives.flat_map(|live| &live.queue).filter_map(|task| match task {
            Task::Ship { entry, .. } => Some(entry),
            Task::Check | Task::Recover { .. } => None,
        });
        self.prepared().into_iter().chain(commit).chain(tasks)
    }
}

impl<P> Volume<P> {
    fn ticks(&mut self, by: &mut impl Ticks) {
        self.log.iter_mut().for_each(|entry| entry.ticks(by));
        if let Some(checkpoint) = &mut self.checkpoint {
            branches(&mut checkpoint.history, by);
        }
    }
}

impl<P> Process<P> {
    fn ticks(&mut self, by: &mut impl Ticks) {
        branches(&mut self.timeline.history, by);
        by.tick(&mut self.timeline.ldt);
        by.tick(&mut self.timeline.clock);
        match &mut self.role {
            Role::Main(main) => main.ticks(by),
            Role::Replica(replica) => {
                replica.prepared.iter_mut().for_each(|entry| entry.ticks(by));
            }
        }
    }
}

impl<P> Main<P> {
    fn ticks(&mut self, by: &mut impl Ticks) {
        for live in self.clients.iter_mut().filter_map(|client| client.live.as_mut()) {
            live.ticks(by);
        }
        if let Some(commit) = &mut self.commit {
            by.tick(&mut commit.prev_ldt);
            commit.entry.ticks(by);
        }
    }
}

impl<P> Live<P> {
    fn ticks(&mut self, by: &mut impl Ticks) {
        if self.ts > 0 {
            by.tick(&mut self.ts);
        }
        for task in &mut self.queue {
            match task {
                Task::Check => {}
                Task::Recover { after } => by.tick(after),
                Task::Ship { prev_ldt, entry } => {
                    by.tick(prev_ldt);
                    entry.ticks(by);
                }
            }
        }
        match &mut self.running {
            Some(
                Running::Asked(_, Work::Ship { tick })
                | Running::Judging(Finding::Stands(tick) | Finding::Recovered(tick)),
            ) => by.tick(tick),
            Some(Running::Asked(_, Work::Check | Work::Recover)) | None => {}
        }
    }
}

impl<P> Rpc<P> {
    /// Visits every tick of a request.
    pub fn ticks(&mut self, by: &mut impl Ticks) {
        match self {
            Self::FrequentHeartbeat
            | Self::Heartbeat { .. }
            | Self::SwapMainUuid { .. }
            | Self::SystemRecovery { .. } => {}
            Self::PrepareCommit { prev_ldt, entry, .. } => {
                by.tick(prev_ldt);
                entry.ticks(by);
            }
            Self::FinalizeCommit { tick, .. } => by.tick(tick),
            Self::Recover { after, entries, .. } => {
                after.iter_mut().for_each(|tick| by.tick(tick));
                entries.iter_mut().for_each(|entry| entry.ticks(by));
            }
        }
    }

    /// The entries that a request carries.
    #[must_use]
    pub fn entries(&self) -> &[Entry<P>] {
        match self {
            Self::PrepareCommit { entry, .. } => std::slice::from_ref(entry),
            Self::Recover { entries, .. } => entries,
            Self::FrequentHeartbeat
            | Self::Heartbeat { .. }
            | Self::SwapMainUuid { .. }
            | Self::SystemRecovery { .. }
            | Self::FinalizeCommit { .. } => &[],
        }
    }
}

impl RpcResponse {
    /// Visits every tick of an answer.
    pub fn ticks(&mut self, by: &mut impl Ticks) {
        match self {
            Self::Standing(Some(standing)) if standing.ldt > 0 => by.tick(&mut standing.ldt),
            Self::Recovered(Some(tick)) => by.tick(tick),
            Self::Standing(_)
            | Self::Alive
            | Self::Swapped
            | Self::Aligned(_)
            | Self::Prepared(_)
            | Self::Finalized(_)
            | Self::Recovered(None) => {}
        }
    }
}
