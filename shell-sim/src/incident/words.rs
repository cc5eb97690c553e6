//! The closed vocabularies of an incident file. This module decides which words exist; it
//! deliberately does not know what a word does to a cluster, and it has no word for "something
//! else": a word outside a list is an error of the file.

use thiserror::Error;

/// A word that is not in its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{found}` is no {what}; expected one of: {}", expected.join(", "))]
pub struct UnknownWord {
    /// What the word should have named.
    pub what: &'static str,
    /// The word as written, shortened when it is long.
    pub found: String,
    /// Every word that would have been right.
    pub expected: &'static [&'static str],
}

impl UnknownWord {
    /// The error for `found` in a vocabulary.
    #[must_use]
    pub fn new(what: &'static str, found: &str, expected: &'static [&'static str]) -> Self {
        Self { what, found: shorten(found), expected }
    }
}

/// At most 80 characters of a text that a message repeats.
pub(super) fn shorten(text: &str) -> String {
    const LIMIT: usize = 80;
    if text.chars().count() <= LIMIT {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LIMIT).collect();
    short.push_str("...");
    short
}

/// Declares a closed vocabulary: an enum whose variants are written as the given words.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident, $what:literal { $($variant:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("Written `", $word, "`.")] $variant,)+
        }

        impl $name {
            /// Every member, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as files write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::incident::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word).ok_or_else(|| {
                    $crate::incident::UnknownWord::new($what, word, Self::WORDS)
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(from)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What sort of record a file is.
    Kind, "kind of file" {
        Incident = "incident",
        Success = "success",
        NearMiss = "near-miss",
        Scenario = "scenario",
        Experiment = "experiment",
        Mechanism = "mechanism",
        Recovery = "recovery",
    }
}

words! {
    /// Who did, or said, what an item tells. `operator` is a person or a test harness.
    Actor, "actor" {
        Controller = "controller",
        Kubernetes = "kubernetes",
        Memgraph = "memgraph",
        Client = "client",
        Gateway = "gateway",
        Operator = "operator",
    }
}

words! {
    /// What an item rests on.
    Evidence, "evidence" {
        Log = "log",
        Table = "table",
        Data = "data",
        Narrative = "narrative",
        ScenarioStep = "scenario-step",
        ExpectedResult = "expected-result",
    }
}

impl Evidence {
    /// Whether the item is an observation that a replay has to match: a log line, a row of a
    /// table or stored data. The others give order and cause only.
    #[must_use]
    pub const fn is_recorded(self) -> bool {
        matches!(self, Self::Log | Self::Table | Self::Data)
    }
}

words! {
    /// The role of an instance, in Memgraph's words.
    Role, "role" {
        Main = "main",
        Replica = "replica",
    }
}

words! {
    /// How a main ships to one replica. Files may write it in either case.
    SyncMode, "sync mode" {
        StrictSync = "STRICT_SYNC",
        Sync = "SYNC",
        Async = "ASYNC",
    }
}

impl SyncMode {
    /// Whether a commit waits for such a replica.
    #[must_use]
    pub const fn is_waited_for(self) -> bool {
        matches!(self, Self::StrictSync | Self::Sync)
    }
}

words! {
    /// The state of a registered replica as its main shows it (MR 2.1), with the `malformed` that
    /// the predecessor wrote for a row it could not read.
    Status, "replica status" {
        Ready = "ready",
        Replicating = "replicating",
        Recovery = "recovery",
        Invalid = "invalid",
        Diverged = "diverged",
        Malformed = "malformed",
    }
}

impl Status {
    /// Whether the replica can come back from it without help: `invalid` is temporary, whatever
    /// `behind` says.
    #[must_use]
    pub const fn is_recoverable(self) -> bool {
        matches!(self, Self::Invalid | Self::Recovery | Self::Replicating)
    }
}
