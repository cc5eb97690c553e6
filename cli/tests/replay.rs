//! Exit codes and outputs of `memgraph-ha replay`.

use std::process::{Command, Output};

const INCIDENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/incidents");

fn replay(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"));
    command.arg("replay").args(args).output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[test]
fn a_folder_is_replayed_in_the_order_of_its_names() {
    let output = replay(&["--format", "json", INCIDENTS]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let incidents = json["incidents"].as_array().unwrap();
    let ids: Vec<&str> = incidents.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "2025-09-16-reconcile-failover-race",
            "2025-09-18-empty-pod-ip",
            "2025-10-18-prestop-test-2-success",
            "2025-10-18-prestop-test-20-failure",
        ]
    );
    assert!(incidents.iter().all(|one| one["predecessor"]["reproduced"] == true));
}

#[test]
fn one_file_is_told_as_text() {
    let output = replay(&[&format!("{INCIDENTS}/2025-09-18-empty-pod-ip.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Ours in its place: safe, settled"), "{text}");
}

#[test]
fn unusable_input_says_where_and_what_was_expected() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (path, found) in [
        (folder, "no incident file in this folder"),
        (manifest, "line 1: expected mapping start"),
        ("/nowhere", "No such file"),
    ] {
        let output = replay(&[path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(stderr(&output).contains(path), "{}", stderr(&output));
        assert!(stderr(&output).contains(found), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(replay(&[]).status.code(), Some(2));
}
