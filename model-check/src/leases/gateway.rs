//! Questions of the gateway, and grants.

use super::{
    mistake::Mistake,
    property::Moments,
    said::Said,
    step::Turn,
    world::{CLOCKS, GATEWAY, MAIN, NOW},
};
use ha_core::{
    grant::{Answer, Question},
    ids::Term,
    observation::Route,
};

impl Turn<'_> {
    /// A question, and its answer where neither is late.
    pub(super) fn gateway_asks_through(&mut self, no: usize) {
        self.gateway_asks(no);
        if !self.variant.late.questions {
            self.gateway_asked(no);
            self.gateway_told();
            self.world.gate.change().awaited = false;
        }
    }

    /// A question whose answer is lost.
    pub(super) fn gateway_asks_unheard(&mut self, no: usize) {
        self.gateway_asks(no);
        self.gateway_asked(no);
        let gate = self.world.gate.change();
        gate.answer = None;
        gate.awaited = false;
    }

    fn gateway_asks(&mut self, no: usize) {
        let gate = self.world.gate.change();
        let question = gate.holder.ask(CLOCKS, false, None);
        gate.answer = None;
        gate.awaited = true;
        // A controller looks only at whether there is a grant.
        let holds = question.holds.map(|_| Term(0));
        self.world.mails[no].change().question = Some(Question { holds, ..question });
    }

    pub(super) fn gateway_asked(&mut self, no: usize) {
        let variant = self.variant;
        let Some(question) = self.world.mails[no].change().question.take() else { return };
        let Some(process) = self.world.process_mut(no) else { return };
        if question.holds.is_none() {
            process.brain.holds_nothing(GATEWAY, question.number);
        }
        let known = process.fresh || variant.makes(Mistake::RecordBeforeLease);
        let record = process.record.filter(|_| known);
        let (Some(lasts_ms), Some(record)) = (variant.length(process), record) else {
            self.said = Some(Said::NotLeading);
            return;
        };
        let term = Term(record.term.into());
        let number = question.number;
        let (route, lasts_ms) = if process.open && record.steady {
            process.brain.granted(GATEWAY, number, NOW, &variant.counted());
            self.said = Some(Said::Granted(record.term, lasts_ms));
            if process.brain.right(NOW, &variant.timing) == 0 {
                self.seen |= Moments::GRANT_ON_PROMISES;
            }
            if record.term > 1 {
                self.seen |= Moments::GRANT_OF_THE_NEXT_REIGN;
            }
            (Route::Open { term, main: MAIN }, lasts_ms)
        } else {
            self.said = Some(Said::Closed);
            (Route::Closed, 0)
        };
        self.world.gate.change().answer = Some(Answer { number, term, route, lasts_ms });
    }

    pub(super) fn gateway_told(&mut self) {
        let gate = self.world.gate.change();
        let Some(answer) = gate.answer.take() else { return };
        let taken = gate.holder.answered(&answer);
        let live = gate.holder.live(CLOCKS);
        match (taken, live) {
            (Err(_), _) => self.said = Some(Said::Refused),
            (Ok(()), Some(grant)) if self.variant.late.questions => {
                self.said = Some(Said::Live(grant.term.0 as u8));
            }
            (Ok(()), _) => {}
        }
    }
}
