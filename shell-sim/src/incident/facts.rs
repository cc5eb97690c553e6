//! The part of an item's `data` that many events share, typed. This module decides which keys mean
//! the same wherever they stand; it deliberately leaves every other key to the raw map.

use super::{
    error::Problem,
    pod::{POD_NAMES, PodName},
    value::{Data, Value},
    words::{Role, Status, SyncMode, UnknownWord, shorten},
};
use serde::Serialize;

/// Typed common data. `None` and empty are "not stated".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Facts {
    /// `role`: the role that was read or taken.
    pub role: Option<Role>,
    /// `role_of_pod`: the role of the pod concerned, told beside the event.
    pub role_of_pod: Option<Role>,
    /// `current_role`: the role on which an effect rests.
    pub current_role: Option<Role>,
    /// `status`: how a main shows the replica.
    pub status: Option<Status>,
    /// `behind` (MR 2.3).
    pub behind: Option<i64>,
    /// `ts` (MR 2.3).
    pub ts: Option<i64>,
    /// `sync_mode`.
    pub sync_mode: Option<SyncMode>,
    /// `replica_name`: the name of the registration.
    pub replica_name: Option<String>,
    /// `registered_on`: the main that holds the registration.
    pub registered_on: Option<PodName>,
    /// `bolt_address`: where a query or command went.
    pub bolt_address: Option<String>,
    /// `target_main_index`: the target as stored.
    pub target: Option<u32>,
    /// `target_main_index_read`: the target that a pass read at its start.
    pub target_read: Option<u32>,
    /// `decided_with_target_main_index`: the target on which an effect rests.
    pub decided_with: Option<u32>,
    /// `main`, `target_main`: the pod taken for the main.
    pub main: Option<PodName>,
    /// `mains`: the pods seen as main at one time.
    pub mains: Vec<PodName>,
    /// `from`: the mains that a replica heard.
    pub from: Vec<PodName>,
    /// `replicas`: what was known of the replicas.
    pub replicas: Replicas,
    /// `hypothetical`: the item did not happen.
    pub hypothetical: bool,
}

/// What an item says about replicas.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replicas {
    /// Nothing.
    #[default]
    Unstated,
    /// The same of all of them.
    All(Status),
    /// One row each.
    Each(Vec<Row>),
}

/// What an item says about one replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The replica.
    pub pod: PodName,
    /// How its main shows it.
    pub status: Option<Status>,
    /// How far its main shows it behind.
    pub behind: Option<i64>,
}

/// A fault under one key.
pub(super) struct Fault {
    pub(super) key: String,
    pub(super) problem: Problem,
}

impl Facts {
    /// Types the common keys of `data`.
    pub(super) fn of(data: &Data) -> Result<Self, Fault> {
        Ok(Self {
            role: word(data, "role")?,
            role_of_pod: word(data, "role_of_pod")?,
            current_role: word(data, "current_role")?,
            status: word(data, "status")?,
            behind: number(data, "behind")?,
            ts: number(data, "ts")?,
            sync_mode: text(data, "sync_mode")?
                .map(|found| parse_mode(found).map_err(|wrong| fault("sync_mode", wrong)))
                .transpose()?,
            replica_name: text(data, "replica_name")?.map(str::to_owned),
            registered_on: pod(data, "registered_on")?,
            bolt_address: text(data, "bolt_address")?.map(str::to_owned),
            target: index(data, "target_main_index")?,
            target_read: index(data, "target_main_index_read")?,
            decided_with: index(data, "decided_with_target_main_index")?,
            main: pod(data, "main")?.or(pod(data, "target_main")?),
            mains: pods(data, "mains")?,
            from: pods(data, "from")?,
            replicas: replicas(data)?,
            hypothetical: flag(data, "hypothetical")?,
        })
    }
}

/// Reads a sync mode in either case, as Memgraph writes one and controllers the other.
pub(super) fn parse_mode(text: &str) -> Result<SyncMode, UnknownWord> {
    text.to_ascii_uppercase()
        .parse()
        .map_err(|_| UnknownWord::new("sync mode", text, SyncMode::WORDS))
}

fn fault(key: &str, problem: impl Into<Problem>) -> Fault {
    Fault { key: key.to_owned(), problem: problem.into() }
}

fn wrong(key: &str, found: &Value, expected: &str) -> Fault {
    fault(key, Problem::value(shorten(&found.to_string()), expected))
}

fn text<'d>(data: &'d Data, key: &str) -> Result<Option<&'d str>, Fault> {
    let Some(value) = data.get(key) else { return Ok(None) };
    value.as_text().map(Some).ok_or_else(|| wrong(key, value, "text or null"))
}

fn word<W: std::str::FromStr<Err = UnknownWord>>(
    data: &Data,
    key: &str,
) -> Result<Option<W>, Fault> {
    text(data, key)?.map(|found| found.parse().map_err(|wrong| fault(key, wrong))).transpose()
}

fn number(data: &Data, key: &str) -> Result<Option<i64>, Fault> {
    let Some(value) = data.get(key) else { return Ok(None) };
    value.as_number().map(Some).ok_or_else(|| wrong(key, value, "a whole number or null"))
}

fn index(data: &Data, key: &str) -> Result<Option<u32>, Fault> {
    let Some(value) = data.get(key) else { return Ok(None) };
    let index = value.as_number().and_then(|number| u32::try_from(number).ok());
    index.map(Some).ok_or_else(|| wrong(key, value, "a pod's ordinal (0, 1, 2 ...) or null"))
}

fn flag(data: &Data, key: &str) -> Result<bool, Fault> {
    let Some(value) = data.get(key) else { return Ok(false) };
    data.flag(key).ok_or_else(|| wrong(key, value, "true or false"))
}

fn pod_of(key: &str, value: &Value) -> Result<PodName, Fault> {
    let name = value.as_text().and_then(|text| text.parse().ok());
    name.ok_or_else(|| wrong(key, value, POD_NAMES))
}

fn pod(data: &Data, key: &str) -> Result<Option<PodName>, Fault> {
    data.get(key).map(|value| pod_of(key, value)).transpose()
}

fn pods(data: &Data, key: &str) -> Result<Vec<PodName>, Fault> {
    data.each(key).iter().map(|value| pod_of(key, value)).collect()
}

fn replicas(data: &Data) -> Result<Replicas, Fault> {
    const KEY: &str = "replicas";
    let Some(value) = data.get(KEY) else { return Ok(Replicas::Unstated) };
    if let Some(all) = word(data, KEY).ok().flatten() {
        return Ok(Replicas::All(all));
    }
    let expected = "a replica status, or a list of mappings with `pod`, `status` and `behind`";
    if !matches!(value, Value::List(_)) {
        return Err(wrong(KEY, value, expected));
    }
    let rows = data.each(KEY).iter().map(|one| {
        let fields = one.as_fields().ok_or_else(|| wrong(KEY, one, expected))?;
        let pod = pod(fields, "pod")?.ok_or_else(|| wrong(KEY, one, expected))?;
        Ok(Row { pod, status: word(fields, "status")?, behind: number(fields, "behind")? })
    });
    rows.collect::<Result<_, _>>().map(Replicas::Each)
}
