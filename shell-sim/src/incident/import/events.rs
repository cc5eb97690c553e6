//! What `kubectl get events` prints: columns with ages, wide or not, and the JSON of `-o json`.

use super::{
    clock::stamp,
    line::{Record, Source},
};
use serde::Deserialize;

/// One event of `-o json`, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    reason: Option<String>,
    message: Option<String>,
    involved_object: Option<Involved>,
    last_timestamp: Option<String>,
    event_time: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Involved {
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: Option<String>,
}

#[derive(Debug, Deserialize)]
struct List {
    items: Vec<Event>,
}

/// Reads the list that `kubectl get events -o json` prints, in the form of log lines.
///
/// # Errors
/// The text is no such list; the message says where and what was expected.
pub fn read_events_json(text: &str) -> Result<Vec<String>, String> {
    let list: List = serde_json::from_str(text).map_err(|error| {
        format!("{error}; expected the list that `kubectl get events -o json` prints")
    })?;
    let line = |event: Event| {
        let at = event
            .last_timestamp
            .or(event.event_time)
            .or(event.metadata.and_then(|metadata| metadata.creation_timestamp))?;
        let object = event.involved_object?;
        let quoted = |text: Option<String>| {
            text.unwrap_or_default().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ")
        };
        Some((
            at.clone(),
            format!(
                "time={at} msg=\"kubernetes event\" reason=\"{}\" kind=\"{}\" object=\"{}\" \
                 namespace=\"{}\" message=\"{}\"",
                quoted(event.reason),
                quoted(object.kind),
                quoted(object.name),
                quoted(object.namespace),
                quoted(event.message),
            ),
        ))
    };
    let mut lines: Vec<(String, String)> = list.items.into_iter().filter_map(line).collect();
    lines.sort();
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

/// A row of the columns. Its age says nothing about the hour, so it has no stamp.
pub(super) fn plain(line: &str) -> Option<Record> {
    const TYPES: [&str; 2] = ["Normal", "Warning"];
    let mut words = line.split_whitespace();
    let first = words.next()?;
    // With --timestamps-like tools, or `-o custom-columns`, a stamp may stand for the age.
    let at = stamp(first);
    let is_age =
        first.ends_with(['s', 'm', 'h', 'd']) && first.starts_with(|c: char| c.is_ascii_digit());
    if !is_age && at.is_none() {
        return None;
    }
    let kind = words.next().filter(|word| TYPES.contains(word))?;
    let reason = words.next()?;
    let object = words.next()?;
    let (of, name) = object.split_once('/')?;
    let message: Vec<&str> = words.collect();
    let field = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Some(Record {
        at,
        message: "kubernetes event".to_owned(),
        fields: vec![
            field("reason", reason),
            field("kind", of),
            field("object", name),
            field("message", &message.join(" ")),
            field("type", kind),
        ],
        source: Source::Kubernetes,
    })
}
