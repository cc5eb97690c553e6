//! Settings: the schema knows those of the programs and no others, and what is rendered is what they
//! take. Flags of Memgraph are those that were tried.

use crate::rendered::{Part, Rendered, text, texts, yaml};
use gateway::settings::{Kind, SETTINGS, Setting};
use ha_core::leadership::MEMBERS;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Settings of a gateway that the chart does not have: name, reason.
const NOT_OF_GATEWAYS: &[(&str, &str)] = &[
    ("pod-name", "the pod's own, by its variable"),
    ("upstream-tls-cert-path", "there is no such file"),
    ("upstream-tls-key-path", "there is no such file"),
    ("api-server", "a pod has its own"),
];

/// Settings of a controller that `controller.extraArgs` takes.
const SWITCHES: [&str; 2] = ["vote-returns", "sets-aside"];
const COUNTS: [&str; 1] = ["prestop-timeout-s"];

/// Settings of a controller that the chart does not have: name, reason.
const NOT_OF_CONTROLLERS: &[(&str, &str)] = &[
    ("api-server", "a pod has its own"),
    ("http-port", "the whole address is set"),
    ("number", "the pods of a Deployment have the same"),
    ("password", "a file is read again"),
    ("tls-cert-file", "there is no such file"),
    ("tls-key-file", "there is no such file"),
    ("bolt-port", "instances have addresses of their own"),
    ("replication-port", "instances have addresses of their own"),
];

/// The arguments of a part as names and values.
fn given(rendered: &Rendered, part: Part) -> BTreeMap<&str, &str> {
    let arguments = rendered.arguments(part).into_iter();
    arguments.filter_map(|argument| argument.strip_prefix("--")?.split_once('=')).collect()
}

fn schema(path: &[&str]) -> Value {
    let whole = yaml("charts/memgraph-ha/values.schema.json");
    path.iter().fold(whole, |schema, key| schema["properties"][key].clone())
}

/// The default of a setting.
fn default(name: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == name).expect("a setting").default
}

