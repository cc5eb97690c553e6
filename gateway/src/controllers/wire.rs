//! What gateway and controller say to each other, as JSON. One version for both directions: another
//! one is refused, and says so. Fields that are not known are ignored, so that a newer side may say
//! more within the same version.

use ha_core::{
    grant::{Answer, Question},
    ids::{InstanceId, InstanceRef},
    leadership::Millis,
    observation::Route,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, net::SocketAddr};

/// The version of both messages.
pub const VERSION: u32 = 1;

/// The path at which a controller answers `POST`.
pub const PATH: &str = "/v1/grant";

/// The bytes that a reply may have.
pub const REPLY_BYTES: usize = 256 << 10;

/// What a gateway asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// [`VERSION`].
    pub version: u32,
    /// Evidence, and what the gateway holds.
    pub question: Question,
    /// The question whose answer was taken last.
    pub accepted: Option<u64>,
    /// The tag of the reply that was taken last: as long as the next one would have the same, the
    /// controller may wait.
    pub seen: Option<String>,
    /// For how long it may, in milliseconds.
    pub wait_ms: Millis,
    /// The pod of the gateway, if it has one: from whom nothing is heard any more is sent no clients.
    #[serde(default)]
    pub pod: Option<String>,
}

/// What a controller replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// [`VERSION`].
    pub version: u32,
    /// The grant.
    pub answer: Answer,
    /// Where the main answers Bolt; there if the route is not closed.
    pub main_address: Option<SocketAddr>,
    /// Where reads may go.
    #[serde(default)]
    pub replicas: Vec<Replica>,
    /// Changes with anything here but the number and the length of the grant.
    #[serde(default)]
    pub tag: String,
}

/// A replica that reads may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Which one, in which life.
    pub instance: InstanceRef,
    /// Where it answers Bolt.
    pub address: SocketAddr,
    /// Commits wait for it, so that reads go there last.
    pub votes: bool,
}

/// A reply that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// It is not JSON, or not of this form.
    #[error("the reply is not understood: {0}")]
    Form(String),
    /// Another version.
    #[error("the reply is of version {0}, this gateway speaks {VERSION}")]
    Version(u32),
    /// A route without an address.
    #[error("a route to {0} without its address")]
    NoAddress(InstanceId),
    /// An address that nobody has.
    #[error("{0} as the address of an instance: an IP address and a port are needed")]
    Address(SocketAddr),
    /// The main among the replicas, or one of them twice.
    #[error("{0} is named twice: as the main and a replica, or as two replicas")]
    Twice(InstanceId),
    /// It is longer than a reply is.
    #[error("the reply has more than {REPLY_BYTES} bytes")]
    TooLong,
}

impl Reply {
    /// Reads the JSON of a reply.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(json: &[u8]) -> Result<Self, BadReply> {
        let reply: Self =
            serde_json::from_slice(json).map_err(|error| BadReply::Form(error.to_string()))?;
        reply.check()?;
        Ok(reply)
    }

    /// Whether it makes sense in itself.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), BadReply> {
        if self.version != VERSION {
            return Err(BadReply::Version(self.version));
        }
        let mut named = BTreeSet::new();
        if let Some(main) = self.main() {
            named.insert(main.id);
            if self.main_address.is_none() {
                return Err(BadReply::NoAddress(main.id));
            }
        }
        for address in self.main_address.iter().chain(self.replicas.iter().map(|r| &r.address)) {
            if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
                return Err(BadReply::Address(*address));
            }
        }
        match self.replicas.iter().find(|replica| !named.insert(replica.instance.id)) {
            Some(twice) => Err(BadReply::Twice(twice.instance.id)),
            None => Ok(()),
        }
    }

    /// The main of the route, if there is one.
    #[must_use]
    pub const fn main(&self) -> Option<InstanceRef> {
        match self.answer.route {
            Route::Closed => None,
            Route::Open { main, .. } | Route::Draining { main, .. } => Some(main),
        }
    }
}
