//! What controllers say of the cluster, the leader before others.

use ha_core::{
    ids::{InstanceId, Term},
    observation::ClusterObservation,
    plan::Plan,
};
use serde::Deserialize;
use serde_json::Value;
use shell_k8s::{
    controller::{Move, Warning},
    operator::{Answer, Operator},
};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What one controller says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Seen {
    /// Its pod or address.
    #[serde(skip)]
    pub(crate) from: String,
    /// Whether it leads.
    pub(crate) leads: bool,
    /// Who leads.
    pub(crate) leader: Option<String>,
    /// The pod of each instance.
    pub(crate) pods: BTreeMap<InstanceId, String>,
    /// What is waited for, in words.
    pub(crate) waits: Vec<Words>,
    /// What it warns of; an older controller warns of nothing.
    #[serde(default)]
    pub(crate) warnings: Vec<Warning>,
    /// What it saw.
    pub(crate) observation: Option<ClusterObservation>,
    /// What it decided.
    pub(crate) plan: Plan,
    /// The moves that it made, and those that it read or was told of.
    pub(crate) moves: Vec<Move>,
    /// All of it, as it was said.
    #[serde(skip)]
    pub(crate) whole: Value,
}

/// A wait in words.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Words {
    pub(crate) rule: String,
    pub(crate) name: String,
    pub(crate) subject: Option<InstanceId>,
    pub(crate) words: String,
}

impl Seen {
    /// What every controller that answers says, the leader first; and why others do not.
    pub(crate) async fn all(operator: &Operator) -> (Vec<Self>, Vec<String>) {
        let mut seen = Vec::new();
        let mut silent: Vec<_> = operator.nobody().into_iter().collect();
        for Answer { from, body } in operator.ask("/v1/status").await {
            match body.map_err(|error| error.to_string()).and_then(|body| Self::read(from, &body)) {
                Ok(one) => seen.push(one),
                Err(why) => silent.push(why),
            }
        }
        seen.sort_by_key(|one| !one.leads);
        (seen, silent)
    }

    /// What the leader says.
    ///
    /// # Errors
    /// None does, and why.
    pub(crate) async fn by_leader(operator: &Operator) -> Result<Self, String> {
        let (seen, silent) = Self::all(operator).await;
        match seen.into_iter().next() {
            Some(first) if first.leads => Ok(first),
            Some(_) => Err(format!("no controller leads; {}", silent.join("; "))),
            None => Err(silent.join("; ")),
        }
    }

    fn read(from: String, body: &str) -> Result<Self, String> {
        let other = |error| format!("{from}: its status is not understood: {error}");
        let whole: Value = serde_json::from_str(body).map_err(other)?;
        let seen = Self::deserialize(&whole).map_err(other)?;
        Ok(Self { from, whole, ..seen })
    }

    /// The pod of an instance.
    pub(crate) fn pod(&self, id: InstanceId) -> String {
        self.pods.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The moves that all of these know of, each once, the latest last, and whose word it is.
    pub(crate) fn moves(seen: &[Self]) -> BTreeMap<Term, (&Self, Move)> {
        let mut moves: BTreeMap<Term, (&Self, Move)> = BTreeMap::new();
        for (one, made) in seen.iter().flat_map(|one| one.moves.iter().map(move |it| (one, it))) {
            moves
                .entry(made.term)
                .and_modify(|(by, known)| {
                    if known.read && !made.read {
                        *by = one;
                    }
                    *known = known.merged(made);
                })
                .or_insert_with(|| (one, made.clone()));
        }
        moves
    }
}

/// A time in milliseconds since 1970, for people: how long ago it was.
pub(crate) fn stamp(wall_ms: u64) -> String {
    let then = UNIX_EPOCH + Duration::from_millis(wall_ms);
    let s = SystemTime::now().duration_since(then).unwrap_or_default().as_secs();
    match s {
        0..120 => format!("{s}s ago"),
        120..7_200 => format!("{}m ago", s / 60),
        7_200..172_800 => format!("{}h ago", s / 3_600),
        _ => format!("{}d ago", s / 86_400),
    }
}
