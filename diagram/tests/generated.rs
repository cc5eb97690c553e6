//! The pages of `design/generated` are what the code says. `UPDATE_GENERATED=1 cargo test -p diagram
//! --test generated` writes them anew; look at the pictures that changed before they are taken.

use diagram::{
    evidence::{Evidence, Workspace},
    pages::{self, FOLDER, Page},
};
use ha_core::rules::{RULES, RuleId};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in the workspace").into()
}

static PAGES: LazyLock<Vec<Page>> =
    LazyLock::new(|| pages::all(&Workspace::at(&root())).expect("every file can be used"));

fn text(name: &str) -> &'static str {
    let page = PAGES.iter().find(|page| page.name == name);
    &page.unwrap_or_else(|| panic!("no page {name}")).text
}

/// The first line that differs.
fn differing(kept: &str, made: &str) -> String {
    let lines = kept.lines().zip(made.lines()).enumerate();
    let first = lines.into_iter().find(|(_, (kept, made))| kept != made);
    first.map_or_else(
        || "one is longer".to_owned(),
        |(at, (kept, made))| {
            let short = |line: &str| line.chars().take(200).collect::<String>();
            format!("line {}:\n  kept {}\n  made {}", at + 1, short(kept), short(made))
        },
    )
}

#[test]
fn committed_pages_are_what_the_code_says() {
    let folder = root().join(FOLDER);
    let writes = std::env::var("UPDATE_GENERATED").is_ok_and(|value| value == "1");
    let mut wrong = Vec::new();
    let names: BTreeSet<&str> = PAGES.iter().map(|page| page.name.as_str()).collect();
    if writes {
        fs::create_dir_all(&folder).expect("a folder");
    }
    for entry in fs::read_dir(&folder).expect("the folder of generated pages") {
        let path = entry.expect("readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !names.contains(name.as_str()) {
            if writes {
                fs::remove_file(&path).expect("it can be removed");
            } else {
                wrong.push(format!("{name} is generated no more"));
            }
        }
    }
    for page in PAGES.iter() {
        let path = folder.join(&page.name);
        if writes {
            fs::write(&path, &page.text).expect("it can be written");
        }
        match fs::read_to_string(&path) {
            Ok(kept) if kept == page.text => {}
            Ok(kept) => wrong.push(format!("{}: {}", page.name, differing(&kept, &page.text))),
            Err(why) => wrong.push(format!("{}: {why}", page.name)),
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nUPDATE_GENERATED=1 cargo test -p diagram --test generated writes them anew",
        wrong.join("\n")
    );
}

/// What stands behind a mark, up to its end.
fn after<'t>(text: &'t str, mark: &str, end: char) -> Vec<&'t str> {
    let ends = |rest: &'t str| rest.split(end).next().unwrap_or_default();
    text.match_indices(mark).map(|(at, _)| ends(&text[at + mark.len()..])).collect()
}

fn links(page: &Page) -> Vec<&str> {
    let mut links = after(&page.text, "href=\"", '"');
    if page.name.ends_with(".md") {
        links.extend(after(&page.text, "](", ')'));
    }
    links
}

#[test]
fn every_link_leads_to_something() {
    let folder = root().join(FOLDER);
    let mut wrong = BTreeSet::new();
    let mut count = 0;
    for page in PAGES.iter() {
        for link in links(page) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { page.name.as_str() } else { file };
            let made = PAGES.iter().find(|page| page.name == file);
            if made.is_none() && !folder.join(file).exists() {
                wrong.insert(format!("{}: {link} leads nowhere", page.name));
            }
            let anchored = |page: &Page| page.text.contains(&format!("id=\"{anchor}\""));
            if !anchor.is_empty() && !made.is_some_and(anchored) {
                wrong.insert(format!("{}: {link} has no such place", page.name));
            }
        }
    }
    assert!(count > 1_000, "{count} links");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// In every form in which a controller writes it, the id of a rule is the anchor of its place.
#[test]
fn every_rule_has_a_place_in_the_pages() {
    for id in RuleId::ALL {
        let written = serde_json::to_string(id).expect("a name");
        assert_eq!(written, format!("\"{id}\""), "in a journal");
        for name in ["rules.html", "rules.md"] {
            let anchor = format!("id=\"{id}\"");
            assert_eq!(text(name).matches(&anchor).count(), 1, "{name}: {anchor}");
        }
        let rule = id.rule();
        let picture = text(&format!("rules-{}.svg", rule.phase.name()));
        for words in [picture, text("rules.svg")] {
            assert!(words.contains(&format!(">{id} {}<", rule.name)), "{id} is not drawn");
        }
    }
}

/// The place of a rule names the function that is the rule.
#[test]
fn every_rule_leads_to_its_function() {
    let page = text("rules.md");
    for rule in RULES {
        let begin = format!("<a id=\"{}\"></a>", rule.id);
        let place = page.split(begin.as_str()).nth(1).expect("its place");
        let place = place.split("\n### ").next().unwrap_or_default();
        let code = after(place, "- Code: [", ')').first().copied().unwrap_or_default();
        let (judge, file) = code.split_once("](").unwrap_or_else(|| panic!("{}: {code}", rule.id));
        let source = fs::read_to_string(root().join(FOLDER).join(file)).expect(file);
        let name = judge.split("::").last().unwrap_or_default();
        assert!(source.contains(&format!("fn {name}(")), "{}: {judge}", rule.id);
    }
}

static EVIDENCE: LazyLock<Evidence> =
    LazyLock::new(|| Evidence::gather(&Workspace::at(&root())).expect("every file can be used"));

/// What rules did in any schedule is in their scope: the other half of `core/tests/scopes.rs`.
#[test]
fn rules_do_nothing_beyond_their_scope() {
    let beyond = EVIDENCE.beyond();
    assert!(beyond.is_empty(), "{beyond:#?}");
}

/// Each wrong decision that a schedule exposes is found to differ by some rule.
#[test]
fn every_mistake_turns_a_rule() {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for id in RuleId::ALL {
        for wrong in EVIDENCE.of(*id).mistakes {
            *found.entry(wrong.name).or_default() += 1;
        }
    }
    let workspace = Workspace::at(&root());
    let schedules = workspace.schedules().expect("readable");
    for source in schedules.iter().chain(&workspace.traces().expect("readable")) {
        if let Some(mutant) = source.mutant() {
            assert!(found.contains_key(mutant.name), "{}: {}", source.path, mutant.name);
        }
    }
    assert!(found.len() > 50, "{} mistakes", found.len());
}

/// Pictures are read in light and in dark, and bring no font, no script and nothing from outside.
#[test]
fn pictures_need_nothing_from_outside() {
    for page in PAGES.iter().filter(|page| page.name.ends_with(".svg")) {
        let (name, text) = (&page.name, &page.text);
        assert!(text.contains("prefers-color-scheme:dark"), "{name}");
        assert!(text.contains("class=\"ground\""), "{name} brings its background");
        for foreign in ["<script", "@import", "@font-face", "url(http", "<image", "src="] {
            assert!(!text.contains(foreign), "{name}: {foreign}");
        }
        let addresses = text.matches("http").count();
        assert_eq!(addresses, 1, "{name}: the name of the form alone");
    }
}
