//! Which objects a list or a watch is about: labels and fields, as texts of the query say.

use super::failure::{Failure, Reason};
use serde_json::Value;

/// The longest selector that is read.
const LONGEST: usize = 4_096;

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    In(String, Vec<String>),
    /// Objects without the label match too.
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// What objects must be like; every condition must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    labels: Vec<Label>,
    /// `metadata.name` and `metadata.namespace`: the value, and whether it must be that.
    fields: Vec<(Field, String, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
}

fn wrong(kind: &str, text: &str, why: &str) -> Failure {
    Failure::new(Reason::BadRequest, format!("{kind} selector {text:?}: {why}"))
}

impl Selector {
    /// Every object.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Reads `labelSelector` and `fieldSelector`; empty texts select everything.
    ///
    /// # Errors
    /// The condition that is not understood.
    pub fn read(labels: &str, fields: &str) -> Result<Self, Failure> {
        if labels.len() > LONGEST || fields.len() > LONGEST {
            let message = format!("selectors have at most {LONGEST} bytes");
            return Err(Failure::new(Reason::BadRequest, message));
        }
        Ok(Self { labels: read_labels(labels)?, fields: read_fields(fields)? })
    }

    /// Whether an object is selected.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"][key].as_str();
        let is_labelled = self.labels.iter().all(|condition| match condition {
            Label::In(key, values) => label(key).is_some_and(|is| values.iter().any(|v| v == is)),
            Label::NotIn(key, values) => {
                !label(key).is_some_and(|is| values.iter().any(|v| v == is))
            }
            Label::Exists(key) => label(key).is_some(),
            Label::Absent(key) => label(key).is_none(),
        });
        is_labelled
            && self.fields.iter().all(|(field, value, must_be)| {
                let is = match field {
                    Field::Name => &object["metadata"]["name"],
                    Field::Namespace => &object["metadata"]["namespace"],
                };
                (is.as_str() == Some(value)) == *must_be
            })
    }
}

fn read_labels(text: &str) -> Result<Vec<Label>, Failure> {
    let mut conditions = Vec::new();
    for part in split(text)? {
        conditions.push(read_label(part).ok_or_else(|| {
            let expected = "expected key, !key, key=value, key==value, key!=value, \
                            key in (a,b) or key notin (a,b)";
            wrong("label", part, expected)
        })?);
    }
    Ok(conditions)
}

/// The conditions between commas that stand in no parentheses.
fn split(text: &str) -> Result<Vec<&str>, Failure> {
    let (mut parts, mut start, mut is_open) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if is_open => return Err(wrong("label", text, "a parenthesis within another")),
            '(' => is_open = true,
            ')' if !is_open => return Err(wrong("label", text, "a parenthesis closes none")),
            ')' => is_open = false,
            ',' if !is_open => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_open {
        return Err(wrong("label", text, "a parenthesis stays open"));
    }
    if !text.trim().is_empty() {
        parts.push(text[start..].trim());
    }
    Ok(parts)
}

fn read_label(part: &str) -> Option<Label> {
    if let Some(key) = part.strip_prefix('!') {
        return Some(Label::Absent(word(key)?));
    }
    if let Some(listed) = part.strip_suffix(')') {
        let (head, values) = listed.split_once('(')?;
        let mut head = head.split_whitespace();
        let (key, operator) = (word(head.next()?)?, head.next()?);
        let values: Option<Vec<String>> = values.split(',').map(value).collect();
        return match (operator, head.next()) {
            ("in", None) => Some(Label::In(key, values?)),
            ("notin", None) => Some(Label::NotIn(key, values?)),
            _ => None,
        };
    }
    if let Some((key, is)) = part.split_once("!=") {
        return Some(Label::NotIn(word(key)?, vec![value(is)?]));
    }
    if let Some((key, is)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Label::In(word(key)?, vec![value(is)?]));
    }
    Some(Label::Exists(word(part)?))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./".contains(c)
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.chars().all(is_plain)).then(|| text.to_owned())
}

/// Values may be empty.
fn value(text: &str) -> Option<String> {
    let text = text.trim();
    text.chars().all(|c| is_plain(c) && c != '/').then(|| text.to_owned())
}

fn read_fields(text: &str) -> Result<Vec<(Field, String, bool)>, Failure> {
    let mut conditions = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let unequal = part.split_once("!=").map(|(key, value)| (key, value, false));
        let equal = || {
            let pair = part.split_once("==").or_else(|| part.split_once('='));
            pair.map(|(key, value)| (key, value, true))
        };
        let Some((key, value, must_be)) = unequal.or_else(equal) else {
            return Err(wrong("field", part, "expected field=value or field!=value"));
        };
        let field = match key.trim() {
            "metadata.name" => Field::Name,
            "metadata.namespace" => Field::Namespace,
            _ => {
                let why = "only metadata.name and metadata.namespace are known";
                return Err(wrong("field", part, why));
            }
        };
        conditions.push((field, value.trim().to_owned(), must_be));
    }
    Ok(conditions)
}
