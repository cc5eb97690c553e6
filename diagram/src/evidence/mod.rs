//! What stands behind each rule: what it really did in every schedule, which guards refuse what it
//! asks for, under which wrong decision its word is another one, and who speaks of it. All of it is
//! observed or read from what exists; nothing is listed by hand.

mod guards;
mod read;
mod runs;

pub use read::{Source, Unreadable, Workspace};

use ha_core::{
    action::ActionKind,
    guard::GuardId,
    plan::{Hold, Step},
    reason::Reason,
    rules::RuleId,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfRule {
    /// The kinds of effect that it asked for.
    pub does: BTreeSet<ActionKind>,
    /// Why it acted: the names of reasons, each with the first sentence of its kind.
    pub because: BTreeMap<String, String>,
    /// What it waited for, in the same form.
    pub waits: BTreeMap<String, String>,
    /// Files of schedules in which it acts.
    pub acts_in: BTreeSet<String>,
    /// Files of schedules in which it waits.
    pub waits_in: BTreeSet<String>,
    /// Wrong decisions that differ from the decision by its word first.
    pub mistakes: BTreeSet<Wrong>,
    /// Rows of `design/safety.md` that name it.
    pub safety: BTreeSet<usize>,
    /// Files of stories and tests that name it.
    pub named_in: BTreeSet<String>,
}

/// A wrong decision, and the file that exposes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wrong {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// The schedule, or the kept counterexample.
    pub file: String,
}

/// What stands behind all rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    rules: BTreeMap<RuleId, OfRule>,
    /// The guards that refused an effect of a kind in some other moment.
    pub guards: BTreeMap<ActionKind, BTreeSet<GuardId>>,
    /// The rows of `design/safety.md`: number and sentence.
    pub safety: Vec<(usize, String)>,
}

/// The name of a reason in files.
#[must_use]
pub fn name(reason: &Reason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
        Ok(_) | Err(_) => String::new(),
    }
}

impl Evidence {
    /// Gathers everything that the files of the workspace show.
    ///
    /// # Errors
    /// A file cannot be read, or a schedule is none.
    pub fn gather(workspace: &Workspace) -> Result<Self, Unreadable> {
        let mut evidence = Self::default();
        let mut moments = guards::Moments::default();
        for source in workspace.schedules()? {
            let schedule = source.schedule()?;
            runs::ours(&mut evidence, &source.path, &schedule);
            if let Some(mutant) = source.mutant() {
                runs::wrong(&mut evidence, &mut moments, &source.path, &schedule, mutant);
            }
        }
        for source in workspace.traces()? {
            if let Some(mutant) = source.mutant() {
                runs::wrong(&mut evidence, &mut moments, &source.path, &source.schedule()?, mutant);
            }
        }
        evidence.guards = moments.guards();
        read::safety(&mut evidence, &workspace.text("design/safety.md")?);
        for source in workspace.witnesses()? {
            read::named(&mut evidence, &source);
        }
        Ok(evidence)
    }

    /// What is known of a rule.
    #[must_use]
    pub fn of(&self, rule: RuleId) -> OfRule {
        self.rules.get(&rule).cloned().unwrap_or_default()
    }

    fn of_mut(&mut self, rule: RuleId) -> &mut OfRule {
        self.rules.entry(rule).or_default()
    }

    /// What rules did or waited for beyond their scope; nothing, if the scopes are right.
    #[must_use]
    pub fn beyond(&self) -> Vec<String> {
        let mut beyond = Vec::new();
        for (id, of) in &self.rules {
            let scope = id.scope();
            for kind in of.does.iter().filter(|kind| !scope.does.contains(kind)) {
                beyond.push(format!("{id} does: {}", kind.name()));
            }
            for name in of.waits.keys() {
                let name = name.as_str();
                if !scope.waits.contains(&name) && !scope.stops.contains(&name) {
                    beyond.push(format!("{id} waits: {name}"));
                }
            }
        }
        beyond
    }

    fn acted(&mut self, file: &str, step: &Step) {
        let of = self.of_mut(step.rule);
        of.does.insert(step.action.kind());
        of.acts_in.insert(file.to_owned());
        of.because.entry(name(&step.reason)).or_insert_with(|| step.reason.to_string());
    }

    fn waited(&mut self, file: &str, hold: &Hold) {
        let of = self.of_mut(hold.rule);
        of.waits_in.insert(file.to_owned());
        of.waits.entry(name(&hold.reason)).or_insert_with(|| hold.reason.to_string());
    }
}
