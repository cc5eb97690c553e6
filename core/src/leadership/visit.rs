//! What stands in a leader's clock, for [`crate::visit`].

use super::{LeaderClock, Millis};
use crate::visit::{Moment, Object, Visitor};

impl LeaderClock {
    /// Visits every identity and every moment.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.controller(&mut self.me);
        by.moment(Moment::Started, &mut self.started);
        if let Some((lease, at)) = &mut self.seen {
            lease.visit(by);
            by.moment(Moment::LeaseSeen, at);
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
        for (gateway, (until, question)) in &mut self.grants {
            by.moment(Moment::GrantMayEnd, until);
            by.question(*gateway, question);
        }
    }

    /// Forgets what makes no difference from `now` on: grants that ran out, and since when the
    /// lease that is its own has its value.
    pub fn forget_ended(&mut self, now: Millis) {
        self.grants.retain(|_, (until, _)| now < *until);
        if let Some((lease, first_read)) = &mut self.seen
            && lease.holder == Some(self.me)
        {
            *first_read = now;
        }
    }
}
