//! A client that speaks Bolt over any stream.

use super::{net::LONG, request_bytes, requests::run};
use bolt::{
    Limits, Request, Response, Version,
    chunk::{Decoder, Frame},
    handshake::Offer,
    message::{AuthMap, Extra, Fetch, HelloMap},
    value::map,
};
use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A client over any stream.
pub struct Client<S = TcpStream> {
    pub stream: S,
    pub version: Version,
    decoder: Decoder,
    buffered: Vec<u8>,
}

/// What became of a batch.
#[derive(Debug)]
pub enum Got {
    Answers(Vec<Response>),
    /// The connection ended before the last answer.
    Ended,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::login(TcpStream::connect(address).await?, Version::V5_2).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Shakes hands and logs in.
    pub async fn login(stream: S, version: Version) -> io::Result<Self> {
        Self::login_as(stream, version, "secret").await
    }

    pub async fn login_as(mut stream: S, version: Version, password: &str) -> io::Result<Self> {
        stream.write_all(&Offer::of(&[version]).bytes()).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        let decoder = Decoder::new(16 << 20);
        let mut client = Self { stream, version, decoder, buffered: Vec::new() };
        let mut hello = map([("user_agent", "test/1")]);
        let auth = AuthMap::basic("neo", password);
        let requests = if version.has_logon() {
            vec![Request::Hello(HelloMap(hello)), Request::Logon(auth)]
        } else {
            hello.extend(auth.0);
            vec![Request::Hello(HelloMap(hello))]
        };
        match client.ask(&requests).await {
            Got::Answers(answers) if answers.iter().all(|a| matches!(a, Response::Success(_))) => {
                Ok(client)
            }
            Got::Answers(_) => Err(io::ErrorKind::PermissionDenied.into()),
            Got::Ended => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    pub async fn send(&mut self, requests: &[Request]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for request in requests {
            bytes.extend(request_bytes(request, self.version));
        }
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await
    }

    /// Sends, and waits for a summary to each.
    pub async fn ask(&mut self, requests: &[Request]) -> Got {
        if self.send(requests).await.is_err() {
            return Got::Ended;
        }
        self.hear(requests.len()).await
    }

    /// Waits for so many summaries; records are given too.
    pub async fn hear(&mut self, summaries: usize) -> Got {
        let mut answers = Vec::new();
        let mut left = summaries;
        while left > 0 {
            let Some(answer) = self.next().await else { return Got::Ended };
            left -= usize::from(answer.is_summary());
            answers.push(answer);
        }
        Got::Answers(answers)
    }

    async fn next(&mut self) -> Option<Response> {
        let mut buffer = [0; 16 << 10];
        loop {
            let mut rest = &self.buffered[..];
            let frame = self.decoder.next(&mut rest).expect("messages of an instance");
            self.buffered = rest.to_vec();
            if let Some(Frame::Message(body)) = frame {
                return Response::decode(&body, self.version, Limits::USUAL).ok();
            }
            let count = timeout(LONG, self.stream.read(&mut buffer)).await.expect("an answer");
            match count {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.buffered.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// An auto-commit write.
    pub async fn write(&mut self, id: u32) -> Got {
        self.ask(&[run(&format!("CREATE {id}")), Request::Pull(Fetch::ALL)]).await
    }

    /// An auto-commit write whose result is asked for once RUN is answered, as mgclient does.
    pub async fn write_apart(&mut self, id: u32) -> Got {
        match self.ask(&[run(&format!("CREATE {id}"))]).await {
            got if is_done(&got) => self.ask(&[Request::Pull(Fetch::ALL)]).await,
            other => other,
        }
    }

    /// A write in a transaction of its own, up to its COMMIT.
    pub async fn begin(&mut self, id: u32) -> Got {
        let create = run(&format!("CREATE {id}"));
        self.ask(&[Request::Begin(Extra::none()), create, Request::Pull(Fetch::ALL)]).await
    }

    /// Waits for the end of the connection.
    pub async fn ended(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// The code of the first failure among these.
pub fn code(got: &Got) -> Option<&str> {
    let Got::Answers(answers) = got else { return None };
    answers.iter().find_map(|answer| {
        if let Response::Failure(failure) = answer { Some(failure.code.as_str()) } else { None }
    })
}

pub fn is_done(got: &Got) -> bool {
    matches!(got, Got::Answers(answers)
        if answers.iter().all(|a| matches!(a, Response::Success(_) | Response::Record(_))))
}
