//! What stands in a gateway's holder of grants, for [`crate::visit`].

use super::{Answer, Clocks, Grant, GrantHolder, Question};
use crate::visit::{Moment, Visitor};

impl Question {
    /// Visits the number.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.question(self.gateway, &mut self.number);
        if let Some(term) = &mut self.holds {
            by.term(term);
        }
    }
}

impl Answer {
    /// Visits the number and the route of an answer to `gateway`.
    pub fn visit(&mut self, gateway: crate::ids::GatewayId, by: &mut impl Visitor) {
        by.question(gateway, &mut self.number);
        by.term(&mut self.term);
        self.route.visit(by);
    }
}

impl Clocks {
    fn visit(&mut self, what: Moment, by: &mut impl Visitor) {
        by.moment(what, &mut self.monotonic);
        by.wall(what, &mut self.wall);
    }
}

impl Grant {
    /// Visits the life and the end.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.term(&mut self.term);
        self.main.visit(by);
        self.expires.visit(Moment::GrantEnds, by);
    }
}

impl GrantHolder {
    /// Whose holder it is.
    #[must_use]
    pub const fn gateway(&self) -> crate::ids::GatewayId {
        self.gateway
    }

    /// Visits every identity and every moment.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.term(&mut self.highest);
        if let Some((number, asked)) = &mut self.latest {
            by.question(self.gateway, number);
            asked.visit(Moment::Asked, by);
        }
        if let Some(at) = &mut self.voided {
            by.moment(Moment::Voided, at);
        }
        if let Some(grant) = &mut self.grant {
            grant.visit(by);
        }
    }

    /// Forgets what makes no difference from `now` on: a grant that ran out, and, unless an answer
    /// is `awaited`, when the last question was asked and when a grant before it was void.
    pub fn forget_ended(&mut self, now: Clocks, awaited: bool) {
        self.grant = self.live(now);
        if !awaited {
            self.voided = None;
            if let Some((_, asked)) = &mut self.latest {
                *asked = now;
            }
        }
    }
}
