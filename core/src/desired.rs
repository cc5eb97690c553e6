//! What operators ask for. Commands of theirs are fields here, read with everything else; losing
//! or doubling the event that announced one is harmless.

use crate::{
    ids::{BadName, InstanceId, RequestId, Term, VolumeId},
    record::Aside,
};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// What an acknowledged write promises.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// `STRICT_SYNC`: no acknowledged write is lost by the loss of any one part; writes are refused
    /// while no second instance can vote.
    #[default]
    Required,
    /// `SYNC`: the main goes on alone and says so.
    Fast,
}

/// Which instances may vote and become main.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// Any; ordinals 0 and 1 are preferred.
    #[default]
    Any,
    /// Ordinals 0 and 1 only.
    Pair,
}

/// A move of the main on an operator's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SwitchoverRequest {
    /// Which request, so that it is carried out once.
    pub id: RequestId,
    /// Where to; any candidate if not named.
    pub to: Option<InstanceId>,
}

/// An operator's word that the cluster is to go on with an instance, whatever that one lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AcceptedLoss {
    /// Which request, so that it is carried out once.
    pub id: RequestId,
    /// Whom to go on with.
    pub main: InstanceId,
    /// The term of the record of which it was said, or none where there was no record: said of
    /// another one it counts for nothing.
    pub of: Option<Term>,
}

/// An operator's word that the data of an instance is to be set aside, so that it begins anew under
/// its main, or goes on with what was set aside before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResetRequest {
    /// Which request, so that it is carried out once.
    pub id: RequestId,
    /// Whose data.
    pub of: InstanceId,
    /// The volume that its speaker saw: other data is not meant.
    pub volume: VolumeId,
    /// What takes its place; none to begin anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<Aside>,
}

/// Everything operators ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Desired {
    /// How many instances the cluster has.
    pub instances: u8,
    /// What an acknowledged write promises.
    pub durability: Durability,
    /// Who may vote.
    pub authority: Authority,
    /// Whether the vote goes back to ordinals 0 and 1 by itself once they are proven again, at the
    /// price of a pause of writes such as a planned move has. Otherwise it does so when the main
    /// moves next.
    pub vote_returns: bool,
    /// Whether data that branched off is set aside by itself. Otherwise that waits for a person.
    pub sets_aside: bool,
    /// Observe and explain, change nothing.
    pub paused: bool,
    /// Move the main.
    pub switchover: Option<SwitchoverRequest>,
    /// Go on although something may be lost.
    #[serde(default)]
    pub accepts: Option<AcceptedLoss>,
    /// Set the data of an instance aside.
    #[serde(default)]
    pub reset: Option<ResetRequest>,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            instances: 3,
            durability: Durability::default(),
            authority: Authority::default(),
            vote_returns: true,
            sets_aside: true,
            paused: false,
            switchover: None,
            accepts: None,
            reset: None,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::Fast => "fast",
        })
    }
}

impl FromStr for Durability {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match text {
            "required" => Ok(Self::Required),
            "fast" => Ok(Self::Fast),
            _ => Err(BadName::new(text, "required or fast")),
        }
    }
}

impl FromStr for Authority {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        match text {
            "any" => Ok(Self::Any),
            "pair" => Ok(Self::Pair),
            _ => Err(BadName::new(text, "any or pair")),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Pair => "pair",
        })
    }
}
