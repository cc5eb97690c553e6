//! What a reviewer would otherwise have to look for by hand: the core's manifest and attributes,
//! the sizes of files and functions, words that were given up, the table of rules, and that
//! documents and code speak of the same things.

#[path = "common/source.rs"]
mod source;

use ha_core::rules::{RULES, RuleId};
use source::{code, functions, names, read, sources, words};
use std::collections::BTreeSet;

const LINES_OF_A_FILE: usize = 500;
const LINES_OF_A_FUNCTION: usize = 70;

/// Functions that may be longer: file, function, reason.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// Files that may be longer: file, reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Words that names in the core do not use: each has one of ours in its place.
const RETIRED: &[&str] = &[
    "primary",
    "secondary",
    "master",
    "slave",
    "healthy",
    "manager",
    "handler",
    "helper",
    "util",
    "utils",
];

/// The lines of one section of a manifest, without comments and blanks.
fn section(manifest: &str, name: &str) -> Vec<String> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != format!("[{name}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_core_depends_on_two_crates() {
    let manifest = read("core/Cargo.toml");
    let expected = ["serde = { workspace = true }", "thiserror = { workspace = true }"];
    assert_eq!(section(&manifest, "dependencies"), expected);
    for line in manifest.lines().filter(|line| line.starts_with('[')) {
        let foreign = line.contains("build-dependencies") || line.contains("target.");
        assert!(!foreign, "core/Cargo.toml: {line} would let a third crate in");
    }
}

/// What licences and bans are checked by cannot tell a dependency from that of a test.
#[test]
fn the_program_speaks_to_kubernetes_through_the_shell() {
    let dependencies = section(&read("cli/Cargo.toml"), "dependencies");
    assert!(dependencies.iter().any(|line| line.starts_with("shell-k8s")), "it was not read");
    let kube = dependencies.iter().find(|line| line.starts_with("kube"));
    assert_eq!(kube, None, "cli/Cargo.toml: only its tests may name kube");
}

