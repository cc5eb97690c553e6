//! The record as the cluster keeps it: one ConfigMap with the key that users of the predecessor know
//! (PI 3) and the record itself beside it. What is not exactly that is said, never guessed.

use super::{ApiError, Cluster, Written, version, written};
use ha_core::{
    ids::{InstanceId, ResourceVersion},
    observation::{RecordContent, StoredRecord},
    record::{Record, SCHEMA},
};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The ordinal of the target, as the predecessor wrote it.
const TARGET: &str = "targetMainIndex";
/// The record.
const RECORD: &str = "record";
/// What the predecessor's first versions wrote in place of [`TARGET`] (PI 3).
const HISTORICAL: &str = "masterIndex";
/// Fields of the record that were written once and decide nothing: they go with the next write.
const RETIRED: [&str; 1] = ["controllers"];
/// Keys that differ from ours in this many letters at most are mistaken for ours by people.
const CLOSE: usize = 2;

impl Cluster {
    /// Reads the record. A record that is absent, newer or unreadable is an answer, not an error.
    ///
    /// # Errors
    /// The API server gave no answer, or refused.
    pub async fn read_record(&self) -> Result<StoredRecord, ApiError> {
        let name = self.names.record();
        let Some(map) = self.read(&self.config_maps(), &name).await? else {
            return Ok(StoredRecord { version: None, content: RecordContent::Absent });
        };
        Ok(match version(&map.metadata) {
            Ok(version) => StoredRecord { version: Some(version), content: content(&map) },
            Err(why) => StoredRecord { version: None, content: RecordContent::Unreadable { why } },
        })
    }

    /// Writes the record in place of the version expected, or where there was none. Other keys and
    /// metadata of the object stay. Sent once.
    pub async fn write_record(
        &self,
        expected: Option<ResourceVersion>,
        record: &Record,
    ) -> Written {
        let text = match serde_json::to_string(record) {
            Ok(text) => text,
            Err(error) => {
                return Written::Refused(format!("it cannot be written as text: {error}"));
            }
        };
        let object = json!({
            "metadata": {
                "labels": self.names.labels(),
                "annotations": {
                    "memgraph-ha/main": self.names.pod(record.target),
                    "memgraph-ha/stage": record.stage.to_string(),
                    "memgraph-ha/term": record.term.to_string(),
                },
            },
            "data": { TARGET: record.target.0.to_string(), RECORD: text },
        });
        let name = self.names.record();
        let result = self.write(&self.config_maps(), &name, expected, object).await;
        written(result.as_ref().map(|map| &map.metadata))
    }
}

/// What the object says.
pub(super) fn content(map: &ConfigMap) -> RecordContent {
    let empty = BTreeMap::new();
    let data = map.data.as_ref().unwrap_or(&empty);
    let read = match data.get(RECORD) {
        Some(text) => match read(text) {
            Ok(Read::Newer(schema)) => return RecordContent::Newer { schema },
            Ok(Read::Record(record)) => Ok(Some(record)),
            Err(why) => Err(why),
        },
        None => Ok(None),
    };
    let binary = map.binary_data.iter().flat_map(BTreeMap::keys);
    if let Some(why) = data.keys().chain(binary).find_map(|key| mistaken(key, data)) {
        return RecordContent::Unreadable { why };
    }
    let agreed = read.and_then(|record| match (record, data.get(TARGET)) {
        (None, None) => Ok(RecordContent::Absent),
        (None, Some(target)) => match target.parse() {
            Ok(ordinal) => Ok(RecordContent::Earlier { main: InstanceId(ordinal) }),
            Err(_) => Err(format!(
                "key {TARGET} is {target:?} and there is no key {RECORD}: expected the ordinal of a \
                 pod, as the earlier controller wrote it"
            )),
        },
        (Some(record), target) => {
            let expected = record.target.0.to_string();
            if target == Some(&expected) {
                return Ok(RecordContent::Record(record));
            }
            let found = target.map_or("missing".to_owned(), |target| format!("{target:?}"));
            let named = record.target;
            Err(format!(
                "key {TARGET} is {found} and key {RECORD} names {named}: {TARGET} should be \
                 {expected:?}"
            ))
        }
    });
    agreed.unwrap_or_else(|why| RecordContent::Unreadable { why })
}

enum Read {
    Record(Box<Record>),
    Newer(u32),
}

/// Reads the text of a record: its schema first, since a newer one may differ in everything else.
fn read(text: &str) -> Result<Read, String> {
    let mut value: Value = serde_json::from_str(text)
        .map_err(|error| format!("key {RECORD} is no JSON: {error}; expected an object"))?;
    let Some(schema) = value["schema"].as_u64().filter(|schema| *schema > 0) else {
        let found = value.get("schema").map_or("missing".to_owned(), Value::to_string);
        return Err(format!("schema in key {RECORD} is {found}, expected 1 to {SCHEMA}"));
    };
    if schema > u64::from(SCHEMA) {
        return Ok(Read::Newer(u32::try_from(schema).unwrap_or(u32::MAX)));
    }
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !RETIRED.contains(&name.as_str()));
    }
    let wrong = |error| format!("key {RECORD} is no record of schema {SCHEMA}: {error}");
    let record = Record::deserialize(&value).map_err(wrong)?;
    // A field that is not known would be lost with the next write.
    let known = serde_json::to_value(&record).map_err(wrong)?;
    if let Some(path) = unknown(&value, &known) {
        return Err(format!("key {RECORD} has {path}, which schema {SCHEMA} does not know"));
    }
    Ok(Read::Record(Box::new(record)))
}

/// The path of the first field of `value` that `known` does not have.
fn unknown(value: &Value, known: &Value) -> Option<String> {
    let Value::Object(fields) = value else { return None };
    fields.iter().find_map(|(key, inner)| match known.get(key) {
        None => Some(key.clone()),
        Some(known) => unknown(inner, known).map(|path| format!("{key}.{path}")),
    })
}

/// What is wrong with a key that a person may have meant as one of ours.
fn mistaken(key: &str, data: &BTreeMap<String, String>) -> Option<String> {
    let is_ours = |key: &str| key == TARGET || key == RECORD;
    if is_ours(key) {
        let why = || format!("key {key} is under binaryData, expected it under data");
        return (!data.contains_key(key)).then(why);
    }
    let plain: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if plain.contains("masterindex") {
        return Some(format!(
            "key {key}: the earlier controller wrote {HISTORICAL} once; its state must be adopted, \
             and {TARGET} is expected here"
        ));
    }
    let near = |ours: &str| strsim::damerau_levenshtein(&plain, &ours.to_lowercase()) <= CLOSE;
    if plain.contains("mainindex") || near(TARGET) {
        return Some(format!("key {key} is not known; expected {TARGET}"));
    }
    near(RECORD).then(|| format!("key {key} is not known; expected {RECORD}"))
}
