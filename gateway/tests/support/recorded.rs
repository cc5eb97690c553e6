//! What real drivers said, from `tests/recorded`: their bytes, and what of them waits for which answer.

use super::{
    of_hex,
    requests::{Batch, is_end, is_within_after, run},
};
use bolt::{
    Limits, Request, Version,
    chunk::{Decoder, Frame},
    handshake::{HANDSHAKE_BYTES, HandshakeReader, read_answer},
    message::Amount,
};

/// The drivers.
pub const NAMES: [&str; 5] = ["javascript", "mgclient", "neo4rs", "python-5", "python-6"];

/// What the client says at once, and the bytes that it has for that.
#[derive(Debug, Clone)]
pub struct Said {
    pub batch: Batch,
    /// None: the usual form of the requests.
    pub wire: Option<Vec<u8>>,
}

impl From<Batch> for Said {
    fn from(batch: Batch) -> Self {
        Self { batch, wire: None }
    }
}

/// One client, from its first byte to its last.
#[derive(Debug, Clone)]
pub struct Recording {
    pub offer: Vec<u8>,
    pub version: Version,
    pub said: Vec<Said>,
    /// GOODBYE, which nobody answers.
    pub last: Vec<u8>,
}

/// The writes of a conversation that are not acknowledged yet.
#[derive(Default)]
struct Open {
    in_transaction: bool,
    staged: Vec<u32>,
}

impl Open {
    /// The writes that the answer to this acknowledges.
    fn acknowledged(&mut self, request: &Request) -> Vec<u32> {
        self.in_transaction = is_within_after(self.in_transaction, request);
        let is_text_commit = *request == run("COMMIT");
        if is_end(request) && *request != Request::Commit && !is_text_commit {
            self.staged.clear();
        }
        if let Request::Run(run) = request {
            self.staged.extend(number(&run.query));
        }
        // A commit by text is done when its result is fetched.
        let fetches = matches!(request, Request::Pull(_) | Request::Discard(_));
        if *request == Request::Commit || (fetches && !self.in_transaction) {
            return std::mem::take(&mut self.staged);
        }
        Vec::new()
    }
}

/// The number of a write, as in `CREATE (:Write {number: 7})`.
pub fn number(query: &str) -> Option<u32> {
    query.split_once("number: ")?.1.split('}').next()?.parse().ok()
}

impl Recording {
    /// The recording of a driver.
    pub fn of(name: &str) -> Self {
        let path = format!("{}/tests/recorded/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("the recording");
        let mut lines = text.lines().map(|line| line.split_once(' ').expect("who, and what"));
        let (_, offer) = lines.next().expect("an offer");
        let (_, answer) = lines.next().expect("an answer to it");
        let offer = of_hex(offer);
        assert_eq!(offer.len(), HANDSHAKE_BYTES, "{name}: the client waits for its version");
        let offered = HandshakeReader::new().read(&mut &*offer).expect("an offer");
        let answer = of_hex(answer).try_into().expect("four bytes");
        let version = read_answer(answer, &offered.expect("a whole one")).expect("a version");
        let (mut said, mut last, mut open) = (Vec::new(), Vec::new(), Open::default());
        for (who, hex) in lines {
            if who != "C" {
                continue;
            }
            let wire = of_hex(hex);
            let requests = requests(&wire, version);
            if requests == [Request::Goodbye] {
                last = wire;
                continue;
            }
            let of_each = requests.iter().map(|request| open.acknowledged(request));
            let commits = of_each.flatten().collect();
            said.push(Said { batch: Batch { requests, commits }, wire: Some(wire) });
        }
        Self { offer, version, said, last }
    }

    /// The writes that are acknowledged, if nothing happens.
    pub fn writes(&self) -> Vec<u32> {
        self.said.iter().flat_map(|said| said.batch.commits.clone()).collect()
    }

    /// Everything behind the handshake.
    pub fn messages(&self) -> Vec<u8> {
        let wires = self.said.iter().flat_map(|said| said.wire.clone().unwrap_or_default());
        wires.chain(self.last.clone()).collect()
    }

    /// Results are asked for in parts.
    pub fn fetches_in_parts(&self) -> bool {
        let mut requests = self.said.iter().flat_map(|said| &said.batch.requests);
        requests
            .any(|request| matches!(request, Request::Pull(fetch) if fetch.amount != Amount::All))
    }
}

fn requests(mut wire: &[u8], version: Version) -> Vec<Request> {
    let (mut decoder, mut requests) = (Decoder::new(1 << 20), Vec::new());
    while let Some(frame) = decoder.next(&mut wire).expect("short messages") {
        let Frame::Message(body) = frame else { continue };
        requests.push(Request::decode(&body, version, Limits::USUAL).expect("a request"));
    }
    requests
}
