//! What stands in a leader's clock, for [`crate::visit`].

use super::{LeaderClock, Millis, Seen, Timing, peers::Peers};
use crate::visit::{Moment, Object, Visitor, renamed};

impl LeaderClock {
    /// Visits every identity and every moment.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.controller(&mut self.me);
        by.moment(Moment::Started, &mut self.started);
        if let Some(Seen { lease, first, last }) = &mut self.seen {
            lease.visit(by);
            by.moment(Moment::LeaseSeen, first);
            by.moment(Moment::LeaseRead, last);
        }
        if let Some(at) = &mut self.others {
            by.moment(Moment::LeaseOfOthers, at);
        }
        if let Some((version, sent)) = &mut self.held {
            by.version(Object::Lease, version);
            by.moment(Moment::Renewed, sent);
        }
        if let Some(at) = &mut self.acquired {
            by.moment(Moment::Acquired, at);
        }
        if let Some(at) = &mut self.promised {
            by.moment(Moment::Promised, at);
        }
        self.peers.visit(by);
        for (gateway, (until, question)) in &mut self.grants {
            by.moment(Moment::GrantMayEnd, until);
            by.question(*gateway, question);
        }
    }

    /// Forgets what makes no difference from `now` on: grants and promises that ran out, and since
    /// when the lease that is its own has its value.
    pub fn forget_ended(&mut self, now: Millis, timing: &Timing) {
        self.peers.forget(now, timing);
        self.grants.retain(|_, (until, _)| now < *until);
        if let Some(Seen { lease, first, last }) = &mut self.seen
            && lease.holder == Some(self.me)
        {
            *first = now;
            *last = now;
        }
    }

    /// Forgets what can make no difference any more: promises of others that ran out, words against a
    /// lease that names this process anyway, and whom writes name that would make the lease its own,
    /// since it is not its own before it has another version.
    pub fn forget_spent(&mut self, now: Millis, timing: &Timing) {
        let promise = timing.promise_ms;
        let runs = |asked: &Millis| now < asked.saturating_add(promise);
        for peer in self.peers.known.values_mut() {
            peer.promised = peer.promised.filter(runs);
        }
        let Some(Seen { lease, .. }) = &self.seen else { return };
        if lease.holder != Some(self.me) {
            self.peers.sent.values_mut().for_each(|members| *members = [self.me].into());
        }
        if lease.members.contains(&self.me) {
            self.peers.stands = self.peers.stands.filter(|(_, against)| *against > lease.version);
        }
    }
}

impl Peers {
    fn visit(&mut self, by: &mut impl Visitor) {
        let known = core::mem::take(&mut self.known);
        for (mut id, mut peer) in known {
            by.controller(&mut id);
            by.moment(Moment::PeerAsked, &mut peer.asked);
            if let Some(asked) = &mut peer.promised {
                by.moment(Moment::PeerAsked, asked);
            }
            self.known.insert(id, peer);
        }
        for (mut expected, members) in core::mem::take(&mut self.sent) {
            if let Some(version) = &mut expected {
                by.version(Object::Lease, version);
            }
            self.sent.insert(expected, renamed(members, by));
        }
        if let Some(version) = &mut self.against {
            by.version(Object::Lease, version);
        }
        if let Some((id, version)) = &mut self.stands {
            by.controller(id);
            by.version(Object::Lease, version);
        }
        for (mut id, mut since) in core::mem::take(&mut self.gone) {
            by.controller(&mut id);
            by.moment(Moment::PeerGone, &mut since);
            self.gone.insert(id, since);
        }
        if let Some((id, since)) = &mut self.dead {
            by.controller(id);
            by.moment(Moment::PeerGone, since);
        }
    }
}
