//! The gateway's side of a write grant: when bytes may go to the main. Pure; the caller passes its
//! own monotonic and wall clocks. It knows nothing of sockets or of how an answer arrived.

mod visit;

use crate::{
    ids::{GatewayId, InstanceRef, Term},
    leadership::Millis,
    observation::Route,
};
use serde::{Deserialize, Serialize};

/// What a gateway asks a controller. Each question also acknowledges what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// Who asks.
    pub gateway: GatewayId,
    /// A number that grows with each question of this gateway process, over all controllers.
    pub number: u64,
    /// Whether the gateway holds a live grant while it asks.
    pub holds: Option<Term>,
    /// Whether transactions are open on the main through this gateway.
    pub open_transactions: bool,
    /// How long ago the last byte from the main arrived.
    pub last_byte_ms: Option<Millis>,
}

/// A controller's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Answer {
    /// The question answered.
    pub number: u64,
    /// The term of the record that the answer rests on.
    pub term: Term,
    /// Where writes go.
    pub route: Route,
    /// How long the grant lasts, counted from the start of the request; 0 without one.
    pub lasts_ms: Millis,
}

/// Two clocks of one process, in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
pub struct Clocks {
    /// Monotonic, running in suspend too.
    pub monotonic: Millis,
    /// Wall time; it may jump.
    pub wall: i64,
}

/// The right to forward writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The reign.
    pub term: Term,
    /// The main in its life.
    pub main: InstanceRef,
    /// Whether only transactions that are open already may go on.
    pub draining: bool,
    expires: Clocks,
}

impl Grant {
    /// For how long it lasts, in milliseconds: until the first of both clocks ends it.
    #[must_use]
    pub fn lasts(&self, now: Clocks) -> Millis {
        let wall = self.expires.wall.saturating_sub(now.wall);
        let wall = Millis::try_from(wall).unwrap_or(0);
        self.expires.monotonic.saturating_sub(now.monotonic).min(wall)
    }
}

/// Why an answer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It answers another question than the latest.
    #[error("the answer is to question {found}, the latest is {latest}")]
    NotLatest {
        /// The number in the answer.
        found: u64,
        /// The number of the latest question.
        latest: u64,
    },
    /// An older reign than one that was seen already.
    #[error("term {found} is older than term {seen}, which was seen already")]
    OldTerm {
        /// The term in the answer.
        found: Term,
        /// The highest term seen.
        seen: Term,
    },
    /// A route of another reign than the answer itself is of.
    #[error("the answer is of term {answer}, its route of term {route}")]
    Contradicts {
        /// The term of the answer.
        answer: Term,
        /// The term of the route.
        route: Term,
    },
    /// The instance closed or refused a connection after the question was asked.
    #[error("the instance closed a connection after the question was asked")]
    Voided,
    /// A length that no configuration allows.
    #[error("a grant of {found_ms} ms is longer than the {limit_ms} ms allowed")]
    TooLong {
        /// The length in the answer.
        found_ms: Millis,
        /// The longest allowed.
        limit_ms: Millis,
    },
}

/// What a gateway process holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantHolder {
    gateway: GatewayId,
    highest: Term,
    latest: Option<(u64, Clocks)>,
    voided: Option<Millis>,
    grant: Option<Grant>,
    limit_ms: Millis,
}

impl GrantHolder {
    /// A gateway process that starts. `limit_ms` is the longest grant its configuration allows.
    #[must_use]
    pub const fn start(gateway: GatewayId, limit_ms: Millis) -> Self {
        Self { gateway, highest: Term(0), latest: None, voided: None, grant: None, limit_ms }
    }

    /// A new question, sent now. It replaces the one before: only its answer will be taken.
    pub fn ask(
        &mut self,
        now: Clocks,
        open_transactions: bool,
        last_byte_ms: Option<Millis>,
    ) -> Question {
        let number = self.latest.map_or(1, |(number, _)| number + 1);
        self.latest = Some((number, now));
        let holds = self.live(now).map(|grant| grant.term);
        Question { gateway: self.gateway, number, holds, open_transactions, last_byte_ms }
    }

    /// An answer arrived. On success the state is what the answer says; the caller closes its
    /// upstream connections unless [`Self::live`] still gives the same main and term.
    ///
    /// # Errors
    /// Why the answer was ignored.
    pub fn answered(&mut self, answer: &Answer) -> Result<(), Refused> {
        let asked = match self.latest {
            Some((number, asked)) if number == answer.number => asked,
            other => {
                let latest = other.map_or(0, |(number, _)| number);
                return Err(Refused::NotLatest { found: answer.number, latest });
            }
        };
        if answer.term < self.highest {
            return Err(Refused::OldTerm { found: answer.term, seen: self.highest });
        }
        if answer.lasts_ms > self.limit_ms {
            return Err(Refused::TooLong { found_ms: answer.lasts_ms, limit_ms: self.limit_ms });
        }
        if let Route::Open { term, .. } | Route::Draining { term, .. } = answer.route
            && term != answer.term
        {
            return Err(Refused::Contradicts { answer: answer.term, route: term });
        }
        self.highest = answer.term;
        let (term, main, draining) = match answer.route {
            Route::Closed => {
                self.grant = None;
                return Ok(());
            }
            Route::Open { term, main } => (term, main, false),
            Route::Draining { term, main } => (term, main, true),
        };
        if self.voided.is_some_and(|voided| asked.monotonic <= voided) {
            return Err(Refused::Voided);
        }
        let expires = Clocks {
            monotonic: asked.monotonic.saturating_add(answer.lasts_ms),
            wall: asked.wall.saturating_add_unsigned(answer.lasts_ms),
        };
        self.grant = Some(Grant { term, main, draining, expires });
        Ok(())
    }

    /// The instance closed or refused a connection: the grant ends, and only one that was asked
    /// for later counts.
    pub const fn void(&mut self, now: Clocks) {
        self.voided = Some(now.monotonic);
        self.grant = None;
    }

    /// The stored record names this term: an older grant ends (the second path).
    pub fn saw_term(&mut self, term: Term) {
        self.highest = self.highest.max(term);
        if self.grant.is_some_and(|grant| grant.term < term) {
            self.grant = None;
        }
    }

    /// The grant, if it may be used at this very moment. To be asked before each forwarded byte.
    #[must_use]
    pub fn live(&self, now: Clocks) -> Option<Grant> {
        self.grant.filter(|grant| grant.lasts(now) > 0)
    }

    /// The highest term seen.
    #[must_use]
    pub const fn highest(&self) -> Term {
        self.highest
    }
}
