//! Clients: each sends RUN and PULL, waits for both answers, and begins again.

use crate::{resident, roles::Proxy};
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
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// So many clients, that ask for so many rows each time.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) rows: usize,
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

struct Client {
    stream: TcpStream,
    scanner: Scanner,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&Offer::of(&[Version::V5_2]).bytes()).await?;
        stream.read_exact(&mut [0; 4]).await?;
        let mut client = Self { stream, scanner: Scanner::new(), buffer: vec![0; 256 << 10] };
        let login = wire(&[
            Request::Hello(HelloMap(map([("user_agent", "bench/1")]))),
            Request::Logon(AuthMap::basic("a", "b")),
        ]);
        client.stream.write_all(&login).await?;
        client.summaries(2).await?;
        Ok(client)
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
            clients.push(Client::connect(self.address).await.expect("a connection"));
        }
        let begun = Instant::now();
        let until = begun + lasts;
        let tasks: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let ask = ask.clone();
                tokio::spawn(async move {
                    let (mut took, mut bytes) = (Vec::new(), 0);
                    while Instant::now() < until {
                        let asked = Instant::now();
                        client.stream.write_all(&ask).await.expect("it takes a request");
                        bytes += client.summaries(2).await.expect("it answers");
                        took.push(asked.elapsed());
                    }
                    (took, bytes)
                })
            })
            .collect();
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
    gateway.tell("close");
    let (signal, held) = (gateway.number(), gateway.number());
    // Each time that the instance had no connection any more, up to the one that was waited for.
    let mut ended = instance.number();
    while ended < signal {
        ended = instance.number();
    }
    drop(idle);
    gateway.tell("open");
    gateway.number();
    ((held - signal) as f64 / 1e3, (ended - signal) as f64 / 1e3)
}

async fn connect(proxy: &Proxy, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        let Ok(client) = Client::connect(proxy.address).await else { break };
        all.push(client.stream);
    }
    all
}
