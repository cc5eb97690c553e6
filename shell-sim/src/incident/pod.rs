//! Names of Memgraph pods as incident files write them. This module decides which names are names;
//! it deliberately does not know how many pods a cluster has.

use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The two sets of pods that incidents come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `memgraph-ha-N`, kept by a controller.
    Ha,
    /// `memgraph-sandbox-N`, worked by hand.
    Sandbox,
}

impl Family {
    const ALL: [Self; 2] = [Self::Ha, Self::Sandbox];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Ha => "memgraph-ha-",
            Self::Sandbox => "memgraph-sandbox-",
        }
    }
}

/// The name of one Memgraph pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodName {
    /// Which set it belongs to.
    pub family: Family,
    /// Its place in the set, from 0.
    pub ordinal: u32,
}

/// What a wrong pod name is told.
pub(super) const POD_NAMES: &str = "`memgraph-ha-N` or `memgraph-sandbox-N`";

impl PodName {
    /// A pod of the set that a controller keeps.
    #[must_use]
    pub const fn ha(ordinal: u32) -> Self {
        Self { family: Family::Ha, ordinal }
    }

    /// The pod that a replica name stands for (`memgraph_ha_1`); other names say nothing.
    #[must_use]
    pub fn of_replica(name: &str) -> Option<Self> {
        if name.contains('-') {
            return None;
        }
        name.replace('_', "-").parse().ok()
    }

    /// Whether the pod is one of the two that the predecessor lets be main or sync replica.
    #[must_use]
    pub const fn is_of_pair(self) -> bool {
        self.ordinal < 2
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.family.prefix(), self.ordinal)
    }
}

/// The text is not the name of a Memgraph pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {POD_NAMES}")]
pub struct NotAPod;

impl FromStr for PodName {
    type Err = NotAPod;

    fn from_str(text: &str) -> Result<Self, NotAPod> {
        for family in Family::ALL {
            if let Some(number) = text.strip_prefix(family.prefix()) {
                let ordinal = number.parse().map_err(|_| NotAPod)?;
                let name = Self { family, ordinal };
                return if name.to_string() == text { Ok(name) } else { Err(NotAPod) };
            }
        }
        Err(NotAPod)
    }
}

impl Serialize for PodName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_form_is_a_name() {
        assert_eq!("memgraph-ha-2".parse(), Ok(PodName::ha(2)));
        assert_eq!(PodName::of_replica("memgraph_ha_1"), Some(PodName::ha(1)));
        assert_eq!(PodName::of_replica("replica_1"), None);
        assert_eq!(PodName::of_replica("memgraph-ha-1"), None);
        for text in ["memgraph-ha-", "memgraph-ha-01", "memgraph-ha-+1", "pod-0", "ha-0", ""] {
            assert_eq!(text.parse::<PodName>(), Err(NotAPod), "{text}");
        }
    }
}
