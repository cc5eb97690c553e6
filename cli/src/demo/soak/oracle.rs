//! Whether a main that is killed now leaves somebody who has everything that clients were told of. It
//! goes by the instances' own words, not by what a controller believes.

use crate::demo::site::Site;
use bolt::Value;
use ha_core::{
    ids::InstanceId,
    record::{Record, Stage},
};
use std::collections::BTreeSet;

/// Who is left: of each it is the main's own word that it confirmed everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// A voter, and another one that can vote in its place once it is main.
    VoterAndAnother,
    /// A voter, under which nobody can vote before somebody comes back.
    Voter,
    /// No voter.
    Nobody,
}

/// Who would be left if this main ended now. Those who are `dead` already may still be counted among
/// the living by their kubelet and by the main.
pub(super) async fn left_by(site: &Site, record: &Record, dead: &BTreeSet<InstanceId>) -> Left {
    let main = record.target;
    if record.stage != Stage::Steady || site.kubelet().pid(main).is_none() {
        return Left::Nobody;
    }
    let Ok(mut connection) = site.instance(main).await else { return Left::Nobody };
    let Ok(table) = connection.query("SHOW REPLICAS").await else { return Left::Nobody };
    let columns = ["name", "sync_mode", "data_info"].map(|name| table.column(name));
    let [Ok(names), Ok(modes), Ok(infos)] = columns else { return Left::Nobody };
    let rows = names.into_iter().zip(modes).zip(infos);
    let confirms = |id: InstanceId, votes: bool| {
        let name = site.replica(id);
        rows.clone().any(|((row, mode), info)| {
            row.as_str() == Some(&name)
                && mode.as_str().is_some_and(|mode| (mode != "async") == votes)
                && confirms_all(info)
        })
    };
    let lives = |id| !dead.contains(&id) && site.kubelet().pid(id).is_some();
    let is_left = |id, votes| lives(id) && confirms(id, votes);
    if !record.voters().any(|voter| is_left(voter, true)) {
        Left::Nobody
    } else if site.instances().any(|id| is_left(id, false)) {
        Left::VoterAndAnother
    } else {
        Left::Voter
    }
}

/// Whether everything that was acknowledged is confirmed; what is being taken is not.
fn confirms_all(info: &Value) -> bool {
    let database = info.as_map().and_then(|databases| databases.get("memgraph")?.as_map());
    database.is_some_and(|database| {
        let state = database.get("status").and_then(Value::as_str);
        let behind = database.get("behind").and_then(Value::as_int);
        matches!(state, Some("ready" | "replicating")) && behind.is_some_and(|behind| behind <= 0)
    })
}
