//! Where pages and pictures lead: one form for each kind of thing that is linked to. Everything
//! generated lies in one folder, two below the root of the workspace.

use ha_core::rules::{Phase, RuleId};

/// The page of all rules that needs nothing else, where the id of a rule is the anchor.
pub(crate) const RULES: &str = "rules.html";

/// The place of a rule in the page of rules.
pub(crate) fn rule_page(id: RuleId) -> String {
    format!("{RULES}#{id}")
}

/// The picture of a phase.
pub(crate) fn phase(phase: Phase) -> String {
    format!("rules-{}.svg", phase.name())
}

/// A file of the workspace, by its path from the root.
pub(crate) fn file(path: &str) -> String {
    format!("../../{path}")
}
