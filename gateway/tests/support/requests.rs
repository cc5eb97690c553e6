//! What a client asks, and what it makes of the answers.

use bolt::{
    Request, Response, Version,
    message::{AuthMap, Extra, Fetch, HelloMap, Run},
    value::map,
};

/// What a client sends at once and then waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub requests: Vec<Request>,
    /// The write that the last answer of the batch acknowledges.
    pub commits: Vec<u32>,
}

/// What became of a write, as the client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Acked,
    /// It is to be tried again.
    Retry,
    /// It failed otherwise.
    Failed,
}

pub fn run(query: &str) -> Request {
    Request::Run(Run { query: query.to_owned(), ..Run::default() })
}

pub fn auto(write: u32) -> Batch {
    Batch {
        requests: vec![run(&format!("CREATE {write}")), Request::Pull(Fetch::ALL)],
        commits: vec![write],
    }
}

pub fn one(request: Request) -> Batch {
    Batch { requests: vec![request], commits: Vec::new() }
}

pub fn explicit(writes: &[u32]) -> Vec<Batch> {
    let mut batches = vec![one(Request::Begin(Extra::none()))];
    for write in writes {
        let requests = vec![run(&format!("CREATE {write}")), Request::Pull(Fetch::ALL)];
        batches.push(Batch { requests, commits: Vec::new() });
    }
    batches.push(Batch { requests: vec![Request::Commit], commits: writes.to_vec() });
    batches
}

/// Whether its client is in a transaction behind this request, by whether it was before.
pub fn is_within_after(within: bool, request: &Request) -> bool {
    (within && !is_end(request)) || is_begin(request)
}

/// It begins a transaction, also by text.
pub fn is_begin(request: &Request) -> bool {
    matches!(request, Request::Begin(_)) || *request == run("BEGIN")
}

/// It ends one, also by text.
pub fn is_end(request: &Request) -> bool {
    let by_text = ["COMMIT", "ROLLBACK"].iter().any(|query| *request == run(query));
    by_text || [Request::Commit, Request::Rollback, Request::Reset].contains(request)
}

/// Its first messages.
pub fn login(version: Version) -> Vec<Request> {
    let mut hello = map([("user_agent", "test/1")]);
    let auth = AuthMap::basic("neo", "secret");
    if version.has_logon() {
        return vec![Request::Hello(HelloMap(hello)), Request::Logon(auth)];
    }
    hello.extend(auth.0);
    vec![Request::Hello(HelloMap(hello))]
}

/// The codes of the failures among answers.
pub fn failure_codes(answers: &[Response]) -> Vec<&str> {
    let mut codes = Vec::new();
    for answer in answers {
        if let Response::Failure(failure) = answer {
            codes.push(failure.code.as_str());
        }
    }
    codes
}
