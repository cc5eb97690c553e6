//! What a wrong file is told.

use super::*;

const RACE: (&str, &str) = (
    "2025-09-16-reconcile-failover-race.yaml",
    include_str!("../../incidents/2025-09-16-reconcile-failover-race.yaml"),
);

/// Reads the race with one piece of text exchanged.
#[track_caller]
fn wrong(from: &str, to: &str) -> String {
    let text = RACE.1.replacen(from, to, 1);
    assert_ne!(text, RACE.1, "{from:?} is in the file");
    Incident::read(RACE.0, &text).expect_err("the file is wrong").to_string()
}

#[test]
fn errors_say_which_field_of_the_file_is_wrong() {
    for (from, to, expected) in [
        (
            "id: \"2025-09-16",
            "id: \"2025-09-17",
            "id: found `2025-09-17-reconcile-failover-race`; expected `2025-09-16-reconcile-failover-race`, the file's name without its ending",
        ),
        (
            "kind: incident",
            "kind: accident",
            "kind: `accident` is no kind of file; expected one of: incident, success, near-miss, scenario, experiment, mechanism, recovery",
        ),
        (
            "date: \"2025-09-16\"",
            "date: \"2025-02-29\"",
            "date: found `2025-02-29`; expected a date YYYY-MM-DD or `undated`",
        ),
        (
            "role: replica",
            "role: follower",
            "topology_before[1].role: `follower` is no role; expected one of: main, replica",
        ),
        (
            "pod: memgraph-ha-1",
            "pod: memgraph-ha-0",
            "topology_before[1].pod: found `memgraph-ha-0` again; expected each pod once",
        ),
        (
            "pod: memgraph-ha-1",
            "pod: ha-1",
            "topology_before[1].pod: found `ha-1`; expected `memgraph-ha-N` or `memgraph-sandbox-N`",
        ),
        (
            "replication_mode: null",
            "replication_mode: semi",
            "config.replication_mode: `semi` is no sync mode; expected one of: STRICT_SYNC, SYNC, ASYNC",
        ),
    ] {
        assert_eq!(wrong(from, to), format!("{}: {expected}", RACE.0));
    }
}

#[test]
fn errors_say_which_item_of_the_timeline_is_wrong() {
    for (item, from, to, expected) in [
        (
            "11:45:23.779",
            "t: \"11:45:23.779\"",
            "t: \"11:45:23,779\"",
            "timeline item with order 3: t: found `11:45:23,779`; expected `YYYY-MM-DDTHH:MM:SS[.mmm][Z]`, `HH:MM:SS[.mmm]Z` or `HH:MM:SS[.mmm]`",
        ),
        (
            "11:45:23.779",
            "t: \"11:45:23.779\"",
            "t: \"11:45:23.775\"",
            "timeline item with order 3: t: found 11:45:23.775; expected 11:45:23.776 or later, which an item with a lower order has",
        ),
        (
            "11:45:23.779",
            "order: 3",
            "order: 5",
            "order: found order 5; expected 2 or 3 (orders run from 1 without gaps)",
        ),
        (
            "11:45:23.776",
            "order: 1",
            "order: -1",
            "order: found order -1; expected 1 (orders run from 1 without gaps)",
        ),
        (
            "11:45:23.900",
            "target_main_index: 1",
            "target_main_index: one",
            "timeline item with order 4: data.target_main_index: found `one`; expected a pod's ordinal (0, 1, 2 ...) or null",
        ),
        (
            "11:45:24.337",
            "current_role: main",
            "current_role: boss",
            "timeline item with order 5: data.current_role: `boss` is no role; expected one of: main, replica",
        ),
    ] {
        let line = line_of(&format!("t: \"{item}\""));
        assert_eq!(wrong(from, to), format!("{}:{line}: {expected}", RACE.0));
    }
    let promotes = wrong("event: promote\n", "event: promoted\n");
    let begins =
        "order 3: event: `promoted` is no event; expected one of: pod_deletion_requested, ";
    assert!(promotes.contains(begins), "{promotes}");
    assert!(promotes.ends_with(", rollout_timed_out, observation"), "{promotes}");
}

/// The line of the race, counted from 1, that holds a piece of text.
fn line_of(piece: &str) -> usize {
    let index = RACE.1.lines().position(|line| line.contains(piece));
    index.unwrap_or_else(|| panic!("{piece:?} is in the file")) + 1
}

#[test]
fn the_shape_of_a_file_is_checked_at_its_line() {
    for (from, to, expected) in [
        (
            "severity: Critical",
            "sevrity: Critical",
            ":13: unknown field `sevrity`, expected one of id, title, kind, variant_of, date, clock, source, severity, memgraph_version, topology_before, config, timeline, original_outcome, invariant_violated, what_a_correct_controller_does, unknowns; found `sevrity: Critical`",
        ),
        (
            "    evidence: log\n",
            "",
            ":50: missing field `evidence`; found `quote: \"11:45:23.776 performReconciliationActions started\"`",
        ),
        (
            "kind: incident\n",
            "kind: incident\nkind: success\n",
            ":4: found the key `kind` a second time; expected each key once",
        ),
        ("event: promote\n", "event:\n", ":66: found `event:`; expected a text after it"),
        ("order: 3", "order: three", ":63: found `order: three`; expected a whole number there"),
        (
            "title: ",
            "title: &name ",
            ":2: found `title: &name \"A running reconcile pass demotes the main that a failover has just...`; expected no anchors, no aliases and at most 16 levels",
        ),
        (
            "target_main_index: 1",
            "target_main_index: 1.5",
            ":76: invalid type: floating point `1.5`, expected null, true, false, a whole number, text, a list or a mapping; found `target_main_index: 1.5`",
        ),
        ("data: {}", "data: [1]", ":67: expected mapping start; found `data: [1]`"),
    ] {
        assert_eq!(wrong(from, to), format!("{}{expected}", RACE.0));
    }
}

#[test]
fn bytes_and_sizes_are_checked_first() {
    let error = Incident::read_bytes("x.yaml", b"id: \xff").unwrap_err();
    assert_eq!(*error.problem, Problem::NotUtf8 { at: 4 });
    assert_eq!(
        error.to_string(),
        "x.yaml: found a byte that is not UTF-8 at offset 4; expected text"
    );
    let error = Incident::read("x.yaml", &"#".repeat((1 << 20) + 1)).unwrap_err();
    assert_eq!(error.to_string(), "x.yaml: found 1048577 bytes; expected at most 1048576");
    let deep = format!("id: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(Incident::read("x.yaml", &deep).is_err());
}
