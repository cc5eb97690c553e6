//! What each rule may do, and what it may wait for. Nothing is decided from it: it is for whoever
//! reviews a rule, and a test holds it against what rules really say.

use super::RuleId;
use crate::action::ActionKind::{
    self, CloseRoute, Commit, Demote, DrainRoute, Drop, OpenRoute, Promote, RecordAttached,
    RecordIntent, RecordSteady, RecordWithdrawn, Register, SetAside,
};

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
    scope(RuleId::T10, &[CloseRoute], &[], &["not-leader", "lease-unrenewed", "paused"]),
    scope(RuleId::T20, &[CloseRoute], &[], &["record-unread"]),
    scope(RuleId::T30, &[], &[], &["newer-record", "unreadable-record"]),
    scope(RuleId::T50, &[], &[], &["paused"]),
    scope(RuleId::T60, &[RecordIntent, RecordWithdrawn, RecordAttached, RecordSteady], &[], &[]),
    scope(RuleId::B05, &[RecordIntent, CloseRoute], &[], &["accepted-waits"]),
    scope(RuleId::B10, &[], &[], &["bootstrap-waits"]),
    scope(RuleId::B20, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::B30, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::B40, &[], &[], &["bootstrap-refused"]),
    scope(RuleId::E05, &[RecordIntent, RecordSteady, CloseRoute], &["accepted-waits"], &[]),
    scope(RuleId::E10, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::E15, &[], &["no-candidate"], &[]),
    scope(RuleId::E20, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::E25, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::E30, &[], &["both-lost-power"], &[]),
    scope(RuleId::E35, &[], &["both-lost-power", "main-unproven", "older-copy"], &[]),
    scope(RuleId::E40, &[RecordSteady], &[], &[]),
    scope(RuleId::E43, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::E45, &[RecordIntent, DrainRoute, CloseRoute], &["promotion-waits"], &["draining"]),
    scope(RuleId::E46, &[RecordSteady], &[], &[]),
    scope(RuleId::E47, &[RecordIntent, DrainRoute, CloseRoute], &["promotion-waits"], &["draining"]),
    scope(RuleId::E48, &[RecordIntent, DrainRoute, CloseRoute], &["promotion-waits"], &["draining"]),
    scope(RuleId::E50, &[RecordIntent, RecordSteady, DrainRoute, CloseRoute, Commit], &["move-waits", "promotion-waits"], &["draining", "move-waits", "gateways-outstanding"]),
    scope(RuleId::E60, &[RecordIntent, CloseRoute], &[], &[]),
    scope(RuleId::E70, &[], &["target-waits"], &[]),
    scope(RuleId::F10, &[RecordSteady, CloseRoute], &[], &[]),
    scope(RuleId::F20, &[], &[], &["gateways-outstanding", "promotion-waits"]),
    scope(RuleId::F30, &[Demote], &[], &[]),
    scope(RuleId::F40, &[RecordWithdrawn], &[], &[]),
    scope(RuleId::F45, &[RecordSteady], &[], &[]),
    scope(RuleId::F50, &[RecordSteady], &[], &[]),
    scope(RuleId::F60, &[Demote], &["old-main-stays"], &[]),
    scope(RuleId::P10, &[Promote], &[], &["gateways-outstanding", "old-main-first", "promotion-waits"]),
    scope(RuleId::P20, &[RecordWithdrawn, Demote], &[], &[]),
    scope(RuleId::P30, &[RecordWithdrawn], &[], &[]),
    scope(RuleId::A20, &[CloseRoute, Drop], &["gateways-outstanding", "promotion-waits", "retry-later"], &[]),
    scope(RuleId::A30, &[Register], &["gateways-outstanding", "promotion-waits"], &[]),
    scope(RuleId::A35, &[RecordSteady], &["reset-asked-waits"], &[]),
    scope(RuleId::A40, &[RecordWithdrawn, RecordSteady, SetAside], &["put-back-branched", "reset-in-vain", "reset-ordered", "reset-unwanted", "reset-waits", "voter-branched"], &[]),
    scope(RuleId::A45, &[], &["stays-invalid"], &[]),
    scope(RuleId::A50, &[], &["absent"], &[]),
    scope(RuleId::V10, &[RecordAttached], &["no-voter", "voter-waits"], &[]),
    scope(RuleId::V20, &[Commit], &["no-voter", "voter-waits"], &[]),
    scope(RuleId::V30, &[RecordSteady], &["voter-waits"], &[]),
    scope(RuleId::V40, &[RecordSteady], &[], &[]),
    scope(RuleId::V50, &[Commit], &[], &[]),
    scope(RuleId::V60, &[RecordSteady], &[], &[]),
    scope(RuleId::R10, &[OpenRoute], &[], &[]),
    scope(RuleId::R20, &[], &["no-voter", "voter-waits"], &[]),
    scope(RuleId::X05, &[], &["main-unheard"], &[]),
    scope(RuleId::X10, &[], &["replica-waits"], &[]),
    scope(RuleId::X15, &[], &["unprotected"], &[]),
    scope(RuleId::X20, &[], &["nobody-to-vote"], &[]),
    scope(RuleId::X30, &[], &["strangers"], &[]),
    scope(RuleId::X40, &[], &["unsafe-engine"], &[]),
];
