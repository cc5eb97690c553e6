//! What people are told that no rule waits for: how this controller and what is around it disagree, or
//! what it cannot do beside deciding. None of it changes a decision; each stands in the status as long
//! as it lasts, in a metric by its kind, in the log when it begins and ends, and in an event of the
//! leader's when it lasts.

use super::{Shared, journal::Journal, set::Set};
use ha_core::ids::InstanceId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt::Write as _};

/// Generates the kinds, their names and the reasons of their events from one list.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident $name:literal $reason:literal),+ $(,)?) => {
        /// What a warning is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum WarningKind { $($(#[$doc])+ $kind),+ }

        impl WarningKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Its name in files, metrics and words.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            /// The reason of its event.
            pub(super) const fn reason(self) -> &'static str {
                match self { $(Self::$kind => $reason),+ }
            }
        }
    };
}

kinds!(
    /// The StatefulSet cannot be read.
    SetUnread "set-unread" "SetUnread",
    /// There is no StatefulSet of that name.
    SetMissing "set-missing" "SetMissing",
    /// The StatefulSet asks for another number of pods than this controller keeps in order.
    SetSize "set-size" "SizeDiffers",
    /// There are pods of instances beyond the size that this controller keeps.
    PodsBeyond "pods-beyond" "PodsBeyondSize",
    /// What operators ask for cannot be read.
    OrdersUnread "orders-unread" "OrdersUnread",
    /// The last list did not confirm what is known of the pods.
    PodsUnconfirmed "pods-unconfirmed" "PodsUnconfirmed",
    /// Instances refuse the password of now, and take one of before.
    FormerPassword "former-password" "FormerPassword",
    /// The journal is not written.
    JournalUnwritten "journal-unwritten" "JournalUnwritten",
);

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// The sentence.
    pub words: String,
}

/// What there is to warn of now.
pub(super) fn of(shared: &Shared) -> Vec<Warning> {
    let mut all = Vec::new();
    let mut warn = |kind, words| all.push(Warning { kind, words });
    let (size, beyond, by_former, unread, unwritten, names) = {
        let mind = shared.mind();
        let unwritten = mind.journal().and_then(Journal::gap).map(ToOwned::to_owned);
        let by_former = mind.by_former_password().clone();
        let unread = mind.orders_unread().map(ToOwned::to_owned);
        (mind.size(), mind.beyond(), by_former, unread, unwritten, mind.names().clone())
    };
    let pods = |ids: &BTreeSet<InstanceId>| {
        ids.iter().map(|id| names.pod(*id)).collect::<Vec<_>>().join(", ")
    };
    let set = names.set();
    match &*shared.set() {
        Set::Unread => {}
        Set::Unknown(why) => {
            let words = format!(
                "whether StatefulSet {set} asks for {size} pods, as --instances says, is not known: {why}"
            );
            warn(WarningKind::SetUnread, words);
        }
        Set::Missing => {
            let words = format!(
                "there is no StatefulSet {set}; expected that of the instances (--statefulset)"
            );
            warn(WarningKind::SetMissing, words);
        }
        Set::Asks(replicas) if *replicas != u32::from(size) => {
            warn(WarningKind::SetSize, differs(set, *replicas, size));
        }
        Set::Asks(_) => {}
    }
    if !beyond.is_empty() {
        let words = format!(
            "{} beyond the {size} instances of --instances: no member, and nobody is routed there",
            pods(&beyond)
        );
        warn(WarningKind::PodsBeyond, words);
    }
    if let Some(why) = unread {
        let words = format!(
            "what operators ask for cannot be read; what was read last counts, and until it was read once \
             nothing is changed: {why}"
        );
        warn(WarningKind::OrdersUnread, words);
    }
    if let Some(why) = shared.effects.unconfirmed() {
        let words = format!("what is known of the pods was not confirmed by the last list: {why}");
        warn(WarningKind::PodsUnconfirmed, words);
    }
    if !by_former.is_empty() {
        let words = format!(
            "{} refused the password of now and took one of before; a restart takes the new one over",
            pods(&by_former)
        );
        warn(WarningKind::FormerPassword, words);
    }
    if let Some(why) = unwritten {
        let words = format!("the journal is not written, and decisions go on without it: {why}");
        warn(WarningKind::JournalUnwritten, words);
    }
    all
}

fn differs(set: &str, replicas: u32, size: u8) -> String {
    let mut words = format!(
        "StatefulSet {set} asks for {replicas} pods, this controller keeps {size} instances (--instances): "
    );
    // Writing to a string cannot fail.
    let _written = if replicas > u32::from(size) {
        write!(words, "those from ordinal {size} on are no members")
    } else {
        write!(words, "those from ordinal {replicas} on have no pod and are waited for")
    };
    words
}

/// Says what begins and what ends. What the reader of orders, the watch of pods or the writer of the
/// journal says itself is not said again.
pub(super) fn log(before: &[Warning], after: &[Warning]) {
    let is_ours = |it: &&Warning| match it.kind {
        WarningKind::SetUnread
        | WarningKind::SetMissing
        | WarningKind::SetSize
        | WarningKind::PodsBeyond
        | WarningKind::FormerPassword => true,
        WarningKind::OrdersUnread
        | WarningKind::PodsUnconfirmed
        | WarningKind::JournalUnwritten => false,
    };
    // An error may have other words each time; other numbers are worth a line.
    let is_in = |list: &[Warning], it: &Warning| {
        let is_error = it.kind == WarningKind::SetUnread;
        list.iter().any(|other| other.kind == it.kind && (is_error || other.words == it.words))
    };
    for it in after.iter().filter(is_ours).filter(|it| !is_in(before, it)) {
        tracing::warn!(kind = it.kind.name(), "{}", it.words);
    }
    let ended = |it: &&Warning| !after.iter().any(|other| other.kind == it.kind);
    for it in before.iter().filter(is_ours).filter(ended) {
        tracing::info!(kind = it.kind.name(), "it is so no more: {}", it.words);
    }
}
