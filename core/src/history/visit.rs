//! What stands in a history, for [`crate::visit`], and what of it the next round replaces.

use super::{History, InstanceHistory, Seen};
use crate::{
    ids::{BootId, Incarnation, InstanceId, PodUid, StartId, VolumeId},
    leadership::Millis,
    observation::{
        BoltView, Container, Content, Engine, EngineVersion, Memory, RoleView, Route, RowState,
    },
    reading::Why,
    record::Record,
    visit::{Moment, Visitor},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
};

fn visit_moment<T>(seen: &mut Seen<T>, what: Moment, by: &mut impl Visitor) {
    by.moment(what, &mut seen.at);
}

impl InstanceHistory {
    fn visit(&mut self, by: &mut impl Visitor) {
        if let Some(pod) = &mut self.pod {
            visit_moment(pod, Moment::PodRead, by);
            if let Some(pod) = &mut pod.value {
                pod.visit(by);
            }
        }
        if let Some(bolt) = &mut self.bolt {
            visit_moment(bolt, Moment::Answered, by);
            bolt.value.visit(by);
        }
        if let Some(volume) = &mut self.volume {
            visit_moment(volume, Moment::VolumeRead, by);
        }
        if let Some(unreached) = &mut self.unreached {
            visit_moment(unreached, Moment::Unreached, by);
        }
        for (state, behind) in self.rows.values_mut() {
            visit_moment(state, Moment::RowState, by);
            visit_moment(behind, Moment::RowBehind, by);
        }
    }

    /// The next look replaces an answer, or finds none: then only that it was a replica's counts,
    /// or whose rows have been as they are since before this tick.
    fn forget_replaced(&mut self, now: Millis, certain: &Certain<'_>) {
        let recent = |at: Millis| now.saturating_sub(at) < certain.tick;
        if !certain.looks_are_whole {
            return;
        }
        self.volume = None;
        if let Some(pod) = self.pod.as_mut().filter(|_| certain.pods_are_read) {
            pod.at = now;
            if let Some(pod) = &mut pod.value {
                pod.container = Container::Waiting;
                pod.deleting = false;
            }
        }
        self.unreached.take_if(|seen| recent(seen.at));
        if let Some(seen) = &mut self.unreached {
            seen.value = Why::Silent;
        }
        self.rows.retain(|_, (state, behind)| {
            // Nothing asks since when a row is ready, or even.
            let forgotten = RowState::Unrecognized(String::new());
            let ready = state.value == RowState::Ready && behind.value <= 0;
            let ready = ready || recent(state.at) || state.value == forgotten;
            let even = behind.value == 0 || recent(behind.at) || behind.value == FORGOTTEN;
            if ready {
                *state = Seen { value: forgotten, at: now };
            }
            if even {
                *behind = Seen { value: FORGOTTEN, at: now };
            }
            !ready || !even
        });
        let rows = !self.rows.is_empty();
        if let Some(bolt) = &mut self.bolt {
            bolt.at = now;
            bolt.value = BoltView {
                incarnation: if rows { bolt.value.incarnation } else { NOBODY },
                engine: ENGINE,
                role: match bolt.value.role {
                    RoleView::Replica => RoleView::Replica,
                    RoleView::Main { .. } => {
                        RoleView::Main { rows: BTreeMap::new(), strangers: BTreeSet::new() }
                    }
                },
                content: Content::Uncounted,
                database: None,
            };
        }
    }
}

/// A lag that no row has.
const FORGOTTEN: i64 = i64::MIN;

const NOBODY: Incarnation =
    Incarnation { pod: PodUid(0), start: StartId(0), boot: BootId(0), volume: VolumeId(0) };

const ENGINE: Engine = Engine {
    version: EngineVersion::SUPPORTED_FROM,
    wal: true,
    transactional: true,
    recovers_data: true,
    restores_state: true,
    flushes_each_commit: true,
    check_period_s: 1,
};

/// What is certain of everything that can still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certain<'a> {
    /// One look comes before each decision, and one before so much time passes; 0 if the latter is
    /// not certain.
    pub tick: Millis,
    /// Whether no look leaves anything out.
    pub looks_are_whole: bool,
    /// Whether every look reads the pods.
    pub pods_are_read: bool,
    /// The lives that still run; a life that ended does not come back.
    pub lives: &'a [Incarnation],
}

impl Memory {
    /// What was done to a life that ended tells nothing of any other.
    fn forget_ended(&mut self, lives: &[Incarnation]) {
        self.registered
            .retain(|_, made| lives.contains(&made.main) && lives.contains(&made.replica));
        self.commit.take_if(|commit| !lives.contains(&commit.main));
        if let Some(commit) = &mut self.commit {
            commit.replicas.retain(|_, life| lives.contains(life));
        }
    }
}

impl History {
    /// Visits every identity and every moment.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        self.instances.values_mut().for_each(|entry| entry.visit(by));
        if let Some(record) = &mut self.record {
            visit_moment(record, Moment::RecordRead, by);
            record.value.visit(by);
        }
        visit_moment(&mut self.route, Moment::RouteSet, by);
        self.route.value.visit(by);
        if let Some(at) = &mut self.last_byte {
            by.moment(Moment::LastByte, at);
        }
        self.memory.visit(by);
        if let Some(sent) = &mut self.confirmed {
            by.moment(Moment::RecordRead, sent);
        }
    }

    /// The record as last read, to be changed.
    pub fn record_mut(&mut self) -> Option<&mut Record> {
        self.record.as_mut()?.value.record_mut()
    }

    /// By how much the row of `replica` on `main` was behind when it was read last, to be changed; nothing
    /// where it is not remembered.
    pub fn lag_mut(&mut self, main: InstanceId, replica: InstanceId) -> Option<&mut i64> {
        let (_, behind) = self.instances.get_mut(&main)?.rows.get_mut(&replica)?;
        (behind.value != FORGOTTEN).then_some(&mut behind.value)
    }

    /// Forgets a write of the record that was sent before the lease was acquired, or without it:
    /// it makes nothing miss that was sent since.
    pub fn forget_confirmed(&mut self, acquired: Option<Millis>) {
        self.confirmed.take_if(|sent| acquired.is_none_or(|acquired| *sent < acquired));
    }

    /// Whether anybody ever looked at an instance.
    #[must_use]
    pub fn has_looked(&self) -> bool {
        !self.instances.is_empty()
    }

    /// Forgets the record: where it is read anew before anything rests on it.
    pub fn forget_record(&mut self) {
        self.record = None;
    }

    /// Forgets what makes no difference to any decision from `now` on: the content of old answers,
    /// what gateways said, what was done to lives that ended.
    pub fn forget_replaced(&mut self, now: Millis, certain: &Certain<'_>) {
        self.instances.values_mut().for_each(|entry| entry.forget_replaced(now, certain));
        self.memory.forget_ended(certain.lives);
        self.last_byte = None;
        self.open_transactions = false;
        if !matches!(self.route.value, Route::Draining { .. }) {
            self.route.at = now;
        }
    }
}
