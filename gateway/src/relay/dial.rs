//! Connections to instances.

use super::stream::{Stream, Watch};
use bolt::{
    Limits, Request, Response, Value, Version,
    chunk::{Decoder, Frame},
    handshake::{Offer, read_answer},
    message::HelloMap,
    value::map,
};
use ha_core::ids::StartId;
use rustls::pki_types::ServerName;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// The bytes of an answer to HELLO.
const ANSWER_BYTES: usize = 64 << 10;

/// An instance could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// It says so itself, or is not what is expected: it is another one, or none.
    #[error("{address} refuses: {error}")]
    Refused { address: SocketAddr, error: io::Error },
    /// It says nothing.
    #[error("{address} does not answer within {limit:?}")]
    Silent { address: SocketAddr, limit: Duration },
}

/// TLS towards instances.
#[derive(Clone)]
pub struct UpstreamTls {
    /// What is trusted, and who we are.
    pub config: Arc<rustls::ClientConfig>,
    /// The name that certificates of instances have to be of; their address if none.
    pub name: Option<ServerName<'static>>,
}

impl std::fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamTls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How instances are reached.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    pub(crate) limit: Duration,
    pub(crate) watch: Watch,
    pub(crate) tls: Option<UpstreamTls>,
}

impl Dialer {
    /// A connection.
    pub(crate) async fn dial(&self, address: SocketAddr) -> Result<Stream, DialError> {
        match timeout(self.limit, self.connect(address)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(DialError::Refused { address, error }),
            Err(_) => Err(DialError::Silent { address, limit: self.limit }),
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let socket = TcpStream::connect(address).await?;
        self.watch.apply(&socket)?;
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(socket)) };
        let name = tls.name.clone().unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
        let stream = TlsConnector::from(Arc::clone(&tls.config)).connect(name, socket).await?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }

    /// Which start of a process answers there now, asked on a connection of its own: of the process
    /// that answers here, an earlier connection to the same address is too, or of one that is dead.
    pub(crate) async fn start_at(&self, address: SocketAddr) -> io::Result<Option<StartId>> {
        match timeout(self.limit, self.greet(address)).await {
            Ok(start) => start,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn greet(&self, address: SocketAddr) -> io::Result<Option<StartId>> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        // 5.2 answers HELLO before a login, so that no credentials are needed.
        let version = Version::V5_2;
        let offer = Offer::of(&[version]);
        let mut out = offer.bytes().to_vec();
        Request::Hello(HelloMap(map([("user_agent", "memgraph-ha-gateway")])))
            .send(version, &mut out)
            .map_err(io::Error::other)?;
        let mut stream = match self.connect(address).await? {
            Stream::Plain(socket) => Box::new(socket) as Box<dyn ReadWrite>,
            Stream::Tls(stream) => stream,
        };
        stream.write_all(&out).await?;
        stream.flush().await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        read_answer(answer, &offer).ok_or_else(invalid)?;
        let mut decoder = Decoder::new(ANSWER_BYTES);
        let mut buffer = [0; 1024];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut rest = &buffer[..count];
            if let Some(Frame::Message(body)) = decoder.next(&mut rest).map_err(io::Error::other)? {
                let answer = Response::decode(&body, version, Limits::BEFORE_LOGIN);
                let Ok(Response::Success(entries)) = answer else { return Err(invalid()) };
                let name = entries.get("server").and_then(Value::as_str);
                return Ok(name.and_then(crate::session::start_of));
            }
        }
    }
}

trait ReadWrite: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> ReadWrite for T {}
