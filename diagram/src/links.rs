//! Where pages and pictures lead: one form for each kind of thing that is linked to.

use ha_core::rules::RuleId;

/// The page of all rules that needs nothing else, where the id of a rule is the anchor.
pub(crate) const RULES: &str = "rules.html";

/// The place of a rule in the page of rules.
pub(crate) fn rule_page(id: RuleId) -> String {
    format!("{RULES}#{id}")
}
