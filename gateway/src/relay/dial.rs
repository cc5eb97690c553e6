//! Connections to instances.

use super::stream::{Stream, Watch};
use crate::tls::UpstreamTls;
use bolt::{
    Limits, Request, Response, Value, Version,
    chunk::{Decoder, Frame},
    handshake::{Offer, read_answer},
    message::HelloMap,
    value::map,
};
use ha_core::ids::StartId;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The bytes of an answer to HELLO.
const ANSWER_BYTES: usize = 64 << 10;

/// An instance could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// It says so itself: it is another one, or none.
    #[error("{address} refuses or closes: {error}")]
    Refused { address: SocketAddr, error: io::Error },
    /// It was not reached, for a reason of this machine or the network's, or does not speak TLS as is
    /// expected: nothing was said by the instance.
    #[error("{address} cannot be reached from here: {error}")]
    Failed { address: SocketAddr, error: io::Error },
    /// It says nothing.
    #[error("{address} does not answer within {limit:?}")]
    Silent { address: SocketAddr, limit: Duration },
}

impl DialError {
    /// What went wrong, and whose doing it was: only what the other side does to a connection says
    /// something of the process there. No free port, too many files, no way or a certificate that is
    /// not trusted say nothing of it.
    fn of(address: SocketAddr, error: io::Error) -> Self {
        let is_theirs = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        );
        if is_theirs { Self::Refused { address, error } } else { Self::Failed { address, error } }
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
            Ok(Err(error)) => Err(DialError::of(address, error)),
            Err(_) => Err(DialError::Silent { address, limit: self.limit }),
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let socket = TcpStream::connect(address).await?;
        self.watch.apply(&socket)?;
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(socket)) };
        let stream = tls.connect(address, socket).await?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }

    /// Which start of a process answers there now, asked on a connection of its own: of the process
    /// that answers here, an earlier connection to the same address is too, or of one that is dead.
    /// Nothing if what answers there is no instance, or tells no start.
    pub(crate) async fn start_at(&self, address: SocketAddr) -> Result<Option<StartId>, DialError> {
        match timeout(self.limit, self.greet(address)).await {
            Ok(Ok(start)) => Ok(start),
            Ok(Err(error)) => Err(DialError::of(address, error)),
            Err(_) => Err(DialError::Silent { address, limit: self.limit }),
        }
    }

    async fn greet(&self, address: SocketAddr) -> io::Result<Option<StartId>> {
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
        if read_answer(answer, &offer).is_none() {
            return Ok(None);
        }
        let mut decoder = Decoder::new(ANSWER_BYTES);
        let mut buffer = [0; 1024];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut rest = &buffer[..count];
            let Ok(frame) = decoder.next(&mut rest) else { return Ok(None) };
            if let Some(Frame::Message(body)) = frame {
                let answer = Response::decode(&body, version, Limits::BEFORE_LOGIN);
                let Ok(Response::Success(entries)) = answer else { return Ok(None) };
                let name = entries.get("server").and_then(Value::as_str);
                return Ok(name.and_then(crate::session::start_of));
            }
        }
    }
}

trait ReadWrite: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> ReadWrite for T {}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn only_what_the_other_side_does_counts_as_a_refusal() {
        let address = SocketAddr::from(([127, 0, 0, 1], 7687));
        let is_refusal = |error| matches!(DialError::of(address, error), DialError::Refused { .. });
        let of_system = Errno::raw_os_error;
        for theirs in [Errno::CONNREFUSED, Errno::CONNRESET] {
            assert!(is_refusal(io::Error::from_raw_os_error(of_system(theirs))), "{theirs}");
        }
        assert!(
            is_refusal(io::ErrorKind::UnexpectedEof.into()),
            "closed within the handshake of TLS"
        );
        for ours in [
            Errno::ADDRNOTAVAIL,
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::PERM,
            Errno::NETUNREACH,
            Errno::HOSTUNREACH,
        ] {
            assert!(!is_refusal(io::Error::from_raw_os_error(of_system(ours))), "{ours}");
        }
        assert!(
            !is_refusal(io::ErrorKind::InvalidData.into()),
            "a certificate that is not trusted"
        );
    }
}
