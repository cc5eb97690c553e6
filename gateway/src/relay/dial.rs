//! Connections to instances.

use super::stream::{Stream, Watch};
use crate::{
    session::{Greeting, LOGIN_ANSWER_BYTES, greeting},
    tls::UpstreamTls,
};
use bolt::{
    Request, Version,
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
        let mut decoder = Decoder::new(LOGIN_ANSWER_BYTES);
        let mut buffer = [0; 1024];
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut rest = &buffer[..count];
            let Ok(frame) = decoder.next(&mut rest) else { return Ok(None) };
            if let Some(Frame::Message(body)) = frame {
                return Ok(match greeting(&body, version) {
                    Greeting::From(start) => Some(start),
                    // Here is no login to refuse: every instance answers this HELLO with success
                    // (MR 7), so that whoever refuses it is none.
                    Greeting::Refused | Greeting::Nameless | Greeting::Unreadable => None,
                });
            }
        }
    }
}

trait ReadWrite: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> ReadWrite for T {}

#[cfg(test)]
mod tests {
    use super::*;
    use bolt::{Response, handshake::answer, message::Failure};
    use rustix::io::Errno;
    use tokio::net::TcpListener;

    /// The start that is found where a HELLO is answered so.
    async fn found(response: Response) -> Option<StartId> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answering = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("it is asked");
            let mut words = answer(Version::V5_2).to_vec();
            response.send(Version::V5_2, &mut words).expect("short");
            socket.write_all(&words).await.expect("it is read");
            // Closing with unread bytes would take the answer back.
            let _ = socket.read_to_end(&mut Vec::new()).await;
        });
        let limit = Duration::from_secs(20);
        let watch = Watch { keepalive: limit, user_timeout: limit };
        let found = Dialer { limit, watch, tls: None }.start_at(address).await;
        answering.await.expect("it ends");
        found.expect("it is answered")
    }

    #[tokio::test]
    async fn only_who_names_a_start_is_one() {
        let start = StartId(7);
        let named = |name: &str| Response::Success(map([("server", name)]));
        assert_eq!(found(named(&crate::session::server_name(start))).await, Some(start));
        assert_eq!(found(named("Neo4j/5")).await, None);
        assert_eq!(found(Response::success()).await, None);
        assert_eq!(found(Response::Ignored).await, None);
        let failure = Failure::new("Memgraph.ClientError.Security.Unauthenticated", "who?");
        assert_eq!(found(Response::Failure(failure)).await, None);
    }

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
