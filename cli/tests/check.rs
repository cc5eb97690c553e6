//! `memgraph-ha check`: what can be checked, what is printed, and that a counterexample can be
//! played.

use serde_json::Value;
mod common;

use common::{folder, memgraph_ha, text};
use std::fs;

/// A small configuration, and a mutant that breaks in it soon.
const CONFIG: &str = "engine-head";
const MUTANT: &str = "promotes-before-it-records";
const BROKEN: &str = "intent-precedes-promotion";

#[test]
fn configurations_are_listed() {
    let output = memgraph_ha(&["check", "--list"]);
    let listed = text(&output.stdout);
    assert!(output.status.success());
    for line in ["quiet (ci): nothing but writes", "    at most 2 writes; no fault"] {
        assert!(listed.lines().any(|found| found == line), "{listed}");
    }
    assert!(listed.contains(&format!("\n{CONFIG} (ci")), "{listed}");
}

#[test]
fn no_configuration_of_that_name() {
    let explore = ["check", "--explore", "--config", "sleeps"];
    for args in [&["check", "--config", "quiet", "--config", "sleeps"][..], &explore] {
        let output = memgraph_ha(args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        let expected = "there is no configuration \"sleeps\"\nexpected one of: quiet, ";
        assert!(error.contains(expected), "{error}");
    }
    let output = memgraph_ha(&["check", "--explore"]);
    assert_eq!(output.status.code(), Some(2));
    let output = memgraph_ha(&["check", "--mutant", "sleeps"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_holds_ends_with_success() {
    let output = memgraph_ha(&["check", "--config", "quiet", "--projections"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.lines().any(|line| line.starts_with("quiet") && line.ends_with("all holds")));
    assert!(told.contains("  seen       write acknowledged ("), "{told}");
    assert!(told.contains(" states without messages"), "{told}");
}

#[test]
fn machines_read_what_was_found() {
    let output = memgraph_ha(&["check", "--config", "quiet", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let configs = found["configs"].as_array().expect("configurations");
    assert_eq!(configs.len(), 1);
    let quiet = &configs[0];
    assert_eq!((&quiet["name"], &quiet["engine"]), (&"quiet".into(), &"own".into()));
    for number in ["unique_states", "transitions", "depth"] {
        assert!(quiet[number].as_u64().is_some_and(|number| number > 0), "{quiet:#}");
    }
    assert!(quiet["seconds"].is_number());
    let properties = quiet["properties"].as_array().expect("properties");
    let named = |name: &str| {
        properties.iter().find(|property| property["name"] == name).expect("the property")
    };
    for name in ["acknowledged-writes-survive", "model-is-possible"] {
        assert_eq!(named(name)["kind"], "always");
        assert_eq!(named(name)["holds"], true);
        assert_eq!(named(name)["witness"], Value::Null);
    }
    assert_eq!(named("settles")["kind"], "eventually, under weak fairness");
    assert_eq!(named("settles")["holds"], true);
    let acked = named("write acknowledged");
    assert_eq!(acked["kind"], "sometimes");
    let witness = &acked["witness"];
    assert!(witness["length"].as_u64().is_some_and(|length| length > 0));
    assert!(witness["story"].as_array().is_some_and(|story| !story.is_empty()));
    assert!(witness["schedule"].as_str().is_some_and(|text| text.starts_with("world ")));
    assert_eq!(named("failover")["holds"], false, "nothing crashes there");
}

#[test]
fn too_many_states_are_no_success() {
    let output = memgraph_ha(&["check", "--config", "quiet", "--max-states", "10"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("INCOMPLETE: there was no room for another state"));
}

#[test]
fn a_counterexample_is_told_and_can_be_played() {
    let folder = folder("check-mutant");
    let path = folder.to_string_lossy().into_owned();
    let args = ["check", "--config", CONFIG, "--mutant", MUTANT, "--save", &path];
    let output = memgraph_ha(&args);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("BROKEN: {BROKEN}")), "{told}");
    assert!(told.contains(&format!("         breaks {BROKEN}\n")), "{told}");

    let file = folder.join(format!("{CONFIG}-{BROKEN}.txt"));
    let schedule = fs::read_to_string(&file).expect("the schedule");
    assert!(schedule.starts_with(&format!("# Counterexample: {BROKEN} (always) ")), "{schedule}");
    assert!(schedule.lines().any(|line| line == format!("# mutant: {MUTANT}")), "{schedule}");
    let file = file.to_string_lossy();
    let wrong = memgraph_ha(&["play", &file, "--mutant", MUTANT]);
    let told = text(&wrong.stdout);
    assert_eq!(wrong.status.code(), Some(1), "{told}");
    let broken = format!("broken: {BROKEN}: ");
    assert!(told.lines().any(|line| line.starts_with(&broken)), "{told}");
    assert!(!told.lines().any(|line| line.starts_with("failed: ")), "{told}");
}
