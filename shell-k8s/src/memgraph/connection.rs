//! One connection to an instance, logged in. It is never replaced: when it breaks, it stays broken,
//! so that what was read on it and what is sent on it concern one life of one process.

use super::access::Access;
use bolt::{
    Limits, Map, Request, Response, Value, Version,
    chunk::{Decoder, Frame},
    handshake::{Offer, read_answer},
    message::{AuthMap, Extra, Failure, Fetch, HelloMap, MessageError, Run},
    value::map,
};
use ha_core::reading::Why;
use std::{fmt, io, net::SocketAddr};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// Bytes read at a time.
const READ_BYTES: usize = 16 << 10;
/// What this client calls itself, so that an instance's logs tell who came.
const AGENT: &str = concat!("memgraph-ha-controller/", env!("CARGO_PKG_VERSION"));
/// What a refused login is called (BG 1.3).
const UNAUTHENTICATED: &str = "Unauthenticated";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The address refuses connections.
    #[error("the connection was refused")]
    NoListener,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// The login was refused.
    #[error("the login was refused: {0}")]
    Unauthorized(String),
    /// The server refused the statement.
    #[error("{text}")]
    Statement {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
    /// The other side speaks something else.
    #[error("not understood: {0}")]
    Foreign(String),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            Self::NoListener
        } else {
            Self::Broken(error)
        }
    }
}

impl From<MessageError> for Failed {
    fn from(error: MessageError) -> Self {
        Self::Foreign(error.to_string())
    }
}

impl From<Failed> for Why {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NoListener => Self::Refused,
            Failed::Broken(_) => Self::Silent,
            Failed::Unauthorized(_) => Self::Unauthorized,
            Failed::Statement { text, .. } | Failed::Foreign(text) => Self::Unrecognized(text),
        }
    }
}

/// What a statement returned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Names of columns.
    pub columns: Vec<String>,
    /// Rows, a value for each column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// The values of a column of that name.
    ///
    /// # Errors
    /// There is no such column, or a row is shorter.
    pub fn column(&self, name: &str) -> Result<Vec<&Value>, Failed> {
        let missing =
            || Failed::Foreign(format!("a column {name:?} was expected among {:?}", self.columns));
        let index = self.columns.iter().position(|it| it == name).ok_or_else(missing)?;
        self.rows.iter().map(|row| row.get(index).ok_or_else(missing)).collect()
    }
}

/// Plain or with TLS.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for T {}