#[test]
fn the_core_cannot_speak_of_the_world() {
    let text = read("core/src/lib.rs");
    for attribute in ["#![no_std]", "#![forbid(unsafe_code)]", "extern crate alloc;"] {
        let found = text.lines().any(|line| line == attribute);
        assert!(found, "core/src/lib.rs lacks {attribute}");
    }
    for source in sources().iter().filter(|source| source.path.starts_with("core/src/")) {
        let code = code(&source.text);
        let std = names(&code).into_iter().any(|(name, _)| name == "std");
        assert!(!std, "{} names std", source.path);
    }
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let listed = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if lines > LINES_OF_A_FILE && !listed {
            wrong.push(format!("{}: {lines} lines, at most {LINES_OF_A_FILE}", source.path));
        }
        for (name, line, lines) in functions(&code(&source.text)) {
            let listed = LONG_FUNCTIONS
                .iter()
                .any(|(path, function, _)| *path == source.path && *function == name);
            if lines > LINES_OF_A_FUNCTION && !listed {
                let at = format!("{}:{line}", source.path);
                wrong
                    .push(format!("{at}: {name} has {lines} lines, at most {LINES_OF_A_FUNCTION}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    for source in sources() {
        let code = code(&source.text);
        for (name, end) in names(&code) {
            let called = code[end..].starts_with('!');
            if called && ["todo", "unimplemented", "dbg"].contains(&name) {
                wrong.push(format!("{}: {name}!", source.path));
            }
        }
        for mark in [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")] {
            if names(&source.text).into_iter().any(|(name, _)| name == mark) {
                wrong.push(format!("{}: {mark}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn retired_words_stay_away() {
    let mut wrong = BTreeSet::new();
    for source in sources().iter().filter(|source| source.path.starts_with("core/src/")) {
        for (name, _) in names(&code(&source.text)) {
            if words(name).iter().any(|word| RETIRED.contains(&word.as_str())) {
                wrong.insert(format!("{}: {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_kebab(name: &str) -> bool {
    let parts = name.split('-');
    parts.into_iter().all(|part| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

#[test]
fn every_rule_has_one_row() {
    for id in RuleId::ALL {
        let rows = RULES.iter().filter(|rule| rule.id == *id).count();
        assert_eq!(rows, 1, "rows of {id} in RULES");
        assert_eq!(id.rule().id, *id);
    }
    assert_eq!(RULES.len(), RuleId::ALL.len());
    let phases: Vec<_> = RULES.iter().map(|rule| rule.phase).collect();
    assert!(phases.is_sorted(), "rows stand in the order of their phases: {phases:?}");
    let ids: BTreeSet<_> = RuleId::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(ids.len(), RuleId::ALL.len());
    let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len(), "a name stands twice");
    for rule in RULES {
        assert!(is_kebab(rule.name), "{}: {} is not kebab-case", rule.id, rule.name);
        assert!(!rule.when.is_empty(), "{} does not say when", rule.id);
    }
}

/// Rows of one phase share its letter and are numbered in the order in which they are judged.
#[test]
fn rule_ids_tell_their_place() {
    for pair in RULES.windows(2) {
        let (one, next) = (pair[0].id.to_string(), pair[1].id.to_string());
        let same_letter = one[..1] == next[..1];
        assert_eq!(same_letter, pair[0].phase == pair[1].phase, "{one} and {next}");
        assert!(!same_letter || one < next, "{next} stands after {one}");
    }
}

/// The documents whose sections are cited, each with the mark that stands before the number.
const CITED: &[(&str, &str)] = &[
    ("MR", "design/memgraph-semantics.md"),
    ("BG", "design/bolt-and-drivers.md"),
    ("PI", "design/predecessor.md"),
];

/// The numbers behind each `mark` in `text`: `MR 3.4`, `MR 1.3, 3.2`, `MR 4`, `MR 4.2 to 4.4`.
fn cited(mark: &str, text: &str) -> BTreeSet<String> {
    let mark = format!("{mark} ");
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(&mark) {
        if text[..at].ends_with(|c: char| c.is_alphanumeric()) {
            continue;
        }
        let mut rest = Some(&text[at + mark.len()..]);
        while let Some(list) = rest {
            let end = list.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(list.len());
            let (number, behind) = list.split_at(end);
            let number = number.trim_end_matches('.');
            if number.is_empty() {
                break;
            }
            found.insert(number.to_owned());
            rest = [", ", " and ", " to "].iter().find_map(|between| behind.strip_prefix(between));
        }
    }
    found
}

/// Marks without a document: two capitals and a number at the beginning of a parenthesis, in a
/// comment, which is how sections are cited.
fn unknown_marks(text: &str) -> BTreeSet<String> {
    let comments = text.lines().filter_map(|line| line.split_once("//"));
    let opened = comments.flat_map(|(_, comment)| comment.split('(').skip(1));
    let marks = opened.filter_map(|inside| {
        let (mark, number) = inside.split_once(' ')?;
        let is_mark = mark.len() == 2 && mark.chars().all(|c| c.is_ascii_uppercase());
        (is_mark && number.starts_with(|c: char| c.is_ascii_digit())).then_some(mark)
    });
    let is_known = |mark: &str| CITED.iter().any(|(known, _)| *known == mark);
    marks.filter(|mark| !is_known(mark)).map(str::to_owned).collect()
}

#[test]
fn cited_sections_exist() {
    let sources = sources();
    let mut wrong = Vec::new();
    for (mark, document) in CITED {
        let text = read(document);
        let headings: BTreeSet<_> = text
            .lines()
            .filter(|line| line.starts_with('#'))
            .filter_map(|line| line.trim_start_matches('#').split_whitespace().next())
            .map(|number| number.trim_end_matches('.').to_owned())
            .collect();
        for source in &sources {
            for number in cited(mark, &source.text) {
                if !headings.contains(&number) {
                    let path = &source.path;
                    wrong.push(format!("{path} cites {mark} {number}, no section of {document}"));
                }
            }
        }
    }
    for source in &sources {
        for mark in unknown_marks(&source.text) {
            wrong.push(format!("{} cites {mark}, which stands for no document", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The commands in the fenced blocks of a document.
fn commands(document: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in document.lines() {
        let line = line.split_once(" #").map_or(line, |(command, _)| command).trim();
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && line.starts_with("cargo ") {
            commands.push(line);
        }
    }
    commands
}

#[test]
fn documented_commands_are_run() {
    let readme = read("README.md");
    let run = read(".ci/run");
    let commands = commands(&readme);
    assert!(commands.len() >= 2, "README.md names two commands to begin with: {commands:?}");
    for command in commands {
        let runs = run.lines().any(|line| line.trim() == command);
        assert!(runs, ".ci/run has no line `{command}`, which README.md names");
    }
}

/// The reading of sources judges nothing if it is wrong about these.
#[test]
fn sources_are_read_right() {
    let text = "fn a() { \"}\"; '{'; b('\\'', r#\"fn x() {\"#); } // }\nfn b(_: fn(u8)) -> u8;\n\
                fn c<'a>(_: &'a str) {\n  /* { */\n}\n";
    let code = code(text);
    assert_eq!(code.lines().count(), text.lines().count());
    let found: Vec<_> = functions(&code);
    assert_eq!(found, [("a".to_owned(), 1, 1), ("c".to_owned(), 3, 3)]);
    assert_eq!(words("RetryLater_x"), ["retry", "later", "x"]);
    let text = "(MR 1.3, 3.2). MR 4 and 5.1; XMR 9, BG 6, MR 7. MR 8 to 10.1, shape 1";
    let numbers: Vec<_> = cited("MR", text).into_iter().collect();
    assert_eq!(numbers, ["1.3", "10.1", "3.2", "4", "5.1", "7", "8"]);
    let text = concat!("a (Q", "X 1) // (MR 1, QY 2) (QZ) (Q", "W 3.1)\n/// (AND 4) (Q", "V 5)");
    let marks: Vec<_> = unknown_marks(text).into_iter().collect();
    assert_eq!(marks, ["QV", "QW"]);
    assert_eq!(commands("```\ncargo x  # why\n```\ncargo y"), ["cargo x"]);
}
