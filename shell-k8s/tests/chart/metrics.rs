//! Alerts and the dashboard ask for metrics that the code has.

use crate::rendered::{Rendered, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// Sources that register metrics, each with the prefix that holds where it begins.
const SOURCES: &[(&str, &str)] = &[
    ("shell-k8s/src/http/metrics/mod.rs", ""),
    ("shell-k8s/src/http/metrics/gauges.rs", ""),
    ("shell-k8s/src/controller/meters.rs", "memgraph_ha"),
    ("gateway/src/metrics.rs", ""),
];

/// What a name is called besides: counters are totals, histograms are three.
const ENDINGS: &[&str] = &["_total", "_bucket", "_sum", "_count"];

/// Every text of a source that is no more than a word, with the prefix of its registry.
fn names(source: &str, prefix: &str) -> BTreeSet<String> {
    let (mut prefix, mut names) = (prefix, BTreeSet::new());
    let mut before = "";
    for (index, piece) in source.split('"').enumerate() {
        let is_word =
            !piece.is_empty() && piece.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if index % 2 == 0 {
            before = piece;
        } else if before.ends_with("with_prefix(") {
            prefix = piece;
        } else if is_word && piece.starts_with("memgraph_") {
            names.insert(piece.to_owned());
        } else if is_word {
            names.insert(format!("{prefix}_{piece}"));
        }
    }
    names
}

/// The metrics that an expression asks for, and whether each is asked how it changes.
fn asked(expression: &str) -> Vec<(&str, bool)> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("memgraph_") {
        let end = rest[at..].find(|c| !is_name(c)).map_or(rest.len(), |length| at + length);
        let changes = ["rate(", "increase("].iter().any(|function| rest[..at].ends_with(function));
        found.push((&rest[at..end], changes));
        rest = &rest[end..];
    }
    found
}

/// The expressions of the alerts and of the dashboard.
fn expressions() -> Vec<String> {
    let rendered = Rendered::read("everything");
    let mut all = Vec::new();
    let mut take = |value: &Value| all.push(value.as_str().expect("an expression").to_owned());
    let rules = rendered.of_kind("PrometheusRule").next().expect("alerts");
    for group in rules["spec"]["groups"].as_array().expect("groups") {
        group["rules"].as_array().expect("rules").iter().for_each(|rule| take(&rule["expr"]));
    }
    let maps =
        rendered.of_kind("ConfigMap").find_map(|map| map["data"]["memgraph-ha.json"].as_str());
    let dashboard: Value = serde_json::from_str(maps.expect("a dashboard")).expect("JSON");
    for panel in dashboard["panels"].as_array().expect("panels") {
        panel["targets"].as_array().expect("targets").iter().for_each(|it| take(&it["expr"]));
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        take(&variable["query"]);
    }
    all
}

#[test]
fn what_is_asked_for_is_there() {
    let known: BTreeSet<String> =
        SOURCES.iter().flat_map(|(path, prefix)| names(&text(path), prefix)).collect();
    let mut count = 0;
    for expression in expressions() {
        for (name, changes) in asked(&expression) {
            count += 1;
            let counted = || ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
            let plain = if known.contains(name) { None } else { counted() };
            assert!(known.contains(plain.unwrap_or(name)), "nobody counts {name}: {expression}");
            assert_eq!(plain.is_some(), changes, "only what is counted changes: {expression}");
        }
    }
    assert!(count > 20, "{count} names in all expressions");
}

/// What the table for people names is counted.
#[test]
fn the_table_names_what_there_is() {
    let known: BTreeSet<String> =
        SOURCES.iter().flat_map(|(path, prefix)| names(&text(path), prefix)).collect();
    let table = text("design/operating.md");
    let (_, table) = table.split_once("## Metrics of a controller").expect("the table");
    let (table, _) = table.split_once("\n## ").expect("its end");
    let mut count = 0;
    for name in table.split('`').filter(|word| word.starts_with("memgraph_")) {
        let plain = name.strip_suffix("_total").filter(|_| !known.contains(name)).unwrap_or(name);
        assert!(known.contains(plain), "nobody counts {name}");
        count += 1;
    }
    assert!(count > 35, "{count} names in the table");
}

/// The tests above judge nothing if these are read wrong.
#[test]
fn sources_and_expressions_are_read_right() {
    let source = r#"with_prefix("memgraph_a"); register("x_y", "Some help", it); "memgraph_b_z""#;
    let found: Vec<_> = names(source, "p").into_iter().collect();
    assert_eq!(found, ["memgraph_a_x_y", "memgraph_b_z"]);
    let found = asked("max(memgraph_a{b=\"c\"}) > increase(memgraph_d_total{e=\"f\"}[1m])");
    assert_eq!(found, [("memgraph_a", false), ("memgraph_d_total", true)]);
}
