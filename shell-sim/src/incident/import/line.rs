//! One line of a log, in any of its shapes, as a message with fields. It knows how lines are
//! written and not what a message means.

use super::{
    clock::{Moment, leading, stamp},
    fields,
};

/// The most fields that a record over several lines may have.
const FIELDS_LIMIT: usize = 64;

/// A log record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    pub(super) at: Option<Moment>,
    /// The message, exactly.
    pub message: String,
    /// Keys and values in the order of the line.
    pub fields: Vec<(String, String)>,
    /// Which sort of line it is.
    pub(super) source: Source,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    /// The controller.
    #[default]
    Controller,
    /// The preStop script in a pod (PI 11.7).
    Prestop,
    /// Kubernetes, as `kubectl get events` prints it; the message is the reason.
    Kubernetes,
}

impl Record {
    /// Reads a line; none if it has none of the shapes.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if let Some(record) = prestop(line).or_else(|| super::events::plain(line)) {
            return Some(record);
        }
        // `kubectl logs --timestamps` puts a stamp of its own before each line.
        let (outer, text) = match leading(line) {
            Some((at, rest)) => (Some(at), rest),
            None => (None, line),
        };
        if text.starts_with('{') {
            return json(text, outer);
        }
        if text.starts_with("time=") {
            return structured(text, outer);
        }
        if let Some(record) = prestop(text) {
            return Some(record);
        }
        let at = outer?;
        // `17:00:12.260Z - text` stands in tables, `15:50:09.071 text key=value` in excerpts.
        let (message, fields) = fields::split(text.trim_start_matches("- "));
        (!message.is_empty() || !fields.is_empty()).then(|| {
            let mut record = Self { at: Some(at), message, fields, source: Source::Controller };
            record.take_message();
            record
        })
    }

    /// An excerpt may have its message as a field.
    fn take_message(&mut self) {
        if let Some(place) = self.fields.iter().position(|(key, _)| key == "msg") {
            self.message = self.fields.remove(place).1;
        }
    }

    /// Takes an indented line that holds nothing but fields, or a message; false if it is none, or if
    /// the record would have too many.
    pub(super) fn take_continuation(&mut self, line: &str) -> bool {
        let indented = line.starts_with([' ', '\t']);
        let (words, more) = fields::split(line);
        let too_many = self.fields.len() + more.len() > FIELDS_LIMIT;
        if !indented || !words.is_empty() || more.is_empty() || too_many {
            return false;
        }
        self.fields.extend(more);
        self.take_message();
        true
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// The value of the first of several keys: names are not uniform (PI 10).
    #[must_use]
    pub fn any(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The bytes of its texts.
    pub(super) fn size(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.message.len() + fields
    }

    /// The line in short, for an item.
    pub(super) fn quote(&self) -> String {
        let fields: String =
            self.fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        super::shortened(&format!("{}{fields}", self.message))
    }

    /// The StatefulSet and namespace that an address in the line names, or the namespace alone.
    pub(super) fn cluster(&self) -> Option<String> {
        self.fields.iter().find_map(|(_, value)| {
            let (host, _) = value.split_once(".svc.cluster.local")?;
            let mut parts = host.split('.').skip(1);
            let (set, namespace) = (parts.next()?, parts.next()?);
            Some(format!("{namespace}/{set}"))
        })
    }
}

fn structured(text: &str, outer: Option<Moment>) -> Option<Record> {
    let (words, fields) = fields::split(text);
    if !words.is_empty() {
        return None;
    }
    from_fields(fields, outer)
}

fn from_fields(fields: Vec<(String, String)>, outer: Option<Moment>) -> Option<Record> {
    let mut record = Record { at: outer, ..Record::default() };
    for (key, value) in fields {
        match key.as_str() {
            "time" => record.at = stamp(&value).or(record.at),
            "msg" => record.message = value,
            "level" | "source" => {}
            _ => record.fields.push((key, value)),
        }
    }
    (!record.message.is_empty() && record.at.is_some()).then_some(record)
}

fn json(text: &str, outer: Option<Moment>) -> Option<Record> {
    let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let mut fields = Vec::new();
    for (key, value) in value {
        match value {
            serde_json::Value::String(text) => fields.push((key, text)),
            serde_json::Value::Null => fields.push((key, "<nil>".to_owned())),
            // The state of a replica is an object (PI 10): its keys join those of the line.
            serde_json::Value::Object(state) => {
                for (inner, value) in state {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    fields.push((inner, text));
                }
            }
            other @ (serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_)) => fields.push((key, other.to_string())),
        }
    }
    from_fields(fields, outer)
}

/// `[2025-10-19T01:26:58.000000Z] START PreStop hook` (PI 11.7).
fn prestop(line: &str) -> Option<Record> {
    let (inside, message) = line.strip_prefix('[')?.split_once("] ")?;
    let at = Some(stamp(inside)?);
    let message = message.to_owned();
    Some(Record { at, message, fields: Vec::new(), source: Source::Prestop })
}
