//! Clients: each sends RUN and PULL, waits for both answers, and begins again, on the same connection
//! or on a new one; with TLS or without.

use crate::{resident, roles::Proxy, tls};
use bolt::{
    Request, Version,
    chunk::{Event, Scanner},
    handshake::Offer,
    message::{AuthMap, Fetch, HelloMap, Run},
    value::map,
};
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// So many clients, that ask for so many rows each time.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) rows: usize,
    /// Each request has a connection and a login of its own.
    pub(crate) reconnects: bool,
    pub(crate) tls: Option<TlsConnector>,
}

/// What a load came to.
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    pub(crate) megabytes_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Requests.
    pub(crate) count: f64,
    /// The processor's time of the process between, for each of them.
    pub(crate) processor_us: f64,
}

fn wire(requests: &[Request]) -> Vec<u8> {
    let mut out = Vec::new();
    for request in requests {
        request.send(Version::V5_2, &mut out).unwrap();
    }
    out
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Client {
    stream: Box<dyn Stream>,
    scanner: Scanner,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(load: &Load) -> io::Result<Self> {
        let socket = TcpStream::connect(load.address).await?;
        socket.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &load.tls {
            None => Box::new(socket),
            Some(tls) => Box::new(tls.connect(tls::name(), socket).await?),
        };
        stream.write_all(&Offer::of(&[Version::V5_2]).bytes()).await?;
        stream.read_exact(&mut [0; 4]).await?;
        let room = if load.rows > 100 { 256 << 10 } else { 16 << 10 };
        let mut client = Self { stream, scanner: Scanner::new(), buffer: vec![0; room] };
        let login = wire(&[
            Request::Hello(HelloMap(map([("user_agent", "bench/1")]))),
            Request::Logon(AuthMap::basic("a", "b")),
        ]);
        client.stream.write_all(&login).await?;
        client.summaries(2).await?;
        Ok(client)
    }

    /// Asks once; how many bytes the answers took.
    async fn ask(&mut self, ask: &[u8]) -> io::Result<usize> {
        self.stream.write_all(ask).await?;
        self.summaries(2).await
    }

    /// Reads so many summaries; how many bytes they took with their records.
    async fn summaries(&mut self, mut count: usize) -> io::Result<usize> {
        let mut bytes = 0;
        while count > 0 {
            let read = self.stream.read(&mut self.buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes += read;
            let mut events = self.scanner.scan(&self.buffer[..read]);
            loop {
                events.records();
                let Some(event) = events.next() else { break };
                if let Event::Start(head) = event
                    && head.signature() != Some(bolt::Signature::Record.byte())
                {
                    count = count.saturating_sub(1);
                }
            }
        }
        Ok(bytes)
    }
}

impl Load {
    pub(crate) async fn run(&self, lasts: Duration) -> Sample {
        let query = format!("ROWS {}", self.rows);
        let ask = wire(&[Request::Run(Run { query, ..Run::default() }), Request::Pull(Fetch::ALL)]);
        let mut clients = Vec::new();
        for _ in 0..self.connections {
            let client = Client::connect(self).await.expect("a connection");
            clients.push((!self.reconnects).then_some(client));
        }
        let begun = Instant::now();
        let until = begun + lasts;
        let mut tasks = Vec::new();
        for mut client in clients {
            let (ask, load) = (ask.clone(), self.clone());
            tasks.push(tokio::spawn(async move {
                let (mut took, mut bytes) = (Vec::new(), 0);
                while Instant::now() < until {
                    let asked = Instant::now();
                    bytes += match &mut client {
                        Some(client) => client.ask(&ask).await.expect("it answers"),
                        None => {
                            let mut client = Client::connect(&load).await.expect("a connection");
                            client.ask(&ask).await.expect("it answers")
                        }
                    };
                    took.push(asked.elapsed());
                }
                (took, bytes)
            }));
        }
        let (mut took, mut bytes) = (Vec::new(), 0);
        for task in tasks {
            let (some, count) = task.await.unwrap();
            took.extend(some);
            bytes += count;
        }
        let seconds = begun.elapsed().as_secs_f64();
        took.sort();
        let at = |share: f64| {
            let index = (took.len() as f64 * share) as usize;
            took[index.min(took.len() - 1)].as_secs_f64() * 1e6
        };
        Sample {
            per_second: took.len() as f64 / seconds,
            megabytes_per_second: bytes as f64 / seconds / 1e6,
            p50_us: at(0.5),
            p99_us: at(0.99),
            count: took.len() as f64,
            processor_us: 0.0,
        }
    }
}

/// What an idle session costs the proxy, in bytes.
pub(crate) async fn idle_bytes(proxy: &Proxy, count: usize) -> u64 {
    // What the first ones allocate once is not counted.
    let warm: Vec<_> = connect(proxy, count / 10 + 1).await;
    drop(warm);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = resident(proxy);
    let idle = connect(proxy, count).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let after = resident(proxy);
    drop(idle);
    after.saturating_sub(before) / count as u64
}

/// From the signal that ends the grant to the word of the gateway that no session forwards any more,
/// and to the last upstream connection closed, as the instance sees it; in milliseconds.
pub(crate) async fn cut_ms(gateway: &mut Proxy, instance: &mut Proxy, count: usize) -> (f64, f64) {
    tokio::time::sleep(Duration::from_millis(300)).await;
    let idle = connect(gateway, count).await;
    assert_eq!(idle.len(), count, "so many sessions");
    tokio::time::sleep(Duration::from_millis(300)).await;
    instance.tell("watch");
    gateway.tell("close");
    let (signal, held) = (gateway.number(), gateway.number());
    let ended = instance.number();
    drop(idle);
    gateway.tell("open");
    gateway.number();
    ((held - signal) as f64 / 1e3, (ended - signal) as f64 / 1e3)
}

async fn connect(proxy: &Proxy, count: usize) -> Vec<Box<dyn Stream>> {
    let load =
        Load { address: proxy.address, connections: count, rows: 1, reconnects: false, tls: None };
    let mut all = Vec::new();
    for _ in 0..count {
        let Ok(client) = Client::connect(&load).await else { break };
        all.push(client.stream);
    }
    all
}
