//! What controllers say to each other. A leader that cannot renew its lease may go on granting as
//! long as everybody who could take the lease over promises to promote nobody; who that is stands
//! in the lease itself, so that taking it over and being asked go by the same value.

use super::{LeaderClock, LeaseSample, Millis, Timing};
use crate::ids::{ControllerId, ResourceVersion};
use alloc::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use serde::{Deserialize, Serialize};

/// How many members a lease may name. Whoever comes later is not named, and waits (see
/// [`LeaderClock::campaign`]).
pub const MEMBERS: usize = 8;

/// What a controller answers another one that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// The asker holds the lease, as far as is known here: for the length of a promise nobody is
    /// promoted from here.
    Promises,
    /// The lease has stood still in this version for longer than it lasts, while it was read; its
    /// holder will get no promise for it any more, and none is alive.
    StandsAgainst(ResourceVersion),
    /// Neither.
    Nothing,
}

/// One other controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Peer {
    /// When the last question that it answered was sent.
    pub(super) asked: Millis,
    /// When the last question was sent that it answered with a promise.
    pub(super) promised: Option<Millis>,
}

/// What is known of the other controllers, and what was said to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Peers {
    pub(super) known: BTreeMap<ControllerId, Peer>,
    /// The members named in writes of ours that may be what the lease says, by what they expected.
    pub(super) sent: BTreeMap<Option<ResourceVersion>, BTreeSet<ControllerId>>,
    /// The version that this process said it stands against.
    pub(super) against: Option<ResourceVersion>,
    /// Who said that it stands against which version.
    pub(super) stands: Option<(ControllerId, ResourceVersion)>,
    /// Members whose process has ended, and since when that is known.
    pub(super) gone: BTreeMap<ControllerId, Millis>,
    /// The holder, if its process has ended beyond doubt, and since when that is known.
    pub(super) dead: Option<(ControllerId, Millis)>,
}

impl Peers {
    pub(super) const fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            sent: BTreeMap::new(),
            against: None,
            stands: None,
            gone: BTreeMap::new(),
            dead: None,
        }
    }

    /// A later value of the lease is known: writes that expected an earlier one have no effect, and
    /// what was said of that says nothing any more.
    pub(super) fn stored(&mut self, lease: &LeaseSample) {
        self.sent.retain(|expected, _| *expected >= Some(lease.version));
        self.against = self.against.filter(|against| *against >= lease.version);
        self.stands = self.stands.filter(|(_, against)| *against >= lease.version);
        self.gone.retain(|id, _| lease.members.contains(id));
        self.dead = self.dead.filter(|(id, _)| lease.holder == Some(*id));
    }

    /// Forgets whose answers neither count as a promise nor name a member any more.
    pub(super) fn forget(&mut self, now: Millis, timing: &Timing) {
        let longest = timing.lease_ms.max(timing.promise_ms);
        self.known.retain(|_, peer| now.saturating_sub(peer.asked) <= longest);
    }

    /// Of writes that expect the same version any one may be what the lease says. Everybody whom one
    /// of them names must promise; if one names nobody but `me`, no promise is a right.
    pub(super) fn writes(
        &mut self,
        me: ControllerId,
        expected: Option<ResourceVersion>,
        members: BTreeSet<ControllerId>,
    ) {
        let alone = |named: &BTreeSet<ControllerId>| named.iter().all(|id| *id == me);
        match self.sent.entry(expected) {
            Entry::Vacant(first) => {
                first.insert(members);
            }
            Entry::Occupied(mut earlier) => {
                if alone(earlier.get()) || alone(&members) {
                    earlier.insert(BTreeSet::from([me]));
                } else {
                    earlier.get_mut().extend(members);
                }
            }
        }
    }

    pub(super) fn stands_against(&self, version: ResourceVersion) -> bool {
        self.against == Some(version)
    }

    /// Whether `me` may take over a lease that ran out: its holder would have asked this process
    /// for a promise, or asks somebody who gives none, or nobody, or has ended itself.
    pub(super) fn admit(
        &self,
        me: ControllerId,
        lease: &LeaseSample,
        now: Millis,
        timing: &Timing,
    ) -> bool {
        let refused = |id| self.stands == Some((id, lease.version));
        let long_gone = |id| {
            self.gone.get(&id).is_some_and(|since| {
                now >= since.saturating_add(timing.stretched(timing.promise_ms))
            })
        };
        let holder_is_past = self.dead.is_some_and(|(_, since)| {
            let longest = timing.promise_ms.max(timing.grant_ms);
            now >= since.saturating_add(timing.stretched(longest))
        });
        lease.members.contains(&me)
            || lease.others().any(refused)
            || lease.others().all(long_gone)
            || holder_is_past
    }

    /// Until when everybody promised who may take over any value that the lease may have. `lease`
    /// is the last one known, and `me` its holder. Nobody's promise is no right: where the lease
    /// names nobody else, everybody may take it over.
    pub(super) fn promised_until(
        &self,
        me: ControllerId,
        lease: &LeaseSample,
        timing: &Timing,
    ) -> Millis {
        let of = |members: &BTreeSet<ControllerId>| {
            let mut others = members.iter().filter(|id| **id != me).peekable();
            others.peek()?;
            others.map(|id| self.promised(*id, timing)).min()
        };
        let possible = core::iter::once(&lease.members).chain(self.sent.values());
        possible.map(|members| of(members).unwrap_or(0)).min().unwrap_or(0)
    }

    fn promised(&self, id: ControllerId, timing: &Timing) -> Millis {
        let asked = self.known.get(&id).and_then(|peer| peer.promised);
        asked.map_or(0, |asked| asked.saturating_add(timing.promise_ms))
    }
}

