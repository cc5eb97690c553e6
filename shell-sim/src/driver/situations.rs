//! Which kinds of situations controllers decided in: how many a walk met tells where it went better
//! than how long it took.

use crate::{memgraph::RoleName, world::World};
use ha_core::{
    ids::InstanceId,
    plan::Plan,
    record::{Cause, Record, Stage},
};
use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{BuildHasher, BuildHasherDefault, Hash},
    mem::{Discriminant, discriminant},
};

const DIGEST: BuildHasherDefault<DefaultHasher> = BuildHasherDefault::new();

/// Kinds of situations, each by a digest of what tells it from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situations(BTreeSet<u64>);

/// What tells one kind from another: how far which move has come, what runs as what, and what the
/// decision says, by its rules, its effects and its reasons. Which instance it is, terms, lives, times
/// and counts are left out.
#[derive(Hash)]
struct Kind {
    under_way: Option<(Stage, Discriminant<Cause>)>,
    runs: Vec<(Part, Option<RoleName>)>,
    said: BTreeSet<u64>,
}

/// What an instance is to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Target,
    Voter,
    Other,
}

impl Situations {
    /// How many kinds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody has decided yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A controller decided.
    pub(super) fn met(&mut self, world: &World, plan: &Plan) {
        let record = world.api.record();
        let mut runs: Vec<_> = (0u8..)
            .map(InstanceId)
            .map_while(|id| world.body(id).ok().map(|body| (id, body)))
            .map(|(id, body)| {
                let role = if body.frozen { None } else { body.instance.role() };
                (part(record, id), role)
            })
            .collect();
        runs.sort_unstable();
        let steps = plan.steps.iter().map(|step| digest(&(step.rule, step.action.kind())));
        let holds = plan.holds.iter().map(|hold| digest(&(hold.rule, discriminant(&hold.reason))));
        let kind = Kind {
            under_way: record.map(|record| (record.stage, discriminant(&record.cause))),
            runs,
            said: steps.chain(holds).collect(),
        };
        self.0.insert(digest(&kind));
    }
}

fn digest(of: &impl Hash) -> u64 {
    DIGEST.hash_one(of)
}

fn part(record: Option<&Record>, id: InstanceId) -> Part {
    match record {
        Some(record) if record.target == id => Part::Target,
        Some(record) if record.is_voter(id) => Part::Voter,
        Some(_) | None => Part::Other,
    }
}
