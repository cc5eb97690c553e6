//! What the predecessor did on a given day. The policy is one; this module decides which of its
//! later repairs were not there yet, by date alone. It deliberately does not know any incident.

/// The repairs that separate one version of the policy from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Era {
    /// One lock around passes and failovers, a queue between prober and failover, and a pass that
    /// reads the target again after its own failover check: the answer to the race of 2025-09-16.
    pub serialized: bool,
    /// A replica that is not ready, or registered in another mode than the wanted one, is left to
    /// Memgraph. Until the middle of September 2025 it was dropped and registered anew.
    pub keeps_misfits: bool,
    /// Nothing is asked of a pod without an address: the answer to 2025-09-18.
    pub guards_address: bool,
    /// preStop waits for a replica that is `invalid` with `behind` 0 too: the answer to 2025-10-18.
    pub waits_for_invalid: bool,
    /// The deletion of the target main starts no failover. The newest version has it so by design;
    /// records of 2025-10-18 still show a failover attempt one millisecond after the deletion.
    pub ignores_deletion: bool,
    /// A pass leaves pods alone that are not Ready. The newest version does; the records of
    /// 2025-09-18 and 2025-10-18 show pods demoted before they were Ready.
    pub skips_unready: bool,
    /// Clients reach the gateway of the leader alone. In August 2025 every controller served, and
    /// those that did not lead never heard of a new target (the key that they read was misspelt).
    pub only_leader_serves: bool,
    /// An answer without rows leaves a role unknown: the answer to 2025-09-21. Before, it ended the
    /// process.
    pub bears_odd_answers: bool,
    /// preStop waits for the replicas. On 2025-09-25 it still closed the gateway and came back.
    pub waits_in_prestop: bool,
    /// Nothing is registered while another pod is known as main, or pods are missing: the guards of
    /// 2025-09-28.
    pub guards_registration: bool,
}

impl Era {
    /// The version that ran on a day, written `YYYY-MM-DD`; none is the newest.
    #[must_use]
    pub fn on(date: Option<&str>) -> Self {
        // Days in this form compare as text. A repair counts from the day after the record that
        // called for it.
        let after = |day: &str| date.is_none_or(|date| date > day);
        Self {
            serialized: after("2025-09-16"),
            keeps_misfits: after("2025-09-18"),
            guards_address: after("2025-09-18"),
            waits_for_invalid: after("2025-10-18"),
            ignores_deletion: after("2025-10-18"),
            skips_unready: after("2025-10-18"),
            only_leader_serves: after("2025-08-29"),
            bears_odd_answers: after("2025-09-21"),
            waits_in_prestop: after("2025-09-25"),
            guards_registration: after("2025-09-27"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_come_one_after_the_other() {
        let at = |day| Era::on(Some(day));
        assert!(!at("2025-09-16").serialized && at("2025-09-17").serialized);
        assert!(!at("2025-09-18").guards_address && at("2025-09-19").guards_address);
        assert!(!at("2025-10-18").waits_for_invalid && at("2025-10-19").waits_for_invalid);
        assert_eq!(Era::on(None), at("2026-01-01"));
    }
}
