//! The table of rules for reviewers: what each rule may do, what stands behind it, and what tries
//! it. Everything is taken from the core's own tables and from what was observed.

mod facts;
mod html;
mod markdown;
mod overview;
mod phase;

use crate::evidence::{Evidence, Unreadable, Workspace};
use ha_core::rules::{Phase, RULES, Rule, RuleId};
use std::collections::BTreeMap;

/// Everything that a page of rules shows.
#[derive(Debug, Clone)]
pub struct Catalogue {
    evidence: Evidence,
    /// The function of each rule, as the table names it.
    judges: BTreeMap<RuleId, String>,
    /// The pages in which each rule is drawn: title and file.
    drawn: BTreeMap<RuleId, Vec<(String, String)>>,
}

impl Catalogue {
    /// Gathers what the files of the workspace show.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn gather(workspace: &Workspace) -> Result<Self, Unreadable> {
        let evidence = Evidence::gather(workspace)?;
        let judges = judges(&workspace.text("core/src/rules/mod.rs")?);
        Ok(Self { evidence, judges, drawn: BTreeMap::new() })
    }

    /// What stands behind each rule.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Notes that a page draws these rules.
    pub fn draws(&mut self, title: &str, file: &str, rules: impl IntoIterator<Item = RuleId>) {
        for rule in rules {
            let pages = self.drawn.entry(rule).or_default();
            let page = (title.to_owned(), file.to_owned());
            if !pages.contains(&page) {
                pages.push(page);
            }
        }
    }

    /// The rules of a phase, in the order of judging.
    fn of(phase: Phase) -> impl Iterator<Item = &'static Rule> {
        RULES.iter().filter(move |rule| rule.phase == phase)
    }
}

/// The function that each row of the table names, such as `elect::failover`.
fn judges(table: &str) -> BTreeMap<RuleId, String> {
    let of = |id: &RuleId| {
        let begins = [format!("once({id}, "), format!("each({id}, ")];
        let row = table
            .lines()
            .map(str::trim)
            .find(|line| begins.iter().any(|begin| line.starts_with(begin.as_str())))?;
        let judge = row.strip_suffix("),")?.rsplit(", ").next()?;
        Some((*id, judge.to_owned()))
    };
    RuleId::ALL.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_of_a_rule_is_the_last_word_of_its_row() {
        let table = "const X: &[Rule] = &[\n    once(E10, Elect, \"failover\", \"a, b\", elect::failover),\n    \
                     each(F60, Fence, \"other-main\", \"c\", fence::other_main),\n];";
        let found = judges(table);
        assert_eq!(found.get(&RuleId::E10).map(String::as_str), Some("elect::failover"));
        assert_eq!(found.get(&RuleId::F60).map(String::as_str), Some("fence::other_main"));
        assert_eq!(found.len(), 2);
    }
}
