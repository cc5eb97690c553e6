//! When something that the world showed is the item that was recorded: event, pod and every datum
//! that the world can state. Ticks are compared by sign alone, because a world has few commits
//! where a cluster had thousands; a `behind` beside `diverged` is compared with what the two
//! volumes hold, because the cache it is shown from is not advanced by such an answer (MR 2.3).
//! Of what an author tells, only the typed facts are compared: the words are the author's.

use crate::{
    incident::{Data, Item, PodName, Value},
    predecessor::Emitted,
};

/// Fields that the world has no counterpart for: addresses of machines, texts of logs, counts of
/// nodes, names of threads and of tests, and spans of lines.
pub const UNSTATED: &[&str] = &[
    "from_ip",
    "log",
    "node_difference",
    "goroutine",
    "by",
    "ts",
    "test",
    "test_run",
    "run",
    "endpoint",
    "until",
];

/// Fields whose values are names of machines: one is compared with another by whether there is one.
const ADDRESSES: &[&str] = &["upstream", "old_upstream", "new_upstream"];

/// Fields that are compared in what an author tells.
const TOLD: &[&str] = &[
    "role",
    "current_role",
    "status",
    "sync_mode",
    "registered_on",
    "replica_name",
    "target_main_index",
    "decided_with_target_main_index",
    "key_read",
];

/// Whether this is that item.
#[must_use]
pub(super) fn matches(item: &Item, shown: &Emitted) -> bool {
    let compared = |key: &str| item.evidence.is_recorded() || TOLD.contains(&key);
    item.event == shown.event
        && (item.pod.is_none() || item.pod == shown.pod)
        && data(&item.data, &shown.data, compared)
}

fn data(recorded: &Data, shown: &Data, compared: impl Fn(&str) -> bool + Copy) -> bool {
    recorded.0.iter().all(|(key, value)| {
        UNSTATED.contains(&key.as_str())
            || *value == Value::Unstated
            || !compared(key)
            || shown.get(key).is_some_and(|found| same(key, value, found))
    })
}

fn same(key: &str, recorded: &Value, shown: &Value) -> bool {
    match (recorded, shown) {
        (Value::Number(one), Value::Number(other)) if key == "behind" => {
            one.signum() == other.signum()
        }
        (Value::List(rows), Value::List(found)) => {
            rows.len() == found.len()
                && rows.iter().all(|row| found.iter().any(|other| same(key, row, other)))
        }
        (Value::Fields(one), Value::Fields(other)) => data(one, other, |_| true),
        (Value::Text(one), Value::Text(other)) => same_text(key, one, other),
        (one, other) => one == other,
    }
}

fn same_text(key: &str, recorded: &str, shown: &str) -> bool {
    if ADDRESSES.contains(&key) {
        return recorded.is_empty() == shown.is_empty();
    }
    // A log shows the end of a longer text, or its beginning.
    if key == "error" {
        return shown.contains(recorded);
    }
    if key == "replica_name" {
        return named(recorded) == named(shown);
    }
    recorded.eq_ignore_ascii_case(shown)
}

/// The pod behind the name of a registration. Early names were `replica_1` for pod 1.
fn named(name: &str) -> Option<PodName> {
    let early = || name.strip_prefix("replica_")?.parse().ok().map(PodName::ha);
    PodName::of_replica(name).or_else(early)
}
