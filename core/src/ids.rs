//! Names of things: instances, controllers, gateways, the lives of a process, terms and versions.
//! Newtypes only; what a name points at is known by nobody here.

use alloc::{format, string::String};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// A text that is not a name of the kind expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {expected}")]
pub struct BadName {
    /// What was read.
    pub found: String,
    /// What would be right.
    pub expected: &'static str,
}

impl BadName {
    /// `found` where `expected` would be right.
    #[must_use]
    pub fn new(found: &str, expected: &'static str) -> Self {
        Self { found: found.into(), expected }
    }
}

/// The text form of a name.
pub fn text(name: &impl fmt::Display) -> String {
    format!("{name}")
}

/// Declares a small number with a prefix (`mg-0`), written as text in files and as map keys. Where
/// it is used, `fmt`, `FromStr` and serde's two derives are in scope.
#[macro_export]
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub $inner);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = $crate::ids::BadName;
            fn from_str(text: &str) -> Result<Self, $crate::ids::BadName> {
                text.strip_prefix($prefix)
                    .and_then(|n| n.parse().ok())
                    .map(Self)
                    .ok_or_else(|| $crate::ids::BadName::new(text, $expected))
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                $crate::ids::text(&name)
            }
        }
        impl TryFrom<String> for $name {
            type Error = $crate::ids::BadName;
            fn try_from(text: String) -> Result<Self, $crate::ids::BadName> {
                text.parse()
            }
        }
    };
}

numbered! {
    /// One Memgraph instance of the cluster: the ordinal of its pod.
    InstanceId(u8), "mg-", "an instance such as mg-0"
}
numbered! {
    /// One gateway process. A process that starts gets an id of its own: what was granted to the one
    /// before it is not cleared by what it says.
    GatewayId(u32), "gw-", "a gateway such as gw-0"
}

impl GatewayId {
    /// Its place in a list of gateways that are numbered from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl From<u8> for GatewayId {
    fn from(number: u8) -> Self {
        Self(number.into())
    }
}

/// Declares an opaque identifier, written in hexadecimal; dashes of a UUID are accepted and ignored.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub u128);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:x}", self.0)
            }
        }
        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                u128::from_str_radix(&text.replace('-', ""), 16)
                    .map(Self)
                    .map_err(|_| BadName { found: text.into(), expected: "a hexadecimal identifier" })
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                format!("{name}")
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }
    };
}

opaque! {
    /// The uid of a pod: tells two lives of one pod name apart.
    PodUid
}
opaque! {
    /// An unbroken run of the kernel below one volume. The manifest on the volume keeps it: it is
    /// minted anew when the volume is, and when a process starts under another kernel boot than
    /// the process before. While it stays the same, what was written survives, flushed or not.
    BootId
}
opaque! {
    /// A volume. The manifest on it keeps this: minted when the volume is new, and when its data was
    /// set aside.
    VolumeId
}
opaque! {
    /// One start of a process, read on the same connection as whatever it vouches for
    /// (the server name of the Bolt greeting).
    StartId
}
opaque! {
    /// The uuid of a database; a main and a replica with different ones hold foreign data (MR 1.5).
    DatabaseUuid
}
opaque! {
    /// A controller: the uid of its pod together with a number of its process.
    ControllerId
}
opaque! {
    /// A request of an operator, so that it is carried out once.
    RequestId
}

/// One life of an instance: its pod, its process, its volume, and the run of the kernel below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation {
    /// The pod.
    pub pod: PodUid,
    /// The start of the process.
    pub start: StartId,
    /// The run of the kernel below the volume.
    pub boot: BootId,
    /// The volume.
    pub volume: VolumeId,
}

impl Incarnation {
    /// Whether everything that `earlier` had written is there in this life: only processes and
    /// pods ended in between, on the same volume under the same run of the kernel.
    #[must_use]
    pub fn keeps_writes_of(&self, earlier: &Self) -> bool {
        self.boot == earlier.boot && self.volume == earlier.volume
    }

    /// The same for what had been flushed: whatever ended in between, it is the same volume.
    #[must_use]
    pub fn keeps_flushed_of(&self, earlier: &Self) -> bool {
        self.volume == earlier.volume
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pod, start, boot, volume } = self;
        write!(f, "pod {pod} start {start} boot {boot} volume {volume}")
    }
}

/// An instance in one of its lives. Whatever acts on an instance names one of these, so that a
/// command that was meant for an earlier life is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceRef {
    /// Which instance.
    pub id: InstanceId,
    /// In which life.
    pub incarnation: Incarnation,
}

impl fmt::Display for InstanceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}

/// The number of a main's reign, ours: it only grows, and whoever moves the main raises it first.
/// Not Memgraph's epoch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Term(pub u32);

impl Term {
    /// The term after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The version of one object in the API server. Writes compare it for equality; readers tell by its
/// order which of two readings of the same object is the later one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct ResourceVersion(pub u64);
