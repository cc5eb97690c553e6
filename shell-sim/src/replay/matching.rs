//! When something that the world showed is the item that was recorded: event, pod and every datum
//! that the world can state. Ticks are compared by sign alone, because a world has few commits
//! where a cluster had thousands; a `behind` beside `diverged` is compared with what the two
//! volumes hold, because the cache it is shown from is not advanced by such an answer (MR 2.3).

use crate::{
    incident::{Data, Item, Value},
    predecessor::Emitted,
};

/// Fields that the world has no counterpart for: addresses of machines, texts of logs, counts of
/// nodes, and names of threads.
pub const UNSTATED: &[&str] = &["from_ip", "log", "node_difference", "goroutine", "by", "ts"];

/// Whether this is that item.
#[must_use]
pub(super) fn matches(item: &Item, shown: &Emitted) -> bool {
    item.event == shown.event
        && (item.pod.is_none() || item.pod == shown.pod)
        && data(&item.data, &shown.data)
}

fn data(recorded: &Data, shown: &Data) -> bool {
    recorded.0.iter().all(|(key, value)| {
        UNSTATED.contains(&key.as_str())
            || *value == Value::Unstated
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
        (Value::Fields(one), Value::Fields(other)) => data(one, other),
        (Value::Text(one), Value::Text(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    }
}
