//! Mistakes of grants and promises, made on purpose, each where the step is that it is made in.

use super::{
    variant::Variant,
    world::{NOW, Process, TICK, World},
};
use ha_core::{
    ids::{ControllerId, ResourceVersion},
    leadership::{LeaseSample, Timing, Word},
    observation::{Leadership, LeaseView, PromotionRight, PromotionWait},
};
use std::collections::BTreeSet;

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// See [`Mistake::ALL`].
    GrantNotClipped,
    /// See [`Mistake::ALL`].
    BoundFromIntent,
    /// See [`Mistake::ALL`].
    GrantsForgotten,
    /// See [`Mistake::ALL`].
    EmptyAcknowledgement,
    /// See [`Mistake::ALL`].
    PromiseNotToCampaign,
    /// See [`Mistake::ALL`].
    PromiseForgotten,
    /// See [`Mistake::ALL`].
    StartWithoutQuiet,
    /// See [`Mistake::ALL`].
    PromiseOverLease,
    /// See [`Mistake::ALL`].
    NewcomerAsksOnce,
    /// See [`Mistake::ALL`].
    GoneByObject,
    /// See [`Mistake::ALL`].
    HolderGoneByObject,
    /// See [`Mistake::ALL`].
    PromiseFailsOver,
    /// See [`Mistake::ALL`].
    RecordBeforeLease,
    /// See [`Mistake::ALL`].
    DriftWithoutMargin,
    /// See [`Mistake::ALL`].
    MembersUnwritten,
    /// See [`Mistake::ALL`].
    LoneWriteUnasked,
    /// See [`Mistake::ALL`].
    ReleaseUnheard,
    /// See [`Mistake::ALL`].
    PromiseWhileAcquiring,
    /// See [`Mistake::ALL`].
    PromiseForEver,
    /// See [`Mistake::ALL`].
    ReplacedMemberStays,
}

impl Mistake {
    /// Every mistake with its name and the belief behind it.
    #[rustfmt::skip]
    pub const ALL: &[(Self, &'static str, &'static str)] = &[
        (Self::GrantNotClipped, "grant-not-clipped", "who leads may grant, and a grant lasts as long as a grant lasts"),
        (Self::BoundFromIntent, "bound-from-intent", "whoever takes over grants nothing of the earlier term once it wants the next, so a grant's length is all there is to wait for"),
        (Self::GrantsForgotten, "grants-forgotten", "a leader that restarts is the leader that it was, and holds its lease without waiting"),
        (Self::EmptyAcknowledgement, "empty-acknowledgement", "all gateways that a new leader knows acknowledged, and it knows none, so it waits for nobody"),
        (Self::PromiseNotToCampaign, "promise-not-to-campaign", "who promises not to take the lease over while the promise runs need not mind it once it leads"),
        (Self::PromiseForgotten, "promise-forgotten", "a promise is an answer, and who gave it need not keep it in mind"),
        (Self::StartWithoutQuiet, "start-without-quiet", "a process that has just started has promised nothing and granted nothing"),
        (Self::PromiseOverLease, "promise-over-lease", "a promise may be longer than a lease, so that outages are bridged for longer"),
        (Self::NewcomerAsksOnce, "newcomer-asks-once", "who stood against the holder once stands against it, so a newcomer need not ask again"),
        (Self::GoneByObject, "gone-by-object", "a pod that the API server does not list any more has ended"),
        (Self::HolderGoneByObject, "holder-gone-by-object", "a holder that the API server does not list any more has ended, like any member"),
        (Self::PromiseFailsOver, "promise-fails-over", "promises of everybody else are as good as a lease, so a leader that has them acts on"),
        (Self::RecordBeforeLease, "record-before-lease", "the record that was read while somebody else led says what reign it is"),
        (Self::DriftWithoutMargin, "drift-without-margin", "every clock runs at the same rate, so waits have no margin"),
        (Self::MembersUnwritten, "members-unwritten", "whoever is asked for promises need not stand in the lease, since everybody waits until it ran out"),
        (Self::LoneWriteUnasked, "lone-write-unasked", "a write of the lease that names nobody else asks for nobody's promise"),
        (Self::ReleaseUnheard, "release-unheard", "who gives the lease up may act until it hears that it did"),
        (Self::PromiseWhileAcquiring, "promise-while-acquiring", "who has sent a write that takes the lease over has not taken it over yet, and may promise"),
        (Self::PromiseForEver, "promise-for-ever", "who promised keeps away from the lease while the promise runs, and promises whenever it is asked"),
        (Self::ReplacedMemberStays, "replaced-member-stays", "a member is a member until somebody takes it out"),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(mistake, ..)| *mistake == self).map_or("", |(_, name, _)| name)
    }
}

impl Variant {
    pub(super) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// The durations as controllers count with them.
    pub(super) fn counted(&self) -> Timing {
        let sure = self.makes(Mistake::DriftWithoutMargin);
        Timing { drift_ppm: if sure { 0 } else { self.timing.drift_ppm }, ..self.timing }
    }

