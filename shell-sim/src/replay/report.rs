//! What a replay came to, as text for people and as JSON for machines. It words and arranges; every
//! verdict in it was reached elsewhere.

use super::{
    ours::{ORDERS, Ours, WRITE_MS, ours},
    reproduce::{Bounds, Reproduction, Step, reproduce},
    told::Told,
};
use crate::{
    audit::{Finding, audit},
    incident::{Incident, Item},
    world::Decide,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write as _};

/// One replayed incident.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The record.
    pub incident: Incident,
    /// What it shows broken.
    pub audit: Vec<Finding>,
    /// The predecessor in the world.
    pub predecessor: Reproduction,
    /// Our controllers in its place.
    pub ours: Ours,
}

/// Replays an incident with a decision function in our place.
#[must_use]
pub fn replay(incident: &Incident, decide: Decide) -> Replay {
    let predecessor = reproduce(incident, Bounds::default());
    let first = predecessor.matched.first().copied();
    let ours = ours(incident, first, decide);
    Replay { incident: incident.clone(), audit: audit(incident), predecessor, ours }
}

impl Replay {
    /// Whether our controllers broke nothing.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.ours.violations.is_empty()
    }

    /// Whether every run of ours settled.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.ours.schedules > 0 && self.ours.settled == self.ours.schedules
    }

    /// Whether the predecessor's policy does again what was recorded, in a word or two.
    #[must_use]
    pub const fn captured(&self) -> &'static str {
        let found = &self.predecessor;
        if found.reproduced {
            "reproduced"
        } else if found.combinations == 0 {
            "not asked, since the record has no controller"
        } else {
            "NOT reproduced"
        }
    }

    /// The answers of the first match, each with whether every other match gave the same.
    pub(super) fn facts(&self) -> Vec<(&'static str, String, bool)> {
        let matched = &self.predecessor.matched;
        let Some(first) = matched.first() else { return Vec::new() };
        let same =
            |one: &super::Answered| matched.iter().all(|facts| facts.answered().contains(one));
        first
            .answered()
            .into_iter()
            .map(|one| (one.question, one.answer.clone(), same(&one)))
            .collect()
    }

    /// What has to be known before the timeline of ours is read.
    pub(super) fn preface(&self) -> String {
        let begins = self.ours.begins_ms;
        let before = if begins == 0 {
            String::new()
        } else {
            format!(
                " The record begins at {}.{:03} s; what is done before makes the cluster as the \
                 record finds it.",
                begins / 1_000,
                begins % 1_000
            )
        };
        format!(
            "What the record did to pods is done here at the same distances in time, and a client \
             writes every {WRITE_MS} ms.{before}"
        )
    }

    /// One page for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write_record(&mut out);
        self.write_predecessor(&mut out);
        self.write_ours(&mut out);
        if !self.incident.unknowns.is_empty() {
            line(&mut out, "Unknown from the record");
            for unknown in &self.incident.unknowns {
                line(&mut out, &format!("  - {unknown}"));
            }
        }
        out
    }

    fn write_record(&self, out: &mut String) {
        line(out, &format!("{}: {}", self.incident.id, self.incident.title));
        line(out, &format!("\nRecorded, with {} findings", self.audit.len()));
        for item in &self.incident.timeline {
            line(out, &recorded(item));
            let here = self.audit.iter().filter(|finding| {
                finding.order == item.order
                    && finding.event == item.event
                    && self.is_of(finding, item)
            });
            for finding in here {
                line(out, &format!("{:17}!! {}: {}", "", finding.invariant, finding.why));
            }
        }
    }

    /// Of items with the same order and event, a finding belongs to the one whose pod it names.
    pub(super) fn is_of(&self, finding: &Finding, item: &Item) -> bool {
        let like = |other: &&Item| (other.order, other.event) == (item.order, item.event);
        let alone = self.incident.timeline.iter().filter(like).count() == 1;
        alone || item.pod.is_none_or(|pod| finding.why.contains(&pod.to_string()))
    }

    fn write_predecessor(&self, out: &mut String) {
        let found = &self.predecessor;
        let bounds = found.bounds;
        let verdict = self.captured();
        line(out, &format!("\nThe predecessor's policy in the simulated world: {verdict}"));
        line(
            out,
            &format!(
                "  {} of {} answers to what the record leaves open match all {} items in order \
                 ({} states; at most {} moves, {} passes and {} states, {} for each answer where long \
                 times count{})",
                found.matched.len(),
                found.combinations,
                found.expected,
                found.states,
                bounds.depth,
                bounds.passes,
                bounds.states,
                bounds.timed,
                if found.bounded { "; a bound was reached" } else { "" },
            ),
        );
        if !found.reproduced && found.combinations > 0 {
            let missing = found.missing.join(", ");
            line(
                out,
                "  the situation was not captured; what follows is the run that came nearest",
            );
            line(
                out,
                &format!(
                    "  {} of {} items met in order; next would have been {missing}",
                    found.best, found.expected
                ),
            );
        }
        for (question, answer, shared) in self.facts() {
            let note = if shared { "in every match" } else { "in the first match" };
            line(out, &format!("  {question}: {answer} ({note})"));
        }
        for step in found.run.iter().filter_map(told) {
            line(out, &format!("    {step}"));
        }
    }

    fn write_ours(&self, out: &mut String) {
        let ours = &self.ours;
        let verdict = match (self.is_safe(), self.is_settled()) {
            (true, true) => "safe, settled",
            (true, false) => "safe, not always settled",
            (false, _) => "A RULE WAS BROKEN",
        };
        line(out, &format!("\nOurs in its place: {verdict}"));
        line(
            out,
            &format!(
                "  {} of {} schedules settled ({ORDERS} orders for each open fact that ours can \
                 meet)\n  longest time without an acknowledged write, from the record's first item on: \
                 {} ms in the run below, {} ms in any",
                ours.settled, ours.schedules, ours.waited_ms, ours.longest_ms,
            ),
        );
        for hold in &ours.holds {
            line(out, &format!("  some end waiting for a person: {hold}"));
        }
        for why in &ours.stuck {
            line(out, &format!("  stuck: {why}"));
        }
        for broken in &ours.violations {
            line(out, &format!("  BROKEN {broken}"));
        }
        if ours.timeline.is_empty() {
            line(
                out,
                "  nothing is to be done: no rule asks for a step, and clients notice nothing",
            );
        }
        if !ours.timeline.is_empty() {
            line(out, &format!("  {}", self.preface()));
            line(out, "  mg-0 stands for memgraph-ha-0, ct for a controller, gw for a gateway.");
        }
        for told in &ours.timeline {
            line(out, &format!("  {told}"));
        }
        let rules: BTreeSet<(&str, &str)> = ours
            .timeline
            .iter()
            .filter_map(|told| told.rule.as_ref().map(|by| (by.rule.as_str(), by.when)))
            .collect();
        if !rules.is_empty() {
            line(out, "  The rules that spoke:");
        }
        for (rule, when) in rules {
            line(out, &format!("    {rule:<24} when {when}"));
        }
        line(out, "");
    }

    /// As the machine-readable report has it.
    #[must_use]
    pub fn json(&self) -> Value {
        let audit: Vec<Value> = self
            .audit
            .iter()
            .map(|one| {
                json!({ "order": one.order, "t": one.t, "event": one.event,
                        "invariant": one.invariant, "why": one.why })
            })
            .collect();
        let facts: Vec<Value> = self
            .facts()
            .into_iter()
            .map(|(question, answer, every)| {
                json!({ "question": question, "answer": answer, "in_every_match": every })
            })
            .collect();
        let run: Vec<Value> = self
            .predecessor
            .run
            .iter()
            .map(|step| json!({ "by": step.by, "shown": step.shown, "meets": step.meets }))
            .collect();
        let timeline: Vec<Value> = self.ours.timeline.iter().map(machine).collect();
        json!({
            "id": self.incident.id,
            "audit": audit,
            "predecessor": {
                "reproduced": self.predecessor.reproduced,
                "matched": self.predecessor.matched.len(),
                "tried": self.predecessor.combinations,
                "met": self.predecessor.best,
                "expected": self.predecessor.expected,
                "missing": self.predecessor.missing,
                "bounded": self.predecessor.bounded,
                "facts": facts,
                "run": run,
            },
            "ours": {
                "schedules": self.ours.schedules,
                "settled": self.is_settled(),
                "violations": self.ours.violations,
                "holds": self.ours.holds,
                "stuck": self.ours.stuck,
                "waited_ms": self.ours.waited_ms,
                "timeline": timeline,
            },
            "unknowns": self.incident.unknowns,
        })
    }
}

