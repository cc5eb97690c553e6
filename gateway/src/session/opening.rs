//! The first bytes of both sides: handshake, or something that is none.

use super::{Ending, Phase, Proof, Session, Took, Upstream, Writes, identity::LOGIN_ANSWER_BYTES};
use bolt::{
    Version,
    chunk::Decoder,
    handshake::{Opening, read_answer},
};
use ha_core::{ids::StartId, leadership::Millis};

impl Session {
    pub(super) fn opening(&mut self, bytes: &[u8], now: Millis) -> Took {
        let Phase::Opening(reader) = &mut self.phase else { return Took::NOTHING };
        let Some(&first) = bytes.first() else { return Took::NOTHING };
        if reader.bytes().is_empty() {
            match Opening::of(first) {
                Opening::Bolt => {}
                Opening::Tls | Opening::WebSocket if self.policy.passthrough => {
                    self.phase = Phase::Plain;
                    self.login_by = None;
                    return self.wait(now);
                }
                Opening::Tls | Opening::WebSocket => {
                    self.end(Ending::NotPassed);
                    return Took::dropped(bytes.len());
                }
                Opening::Unknown(_) => {
                    self.end(Ending::NotBolt);
                    return Took::dropped(bytes.len());
                }
            }
        }
        let mut rest = bytes;
        match reader.read(&mut rest) {
            Ok(None) => {}
            Ok(Some(offer)) => {
                self.login.offered(offer, reader.bytes());
                self.phase = Phase::Login;
                self.wait(now);
            }
            Err(_) => self.end(Ending::NotBolt),
        }
        Took::dropped(bytes.len() - rest.len())
    }

    /// A connection to an instance is there. `expected` is the start of the process that it has to
    /// be, if that is to be looked at.
    pub fn connected(&mut self, expected: Option<StartId>, now: Millis) {
        self.expected = expected;
        self.writes = Writes::Taken;
        match &self.phase {
            Phase::Login | Phase::Ready => {
                self.upstream = Upstream::Handshake([0; 4], 0);
                self.to_server.clear();
                self.to_server.extend_from_slice(self.login.handshake());
                self.login_by = Some(now.saturating_add(self.policy.login_ms));
            }
            Phase::Plain if expected.is_some() => self.upstream = Upstream::Unproven,
            Phase::Plain => self.join_plain(),
            Phase::Opening(_) | Phase::Refused | Phase::Broken(_) | Phase::Ended(_) => {
                self.orders.drop_upstream = true;
            }
        }
    }

    /// The instance could not be reached: the session goes on waiting.
    pub fn dial_failed(&mut self, now: Millis) {
        if !matches!(self.phase, Phase::Refused | Phase::Ended(_)) {
            self.wait(now);
        }
    }

    /// Whether the upstream is the instance meant, found out apart from its connection.
    pub fn proven(&mut self, proof: Proof, now: Millis) {
        if !matches!(self.upstream, Upstream::Unproven) {
            return;
        }
        match proof {
            Proof::Meant => return self.join_plain(),
            Proof::Another => self.orders.void = true,
            Proof::Unknown => {}
        }
        self.orders.put_off = true;
        if self.version.is_some() || self.login.was_answered() {
            self.end(Ending::Cut);
        } else {
            self.leave_upstream();
            self.wait(now);
        }
    }

    fn join_plain(&mut self) {
        self.upstream = Upstream::Joined;
        self.login_by = None;
        self.held_no_more();
    }

    pub(super) fn handshake_answer(&mut self, bytes: &[u8]) -> Took {
        let Upstream::Handshake(answer, len) = &mut self.upstream else { return Took::NOTHING };
        let mut consumed = 0;
        for (place, byte) in answer.iter_mut().skip(*len).zip(bytes) {
            *place = *byte;
            consumed += 1;
        }
        *len += consumed;
        if *len < answer.len() {
            return Took::dropped(consumed);
        }
        let answer = *answer;
        let chosen = self.login.offer().and_then(|offer| read_answer(answer, &offer));
        match (self.version, chosen) {
            (Some(before), Some(chosen)) if before == chosen => self.begin_login(),
            (Some(_), _) => self.end(Ending::Unmovable),
            (None, Some(chosen)) if Version::MEMGRAPH.contains(&chosen) => {
                self.version = Some(chosen);
                self.to_client.extend_from_slice(&answer);
                self.begin_login();
            }
            (None, _) => self.unknown_version(answer),
        }
        Took::dropped(consumed)
    }

    /// The instance refuses, or they speak what the gateway does not.
    fn unknown_version(&mut self, answer: [u8; 4]) {
        if !self.policy.passthrough {
            self.to_client.extend_from_slice(&bolt::handshake::REFUSAL);
            return self.end(Ending::NotPassed);
        }
        self.to_client.extend_from_slice(&answer);
        self.login.told_unknown_version();
        self.phase = Phase::Plain;
        self.login_by = None;
        if self.expected.is_some() {
            self.upstream = Upstream::Unproven;
        } else {
            self.join_plain();
        }
    }

    fn begin_login(&mut self) {
        self.upstream =
            Upstream::Login { decoder: Decoder::new(LOGIN_ANSWER_BYTES), next: 0, sent: false };
        self.send_login();
    }
}