/// What a value of the chart may be for a setting.
fn expected(setting: &Setting) -> Value {
    const TIME: &str = "([0-9]+(ms|s|m|h))+";
    match setting.kind {
        Kind::Count { min, max, zero } => {
            let least = if zero.is_some() { 0 } else { min };
            let digits = "^[0-9]+$";
            json!({"type": ["integer", "string"], "minimum": least, "maximum": max, "pattern": digits})
        }
        Kind::Time { min_ms, zero, .. } if min_ms == 0 || zero.is_some() => {
            let pattern = format!("^(0|{TIME})$");
            json!({"type": ["string", "integer"], "pattern": pattern, "minimum": 0, "maximum": 0})
        }
        Kind::Time { .. } => json!({"type": "string", "pattern": format!("^{TIME}$")}),
        Kind::Switch => json!({"enum": [true, false, "true", "false"]}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Text | Kind::Path => json!({"type": "string"}),
        Kind::Address | Kind::OptionalAddress | Kind::Hosts | Kind::OptionalCount { .. } => {
            panic!("--{} is set by the chart, or the schema learns of it here", setting.name)
        }
    }
}

#[test]
fn the_schema_knows_each_setting_of_a_gateway() {
    let rendered = Rendered::read("everything");
    let values = yaml("charts/tests/values/everything.yaml");
    let mut ours = given(&rendered, Part::Gateway);
    ours.retain(|name, _| values["gateway"]["settings"].get(*name).is_none());
    let schema = schema(&["gateway", "settings"]);
    assert_eq!(schema["additionalProperties"], false);
    let mut found = schema["properties"].as_object().expect("settings").clone();
    for setting in SETTINGS {
        let is_left_out = NOT_OF_GATEWAYS.iter().any(|(listed, _)| *listed == setting.name);
        if !ours.contains_key(setting.name) && !is_left_out {
            let (found, expected) = (found.remove(setting.name), expected(setting));
            assert_eq!(found, Some(expected.clone()), "--{} has to be {expected}", setting.name);
        }
    }
    let more: Vec<_> = found.keys().collect();
    assert!(more.is_empty(), "no setting, or not to be set: {more:?}");
}

#[test]
fn a_gateway_takes_what_is_rendered() {
    for rendered in Rendered::all() {
        let given = given(&rendered, Part::Gateway);
        let unknown = |name: &&&str| SETTINGS.iter().all(|setting| setting.name != **name);
        assert_eq!(given.keys().find(unknown), None, "{}", rendered.name);
        let read = gateway::Settings::read(|it| given.get(it.name).map(|&text| text.to_owned()));
        assert!(read.is_ok(), "{}: {}", rendered.name, read.unwrap_err());
    }
}

/// Where a value has to fit a setting that is not given, the chart goes by its default.
#[test]
fn the_chart_judges_by_the_defaults_of_a_gateway() {
    let validate = text("charts/memgraph-ha/templates/validate.yaml");
    let values = text("charts/memgraph-ha/values.yaml");
    let (wait, stop) = (default("poll-wait"), default("stop-limit"));
    assert!(validate.contains(&format!("\"poll-wait\" | default \"{wait}\"")), "{wait}");
    assert!(validate.contains(&format!("(get .settings \"stop-limit\") \"{stop}\"")), "{stop}");
    assert!(values.contains(&format!("the setting stop-limit ({stop})")), "{stop}");
}

/// The rows of a controller's table: names and variables.
fn of_controller(table: &str) -> BTreeMap<&str, &str> {
    let rows = table.split("row(\"").skip(1);
    rows.filter_map(|row| {
        let mut pieces = row.split('"');
        Some((pieces.next()?, pieces.nth(1)?))
    })
    .collect()
}

#[test]
fn each_setting_of_a_controller_is_set_taken_or_has_no_place() {
    let table = text("cli/src/controller/table.rs");
    let known = of_controller(&table);
    assert!(known.len() > 30 && known.get("user") == Some(&"MEMGRAPH_USER"), "{known:?}");
    let rendered = Rendered::read("everything");
    let arguments = given(&rendered, Part::Controller);
    let unknown = arguments.keys().find(|name| !known.contains_key(**name));
    assert_eq!(unknown, None, "no controller has this setting");
    let pod = rendered.pod(Part::Controller).expect("a pod");
    let variables = pod["spec"]["containers"][0]["env"].as_array().expect("variables");
    let variables: BTreeSet<_> = variables.iter().filter_map(|it| it["name"].as_str()).collect();
    for (name, variable) in &known {
        let is_taken = SWITCHES.contains(name) || COUNTS.contains(name);
        let is_set = arguments.contains_key(name) || variables.contains(variable);
        let is_left_out = NOT_OF_CONTROLLERS.iter().any(|(listed, _)| listed == name);
        // One of what is taken is given for this file of values.
        let times = u8::from(is_taken) + u8::from(is_set && !is_taken) + u8::from(is_left_out);
        assert_eq!(
            times, 1,
            "--{name}: set by the chart, taken by controller.extraArgs, or left out"
        );
    }
    let ([a, b], [c]) = (SWITCHES, COUNTS);
    // From 1 to 3600, as the setting is bounded.
    let seconds = "([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)";
    let pattern = format!("^--(({a}|{b})=(true|false)|{c}={seconds})$");
    assert_eq!(schema(&["controller", "extraArgs"])["items"]["pattern"], pattern);
}

#[test]
fn a_lease_names_all_controllers_and_one_more() {
    let most = schema(&["controller", "replicas"])["maximum"].as_u64();
    assert_eq!(most, Some(MEMBERS as u64 - 1));
}

/// What a file of values adds to the flags of the instances.
fn added(name: &str) -> Vec<String> {
    let values = yaml(&format!("charts/tests/values/{name}.yaml"));
    texts(&values["memgraph"]["extraFlags"]).into_iter().map(ToOwned::to_owned).collect()
}

/// The flags of the instances that the chart itself sets.
fn flags(rendered: &Rendered) -> BTreeMap<String, String> {
    let added = added(&rendered.name);
    let arguments = rendered.arguments(Part::Instance).into_iter();
    arguments
        .filter(|argument| !added.iter().any(|it| it == argument))
        .filter_map(|argument| argument.strip_prefix("--")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn flags_that_the_chart_sets_are_not_set_again() {
    let validate = text("charts/memgraph-ha/templates/validate.yaml");
    let (_, list) = validate.split_once("$ours := list ").expect("a list");
    let (list, _) = list.split_once(" }}").expect("its end");
    let refused: BTreeSet<_> = list.split(' ').map(|name| name.trim_matches('"')).collect();
    for rendered in Rendered::all() {
        for name in flags(&rendered).keys() {
            assert!(refused.contains(name.as_str()), "memgraph.extraFlags may have --{name}");
        }
    }
}

/// The rows of `design/generated/settings.md` about flags: flags, value, verdict. A value in words
/// stands for whatever is set.
fn tried(document: &str) -> Vec<(Vec<&str>, Option<&str>, &str)> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `--"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let flags = cells[0].split(", ").map(|it| it.trim_matches('`').trim_start_matches("--"));
        let value = cells[1].strip_prefix('`').and_then(|it| it.strip_suffix('`'));
        (flags.collect(), value, cells[3])
    })
    .collect()
}

#[test]
fn instances_have_the_flags_that_were_found_safe() {
    let document = text("design/generated/settings.md");
    let tried = tried(&document);
    let all: BTreeSet<_> = tried.iter().flat_map(|(flags, ..)| flags).copied().collect();
    assert!(all.len() >= 7, "{all:?}");
    for rendered in Rendered::all() {
        let set = flags(&rendered);
        for flag in &all {
            let value = set.get(*flag).unwrap_or_else(|| panic!("--{flag} is not set"));
            // A log that is not flushed at each commit is one case.
            let is_seldom = *flag == "storage-wal-file-flush-every-n-tx" && value != "1";
            let value = if is_seldom { "1000" } else { value };
            let rows = tried.iter().filter(|(flags, row, _)| {
                flags.contains(flag) && row.is_none_or(|row| row == value)
            });
            let verdicts: Vec<_> = rows.map(|(_, _, verdict)| *verdict).collect();
            let is_safe = !verdicts.is_empty() && verdicts.iter().all(|it| it.starts_with("safe"));
            assert!(is_safe, "{}: --{flag}={value}: {verdicts:?}", rendered.name);
        }
    }
}
