//! The machine knows names of replicas and addresses by number; the texts that users typed are
//! known here.

use crate::cypher::ast::Address;
use shell_sim::memgraph::{Endpoint, ReplicaName};

/// Texts by number. A number is never given again while the process lives.
#[derive(Debug, Default)]
pub(crate) struct Names {
    replicas: Vec<String>,
    addresses: Vec<Address>,
}

impl Names {
    /// The number of no replica's name.
    pub(crate) const NO_REPLICA: ReplicaName = ReplicaName(u16::MAX);

    /// The number of a replica's name, if it has one.
    pub(crate) fn known_replica(&self, name: &str) -> Option<ReplicaName> {
        let at = self.replicas.iter().position(|known| known == name)?;
        u16::try_from(at).ok().map(ReplicaName)
    }

    /// The number of a replica's name; none when all 65 535 are given.
    pub(crate) fn number_replica(&mut self, name: &str) -> Option<ReplicaName> {
        if let Some(known) = self.known_replica(name) {
            return Some(known);
        }
        let next = u16::try_from(self.replicas.len()).ok().map(ReplicaName);
        let next = next.filter(|next| *next != Self::NO_REPLICA)?;
        self.replicas.push(name.to_owned());
        Some(next)
    }

    /// The number of an address; none when all 65 536 are given.
    pub(crate) fn number_address(&mut self, address: &Address) -> Option<Endpoint> {
        let found = self.addresses.iter().position(|known| known == address);
        let at = match found {
            Some(at) => at,
            None if self.addresses.len() > usize::from(u16::MAX) => return None,
            None => {
                self.addresses.push(address.clone());
                self.addresses.len() - 1
            }
        };
        u16::try_from(at).ok().map(Endpoint)
    }

    /// A replica's name as it was typed.
    pub(crate) fn replica(&self, name: ReplicaName) -> String {
        self.replicas.get(usize::from(name.0)).cloned().unwrap_or_else(|| name.to_string())
    }

    /// An address as it was typed.
    pub(crate) fn address(&self, endpoint: Endpoint) -> Address {
        self.addresses
            .get(usize::from(endpoint.0))
            .cloned()
            .unwrap_or_else(|| Address { host: endpoint.to_string(), port: 0 })
    }
}
