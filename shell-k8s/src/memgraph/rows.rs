//! What SHOW statements say, as values of the core (MR 1.4, 1.5). A word that is not known is kept as
//! a word; a shape that is not known makes the whole answer one that is not understood.

use super::{
    connection::{Failed, Table},
    names::Endpoints,
};
use bolt::{Map, Value};
use ha_core::{
    ids::DatabaseUuid,
    observation::{EngineVersion, RoleView, Row, RowState, SyncMode},
    reading::Age,
};
use std::collections::{BTreeMap, BTreeSet};

/// The database that every instance has; others need a licence (MR 1.4).
const DATABASE: &str = "memgraph";

fn foreign(what: &str, found: impl std::fmt::Debug) -> Failed {
    Failed::Foreign(format!("{what}: {found:?}"))
}

fn text(value: &Value) -> Result<&str, Failed> {
    value.as_str().ok_or_else(|| foreign("a text was expected", value))
}

/// Whether SHOW REPLICATION ROLE says main.
pub(super) fn is_main(table: &Table) -> Result<bool, Failed> {
    let column = table.column("replication role")?;
    match column.first().and_then(|value| value.as_str()) {
        Some("main") => Ok(true),
        Some("replica") => Ok(false),
        Some(_) | None => Err(foreign("a role is main or replica", column)),
    }
}

/// The main that SHOW REPLICAS describes.
pub(super) fn main(table: &Table, names: &Endpoints) -> Result<RoleView, Failed> {
    let (mut rows, mut strangers) = (BTreeMap::new(), BTreeSet::new());
    let columns = table.column("name")?.into_iter().zip(table.column("sync_mode")?);
    for ((name, mode), info) in columns.zip(table.column("data_info")?) {
        let name = text(name)?;
        match names.instance(name) {
            Some(id) => {
                rows.insert(id, row(text(mode)?, info)?);
            }
            None => {
                strangers.insert(name.to_owned());
            }
        }
    }
    Ok(RoleView::Main { rows, strangers })
}

fn sync_mode(mode: &str) -> Result<SyncMode, Failed> {
    match mode {
        "strict_sync" => Ok(SyncMode::StrictSync),
        "sync" => Ok(SyncMode::Sync),
        "async" => Ok(SyncMode::Async),
        other => Err(foreign("a mode is strict_sync, sync or async", other)),
    }
}

/// What a row says of the database: its entry in `data_info`, if there is one.
fn data(info: &Value) -> Result<Option<&Map>, Failed> {
    let Value::Map(databases) = info else {
        return Err(foreign("data_info is a map", info));
    };
    match databases.get(DATABASE) {
        None if databases.is_empty() => Ok(None),
        None => Err(foreign("data_info names the database memgraph", info)),
        Some(Value::Map(database)) => Ok(Some(database)),
        Some(other) => Err(foreign("a database is a map", other)),
    }
}

fn status(database: &Map) -> Result<RowState, Failed> {
    let status = database.get("status").and_then(Value::as_str);
    status.map(state).ok_or_else(|| foreign("a status is a text", database))
}

fn number(database: &Map, name: &str) -> Result<i64, Failed> {
    match database.get(name) {
        Some(Value::Int(number)) => Ok(*number),
        Some(_) | None => Err(foreign(&format!("{name} is a number"), database)),
    }
}

fn row(mode: &str, info: &Value) -> Result<Row, Failed> {
    let mode = sync_mode(mode)?;
    let (state, behind) = match data(info)? {
        None => (RowState::Phantom, 0),
        Some(database) => (status(database)?, number(database, "behind")?),
    };
    Ok(Row { mode, state, behind, since: Age::Fresh, still: Age::Fresh })
}

/// The replicas without a vote that are not up to date and may be soon, each with the last tick that
/// its main knows of it.
pub(super) fn uneven(table: &Table) -> Result<BTreeMap<&str, i64>, Failed> {
    let mut uneven = BTreeMap::new();
    let columns = table.column("name")?.into_iter().zip(table.column("sync_mode")?);
    for ((name, mode), info) in columns.zip(table.column("data_info")?) {
        let Some(database) = data(info)?.filter(|_| mode.as_str() == Some("async")) else {
            continue;
        };
        let may_come = match status(database)? {
            RowState::Ready => number(database, "behind")? != 0,
            RowState::Replicating | RowState::Recovery | RowState::Invalid => true,
            RowState::Diverged | RowState::Phantom | RowState::Unrecognized(_) => false,
        };
        if may_come {
            uneven.insert(text(name)?, number(database, "ts")?);
        }
    }
    Ok(uneven)
}

fn state(status: &str) -> RowState {
    match status {
        "ready" => RowState::Ready,
        "replicating" => RowState::Replicating,
        "recovery" => RowState::Recovery,
        "invalid" => RowState::Invalid,
        "diverged" => RowState::Diverged,
        other => RowState::Unrecognized(other.to_owned()),
    }
}

/// The version that SHOW VERSION says: its first two numbers.
pub(super) fn version(table: &Table) -> Result<EngineVersion, Failed> {
    let column = table.column("version")?;
    let found = column.first().and_then(|value| value.as_str()).unwrap_or_default();
    let mut numbers = found.split(['.', '-', '+', '~']).map(str::parse::<u16>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok(EngineVersion { major, minor }),
        _ => Err(foreign("a version begins with two numbers", found)),
    }
}

/// Pairs of a name and a value, as SHOW CONFIG and SHOW STORAGE INFO give them.
pub(super) fn pairs<'t>(
    table: &'t Table,
    name: &str,
    value: &str,
) -> Result<BTreeMap<&'t str, &'t Value>, Failed> {
    let values = table.column(value)?;
    table
        .column(name)?
        .into_iter()
        .zip(values)
        .map(|(name, value)| Ok((text(name)?, value)))
        .collect()
}

/// A setting as text.
pub(super) fn setting<'v>(
    settings: &BTreeMap<&str, &'v Value>,
    name: &str,
) -> Result<&'v str, Failed> {
    let value = settings.get(name).ok_or_else(|| foreign("a setting is missing", name))?;
    text(value)
}

/// The uuid of the database, if it is shown and is one.
pub(super) fn database(info: &BTreeMap<&str, &Value>) -> Option<DatabaseUuid> {
    info.get("database_uuid").and_then(|value| value.as_str())?.parse().ok()
}