/// Connects, and speaks TLS if that is asked for. A server that does not show what is expected of it
/// answers, and is not the instance that is meant.
async fn connect(address: SocketAddr, access: &Access) -> Result<Box<dyn Socket>, Failed> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let Some(tls) = access.tls() else { return Ok(Box::new(socket)) };
    match tls.connect(address, socket).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Failed::Foreign(format!("TLS: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// A connection that is logged in.
pub struct Connection {
    stream: Box<dyn Socket>,
    decoder: Decoder,
    version: Version,
    server: String,
    is_by_former_password: bool,
    arrived: Vec<u8>,
    taken: usize,
    /// The answer to a request that was dropped half-way may still arrive.
    busy: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects and logs in: with the password of now, and where that is refused with the one before.
    ///
    /// # Errors
    /// Why there is no session.
    pub async fn open(address: SocketAddr, access: &Access) -> Result<Self, Failed> {
        let refused = match Self::open_with(address, access, access.login()).await {
            Err(Failed::Unauthorized(text)) => text,
            ended => return ended,
        };
        let Some(former) = access.former_login() else { return Err(Failed::Unauthorized(refused)) };
        let mut connection = Self::open_with(address, access, former).await?;
        connection.is_by_former_password = true;
        Ok(connection)
    }

    async fn open_with(
        address: SocketAddr,
        access: &Access,
        login: AuthMap,
    ) -> Result<Self, Failed> {
        let mut stream = connect(address, access).await?;
        let offer = Offer::of(&[Version::V5_2, Version::V4_4, Version::V4_3, Version::V4_1]);
        stream.write_all(&offer.bytes()).await?;
        stream.flush().await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        let version = read_answer(answer, &offer)
            .ok_or_else(|| Failed::Foreign("no version of Bolt that both speak".to_owned()))?;
        let mut connection = Self {
            stream,
            decoder: Decoder::new(Limits::USUAL.bytes),
            version,
            server: String::new(),
            is_by_former_password: false,
            arrived: Vec::new(),
            taken: 0,
            busy: false,
        };
        connection.log_in(login).await.map_err(|failed| match failed {
            Failed::Statement { text, .. } => Failed::Unauthorized(text),
            other @ (Failed::NoListener
            | Failed::Broken(_)
            | Failed::Unauthorized(_)
            | Failed::Foreign(_)) => other,
        })?;
        Ok(connection)
    }

    async fn log_in(&mut self, login: AuthMap) -> Result<(), Failed> {
        let mut hello = map([("user_agent", AGENT)]);
        let greeting = if self.version.has_logon() {
            self.send(&[Request::Hello(HelloMap(hello)), Request::Logon(login)]).await?;
            let greeting = self.success().await?;
            self.success().await?;
            greeting
        } else {
            hello.extend(login.0);
            self.send(&[Request::Hello(HelloMap(hello))]).await?;
            self.success().await?
        };
        let server = greeting.get("server").and_then(Value::as_str);
        server.unwrap_or_default().clone_into(&mut self.server);
        Ok(())
    }

    /// The name that the server gave in its greeting.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether the instance refused the password of now, and took the one before.
    #[must_use]
    pub const fn is_by_former_password(&self) -> bool {
        self.is_by_former_password
    }

    /// Runs one statement, on its own and to its end.
    ///
    /// # Errors
    /// The server refused it, or what became of it is not known.
    pub async fn query(&mut self, statement: &str) -> Result<Table, Failed> {
        let [table] = self.queries([statement]).await?;
        Ok(table)
    }

    /// Runs statements one after the other, sent at once: one round trip.
    ///
    /// # Errors
    /// The first that failed; the server ignores those after it.
    pub async fn queries<const N: usize>(
        &mut self,
        statements: [&str; N],
    ) -> Result<[Table; N], Failed> {
        if self.busy {
            return Err(Failed::Broken(io::Error::other("an earlier statement was given up")));
        }
        self.busy = true;
        let mut requests = Vec::with_capacity(2 * N);
        for statement in statements {
            let query = statement.to_owned();
            requests.push(Request::Run(Run {
                query,
                parameters: Map::new(),
                extra: Extra::none(),
            }));
            requests.push(Request::Pull(Fetch::ALL));
        }
        self.send(&requests).await?;
        let mut tables = [const { Table { columns: Vec::new(), rows: Vec::new() } }; N];
        let mut left = requests.len();
        for table in &mut tables {
            if let Err(failed) = self.table(table, &mut left).await {
                if matches!(failed, Failed::Statement { .. }) {
                    self.recover(left).await?;
                    self.busy = false;
                }
                return Err(failed);
            }
        }
        self.busy = false;
        Ok(tables)
    }

    async fn table(&mut self, table: &mut Table, left: &mut usize) -> Result<(), Failed> {
        *left -= 1;
        let head = self.success().await?;
        if let Some(Value::List(fields)) = head.get("fields") {
            table.columns =
                fields.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        }
        *left -= 1;
        loop {
            match self.receive().await? {
                Response::Record(row) => table.rows.push(row),
                Response::Success(_) => return Ok(()),
                Response::Failure(failure) => return Err(refusal(failure)),
                Response::Ignored => return Err(out_of_place()),
            }
        }
    }

    /// After a failure: so many requests are ignored, then the session begins anew.
    async fn recover(&mut self, ignored: usize) -> Result<(), Failed> {
        for _ in 0..ignored {
            self.receive().await?;
        }
        self.send(&[Request::Reset]).await?;
        self.success().await.map(|_| ())
    }

    /// Waits until the connection ends. Call it only while nothing is asked.
    pub async fn closed(&mut self) {
        let mut byte = [0; 1];
        // A server says nothing unasked: whatever comes ends the use of this connection. Bytes of
        // a keep-alive (an empty chunk) are of no interest either.
        let _ended = self.stream.read(&mut byte).await;
    }

    async fn send(&mut self, requests: &[Request]) -> Result<(), Failed> {
        let mut out = Vec::new();
        for request in requests {
            request.send(self.version, &mut out)?;
        }
        self.stream.write_all(&out).await?;
        Ok(self.stream.flush().await?)
    }

    async fn success(&mut self) -> Result<Map, Failed> {
        match self.receive().await? {
            Response::Success(map) => Ok(map),
            Response::Failure(failure) => Err(refusal(failure)),
            Response::Record(_) | Response::Ignored => Err(out_of_place()),
        }
    }

    async fn receive(&mut self) -> Result<Response, Failed> {
        loop {
            let mut input = self.arrived.get(self.taken..).unwrap_or_default();
            let before = input.len();
            let frame =
                self.decoder.next(&mut input).map_err(|e| Failed::Foreign(e.to_string()))?;
            self.taken += before - input.len();
            match frame {
                Some(Frame::Message(body)) => {
                    return Ok(Response::decode(&body, self.version, Limits::USUAL)?);
                }
                Some(Frame::Noop) => {}
                None => self.fill().await?,
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Failed> {
        self.taken = 0;
        self.arrived.resize(READ_BYTES, 0);
        let count = self.stream.read(&mut self.arrived).await?;
        self.arrived.truncate(count);
        if count == 0 {
            return Err(Failed::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }
}

fn refusal(failure: Failure) -> Failed {
    if failure.code.contains(UNAUTHENTICATED) {
        Failed::Unauthorized(failure.message)
    } else {
        Failed::Statement { code: failure.code, text: failure.message }
    }
}

fn out_of_place() -> Failed {
    Failed::Foreign("an answer that belongs to no request".to_owned())
}
