//! A small Bolt server without sockets: the `bolt` crate's server machine, and a database that is a
//! list of the writes that it committed.

use super::{recorded, response_bytes};
use bolt::{
    Map, Response, Value, Version,
    chunk::{Decoder, Frame},
    handshake::{HandshakeReader, answer},
    server::{Ask, Fault, Outcome, Session, Settings, Step},
    value::map,
};

/// What the instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    #[default]
    Main,
    Replica,
}

/// What a server has committed, shared by its connections.
#[derive(Debug, Clone, Default)]
pub struct Database {
    pub role: Role,
    pub committed: Vec<u32>,
    /// Part of the name of the one column that results have.
    pub column: &'static str,
    /// Writes that were prepared in a transaction.
    pub prepared: u32,
    /// Logins that were accepted.
    pub logins: u32,
    /// Statements that nobody can read.
    pub refused: u32,
    /// LOGOFF is answered, which Memgraph does not do (MR 7).
    pub answers_logoff: bool,
}

/// One connection to it.
pub struct Connection {
    reader: Option<HandshakeReader>,
    session: Option<(Session, Decoder)>,
    name: Option<String>,
    accepted: &'static [Version],
    staged: Vec<u32>,
    prepared: Option<(Option<u32>, u64)>,
    /// Bytes for the client.
    pub out: Vec<u8>,
    /// It is closed behind `out`.
    pub closed: bool,
}

/// The write in a statement such as `CREATE 7`, and the rows it returns, as in `RETURN 3`; in those of
/// recordings, a pattern and a range.
fn parsed(query: &str) -> (Option<u32>, u64) {
    if let Some(number) = recorded::number(query) {
        return (Some(number), 0);
    }
    let number = |word: &str| {
        let rest = query.split_once(word)?.1;
        rest.split([' ', ')']).next()?.parse::<u32>().ok()
    };
    let rows = number("range(1, ").or_else(|| number("RETURN "));
    (number("CREATE "), rows.map_or(1, u64::from))
}

impl Connection {
    pub fn new(name: Option<String>, accepted: &'static [Version]) -> Self {
        Self {
            reader: Some(HandshakeReader::new()),
            session: None,
            name,
            accepted,
            staged: Vec::new(),
            prepared: None,
            out: Vec::new(),
            closed: false,
        }
    }

    /// Takes bytes of the client and answers every message that is whole.
    pub fn take(&mut self, mut input: &[u8], database: &mut Database) {
        if let Some(reader) = &mut self.reader {
            match reader.read(&mut input) {
                Ok(None) => return,
                Ok(Some(offer)) => {
                    self.reader = None;
                    let Some(version) = offer.choose(self.accepted) else {
                        self.out.extend(bolt::handshake::REFUSAL);
                        self.closed = true;
                        return;
                    };
                    self.out.extend(answer(version));
                    let settings = Settings {
                        server_name: self.name.clone(),
                        answers_logoff: database.answers_logoff,
                        ..Settings::memgraph(version)
                    };
                    let decoder = Decoder::new(1 << 20);
                    self.session = Some((Session::new(settings), decoder));
                }
                Err(_) => {
                    self.closed = true;
                    return;
                }
            }
        }
        while !self.closed {
            let Some((_, decoder)) = &mut self.session else { return };
            match decoder.next(&mut input) {
                Ok(Some(Frame::Message(body))) => self.message(&body, database),
                Ok(Some(Frame::Noop)) => {}
                Ok(None) => return,
                Err(_) => self.closed = true,
            }
        }
    }

    fn message(&mut self, body: &[u8], database: &mut Database) {
        let Some((mut session, decoder)) = self.session.take() else { return };
        let version = session.version();
        let mut say = |response: &Response| self.out.extend(response_bytes(response, version));
        let reply = match session.message(body).expect("in order") {
            Step::Reply(reply) => reply,
            Step::Ask(ask) => {
                let outcome =
                    carry_out(ask, &mut self.staged, &mut self.prepared, database, &mut say);
                session.outcome(outcome).expect("as asked")
            }
        };
        for response in &reply.messages {
            say(response);
        }
        self.closed |= reply.close.is_some();
        self.session = Some((session, decoder));
    }
}

fn carry_out(
    ask: Ask,
    staged: &mut Vec<u32>,
    prepared: &mut Option<(Option<u32>, u64)>,
    database: &mut Database,
    say: &mut impl FnMut(&Response),
) -> Outcome {
    match ask {
        Ask::Authenticate(auth) if auth.credentials() == "wrong" => {
            Outcome::Failed(Fault::unauthenticated())
        }
        Ask::Authenticate(_) => {
            database.logins += 1;
            Outcome::Done
        }
        Ask::Run { query, in_transaction, .. } => {
            // An expression without its end.
            if query.ends_with('(') {
                database.refused += 1;
                return Outcome::Failed(Fault::client("it does not end"));
            }
            let (write, rows) = parsed(&query);
            if write.is_some() && database.role == Role::Replica {
                return Outcome::Failed(Fault::client(
                    "Write queries are forbidden on the replica instance. Replica instances accept \
                     only read queries.",
                ));
            }
            *prepared = Some((write.filter(|_| !in_transaction), rows));
            database.prepared += u32::from(write.is_some() && in_transaction);
            staged.extend(write.filter(|_| in_transaction));
            Outcome::Prepared(vec![format!("n{}", database.column)])
        }
        Ask::Pull(amount) | Ask::Discard(amount) => {
            let Some((write, rows)) = prepared.take() else {
                return Outcome::Failed(Fault::client("nothing to pull"));
            };
            let count = match amount {
                bolt::message::Amount::All => rows,
                bolt::message::Amount::AtMost(count) => rows.min(count),
            };
            for _ in 0..count {
                say(&Response::Record(vec![Value::Int(1)]));
            }
            let has_more = count < rows;
            if has_more {
                *prepared = Some((write, rows - count));
            } else {
                database.committed.extend(write);
            }
            let summary = if has_more { Map::new() } else { map([("type", "rw")]) };
            Outcome::Fetched { has_more, summary }
        }
        Ask::Commit(_) if database.role == Role::Replica && !staged.is_empty() => {
            staged.clear();
            Outcome::Failed(Fault::client("Cannot commit because instance is not main anymore."))
        }
        Ask::Commit(_) => {
            database.committed.append(staged);
            Outcome::Done
        }
        Ask::Begin(..) | Ask::Rollback(_) | Ask::Reset | Ask::Logoff => {
            staged.clear();
            *prepared = None;
            Outcome::Done
        }
        Ask::Route(_) => Outcome::Failed(Fault::client("no routes here")),
    }
}
