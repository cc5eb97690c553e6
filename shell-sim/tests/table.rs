//! The table of all incidents in `design/incidents.md` is what the code says, and every exception in
//! it has a reason.

use serde::Deserialize;
use shell_sim::{
    audit::InvariantName,
    incident::{Incident, Kind},
    replay::{Replay, replay},
};
use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

/// What a file lists, which reading an incident strips: only this test looks at it.
#[derive(Deserialize)]
struct Listed {
    invariant_violated: Vec<InvariantName>,
}

/// Listed invariants that the audit does not name, and what the record lacks.
const UNSHOWN: &[(&str, InvariantName, &str)] = &[
    (
        "2025-09-11-all-async-after-rolling-restart",
        InvariantName::NoStaleDecision,
        "no item says on which target the registrations rest",
    ),
    (
        "2025-09-16-slow-termination-run-8",
        InvariantName::SerializedOperations,
        "no item is of the race; the text names it as the cause",
    ),
    (
        "2025-09-20-dual-main-epoch-divergence",
        InvariantName::GatewayFencing,
        "no item is of the gateway",
    ),
    ("2025-09-21-records-49-687-49", InvariantName::GatewayFencing, "no item is of the gateway"),
    ("2025-09-27-invalid-to-diverged", InvariantName::DualMainGuard, "no item is a registration"),
    (
        "2025-10-18-prestop-invalid-called-unhealable",
        InvariantName::OneMainPerReplica,
        "no item says which replica heard which main",
    ),
    (
        "2025-10-19-failed-prestop-hook-events",
        InvariantName::GatewayFencing,
        "no item is of the gateway",
    ),
    (
        "undated-configmap-masterindex-case-mismatch",
        InvariantName::GatewayRoutesOnlyToTargetMain,
        "no item is of a route or of a write",
    ),
];

/// Invariants that the audit names beyond the list, and the item that shows it.
const BEYOND: &[(&str, InvariantName, &str)] = &[(
    "2025-09-20-dual-main-epoch-divergence",
    InvariantName::DivergedRecovers,
    "the async replica is refused and the record ends so",
)];

/// Records whose outcome the predecessor's policy does not reproduce, and what is missing.
const NOT_REPRODUCED: &[(&str, &str)] = &[
    ("2025-09-28-dual-main-safely-handled", "order 3: nothing in the record makes the second main"),
    (
        "2025-10-06-prestop-slow-terminating-dns",
        "order 3 and later are told, not logged; no reading of a replica is given",
    ),
    ("2025-10-08-prestop-24h-timeout-runs", "order 3 is told, not logged: ten runs in one item"),
    (
        "2025-10-18-prestop-invalid-called-unhealable",
        "order 5 is told, not logged: no item asks for the failovers that were refused",
    ),
    (
        "undated-configmap-masterindex-case-mismatch",
        "nothing is logged, and no item says what the store was written for",
    ),
    (
        "undated-failover-stall-23s",
        "nothing is logged; the retries of that worker are not part of the documented policy",
    ),
    (
        "undated-nonleader-gateway-stale-state",
        "nothing is logged, and no item says why the leader failed over",
    ),
];

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/incidents");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    files
}

struct Row {
    replay: Replay,
    listed: BTreeSet<InvariantName>,
    named: BTreeSet<InvariantName>,
}

fn rows() -> Vec<Row> {
    let row = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("readable");
        let listed: Listed = serde_saphyr::from_str(&text).expect("readable");
        let incident = Incident::read(&path.to_string_lossy(), &text).expect("readable");
        let replay = replay(&incident, ha_core::plan);
        let named = replay.audit.iter().map(|finding| finding.invariant).collect();
        Row { replay, listed: listed.invariant_violated.into_iter().collect(), named }
    };
    files().into_iter().map(row).collect()
}

fn reason<'r>(list: &'r [(&str, InvariantName, &str)], id: &str, name: InvariantName) -> &'r str {
    let found = list.iter().find(|(of, which, _)| *of == id && *which == name);
    found.map_or_else(|| panic!("{id}: {name} has no reason"), |(_, _, reason)| reason)
}

fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| record | kind | audit | policy | items | ours | schedules | longest wait |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for Row { replay, listed, named } in rows {
        let both = listed.intersection(named).count();
        let found = &replay.predecessor;
        writeln!(
            out,
            "| {} | {} | {both} of {} listed{} | {} | {} of {} | {} | {} of {} settled | {} ms |",
            replay.incident.id,
            replay.incident.kind,
            listed.len(),
            if named.len() > both {
                format!(", {} more", named.len() - both)
            } else {
                String::new()
            },
            replay.captured(),
            found.best,
            found.expected,
            if replay.is_safe() { "safe" } else { "BROKEN" },
            replay.ours.settled,
            replay.ours.schedules,
            replay.ours.longest_ms,
        )
        .expect("readable");
    }
    out
}

fn exceptions(rows: &[Row]) -> String {
    let mut out = String::new();
    for Row { replay, listed, named } in rows {
        let id = replay.incident.id.as_str();
        for name in listed.difference(named) {
            writeln!(
                out,
                "- {id}: `{name}` is listed and not named: {}",
                reason(UNSHOWN, id, *name)
            )
            .expect("readable");
        }
        for name in named.difference(listed) {
            writeln!(
                out,
                "- {id}: `{name}` is named and not listed: {}",
                reason(BEYOND, id, *name)
            )
            .expect("readable");
        }
        if replay.captured() == "NOT reproduced" {
            let found = NOT_REPRODUCED.iter().find(|(of, _)| *of == id);
            let (_, reason) = found.unwrap_or_else(|| {
                panic!("{id} is not reproduced: {:?}", replay.predecessor.missing)
            });
            writeln!(out, "- {id}: not reproduced: {reason}").expect("readable");
        }
    }
    out
}

#[test]
fn the_table_is_what_the_code_says() {
    let rows = rows();
    assert_eq!(rows.len(), 28);
    for Row { replay, named, .. } in &rows {
        let id = &replay.incident.id;
        assert!(replay.is_safe(), "{id}: {:?}", replay.ours.violations);
        if replay.incident.kind == Kind::Success {
            assert!(named.is_empty(), "{id}: {named:?}");
        }
        let went_wrong = matches!(replay.incident.kind, Kind::Incident | Kind::NearMiss);
        if went_wrong && replay.incident.recorded().next().is_some() {
            assert_eq!(replay.captured(), "reproduced", "{id} has items that were logged");
        }
    }
    let made = format!("{}\n{}", table(&rows), exceptions(&rows));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../design/incidents.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let begin = "<!-- made by shell-sim/tests/table.rs -->\n";
    let end = "<!-- end -->";
    let written = text.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    if std::env::var_os("UPDATE_TABLES").is_some() {
        let (before, _) = text.split_once(begin).expect("a place for the table");
        let (_, after) = text.split_once(end).expect("an end of the table");
        std::fs::write(path, format!("{before}{begin}{made}{end}{after}")).expect("readable");
        return;
    }
    assert_eq!(written.map(|(table, _)| table), Some(made.as_str()), "run with UPDATE_TABLES=1");
}
