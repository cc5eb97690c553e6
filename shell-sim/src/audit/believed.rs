//! What a reader of a timeline may believe of the cluster at one point. This module decides which
//! facts are kept and how they are asked for; it deliberately does not know which event brings
//! them, nor any rule.

use crate::incident::{Item, PodBefore, PodName, Role, Status, SyncMode};
use ha_core::leadership::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// A main in one of its lives: the pod and how often it had been recreated.
pub type MainLife = (PodName, u32);

/// The cluster as told so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Believed {
    /// What is told of each pod.
    pub pods: BTreeMap<PodName, PodBelief>,
    /// The stored target, once an item names it.
    pub target: Option<u32>,
    /// The reconcile pass that nothing has ended yet.
    pub pass: Option<Pass>,
    /// The failover that nothing has ended yet.
    pub failover: Option<Failover>,
    /// The last promotion: the pod, where it is named, and the item.
    pub promoted: Option<(Option<PodName>, Mark)>,
    /// The loss of a main that no promotion has answered yet.
    pub loss: Option<Loss>,
    /// Whether clients are cut off.
    pub gateway: Gateway,
    /// Two mains seen at one time and not yet resolved.
    pub dual: bool,
    /// The key under which the target was last written.
    pub key_written: Option<String>,
    /// A rollout of all pods is under way.
    pub rollout: bool,
    /// Some pod was seen going or coming.
    pub restarts: bool,
    /// The hook of some pod has come back.
    pub prestop_done: BTreeSet<PodName>,
    /// When a write was last seen on a pod beside the main.
    pub write_shared_at: Option<Millis>,
}

/// One pod as told so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodBelief {
    /// Its role, and the order of the item that told it (0: the topology before).
    pub role: Option<(Role, u32)>,
    /// Its role was asked for where no address was: what came back is not this pod's.
    pub role_from_nowhere: bool,
    /// It was main at some time.
    pub was_main: bool,
    /// The controller read or set the role in this life.
    pub role_known_to_controller: bool,
    /// Whether it is there.
    pub life: Life,
    /// How often it was recreated.
    pub lives: u32,
    /// It was recreated, and nobody saw it ready since.
    pub recreated_unseen: bool,
    /// Kubernetes has given it no address.
    pub address_missing: bool,
    /// It did not answer when last called.
    pub unreachable: bool,
    /// Kubernetes' readiness.
    pub ready: Option<bool>,
    /// How its main shows it.
    pub status: Option<Status>,
    /// How its main ships to it.
    pub mode: Option<SyncMode>,
    /// The main that it follows.
    pub follows: Option<MainLife>,
    /// Every main that it heard.
    pub heard: BTreeSet<MainLife>,
    /// It was refused as diverged and not seen ready since.
    pub refused: bool,
    /// It became main in this record, so that its registrations are known from the start.
    pub registrations_known: bool,
}

/// Whether a pod is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Life {
    /// As far as is told.
    #[default]
    Present,
    /// Marked for deletion.
    Leaving,
    /// Ended or deleted.
    Gone,
}

/// A point of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The item's order.
    pub order: u32,
    /// Its relative time.
    pub at: Option<Millis>,
}

impl Mark {
    /// The point of an item.
    #[must_use]
    pub const fn of(item: &Item) -> Self {
        Self { order: item.order, at: item.at }
    }

    /// Milliseconds from this point to an item, where both have a stamp.
    #[must_use]
    pub fn until(self, item: &Item) -> Option<Millis> {
        item.at?.checked_sub(self.at?)
    }
}

/// A reconcile pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Its start.
    pub since: Mark,
    /// The target that it read.
    pub target: Option<u32>,
}

/// A failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover {
    /// Its start.
    pub since: Mark,
}

/// The loss of a main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// The first sign of it.
    pub since: Mark,
    /// No replica was fit to follow it, at the start or at some time since.
    pub without_successor: bool,
}

/// Whether clients are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gateway {
    /// Not told.
    #[default]
    Unstated,
    /// No upstream is set.
    Cleared,
    /// Clients reach some instance.
    Set,
}

impl Believed {
    /// The cluster before the first item.
    #[must_use]
    pub fn at_start(topology: &[PodBefore]) -> Self {
        let mut believed = Self::default();
        for before in topology {
            let pod = PodBelief {
                role: before.role.map(|role| (role, 0)),
                was_main: before.role == Some(Role::Main),
                status: before.status,
                mode: before.sync_mode,
                ..PodBelief::default()
            };
            believed.pods.insert(before.pod, pod);
        }
        if let Some(main) = believed.only_main() {
            let life = (main, 0);
            for pod in believed.pods.values_mut() {
                if pod.has_role(Role::Replica) {
                    pod.follows = Some(life);
                    pod.heard.insert(life);
                }
            }
        }
        believed
    }

    /// A pod, if anything is told of it.
    #[must_use]
    pub fn pod(&self, name: PodName) -> Option<&PodBelief> {
        self.pods.get(&name)
    }

    /// The mains that are not known to be gone.
    pub fn mains(&self) -> impl Iterator<Item = PodName> {
        self.pods
            .iter()
            .filter(|(_, pod)| pod.has_role(Role::Main) && pod.life != Life::Gone)
            .map(|(name, _)| *name)
    }

    /// The main, if exactly one is believed in.
    #[must_use]
    pub fn only_main(&self) -> Option<PodName> {
        let mut mains = self.mains();
        let first = mains.next()?;
        mains.next().is_none().then_some(first)
    }

    /// Whether the stored target names a pod.
    #[must_use]
    pub fn is_target(&self, name: PodName) -> bool {
        self.target == Some(name.ordinal)
    }

    /// The pod as the main of its present life.
    #[must_use]
    pub fn main_life(&self, name: PodName) -> MainLife {
        (name, self.pod(name).map_or(0, |pod| pod.lives))
    }

    /// Whether a pod may be asked or ordered anything.
    #[must_use]
    pub fn has_no_address(&self, name: PodName) -> bool {
        self.pod(name).is_some_and(|pod| pod.address_missing)
    }

    /// The pod that an item is about: the one it names, else the one its replica name stands for,
    /// else the only main where the item says that it is about the main.
    #[must_use]
    pub fn subject(&self, item: &Item) -> Option<PodName> {
        let named =
            item.pod.or_else(|| item.facts.replica_name.as_deref().and_then(PodName::of_replica));
        let is_main = item.facts.role_of_pod == Some(Role::Main);
        named.or_else(|| if is_main { self.only_main() } else { None })
    }
}

impl PodBelief {
    /// Whether this is its role, as far as is told.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.role.is_some_and(|(told, _)| told == role)
    }

    /// Whether the timeline itself, not the topology before it, tells of this role.
    #[must_use]
    pub fn was_seen_as(&self, role: Role) -> bool {
        self.role.is_some_and(|(told, order)| told == role && order > 0)
    }

    /// Whether its main waits for it, as far as is told.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.mode.is_some_and(SyncMode::is_waited_for)
    }
}
