//! Where instances are reached, and how they are called among each other. Users know these names from
//! the predecessor (PI 3.1): replica `memgraph_ha_1` is pod `memgraph-ha-1`.

use crate::cluster::Names;
use ha_core::ids::InstanceId;
use std::net::{IpAddr, SocketAddr};

/// The port of Bolt.
const BOLT: u16 = 7687;
/// The port of replication (MR 1.1).
const REPLICATION: u16 = 10_000;

/// Names and addresses of a cluster's instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    names: Names,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Each in its pod, with a name in the headless Service.
    Pods,
    /// All on one address: instance N answers Bolt at the first port + N, and so on.
    Ports { bolt: u16, replication: u16 },
}

impl Endpoints {
    /// Instances in pods of a StatefulSet whose headless Service has its name.
    #[must_use]
    pub const fn pods(names: Names) -> Self {
        Self { names, place: Place::Pods }
    }

    /// Instances that share an address and differ in their ports.
    #[must_use]
    pub const fn ports(names: Names, bolt: u16, replication: u16) -> Self {
        Self { names, place: Place::Ports { bolt, replication } }
    }

    /// The pod of an instance.
    #[must_use]
    pub fn pod(&self, id: InstanceId) -> String {
        self.names.pod(id)
    }

    /// The StatefulSet of the instances.
    #[must_use]
    pub fn set(&self) -> &str {
        self.names.set()
    }

    /// The instance of a pod; none for a name of somebody else's.
    #[must_use]
    pub fn instance_of_pod(&self, pod: &str) -> Option<InstanceId> {
        self.names.instance(pod)
    }

    /// Whether there should be such an instance.
    #[must_use]
    pub const fn has(&self, id: InstanceId) -> bool {
        self.names.has(id)
    }

    /// What an instance is called as a replica.
    #[must_use]
    pub fn replica(&self, id: InstanceId) -> String {
        self.names.replica(id)
    }

    /// The instance that is called so as a replica, also one that should not exist any more; none
    /// for a name of somebody else's.
    #[must_use]
    pub fn instance(&self, replica: &str) -> Option<InstanceId> {
        let ordinal = replica.strip_prefix(&self.names.set().replace('-', "_"))?;
        let id = InstanceId(ordinal.strip_prefix('_')?.parse().ok()?);
        // One spelling only: `_01` is not instance 1.
        (self.replica(id) == replica).then_some(id)
    }

    /// Where an instance answers Bolt, at the address of its pod.
    #[must_use]
    pub fn bolt(&self, id: InstanceId, address: IpAddr) -> SocketAddr {
        let port = match self.place {
            Place::Pods => BOLT,
            Place::Ports { bolt, .. } => bolt.saturating_add(id.0.into()),
        };
        SocketAddr::new(address, port)
    }

    /// The port at which an instance listens as a replica.
    #[must_use]
    pub fn replication_port(&self, id: InstanceId) -> u16 {
        match self.place {
            Place::Pods => REPLICATION,
            Place::Ports { replication, .. } => replication.saturating_add(id.0.into()),
        }
    }

    /// Where a main finds an instance: a name that stays when the address changes (MR 1.1).
    #[must_use]
    pub fn replication(&self, id: InstanceId, address: IpAddr) -> String {
        let port = self.replication_port(id);
        match self.place {
            Place::Pods => format!("{}:{port}", self.names.host(id)),
            Place::Ports { .. } => format!("{address}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new("graphs", "graphs", "memgraph-ha", 3).expect("names")
    }

    #[test]
    fn names_go_both_ways() {
        let names = Endpoints::pods(names());
        for ordinal in [0, 1, 10, 255] {
            let id = InstanceId(ordinal);
            assert_eq!(names.instance(&names.replica(id)), Some(id));
        }
        assert_eq!(names.replica(InstanceId(1)), "memgraph_ha_1");
        for other in [
            "memgraph_ha_01",
            "memgraph_ha_",
            "memgraph_ha",
            "memgraph_hat_1",
            "x_1",
            "memgraph_ha_256",
        ] {
            assert_eq!(names.instance(other), None, "{other}");
        }
    }

    #[test]
    fn a_main_finds_replicas_by_name() {
        let pods = Endpoints::pods(names());
        let here = IpAddr::from([10, 0, 0, 7]);
        assert_eq!(
            pods.replication(InstanceId(2), here),
            "memgraph-ha-2.memgraph-ha.graphs.svc.cluster.local:10000"
        );
        assert_eq!(pods.bolt(InstanceId(2), here).to_string(), "10.0.0.7:7687");
        let ports = Endpoints::ports(names(), 7701, 10_001);
        assert_eq!(ports.bolt(InstanceId(2), here).to_string(), "10.0.0.7:7703");
        assert_eq!(ports.replication(InstanceId(2), here), "10.0.0.7:10003");
    }
}
