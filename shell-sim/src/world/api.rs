//! The API server: the record object and the lease, each with its versions. It compares and sets;
//! it knows nothing of what the content means.

use super::{
    Step, World,
    happening::Happening,
    mistake::Mistake,
    names::{ControllerNo, Kind, Place},
    network::Body,
};
use ha_core::{
    ids::{ControllerId, InstanceRef, ResourceVersion},
    leadership::{LeaseSample, Millis},
    observation::{RecordContent, StoredRecord},
    record::{Record, SCHEMA},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many old versions of an object a stale read can still see.
const KEPT: usize = 4;

/// The API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Api {
    /// Whether it answers.
    pub up: bool,
    /// The last version given to any object.
    pub version: ResourceVersion,
    /// Versions of the record object, the present one last. Before the first there is none.
    pub records: Vec<(ResourceVersion, Record)>,
    /// Versions of the lease, the present one last.
    pub leases: Vec<LeaseSample>,
}

impl Default for Api {
    fn default() -> Self {
        Self { up: true, version: ResourceVersion(0), records: Vec::new(), leases: Vec::new() }
    }
}

fn back<T>(versions: &[T], stale: u8) -> Option<&T> {
    let last = versions.len().checked_sub(1)?;
    versions.get(last.checked_sub(usize::from(stale))?)
}

fn push<T>(versions: &mut Vec<T>, newest: T) {
    if versions.len() == KEPT {
        versions.remove(0);
    }
    versions.push(newest);
}

impl Api {
    /// The present record.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.records.last().map(|(_, record)| record)
    }

    /// The record object as a read that many versions behind finds it. `None`: that old a version
    /// cannot be seen any more.
    pub(super) fn stored(&self, stale: u8) -> Option<StoredRecord> {
        if let Some((version, record)) = back(&self.records, stale) {
            let content = if record.schema > SCHEMA {
                RecordContent::Newer { schema: record.schema }
            } else {
                RecordContent::Record(Box::new(record.clone()))
            };
            return Some(StoredRecord { version: Some(*version), content });
        }
        let before_the_first =
            self.records.len() < KEPT && usize::from(stale) == self.records.len();
        before_the_first.then_some(StoredRecord { version: None, content: RecordContent::Absent })
    }

    /// The lease as a read that many versions behind finds it.
    pub(super) fn lease(&self, stale: u8) -> Option<LeaseSample> {
        back(&self.leases, stale).cloned()
    }

    /// Somebody who is no controller writes the record.
    pub(super) fn rewrite(&mut self, record: Record) {
        let version = self.next();
        push(&mut self.records, (version, record));
    }

    fn next(&mut self) -> ResourceVersion {
        self.version.0 += 1;
        self.version
    }
}

impl World {
    pub(super) fn record_write_arrived(
        &mut self,
        from: Place,
        (by, ticket): (ControllerId, u32),
        expected: Option<ResourceVersion>,
        record: Record,
        out: &mut Vec<Happening>,
    ) {
        let present = self.api.records.last().map(|(version, _)| *version);
        let fits = present == expected || self.settings.makes(Mistake::WritesOverTheRecord);
        let version = fits.then(|| {
            let version = self.api.next();
            let (term, stage) = (record.term, record.stage);
            let first = self.api.record().is_none_or(|old| (old.term, old.stage) != (term, stage));
            out.push(Happening::RecordWritten { term, stage, first });
            push(&mut self.api.records, (version, record));
            version
        });
        if version.is_some() {
            self.note_votes();
        }
        if version.is_none() {
            out.push(Happening::RecordConflict(from));
        }
        self.answer_writer(Kind::Record, from, by, Body::RecordAnswer { ticket, version });
    }

    /// The pod of an instance whose data is to be set aside ends, so that its next start does it. A
    /// pod that is another by now is left alone, however late the order comes.
    pub(super) fn set_aside_arrived(
        &mut self,
        from: Place,
        (by, ticket): (ControllerId, u32),
        on: InstanceRef,
        out: &mut Vec<Happening>,
    ) -> Step {
        let body = self.body(on.id)?;
        let meant = body.pod.as_ref().is_some_and(|pod| pod.uid == on.incarnation.pod);
        if meant && body.runs() {
            self.crash(on.id, out)?;
        }
        let version = meant.then_some(self.api.version);
        self.answer_writer(Kind::SetAside, from, by, Body::RecordAnswer { ticket, version });
        Ok(())
    }

    pub(super) fn lease_write_arrived(
        &mut self,
        from: Place,
        by: ControllerId,
        expected: Option<ResourceVersion>,
        (release, members): (bool, BTreeSet<ControllerId>),
        sent: Millis,
        out: &mut Vec<Happening>,
    ) {
        let before = self.api.leases.last().map(|lease| (lease.version, lease.holder));
        let holder = (!release).then_some(by);
        let lease = (before.map(|(version, _)| version) == expected).then(|| {
            let lease = LeaseSample { version: self.api.next(), holder, members };
            let stored = self.stored_lease(&lease);
            push(&mut self.api.leases, stored);
            lease
        });
        if lease.is_none() {
            out.push(Happening::LeaseConflict(from));
        } else if before.and_then(|(_, holder)| holder) != holder {
            out.push(Happening::LeaseTaken { by: from, released: release });
        }
        let answer = Body::LeaseAnswer { sent, lease };
        self.answer_writer(Kind::Lease, from, by, answer);
    }

    /// Answers the process that wrote, if it still lives.
    fn answer_writer(&mut self, kind: Kind, to: Place, by: ControllerId, answer: Body) {
        if let Place::Controller(no) = to
            && self.controller(no).is_ok_and(|process| process.me() == by)
        {
            self.network.send(kind, true, Place::Api, to, answer);
        }
    }

    /// Whether a controller can read from the API server now.
    #[must_use]
    pub fn api_reads(&self, no: ControllerNo) -> bool {
        self.api.up && self.network.cut_either_way(Place::Controller(no), Place::Api).is_none()
    }
}