/// A line of ours, for machines.
fn machine(told: &Told) -> Value {
    json!({
        "t_ms": told.at,
        "lane": told.lane.to_string(),
        "what": told.what,
        "rule": told.rule.as_ref().map(|by| &by.rule),
        "why": told.rule.as_ref().map(|by| &by.why),
    })
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _written = writeln!(out, "{text}");
}

/// A recorded item in one line.
fn recorded(item: &Item) -> String {
    let pod = item.pod.map(|pod| format!(" {pod}")).unwrap_or_default();
    let stamp = item.t.as_deref().unwrap_or("");
    let data = item.data.0.iter().filter(|(_, value)| **value != crate::incident::Value::Unstated);
    let facts: Vec<String> =
        data.map(|(key, value)| format!("{key}={}", bare(&value.to_string()))).collect();
    let facts = if facts.is_empty() { String::new() } else { format!("  {}", facts.join(" ")) };
    let told = if item.evidence.is_recorded() { "" } else { "  (told, not logged)" };
    format!("  {stamp:<14} {:<2} {}{pod}{facts}{told}", item.order, item.event)
}

pub(super) fn bare(text: &str) -> String {
    text.replace('`', "")
}

/// A step for people: with the items that it met, without queries that met none.
pub(super) fn told(step: &Step) -> Option<String> {
    let mut shown: Vec<&str> = step
        .shown
        .iter()
        .map(String::as_str)
        .filter(|one| !one.starts_with("role_observed") || !step.meets.is_empty())
        .collect();
    shown.dedup();
    let orders: Vec<String> = step.meets.iter().map(u32::to_string).collect();
    let meets = if orders.is_empty() { String::new() } else { format!("[{}]", orders.join(",")) };
    (!shown.is_empty()).then(|| format!("{meets:<6} {:<10} {}", step.by, shown.join("; ")))
}
