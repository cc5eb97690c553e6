//! What each rule may do, and what it may wait for. Nothing is decided from it: it is for whoever
//! reviews a rule, and a test holds it against what rules really say.

use super::RuleId;
use crate::action::ActionKind;

/// The scope of one rule.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The rule.
    pub id: RuleId,
    /// The kinds of effect that it may ask for.
    pub does: &'static [ActionKind],
    /// The reasons for which it may wait, by their names in files.
    pub waits: &'static [&'static str],
    /// The reasons for which it may wait and let no later phase act.
    pub stops: &'static [&'static str],
}

const fn scope(
    id: RuleId,
    does: &'static [ActionKind],
    waits: &'static [&'static str],
    stops: &'static [&'static str],
) -> Scope {
    Scope { id, does, waits, stops }
}

/// The scope of every rule, in the order of the table.
#[rustfmt::skip]
pub const SCOPES: &[Scope] = &[
    scope(RuleId::T10, &[], &[], &[]),
];
