//! One connection: bytes to messages, messages to the session's machine, answers back. It reads on
//! only when what it wrote has gone out, so a client that does not read stops being served.

use super::host::Host;
use crate::fault::{Passage, Port};
use crate::node::Node;
use bolt::chunk::{Decoder, Frame};
use bolt::handshake::{HandshakeReader, answer};
use bolt::server::{Ask, Close, Outcome, Reply, Session, Settings, Step, broken};
use bolt::{Response, Version};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

/// How long a client may take to log in.
const LOGIN_TIME: Duration = Duration::from_secs(30);

/// How long a client may not read what it asked for.
const STALL_TIME: Duration = Duration::from_secs(60);

/// Bytes read at a time.
const READ_BYTES: usize = 8 << 10;

/// Answers are sent when so many bytes are gathered, or nothing more is to be answered.
const WRITE_BYTES: usize = 64 << 10;

/// Serves a connection until either side ends it.
pub(crate) async fn serve(
    node: Arc<Node>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let ended = match tls {
        None => converse(&node, stream).await,
        Some(tls) => match timeout(LOGIN_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(&node, stream).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        },
    };
    match ended {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(error) => tracing::debug!(%peer, %error, "connection broke"),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    node: &Arc<Node>,
    mut stream: S,
) -> io::Result<()> {
    let mut input = Input { bytes: vec![0; READ_BYTES], start: 0, end: 0 };
    let Some(version) = timeout(LOGIN_TIME, shake_hands(&mut stream, &mut input)).await?? else {
        return Ok(());
    };
    let mut settings = Settings::memgraph(version);
    settings.server_name = Some(node.settings.server_name.clone());
    let session = Session::new(settings);
    let decoder = Decoder::new(session.limits().bytes);
    let mut connection = Connection {
        host: Host::new(Arc::clone(node), version),
        version,
        session,
        decoder,
        stream,
        out: Vec::new(),
        login_by: Instant::now() + LOGIN_TIME,
    };
    connection.run(&mut input).await
}

/// Bytes that arrived and are not understood yet.
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads more when all is understood; false at the end of the stream.
    async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        self.start = 0;
        self.end = stream.read(&mut self.bytes).await?;
        Ok(self.end > 0)
    }
}

/// The version; none if there is none in common and the client was told.
async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut Input,
) -> io::Result<Option<Version>> {
    let mut reader = HandshakeReader::new();
    let offer = loop {
        if !input.fill(stream).await? {
            return Ok(None);
        }
        let mut rest = input.rest();
        let before = rest.len();
        let read = reader.read(&mut rest).map_err(|error| io::Error::other(error.to_string()))?;
        input.start += before - rest.len();
        if let Some(offer) = read {
            break offer;
        }
    };
    let chosen = offer.choose(Version::MEMGRAPH_AND_1);
    match chosen {
        Some(version) => stream.write_all(&answer(version)).await?,
        None => {
            let mut out = Vec::new();
            broken().send(Version::V1_0, &mut out).map_err(io::Error::other)?;
            stream.write_all(&out).await?;
        }
    }
    Ok(chosen)
}

