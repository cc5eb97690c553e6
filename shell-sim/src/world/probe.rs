//! How a controller looks at an instance over Bolt: what it reaches, and what it is told there.
//! What is told is the truth of that moment; how old it grows is not known here.

use super::{
    Body, Payload, Refused, Step, World,
    mistake::Mistake,
    names::{ControllerNo, Place},
    network::Cut,
};
use crate::memgraph::{self, RoleName};
use ha_core::{
    history::Sample,
    ids::{DatabaseUuid, InstanceId},
    observation::{BoltView, Content, Engine, EngineVersion, RoleView, Row, RowState, SyncMode},
    reading::{Age, Why},
};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Why an instance does not answer this controller, if so: it looks where it last read the
    /// pod's address to be.
    pub(super) fn unreachable(
        &self,
        no: ControllerNo,
        id: InstanceId,
    ) -> Result<Option<Why>, Refused> {
        let believed = self.controller(no)?.pods.get(&id).copied().flatten();
        let Some(address) = believed.and_then(|pod| pod.address) else {
            return Ok(Some(Why::NoAddress));
        };
        let body = self.body(id)?;
        if body.unresolved.is_some() && self.settings.makes(Mistake::ReachesByName) {
            return Ok(Some(Why::NoAddress));
        }
        let (here, there) = (Place::Controller(no), Place::Instance(id));
        let same_place =
            body.powered && body.pod.as_ref().is_some_and(|pod| pod.address == Some(address));
        Ok(match self.network.cut_either_way(here, there) {
            Some(Cut::Silent) => Some(Why::Silent),
            Some(Cut::Refuse) => Some(Why::Refused),
            None if !same_place => Some(Why::Silent),
            None if !body.instance.is_bolt_open() => Some(Why::Refused),
            None if body.frozen => Some(Why::Silent),
            None => body.locked_out.then_some(Why::Unauthorized),
        })
    }

    /// Looks at one instance: everything on one connection.
    pub(super) fn probe(&mut self, no: ControllerNo, id: InstanceId) -> Step {
        let answer = match self.unreachable(no, id)? {
            Some(why) => Err(why),
            None => self.bolt_view(id).ok_or(Why::Refused),
        };
        let volume = answer.is_ok().then(|| self.body(id).map(|body| body.volume)).transpose()?;
        let (process, now) = self.acting(no)?;
        process.take(now, Sample::Bolt { id, answer });
        if let Some(volume) = volume {
            process.take(now, Sample::Volume { id, volume });
        }
        Ok(())
    }

    /// What an instance says of itself over Bolt.
    #[must_use]
    pub fn bolt_view(&self, id: InstanceId) -> Option<BoltView> {
        let body = self.body(id).ok()?;
        let incarnation = body.incarnation()?;
        let config = &body.instance.config;
        let role = match body.instance.role()? {
            RoleName::Replica => RoleView::Replica,
            RoleName::Main => self.main_view(body),
        };
        let writes = |entry: &memgraph::Entry<Payload>| entry.payload.is_write();
        let holds_data = body.instance.log().iter().any(writes);
        Some(BoltView {
            incarnation,
            engine: Engine {
                version: engine_version(config.version),
                wal: config.wal_enabled,
                transactional: true,
                recovers_data: config.recover_data,
                restores_state: config.restore_state,
                flushes_each_commit: config.flush_every <= 1,
                check_period_s: u32::from(config.heartbeats),
            },
            role,
            content: if holds_data { Content::Data } else { Content::Empty },
            database: body.instance.volume.storage_uuid.map(|uuid| DatabaseUuid(uuid.0.into())),
        })
    }

    fn main_view(&self, body: &Body) -> RoleView {
        let mut rows = BTreeMap::new();
        let mut strangers = BTreeSet::new();
        for row in body.instance.rows() {
            let known = u8::try_from(row.name.0).ok().filter(|n| *n < self.settings.instances);
            match known {
                Some(ordinal) => {
                    rows.insert(InstanceId(ordinal), row_view(&row));
                }
                None => {
                    strangers.insert(row.name.to_string());
                }
            }
        }
        RoleView::Main { rows, strangers }
    }

    pub(super) fn is_phantom(&self, on: InstanceId, replica: InstanceId) -> bool {
        self.body(on).is_ok_and(|body| {
            body.instance
                .rows()
                .iter()
                .any(|row| row.name.0 == u16::from(replica.0) && row.data.is_none())
        })
    }
}

const fn engine_version(version: memgraph::Version) -> EngineVersion {
    let minor = match version {
        memgraph::Version::V3_6 => 6,
        memgraph::Version::V3_8 => 8,
        memgraph::Version::V3_10 => 10,
        memgraph::Version::V3_12 => 12,
        memgraph::Version::Head => 13,
    };
    EngineVersion { major: 3, minor }
}

fn row_view(row: &memgraph::Row) -> Row {
    let mode = match row.mode {
        memgraph::SyncMode::StrictSync => SyncMode::StrictSync,
        memgraph::SyncMode::Sync => SyncMode::Sync,
        memgraph::SyncMode::Async => SyncMode::Async,
    };
    let (state, behind) = match row.data {
        None => (RowState::Phantom, 0),
        Some(data) => {
            let state = match data.status {
                memgraph::ReplicaState::MaybeBehind => RowState::Invalid,
                memgraph::ReplicaState::Ready => RowState::Ready,
                memgraph::ReplicaState::Replicating => RowState::Replicating,
                memgraph::ReplicaState::Recovery => RowState::Recovery,
                memgraph::ReplicaState::Diverged => RowState::Diverged,
            };
            (state, data.behind)
        }
    };
    Row { mode, state, behind, since: Age::Fresh, still: Age::Fresh }
}