    /// Leadership as a decision sees it.
    pub(super) fn leadership(&self, process: &Process) -> Leadership {
        let timing = self.counted();
        let view = process.brain.view(NOW, &timing);
        if view.lease == LeaseView::Promised && self.makes(Mistake::PromiseFailsOver) {
            let promotion = PromotionRight::Granted;
            return Leadership { lease: LeaseView::Held, promotion, ..view };
        }
        if view.promotion != PromotionRight::Waits(PromotionWait::EarlierLease) {
            return view;
        }
        let promotion = if self.makes(Mistake::EmptyAcknowledgement) {
            PromotionRight::Granted
        } else if self.makes(Mistake::BoundFromIntent) {
            let shorter = Timing { lease_ms: timing.grant_ms, ..timing };
            process.brain.view(NOW, &shorter).promotion
        } else {
            view.promotion
        };
        Leadership { promotion, ..view }
    }

    /// Whether it may write the record and act.
    pub(super) fn acts(&self, process: &Process) -> bool {
        self.leadership(process).lease == LeaseView::Held
    }

    /// The length of a grant as it is answered.
    pub(super) fn length(&self, process: &Process) -> Option<u64> {
        let length = process.brain.grant(NOW, &self.counted())?;
        Some(if self.makes(Mistake::GrantNotClipped) { self.timing.grant_ms } else { length })
    }

    /// The word that another controller is given.
    pub(super) fn word(&self, process: &mut Process, by: ControllerId) -> Word {
        let timing = self.counted();
        let before = process.brain.clone();
        let mut word = process.brain.asked(NOW, by, &timing);
        if self.makes(Mistake::PromiseForEver) && word != Word::Promises {
            // It takes the lease for one that never stands still.
            let patient = Timing { lease_ms: u64::MAX / 4, ..timing };
            process.brain = before.clone();
            word = process.brain.asked(NOW, by, &patient);
        }
        if word == Word::Promises {
            match self.mistake {
                Some(Mistake::PromiseForgotten) => process.brain = before,
                Some(Mistake::PromiseNotToCampaign) => {
                    process.brain = before;
                    process.barred = Some(NOW);
                }
                Some(Mistake::PromiseForEver) => process.barred = Some(NOW),
                _ => {}
            }
        }
        word
    }

    /// Another controller's word, as it is kept.
    pub(super) fn heard(&self, process: &mut Process, from: ControllerId, word: Word) {
        if self.makes(Mistake::NewcomerAsksOnce) && matches!(word, Word::StandsAgainst(_)) {
            process.refused = Some(from);
        }
    }

    /// The version that a write of the lease expects, if one may be sent.
    pub(super) fn expects(
        &self,
        process: &Process,
        lease: &LeaseSample,
    ) -> Option<ResourceVersion> {
        let timing = self.counted();
        if let Some(version) = process.brain.renewal() {
            return Some(version);
        }
        let promise = timing.stretched(timing.promise_ms);
        if process.barred.is_some_and(|at| NOW < at.saturating_add(promise)) {
            return None;
        }
        if let Some(from) = process.refused {
            let mut asked = process.brain.clone();
            asked.told(NOW, from, Word::StandsAgainst(lease.version), &timing);
            return asked.campaign(NOW, &timing).flatten();
        }
        process.brain.campaign(NOW, &timing).flatten()
    }

    /// Whom a write of the lease names.
    pub(super) fn members(&self, process: &Process) -> BTreeSet<ControllerId> {
        let mut members = process.brain.members(NOW, &self.counted());
        if self.makes(Mistake::ReplacedMemberStays) {
            members.extend(process.brain.listed());
        }
        members
    }

    /// A write of the lease is sent.
    pub(super) fn writes(
        &self,
        process: &mut Process,
        expected: ResourceVersion,
        members: &BTreeSet<ControllerId>,
    ) {
        let lone = members.len() == 1 && self.makes(Mistake::LoneWriteUnasked);
        let promises = matches!(
            self.mistake,
            Some(Mistake::PromiseWhileAcquiring | Mistake::PromiseNotToCampaign)
        );
        let takes = promises && process.brain.renewal().is_none();
        if !lone && !takes {
            process.brain.writes(Some(expected), members.clone());
        }
    }

    /// The members as they are stored.
    pub(super) fn stored(
        &self,
        by: ControllerId,
        members: BTreeSet<ControllerId>,
    ) -> BTreeSet<ControllerId> {
        let unwritten = self.makes(Mistake::MembersUnwritten);
        if unwritten { BTreeSet::from([by]) } else { members }
    }

    /// Whether a process counts as ended for whoever lists pods.
    pub(super) fn lists_as_ended(&self, world: &World<'_>, id: ControllerId) -> bool {
        let held = || world.lease.get().holder == Some(id);
        !world.runs(id)
            || self.makes(Mistake::GoneByObject)
            || self.makes(Mistake::HolderGoneByObject) && held()
    }

    /// Whether a process that starts is the one before it, and since when it counts as started.
    pub(super) fn begins(&self) -> (bool, u64) {
        let timing = self.counted();
        let quiet = timing.stretched(timing.lease_ms.max(timing.promise_ms));
        let quiet = quiet.next_multiple_of(TICK);
        match self.mistake {
            Some(Mistake::GrantsForgotten) => (true, NOW - quiet),
            Some(Mistake::StartWithoutQuiet) => (false, NOW - quiet),
            _ => (false, NOW),
        }
    }
}
