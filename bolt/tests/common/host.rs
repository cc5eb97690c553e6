//! A host for the server machine: carries out what it is asked for as its choices say, and notes what
//! it commits.

use bolt::{
    Map, Response, Value,
    message::Amount,
    server::{Ask, Fault, Misuse, Outcome, Reply, Session, State, Step},
    value::map,
};

/// What becomes of an ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice {
    /// It fails.
    pub fails: bool,
    /// If it fails, what it would have committed is committed all the same.
    pub applies_all_the_same: bool,
    /// After a PULL or DISCARD there are more records, unless all were asked for.
    pub has_more: bool,
}

/// A host with its session.
pub struct Host {
    pub session: Session,
    /// Commits so far, also of batches.
    pub commits: u32,
    /// The prepared statement is one of its own transaction.
    auto_commit: bool,
    /// It commits in batches.
    batched: bool,
    /// It has committed one of them and is not at its end.
    within_batches: bool,
}

impl Host {
    pub fn new(session: Session) -> Self {
        Self { session, commits: 0, auto_commit: false, batched: false, within_batches: false }
    }

    /// Answers a message: records and summary, and whether the connection is closed.
    pub fn answer(&mut self, body: &[u8], choice: Choice) -> Result<Reply, Misuse> {
        if self.session.state() != State::Result {
            self.within_batches = false;
        }
        let ask = match self.session.message(body)? {
            Step::Reply(reply) => return Ok(reply),
            Step::Ask(ask) => ask,
        };
        let (records, outcome) = self.carry_out(ask, choice);
        let mut reply = self.session.outcome(outcome)?;
        reply.messages.splice(0..0, records);
        Ok(reply)
    }

    fn carry_out(&mut self, ask: Ask, choice: Choice) -> (Vec<Response>, Outcome) {
        let applies = !choice.fails || choice.applies_all_the_same;
        let mut records = Vec::new();
        let done = match ask {
            Ask::Run { query, in_transaction, .. } => {
                self.auto_commit = !in_transaction;
                self.batched = query.contains("PERIODIC") || query.contains("IN TRANSACTIONS");
                Outcome::Prepared(vec!["n".to_owned()])
            }
            Ask::Pull(amount) | Ask::Discard(amount) => {
                let has_more = choice.has_more && amount != Amount::All;
                records.push(Response::Record(vec![Value::Int(1)]));
                if applies && self.auto_commit && (!has_more || self.batched) {
                    self.commits += 1;
                }
                self.within_batches = has_more && self.auto_commit && self.batched && !choice.fails;
                let summary = if has_more { Map::new() } else { map([("type", "rw")]) };
                Outcome::Fetched { has_more, summary }
            }
            Ask::Commit(_) => {
                self.commits += u32::from(applies);
                Outcome::Done
            }
            Ask::Route(_) => Outcome::Routed(map([("rt", Value::Map(Map::new()))])),
            Ask::Authenticate(_) | Ask::Logoff | Ask::Begin(..) | Ask::Rollback(_) | Ask::Reset => {
                Outcome::Done
            }
        };
        if choice.fails {
            return (records, Outcome::Failed(Fault::client("it was to fail")));
        }
        (records, done)
    }

    /// A statement that commits in batches is under way and has committed one.
    pub fn is_within_batches(&self) -> bool {
        self.within_batches && self.session.state() == State::Result
    }
}
