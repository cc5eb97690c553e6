//! `design/requirements.md` leaves no number out, and names only what there is.

#[path = "common/source.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod source;

use source::{code, functions, names, read, root, sources};
use std::collections::BTreeSet;

fn rows(text: &str) -> Vec<(&str, &str)> {
    let cells = |line: &'_ str| line.starts_with("| R") || line.starts_with("| T");
    let row = |line| {
        let line: &str = line;
        let (id, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        Some((id, rest))
    };
    text.lines().filter(|line| cells(line)).filter_map(row).collect()
}

fn in_code_font(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn no_number_is_left_out() {
    let text = read("design/requirements.md");
    let found: Vec<&str> = rows(&text).into_iter().map(|(id, _)| id).collect();
    let requirements = (1..=95).map(|number| format!("R{number:02}"));
    let expected: Vec<String> =
        requirements.chain((1..=27).map(|number| format!("T{number}"))).collect();
    assert_eq!(found, expected);
    for (id, rest) in rows(&text) {
        assert!(rest.trim_end_matches(['|', ' ']).contains(" | "), "{id} has no evidence");
    }
}

#[test]
fn what_is_named_exists() {
    let text = read("design/requirements.md");
    let sources = sources();
    let mut known = BTreeSet::new();
    for source in &sources {
        let code = code(&source.text);
        known.extend(functions(&code).into_iter().map(|(name, ..)| name));
        // Metrics and rules are texts in the code.
        let texts = names(&source.text).into_iter().map(|(name, _)| name.to_owned());
        known.extend(texts.filter(|name| name.contains('_')));
    }
    let is_known = |name: &str| {
        known.contains(name)
            || name.strip_prefix("memgraph_ha_").is_some_and(|it| known.contains(it))
    };
    let safety = read("design/safety.md");
    let exists = |path: String| root().join(path).exists();
    let mut wrong = Vec::new();
    for (id, rest) in rows(&text) {
        for name in in_code_font(rest) {
            let is_one_word = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            let is_schedule =
                name.starts_with('s') && name[1..].starts_with(|c: char| c.is_ascii_digit());
            let is_right = match name {
                _ if !is_one_word => continue,
                _ if is_schedule => exists(format!("shell-sim/schedules/{name}.txt")),
                _ if name.starts_with("2025-") => {
                    exists(format!("shell-sim/incidents/{name}.yaml"))
                }
                _ if name.contains('_') => is_known(name),
                _ if name.contains('-') => safety.contains(name),
                _ => continue,
            };
            if !is_right {
                wrong.push(format!("{id}: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
