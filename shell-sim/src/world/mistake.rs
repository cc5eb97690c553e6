//! Mistakes around the decision, made on purpose: each looks right to somebody, and each must be
//! found by whatever checks the world. One world makes at most one of them, everywhere it applies.

use super::{BadName, Client, ClientId, Fate, Settings, What, World, controller::Process};
use crate::memgraph::{Mint, Session};
use ha_core::{
    grant::Answer,
    ids::{ControllerId, GatewayId},
    leadership::{LeaseSample, Millis, Timing, Word},
    observation::{Leadership, LeaseView, PromotionRight, PromotionWait},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mistake {
    /// See [`Mistake::ALL`].
    AnswersPass,
    /// See [`Mistake::ALL`].
    BootOfTheNode,
    /// See [`Mistake::ALL`].
    DriftWithoutMargin,
    /// See [`Mistake::ALL`].
    EmptyAcknowledgement,
    /// See [`Mistake::ALL`].
    FailsTheUnknown,
    /// See [`Mistake::ALL`].
    GrantCheckedWhenAsked,
    /// See [`Mistake::ALL`].
    GrantNotClipped,
    /// See [`Mistake::ALL`].
    GrantsForgotten,
    /// See [`Mistake::ALL`].
    MembersUnwritten,
    /// See [`Mistake::ALL`].
    PromiseFailsOver,
    /// See [`Mistake::ALL`].
    PromiseForgotten,
    /// See [`Mistake::ALL`].
    ReachesByName,
    /// See [`Mistake::ALL`].
    WaitsForAGrantOnly,
    /// See [`Mistake::ALL`].
    WritesOverTheRecord,
}

impl Mistake {
    /// Every mistake with its name in schedules and the belief behind it.
    #[rustfmt::skip]
    pub const ALL: &[(Self, &'static str, &'static str)] = &[
        (Self::AnswersPass, "answers-pass", "a gateway whose grant ended sends nothing new, and lets answers that are under way pass"),
        (Self::BootOfTheNode, "boot-of-the-node", "the boot id is the node's, so a volume that lost power on another node shows its old one once it is back"),
        (Self::DriftWithoutMargin, "drift-without-margin", "every clock runs at the same rate, so waits have no margin"),
        (Self::EmptyAcknowledgement, "empty-acknowledgement", "all gateways that a new leader knows acknowledged, and it knows none, so it waits for nobody"),
        (Self::FailsTheUnknown, "fails-the-unknown", "a request whose answer did not come has failed, and its client is told so"),
        (Self::GrantCheckedWhenAsked, "grant-checked-when-asked", "a gateway looks at the end of its grant when it asks for the next one, not before each byte"),
        (Self::GrantNotClipped, "grant-not-clipped", "who leads may grant, and a grant lasts as long as a grant lasts"),
        (Self::GrantsForgotten, "grants-forgotten", "a leader that restarts is the leader that it was, and holds its lease without waiting"),
        (Self::MembersUnwritten, "members-unwritten", "whoever is asked for promises need not stand in the lease, since everybody waits until it ran out"),
        (Self::PromiseFailsOver, "promise-fails-over", "promises of everybody else are as good as a lease, so a leader that has them acts on"),
        (Self::PromiseForgotten, "promise-forgotten", "a promise is an answer, and who gave it need not keep it in mind"),
        (Self::ReachesByName, "reaches-by-name", "an instance whose name does not resolve cannot be reached, whatever its pod's address is"),
        (Self::WaitsForAGrantOnly, "waits-for-a-grant-only", "no grant is older than the taking of the lease, so the length of a grant is waited for, not that of the earlier lease"),
        (Self::WritesOverTheRecord, "writes-over-the-record", "there is one leader, so the record is written whatever version of it is there"),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(mistake, ..)| *mistake == self).map_or("", |(_, name, _)| name)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mistake {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let named = Self::ALL.iter().find(|(_, name, _)| *name == text);
        named.map(|(mistake, ..)| *mistake).ok_or_else(|| {
            BadName::new(text, "a mistake such as answers-pass or grant-not-clipped")
        })
    }
}

impl Settings {
    /// Whether this mistake is made.
    #[must_use]
    pub fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// What a client is told of a request whose answer did not come.
    pub(super) fn unknown(&self) -> Fate {
        if self.makes(Mistake::FailsTheUnknown) { Fate::Failed } else { Fate::InDoubt }
    }

    /// The durations as controllers count with them.
    pub(super) fn counted(&self) -> Timing {
        let sure = self.makes(Mistake::DriftWithoutMargin);
        Timing { drift_ppm: if sure { 0 } else { self.timing.drift_ppm }, ..self.timing }
    }
}

impl Process {
    /// Leadership as a decision sees it, and as effects are checked against it.
    pub(super) fn leadership(&self, now: Millis, settings: &Settings) -> Leadership {
        let timing = settings.counted();
        let view = self.leader.view(now, &timing);
        if view.lease == LeaseView::Promised && settings.makes(Mistake::PromiseFailsOver) {
            return Leadership {
                lease: LeaseView::Held,
                promotion: PromotionRight::Granted,
                ..view
            };
        }
        if view.promotion != PromotionRight::Waits(PromotionWait::EarlierLease) {
            return view;
        }
        let promotion = if settings.makes(Mistake::EmptyAcknowledgement) {
            PromotionRight::Granted
        } else if settings.makes(Mistake::WaitsForAGrantOnly) {
            let shorter = Timing { lease_ms: timing.grant_ms, ..timing };
            self.leader.view(now, &shorter).promotion
        } else {
            view.promotion
        };
        Leadership { promotion, ..view }
    }

    /// Whether it may act, as effects are checked against it.
    pub(super) fn acts(&self, now: Millis, settings: &Settings) -> bool {
        let timing = &settings.timing;
        self.leader.right(now, timing) > 0
            || (settings.makes(Mistake::PromiseFailsOver)
                && self.leader.promised_right(now, timing) > 0)
    }

    /// The word that another controller is given.
    pub(super) fn promise(&mut self, now: Millis, by: ControllerId, settings: &Settings) -> Word {
        let before = settings.makes(Mistake::PromiseForgotten).then(|| self.leader.clone());
        let word = self.leader.asked(now, by, &settings.counted());
        if let Some(before) = before {
            self.leader = before;
        }
        word
    }

    /// The answer as it is told: without the mistake, as it was judged.
    pub(super) fn told(answer: Answer, settings: &Settings) -> Answer {
        let longer = settings.makes(Mistake::GrantNotClipped) && answer.lasts_ms > 0;
        Answer {
            lasts_ms: if longer { settings.timing.grant_ms } else { answer.lasts_ms },
            ..answer
        }
    }
}

impl World {
    /// The lease as it is stored.
    pub(super) fn stored_lease(&self, lease: &LeaseSample) -> LeaseSample {
        let mut stored = lease.clone();
        if self.settings.makes(Mistake::MembersUnwritten) {
            stored.members.retain(|id| Some(*id) == lease.holder);
        }
        stored
    }

    /// The id of a controller process that starts, and since when it counts as started. Where the
    /// mistake is made, whoever starts while the holder of the lease does not run is that holder.
    pub(super) fn identity(&mut self, now: Millis) -> (ControllerId, Millis) {
        let fresh = |mint: &mut Mint| ControllerId(mint.fresh().into());
        if !self.settings.makes(Mistake::GrantsForgotten) {
            return (fresh(&mut self.mint), now);
        }
        let runs = |id: ControllerId| {
            let mut processes = self.controllers.iter().filter_map(|c| c.process.as_ref());
            processes.any(|process| process.me() == id)
        };
        let holder = self.api.leases.last().and_then(|lease| lease.holder);
        let timing = self.settings.counted();
        let quiet = timing.stretched(timing.lease_ms.max(timing.promise_ms));
        let again = holder.filter(|id| !runs(*id));
        (again.unwrap_or_else(|| fresh(&mut self.mint)), now.saturating_sub(quiet))
    }

    /// Whether a connection outlives its grant, because its client waits for word of a commit.
    pub(super) fn outlives_grant(&self, client: ClientId, gateway: GatewayId) -> bool {
        let waits = |client: &Client| {
            client.doing.is_some_and(|doing| {
                doing.gateway == gateway && matches!(doing.what, What::Write(_) | What::Commit)
            })
        };
        self.settings.makes(Mistake::AnswersPass)
            && self.clients.get(usize::from(client.0)).is_some_and(waits)
    }

    /// Whether a connection of this gateway was opened under a grant that ended.
    pub(super) fn is_left_over(&self, gateway: GatewayId, session: Session) -> bool {
        let main = self.gateway(gateway).ok().and_then(|gateway| gateway.forwarding);
        let to = self.network.connections.get(&session).map(|connection| connection.to);
        self.settings.makes(Mistake::AnswersPass) && main.map(|(_, main)| main.id) != to
    }
}
