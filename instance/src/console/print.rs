//! Values and tables as text, in the manner of `mgconsole`.

use super::Outcome;
use crate::session::parameter;
use crate::value::Property;
use bolt::Value;
use bolt::value::Map;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A frame of signs.
    Tabular,
    /// Values between commas.
    Csv,
}

/// A result as text.
#[must_use]
pub fn table(outcome: &Outcome, format: Format) -> String {
    match format {
        Format::Tabular => tabular(outcome),
        Format::Csv => csv(outcome),
    }
}

fn csv(outcome: &Outcome) -> String {
    if outcome.columns.is_empty() {
        return String::new();
    }
    let line = |values: Vec<String>| values.join(",") + "\n";
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = line(outcome.columns.clone());
    for row in &outcome.rows {
        let shown = |value: &Value| match value.as_str() {
            Some(text) => quoted(text),
            None => quoted(&show(value)),
        };
        text += &line(row.iter().map(shown).collect());
    }
    text
}

fn tabular(outcome: &Outcome) -> String {
    if outcome.columns.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> =
        outcome.rows.iter().map(|row| row.iter().map(show).collect()).collect();
    let width = |column: usize, name: &String| {
        let values = rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count());
        values.chain([name.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> =
        outcome.columns.iter().enumerate().map(|(at, name)| width(at, name)).collect();
    let rule: String =
        widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>()
            + "+\n";
    let line = |values: &[String]| {
        let cells = values.iter().zip(&widths);
        cells.map(|(value, width)| format!("| {value:width$} ")).collect::<String>() + "|\n"
    };
    let mut text = rule.clone() + &line(&outcome.columns) + &rule;
    for row in &rows {
        text += &line(row);
    }
    let count = rows.len();
    let noun = if count == 1 { "row" } else { "rows" };
    text + &rule + &format!("{count} {noun} in set\n")
}

/// A value as it is written in Cypher, as far as it has such a form.
#[must_use]
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "Null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => show_map(map),
        Value::Node(node) => entity('(', &node.labels, &node.properties, ')'),
        Value::Relationship(edge) => {
            entity('[', std::slice::from_ref(&edge.kind), &edge.properties, ']')
        }
        Value::UnboundRelationship(edge) => {
            entity('[', std::slice::from_ref(&edge.kind), &edge.properties, ']')
        }
        Value::Path(path) => {
            let nodes =
                path.nodes.iter().map(|node| entity('(', &node.labels, &node.properties, ')'));
            nodes.collect::<Vec<_>>().join("--")
        }
        Value::Date(_)
        | Value::LocalTime(_)
        | Value::LocalDateTime(_)
        | Value::DateTime(_)
        | Value::Duration(_) => match parameter(value) {
            Ok(Property::Temporal(time)) => time.to_string(),
            Ok(_) | Err(_) => format!("{value:?}"),
        },
        // No instance of ours sends these.
        Value::Bytes(_)
        | Value::Time(_)
        | Value::DateTimeZoneId(_)
        | Value::Point2D(_)
        | Value::Point3D(_) => format!("{value:?}"),
    }
}

fn show_map(map: &Map) -> String {
    let entries: Vec<_> =
        map.iter().map(|(key, value)| format!("{key}: {}", show(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

fn entity(open: char, names: &[String], properties: &Map, close: char) -> String {
    let names: String = names.iter().map(|name| format!(":{name}")).collect();
    let space = if names.is_empty() || properties.is_empty() { "" } else { " " };
    let properties = if properties.is_empty() { String::new() } else { show_map(properties) };
    format!("{open}{names}{space}{properties}{close}")
}

#[cfg(test)]
mod tests {
    use super::{Format, Outcome, show, table};
    use bolt::value::{Date, DateTime, Duration, Value, map};

    fn replicas() -> Outcome {
        let info = map([("status", Value::from("ready")), ("behind", Value::Int(0))]);
        let data = map([("memgraph", info)]);
        Outcome {
            columns: vec!["name".into(), "data_info".into()],
            rows: vec![vec!["replica_1".into(), data.into()]],
            ..Outcome::default()
        }
    }

    #[test]
    fn csv_doubles_quotes_and_keeps_maps_readable() {
        let expected = "name,data_info\n\
                        \"replica_1\",\"{memgraph: {behind: 0, status: \"\"ready\"\"}}\"\n";
        assert_eq!(table(&replicas(), Format::Csv), expected);
    }

    #[test]
    fn times_are_shown_as_people_write_them() {
        let at = DateTime { seconds: 1_795_795_274, offset_seconds: 3_600, ..DateTime::default() };
        let day = Value::Date(Date { days: 20_000 });
        let long = Value::Duration(Box::new(Duration { seconds: 90, ..Duration::default() }));
        let shown = [Value::DateTime(Box::new(at)), day, long].map(|value| show(&value));
        assert_eq!(shown, ["2026-11-27T17:01:14.000000+01:00", "2024-10-04", "PT1M30S"]);
    }

    #[test]
    fn a_table_has_a_frame() {
        let expected = "\
+-------------+------------------------------------------+
| name        | data_info                                |
+-------------+------------------------------------------+
| \"replica_1\" | {memgraph: {behind: 0, status: \"ready\"}} |
+-------------+------------------------------------------+
1 row in set
";
        assert_eq!(table(&replicas(), Format::Tabular), expected);
    }
}
