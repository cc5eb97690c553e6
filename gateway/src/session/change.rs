//! What happens to a session apart from bytes: the route changes, a side closes, time passes.

use super::{Ending, Phase, Session, Standing, Upstream};
use ha_core::leadership::Millis;

impl Session {
    /// The route is another one now; the upstream there is may go on being used accordingly. Where it
    /// may not, [`Session::cut`] comes first.
    pub const fn standing(&mut self, standing: Standing, now: Millis) {
        match standing {
            Standing::Frozen if self.frozen_since.is_none() => self.frozen_since = Some(now),
            Standing::Frozen => {}
            Standing::Open | Standing::Draining | Standing::Closed => self.frozen_since = None,
        }
        let waits_now = !matches!(standing, Standing::Open);
        if waits_now && matches!(self.standing, Standing::Open) && self.held_since.is_some() {
            self.tally.held += 1;
        }
        self.standing = standing;
    }

    /// The upstream may not be used any more: not one byte passes, in either direction. `unsent`
    /// says that bytes of the instance that [`Session::server`] let pass were not written to the
    /// client to their end.
    pub fn cut(&mut self, unsent: bool, now: Millis) {
        match (&self.phase, &self.upstream) {
            (Phase::Opening(_) | Phase::Refused | Phase::Ended(_), _) | (_, Upstream::None) => {}
            (Phase::Plain, Upstream::Joined) => self.end(Ending::Cut),
            (Phase::Plain, _) if self.login.was_answered() => self.end(Ending::Cut),
            (Phase::Ready, Upstream::Joined) => self.cut_joined(unsent, now),
            (Phase::Login | Phase::Plain | Phase::Ready | Phase::Broken(_), _) => {
                self.leave_upstream();
                self.wait(now);
            }
        }
    }

    fn cut_joined(&mut self, unsent: bool, now: Millis) {
        if self.tracker.is_commit_pending() {
            return self.end(Ending::InDoubt);
        }
        if unsent || self.tracker.is_within_answer() {
            return self.end(Ending::WithinAnswer);
        }
        if self.said_goodbye {
            return self.end(Ending::Goodbye);
        }
        if self.client_gone {
            return self.end(Ending::ClientLeft);
        }
        if self.keeps_state() {
            return self.end(Ending::Sticky);
        }
        if self.tracker.is_boundary() {
            self.renew_upstream();
        } else if self.can_ask_again() {
            self.ask_again_later(now);
        } else {
            self.break_off();
        }
    }

    /// The session has something that another instance would not have.
    const fn keeps_state(&self) -> bool {
        !self.movable || self.tracker.is_sticky()
    }

    /// The instance closed the connection, or it broke. `unsent` as in [`Session::cut`].
    pub fn server_ended(&mut self, unsent: bool, now: Millis) {
        if matches!(self.upstream, Upstream::None) {
            return;
        }
        let is_explained = self.said_goodbye || self.client_gone || self.is_closing;
        if is_explained && !unsent {
            return self.end(Ending::ServerClosed);
        }
        if matches!(self.phase, Phase::Plain) && matches!(self.upstream, Upstream::Joined) {
            self.orders.suspect = true;
            return self.end(Ending::ServerClosed);
        }
        self.orders.void = true;
        self.orders.put_off = true;
        self.cut(unsent, now);
    }

    /// The client sends no more.
    pub fn client_ended(&mut self) {
        self.client_gone = true;
        let waits_for_answers = match (&self.phase, &self.upstream) {
            (Phase::Plain, Upstream::Joined) => true,
            (Phase::Ready, Upstream::Joined) => {
                self.pending.is_none() && !self.tracker.is_boundary()
            }
            (
                Phase::Opening(_)
                | Phase::Login
                | Phase::Refused
                | Phase::Broken(_)
                | Phase::Ended(_),
                _,
            )
            | (Phase::Ready | Phase::Plain, _) => false,
        };
        if waits_for_answers {
            self.orders.shutdown_upstream = true;
        } else {
            self.end(Ending::ClientLeft);
        }
    }

    /// When [`Session::timer`] is to be called, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let hold = self.policy.hold_ms;
        let held = self.held_since.filter(|_| self.can_end_hold());
        let frozen = self.frozen_since.filter(|_| !matches!(self.upstream, Upstream::None));
        let holds = held.into_iter().chain(frozen).map(|since| since.saturating_add(hold));
        let login = self.login_by.filter(|_| self.is_in_time());
        holds.chain(login).min()
    }

    /// Time has passed. `unsent` as in [`Session::cut`].
    pub fn timer(&mut self, unsent: bool, now: Millis) {
        let is_over = |since: Option<Millis>, limit| {
            since.is_some_and(|since| now >= since.saturating_add(limit))
        };
        if self.is_in_time() && is_over(self.login_by, 0) {
            self.login_time(now);
        }
        if is_over(self.frozen_since, self.policy.hold_ms)
            && !matches!(self.upstream, Upstream::None)
        {
            self.frozen_since = None;
            self.cut(unsent, now);
        }
        self.mind_overdue(now);
    }

    /// A request that waited for too long fails, once the ones before it are answered.
    pub(super) fn mind_overdue(&mut self, now: Millis) {
        let Some(since) = self.held_since.filter(|_| self.can_end_hold()) else { return };
        if now < since.saturating_add(self.policy.hold_ms) {
            return;
        }
        match self.phase {
            Phase::Login => self.refuse_login(now),
            Phase::Plain => self.end(Ending::HoldTime),
            Phase::Ready if self.has_pending() && self.keeps_state() => {
                self.end(Ending::Sticky);
            }
            Phase::Ready if self.has_pending() => self.break_off(),
            Phase::Ready
            | Phase::Opening(_)
            | Phase::Refused
            | Phase::Broken(_)
            | Phase::Ended(_) => {
                self.held_no_more();
            }
        }
    }

    /// The wait for a route can end with a failure now: nothing else is owed or open. A login at an
    /// instance has a time of its own; if it comes to nothing, what was waited before counts.
    fn can_end_hold(&self) -> bool {
        match (&self.phase, &self.upstream) {
            (Phase::Ready, Upstream::Joined) => self.tracker.is_boundary(),
            (Phase::Login, upstream) => matches!(upstream, Upstream::None),
            (
                Phase::Opening(_)
                | Phase::Refused
                | Phase::Ready
                | Phase::Broken(_)
                | Phase::Plain
                | Phase::Ended(_),
                _,
            ) => true,
        }
    }

    /// The time for a login runs: the client's own, first or after LOGOFF, or that of an instance.
    const fn is_in_time(&self) -> bool {
        match self.phase {
            Phase::Opening(_) | Phase::Refused => true,
            // One that logged off and whose next login waits for a route is not late itself.
            Phase::Ready if matches!(self.upstream, Upstream::Joined) => self.pending.is_none(),
            Phase::Login | Phase::Ready => !matches!(self.upstream, Upstream::None),
            Phase::Plain => matches!(self.upstream, Upstream::Unproven),
            Phase::Broken(_) | Phase::Ended(_) => false,
        }
    }

    fn login_time(&mut self, now: Millis) {
        self.login_by = None;
        let instance_is_late = self.version.is_none() || self.login.has_unanswered();
        if matches!(self.phase, Phase::Login) && instance_is_late {
            self.orders.put_off = true;
            return self.refuse_login(now);
        }
        if matches!(self.phase, Phase::Ready) && !matches!(self.upstream, Upstream::Joined) {
            // The instance takes too long; another connection may fare better.
            self.orders.put_off = true;
            return self.leave_upstream();
        }
        self.end(Ending::LoginTime);
    }
}
