//! Which act past the controllers a walk chooses. It chooses none that takes away what the promise
//! rests on: a voter's row or the main's role by hand, a write past the gateways, an older copy of a volume, or every
//! instance but one.

use super::Chance;
use crate::{
    memgraph::{SyncMode, Version},
    world::{Act, ByHand, World},
};
use ha_core::ids::InstanceId;

/// Versions that a rolling update may mix.
const SUPPORTED: &[Version] = &[Version::V3_8, Version::V3_10, Version::V3_12, Version::Head];

/// An act on this instance, or on the whole cluster.
pub(super) fn choose(world: &World, chance: &mut Chance, id: InstanceId) -> Act {
    let rests = world.body(id).is_ok_and(|body| !body.runs());
    match chance.below(8) {
        _ if rests && chance.once_in(2) => Act::Forget(id),
        0 => Act::LockOut(id, true),
        1 => Act::Names(false),
        2 => {
            let fewer = chance.below(u64::from(world.settings.instances.saturating_sub(1)).max(1));
            Act::Scale(u8::try_from(fewer + 2).unwrap_or(2).min(world.settings.instances))
        }
        3 => Act::TouchRecord,
        4 => Act::Engine(id, chance.pick(SUPPORTED).copied().unwrap_or(Version::V3_10)),
        5 if world.api.record().is_none_or(|record| record.target != id) => {
            Act::ByHand(id, ByHand::Demote)
        }
        5 | 6 => {
            let next = InstanceId((id.0 + 1) % world.settings.instances.max(1));
            Act::ByHand(id, ByHand::Register(next, SyncMode::Async))
        }
        _ => Act::ByHand(id, ByHand::Promote),
    }
}
