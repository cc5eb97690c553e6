//! Records of tests.

use ha_core::{
    desired::Durability,
    ids::{BootId, Incarnation, InstanceId, PodUid, StartId, Term, VolumeId},
    record::{Before, Cause, Member, Proof, Record, SCHEMA, Stage},
};
use std::collections::BTreeMap;

fn life(number: u128) -> Incarnation {
    Incarnation {
        pod: PodUid(number),
        start: StartId(number + 100),
        boot: BootId(7),
        volume: VolumeId(9),
    }
}

pub(crate) fn record(term: u32) -> Record {
    let proof = Some(Proof { main: life(1), replica: life(2) });
    Record {
        schema: SCHEMA,
        term: Term(term),
        stage: Stage::Steady,
        cause: Cause::Failover,
        target: InstanceId(1),
        incarnation: life(1),
        members: BTreeMap::from([
            (InstanceId(0), Member { votes: true, proof }),
            (InstanceId(2), Member { votes: false, proof: None }),
        ]),
        before: Some(Before { main: InstanceId(0), incarnation: life(9) }),
        former: [InstanceId(0)].into(),
        resets: [].into(),
        accepted: None,
        answered: None,
        ordered: None,
        durability: Durability::Required,
    }
}
