//! A client that waited too long before it was logged in. No instance is there whose answer could be
//! passed on, so that the gateway chooses the version as an instance would, and tells the client why
//! in the place of an answer to its login; then the connection ends.

use super::{Ending, Phase, Session};
use bolt::{
    Response, Version, handshake,
    server::{Fault, FaultClass},
};
use ha_core::leadership::Millis;

const MESSAGE: &str = "no instance could be logged in to in time. Connect again.";

/// Drivers to which a failed login is final, whatever its code, and an end of the connection too: as they
/// name themselves in HELLO. They are held once more for as long.
const FINAL: &[&str] = &["neo4j-javascript/"];

impl Session {
    /// No route came in time for a client that is not logged in, or an instance does not log it in.
    pub(super) fn refuse_login(&mut self, now: Millis) {
        self.leave_upstream();
        self.held_no_more();
        if self.version.is_none() {
            let chosen = self.login.offer().and_then(|offer| offer.choose(Version::MEMGRAPH));
            // What an instance makes of other versions is its own matter.
            let Some(version) = chosen else { return self.end(Ending::HoldTime) };
            self.version = Some(version);
            self.to_client.extend_from_slice(&handshake::answer(version));
        }
        self.phase = Phase::Refused;
        self.login_by = Some(now.saturating_add(self.policy.login_ms));
        self.tell_refused(now);
    }

    /// Tells the client, once it asks to be logged in.
    pub(super) fn tell_refused(&mut self, now: Millis) {
        if !self.login.has_unanswered() {
            return;
        }
        if FINAL.iter().any(|driver| self.login.names(driver)) && self.login.holds_again() {
            self.phase = Phase::Login;
            self.wait(now);
            return;
        }
        self.tally.failed_retryable += 1;
        let fault =
            Fault::new(FaultClass::MainChanged, format!("{}: {MESSAGE}", self.standing.reason()));
        self.say(&Response::Failure(fault.failure()));
        self.end(Ending::HoldTime);
    }
}
