//! A client that does one thing at a time and retries nothing: what it was answered is what
//! happened. For the console and for tests.

use bolt::chunk::{Decoder, Frame};
use bolt::handshake::{Offer, read_answer};
use bolt::message::{AuthMap, Extra, Failure, Fetch, HelloMap, MessageError, Run};
use bolt::{Limits, Map, Request, Response, Value, Version};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Bytes read at a time.
const READ_BYTES: usize = 16 << 10;

/// Why a statement has no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be made or broke; whether the statement had an effect is unknown.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The server said no.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The server speaks no common version, or not Bolt.
    #[error("the server does not speak a version of Bolt that this client knows")]
    Version,
    /// A message that makes no sense.
    #[error("a message that cannot be read or written: {0}")]
    Message(#[from] MessageError),
    /// An answer that nobody asked for.
    #[error("an answer that does not belong here: {0:?}")]
    Unexpected(Response),
}

impl ClientError {
    /// The code and text of a failure that the server told.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Io(_) | Self::Version | Self::Message(_) | Self::Unexpected(_) => None,
        }
    }
}

/// How long a server is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until it takes a connection.
    pub connect: Duration,
    /// Until it goes on with an answer, or takes more of a request.
    pub answer: Duration,
}

impl From<Duration> for Patience {
    fn from(each: Duration) -> Self {
        Self { connect: each, answer: each }
    }
}

/// What a statement came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Names of columns.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<Value>>,
    /// What the last answer said besides.
    pub summary: Map,
}

/// Where bytes go and come from.
trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection that is logged in.
pub struct Client {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    version: Version,
    failed: bool,
    arrived: Vec<u8>,
    taken: usize,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects without TLS. No wait for the server is longer than `patience` says.
    ///
    /// # Errors
    /// Why there is no session.
    pub fn connect(
        address: impl ToSocketAddrs,
        auth: &AuthMap,
        patience: impl Into<Patience>,
    ) -> Result<Self, ClientError> {
        Self::log_in(open(address, patience.into())?, auth)
    }

    /// Connects with TLS. The certificate is not checked.
    ///
    /// # Errors
    /// Why there is no session.
    pub fn connect_tls(
        host: &str,
        address: impl ToSocketAddrs,
        auth: &AuthMap,
        patience: impl Into<Patience>,
    ) -> Result<Self, ClientError> {
        Self::log_in(super::tls::unchecked(host, open(address, patience.into())?)?, auth)
    }

    fn log_in(
        stream: impl Read + Write + Send + 'static,
        auth: &AuthMap,
    ) -> Result<Self, ClientError> {
        let mut stream: Box<dyn Stream> = Box::new(stream);
        let offer = Offer::of(&[Version::V5_2, Version::V4_4, Version::V4_3, Version::V4_1]);
        stream.write_all(&offer.bytes())?;
        stream.flush()?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        let version = read_answer(answer, &offer).ok_or(ClientError::Version)?;
        let decoder = Decoder::new(Limits::USUAL.bytes);
        let mut client =
            Self { stream, decoder, version, failed: false, arrived: Vec::new(), taken: 0 };
        let mut hello = bolt::value::map([("user_agent", "memgraph-ha/console")]);
        if version.has_logon() {
            client.send(&[Request::Hello(HelloMap(hello)), Request::Logon(auth.clone())])?;
            client.success()?;
        } else {
            hello.extend(auth.0.clone());
            client.send(&[Request::Hello(HelloMap(hello))])?;
        }
        client.success()?;
        Ok(client)
    }

    /// Runs a statement to its end.
    ///
    /// # Errors
    /// The server refused it, or what became of it is not known.
    pub fn run(&mut self, query: &str) -> Result<Outcome, ClientError> {
        self.run_with(query, Map::new())
    }

    /// Runs a statement with parameters.
    ///
    /// # Errors
    /// As `run`.
    pub fn run_with(&mut self, query: &str, parameters: Map) -> Result<Outcome, ClientError> {
        self.reset()?;
        let run = Run { query: query.to_owned(), parameters, extra: Extra::none() };
        self.send(&[Request::Run(run), Request::Pull(Fetch::ALL)])?;
        let head = match self.success() {
            Ok(head) => head,
            Err(error) => {
                if error.failure().is_some() {
                    self.receive()?;
                }
                return Err(error);
            }
        };
        let mut outcome = Outcome::default();
        if let Some(Value::List(fields)) = head.get("fields") {
            let names = fields.iter().filter_map(Value::as_str);
            outcome.columns = names.map(ToOwned::to_owned).collect();
        }
        loop {
            match self.receive()? {
                Response::Record(row) => outcome.rows.push(row),
                Response::Success(summary) => {
                    outcome.summary = summary;
                    return Ok(outcome);
                }
                Response::Failure(failure) => {
                    self.failed = true;
                    return Err(ClientError::Failed(failure));
                }
                Response::Ignored => return Err(ClientError::Unexpected(Response::Ignored)),
            }
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// As `run`.
    pub fn begin(&mut self) -> Result<Map, ClientError> {
        self.reset()?;
        self.one(&Request::Begin(Extra::none()))
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// As `run`.
    pub fn commit(&mut self) -> Result<Map, ClientError> {
        self.one(&Request::Commit)
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// As `run`.
    pub fn roll_back(&mut self) -> Result<Map, ClientError> {
        self.reset()?;
        self.one(&Request::Rollback)
    }

    fn one(&mut self, request: &Request) -> Result<Map, ClientError> {
        self.send(std::slice::from_ref(request))?;
        self.success()
    }

    fn reset(&mut self) -> Result<(), ClientError> {
        if std::mem::take(&mut self.failed) {
            self.one(&Request::Reset)?;
        }
        Ok(())
    }

    fn send(&mut self, requests: &[Request]) -> Result<(), ClientError> {
        let mut out = Vec::new();
        for request in requests {
            request.send(self.version, &mut out)?;
        }
        self.stream.write_all(&out)?;
        Ok(self.stream.flush()?)
    }

    fn success(&mut self) -> Result<Map, ClientError> {
        match self.receive()? {
            Response::Success(map) => Ok(map),
            Response::Failure(failure) => {
                self.failed = true;
                Err(ClientError::Failed(failure))
            }
            other @ (Response::Record(_) | Response::Ignored) => {
                Err(ClientError::Unexpected(other))
            }
        }
    }

    fn receive(&mut self) -> Result<Response, ClientError> {
        loop {
            let mut input = self.arrived.get(self.taken..).unwrap_or_default();
            let before = input.len();
            let frame = self.decoder.next(&mut input).map_err(io::Error::other)?;
            self.taken += before - input.len();
            match frame {
                Some(Frame::Message(body)) => {
                    return Ok(Response::decode(&body, self.version, Limits::USUAL)?);
                }
                Some(Frame::Noop) => {}
                None => self.fill()?,
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.arrived.resize(READ_BYTES, 0);
        let count = self.stream.read(&mut self.arrived)?;
        self.arrived.truncate(count);
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Opens a connection with a limit on every wait.
///
/// # Errors
/// No address answers.
fn open(address: impl ToSocketAddrs, patience: Patience) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience.connect) {
            Ok(stream) => {
                stream.set_read_timeout(Some(patience.answer))?;
                stream.set_write_timeout(Some(patience.answer))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