impl LeaderClock {
    /// Whom a write of the lease names now: this process and whoever answered lately. Leaving
    /// somebody out does no harm once the lease says so, and keeps one that ended from being
    /// waited for in the next outage.
    #[must_use]
    pub fn members(&self, now: Millis, timing: &Timing) -> BTreeSet<ControllerId> {
        let lately = |peer: &Peer| now.saturating_sub(peer.asked) <= timing.lease_ms;
        let heard = self.peers.known.iter().filter(|(_, peer)| lately(peer)).map(|(id, _)| *id);
        let others = heard.filter(|id| *id != self.me).take(MEMBERS - 1);
        core::iter::once(self.me).chain(others).collect()
    }

    /// Another controller asks for a promise.
    pub fn asked(&mut self, now: Millis, by: ControllerId, timing: &Timing) -> Word {
        let Some(seen) = &self.seen else { return Word::Nothing };
        let lease = &seen.lease;
        if lease.holder.is_none_or(|holder| holder == self.me) {
            return Word::Nothing;
        }
        let version = lease.version;
        // Only what was read tells that it stood still. A write of ours that takes the lease over was
        // sent because of that, and may have landed: from then on others may take it from this process,
        // and they wait for what was promised before, not for what comes after.
        let takes = self.peers.sent.contains_key(&Some(version));
        if takes || seen.ran_out(seen.last, timing) || self.peers.stands_against(version) {
            let promise = timing.stretched(timing.promise_ms);
            let bound = self.promised.is_some_and(|at| now < at.saturating_add(promise));
            if bound {
                return Word::Nothing;
            }
            self.peers.against = Some(version);
            return Word::StandsAgainst(version);
        }
        if lease.holder != Some(by) {
            return Word::Nothing;
        }
        self.promised = Some(now);
        Word::Promises
    }

    /// Another controller answered a question that was sent at `asked`.
    pub fn told(&mut self, asked: Millis, from: ControllerId, word: Word, timing: &Timing) {
        self.peers.forget(asked, timing);
        let peer = self.peers.known.entry(from).or_insert(Peer { asked, promised: None });
        peer.asked = peer.asked.max(asked);
        match word {
            Word::Promises => peer.promised = peer.promised.max(Some(asked)),
            Word::StandsAgainst(version) => {
                // The holder never asks whoever its lease does not name: that one's word is worth nothing.
                let seen = self.seen.as_ref().filter(|seen| seen.lease.version == version);
                if seen.is_none_or(|seen| seen.lease.members.contains(&from)) {
                    self.peers.stands = Some((from, version));
                }
            }
            Word::Nothing => {}
        }
    }

    /// Another process answered a question, sent at `asked`, where `id` runs or ran. If the lease
    /// named `id` before, it had started before, and has ended since.
    pub fn replaced(&mut self, now: Millis, asked: Millis, id: ControllerId) {
        let named = self.seen.as_ref().filter(|seen| seen.lease.members.contains(&id));
        if named.is_some_and(|seen| seen.first <= asked) {
            self.ended(now, id);
        }
    }

    /// Whether an answer of another controller is kept, because it may still count as a promise or name
    /// a member.
    #[must_use]
    pub fn has_heard(&self, id: ControllerId) -> bool {
        self.peers.known.contains_key(&id)
    }

    /// A controller process has ended beyond doubt: another one runs in its pod.
    pub fn ended(&mut self, now: Millis, id: ControllerId) {
        self.unlisted(now, id);
        if self.seen.as_ref().is_some_and(|seen| seen.lease.holder == Some(id)) {
            self.peers.dead.get_or_insert((id, now));
        }
    }

    /// The pod of a controller process has ended, or is listed no more. Of a member that is taken for
    /// its end; a holder whose pod was deleted by force may run on, with promises of the others.
    pub fn unlisted(&mut self, now: Millis, id: ControllerId) {
        self.peers.gone.entry(id).or_insert(now);
        self.peers.known.remove(&id);
    }
}