struct Connection<S> {
    host: Host,
    version: Version,
    session: Session,
    decoder: Decoder,
    stream: S,
    out: Vec<u8>,
    /// By when its client has to be logged in, unless it is.
    login_by: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(&mut self, input: &mut Input) -> io::Result<()> {
        loop {
            let mut rest = input.rest();
            let before = rest.len();
            let frame = self.decoder.next(&mut rest).map_err(io::Error::other)?;
            input.start += before - rest.len();
            match frame {
                Some(Frame::Message(body)) => {
                    if !self.message(&body).await? {
                        return self.flush().await;
                    }
                }
                Some(Frame::Noop) => {}
                None => {
                    self.flush().await?;
                    let logged_in = self.host.is_logged_in();
                    let filled = input.fill(&mut self.stream);
                    let more = if logged_in {
                        filled.await?
                    } else {
                        timeout_at(self.login_by, filled).await??
                    };
                    if !more {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Answers one message; false closes the connection.
    async fn message(&mut self, body: &[u8]) -> io::Result<bool> {
        let node = Arc::clone(self.host.node());
        let passage = node.faults.of(Port::Bolt).message().await;
        if passage == Passage::Breaks {
            self.out.clear();
            return Ok(false);
        }
        let step = self.session.message(body).map_err(io::Error::other)?;
        let reply = match step {
            Step::Reply(reply) => reply,
            Step::Ask(ask) => {
                let (outcome, notices) = self.carry_out(ask).await?;
                let done = outcome == Outcome::Done;
                let mut reply = self.session.outcome(outcome).map_err(io::Error::other)?;
                if done && let Some(Response::Success(map)) = reply.messages.first_mut() {
                    map.extend(notices);
                }
                reply
            }
        };
        if passage == Passage::BreaksAfter {
            self.out.clear();
            return Ok(false);
        }
        self.decoder.set_limit(self.session.limits().bytes);
        self.reply(&reply).await
    }

    async fn carry_out(&mut self, ask: Ask) -> io::Result<(Outcome, bolt::Map)> {
        let outcome = match ask {
            Ask::Authenticate(auth) => self.host.authenticate(&auth),
            Ask::Logoff => {
                self.login_by = Instant::now() + LOGIN_TIME;
                self.host.log_off()
            }
            Ask::Run { query, parameters, extra, in_transaction } => {
                self.host.run(&query, &parameters, &extra, in_transaction)
            }
            Ask::Pull(amount) => return Ok((self.fetch(amount, true).await?, bolt::Map::new())),
            Ask::Discard(amount) => {
                return Ok((self.fetch(amount, false).await?, bolt::Map::new()));
            }
            Ask::Begin(extra, _) => self.host.begin(&extra).await,
            Ask::Commit(_) => return Ok(self.host.commit().await),
            Ask::Rollback(_) | Ask::Reset => self.host.roll_back().await,
            Ask::Route(_) => Outcome::Routed(bolt::Map::new()),
        };
        Ok((outcome, bolt::Map::new()))
    }

    /// Records as they come, as many as asked for; then what the last one leads to.
    async fn fetch(&mut self, amount: bolt::message::Amount, send: bool) -> io::Result<Outcome> {
        if let Err(fault) = self.host.execute().await {
            return Ok(Outcome::Failed(fault));
        }
        let mut left = match amount {
            bolt::message::Amount::All => u64::MAX,
            bolt::message::Amount::AtMost(count) => count,
        };
        while left > 0
            && let Some(row) = self.host.next_row()
        {
            left -= 1;
            if send {
                self.respond(&Response::Record(row)).await?;
            }
        }
        Ok(self.host.finish_fetch().await)
    }

    async fn reply(&mut self, reply: &Reply) -> io::Result<bool> {
        for response in &reply.messages {
            self.respond(response).await?;
        }
        match &reply.close {
            None => Ok(true),
            Some(Close::Goodbye) => Ok(false),
            Some(why @ (Close::Login | Close::Unreadable(_) | Close::WrongState(..))) => {
                tracing::warn!(?why, "the session is closed");
                Ok(false)
            }
        }
    }

    async fn respond(&mut self, response: &Response) -> io::Result<()> {
        response.send(self.version, &mut self.out).map_err(io::Error::other)?;
        if self.out.len() >= WRITE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        timeout(STALL_TIME, self.stream.write_all(&self.out)).await??;
        self.stream.flush().await?;
        self.out.clear();
        self.out.shrink_to(WRITE_BYTES);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bolt::handshake::Offer;
    use bolt::message::{AuthMap, HelloMap};
    use bolt::{Limits, Request};
    use tokio::io::DuplexStream;

    async fn say(client: &mut DuplexStream, requests: &[Request]) {
        let mut bytes = Vec::new();
        for request in requests {
            request.send(Version::V5_2, &mut bytes).unwrap();
        }
        client.write_all(&bytes).await.unwrap();
    }

    /// The next answer; none if the connection ended.
    async fn hear(client: &mut DuplexStream, decoder: &mut Decoder) -> Option<Response> {
        loop {
            let byte = [client.read_u8().await.ok()?];
            if let Some(Frame::Message(body)) = decoder.next(&mut &byte[..]).unwrap() {
                return Some(Response::decode(&body, Version::V5_2, Limits::USUAL).unwrap());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_logs_off_late_has_as_long_to_log_in_again() {
        let node = Node::open(crate::Settings::default()).unwrap();
        let (mut client, server) = tokio::io::duplex(READ_BYTES);
        let served = tokio::spawn(async move { converse(&node, server).await });
        client.write_all(&Offer::of(&[Version::V5_2]).bytes()).await.unwrap();
        client.read_exact(&mut [0; 4]).await.unwrap();
        let hello = HelloMap(bolt::value::map([("user_agent", "test/1")]));
        let logon = || Request::Logon(AuthMap::basic("a", "b"));
        say(&mut client, &[Request::Hello(hello), logon()]).await;
        let mut decoder = Decoder::new(READ_BYTES);
        for _ in 0..2 {
            let answer = hear(&mut client, &mut decoder).await;
            assert!(matches!(answer, Some(Response::Success(_))), "{answer:?}");
        }
        tokio::time::sleep(LOGIN_TIME * 2).await;
        say(&mut client, &[Request::Logoff]).await;
        tokio::time::sleep(LOGIN_TIME / 2).await;
        say(&mut client, &[logon()]).await;
        let answer = hear(&mut client, &mut decoder).await;
        assert!(matches!(answer, Some(Response::Success(_))), "{answer:?}");
        // And no longer than that.
        say(&mut client, &[Request::Logoff]).await;
        assert_eq!(hear(&mut client, &mut decoder).await, None);
        assert_eq!(served.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
