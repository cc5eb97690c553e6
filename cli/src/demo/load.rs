//! Clients that write through the gateway, and remember of each write when it began, when it ended
//! and how. A write that fails for certain is tried again where a driver would; one whose end is not
//! known is left so, and its number is never used again.

use crate::verdict::{self, Ended};
use shell_k8s::memgraph::{Access, Connection, Failed};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long a client waits for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause before a client connects or tries again.
const PAUSE: Duration = Duration::from_millis(5);
/// How soon the first write after a moment is looked for again.
const LOOK: Duration = Duration::from_millis(2);

/// How a write ended, as its client knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It was acknowledged.
    Acked,
    /// It failed for certain, with these words, and would not be tried again.
    Failed(String),
    /// No answer.
    InDoubt(String),
}

impl End {
    /// The same, for a verdict.
    pub(super) fn as_told(&self) -> Ended<'_> {
        match self {
            Self::Acked => Ended::Acked,
            Self::Failed(words) => Ended::Failed(words),
            Self::InDoubt(words) => Ended::InDoubt(words),
        }
    }
}

/// One write.
#[derive(Debug, Clone)]
pub(super) struct Write {
    /// Its number, used once.
    pub(super) number: u64,
    /// When it was first sent.
    pub(super) began: Instant,
    /// When its end was known.
    pub(super) ended: Instant,
    /// Its end.
    pub(super) end: End,
}

/// The writes of all clients.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    writes: Mutex<Vec<Write>>,
    next: AtomicU64,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Vec<Write>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that has ended so far.
    pub(super) fn writes(&self) -> Vec<Write> {
        self.lock().clone()
    }

    /// When the first write was acknowledged that began after this moment.
    pub(super) fn first_after(&self, moment: Instant) -> Option<Instant> {
        let writes = self.lock();
        let acked = writes.iter().rev().take_while(|write| write.ended >= moment);
        acked.filter(|it| it.end == End::Acked && it.began >= moment).map(|it| it.ended).min()
    }

    /// Waits for that write: how long after the moment it was acknowledged.
    pub(super) async fn wait_after(&self, moment: Instant, limit: Duration) -> Option<Duration> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if let Some(at) = self.first_after(moment) {
                return Some(at - moment);
            }
            sleep(LOOK).await;
        }
        None
    }

    /// The longest time without an acknowledgement between two moments.
    pub(super) fn longest_pause(&self, from: Instant, to: Instant) -> Duration {
        let writes = self.lock();
        let inside = |write: &&Write| write.end == End::Acked && (from..=to).contains(&write.ended);
        let mut moments: Vec<Instant> = writes.iter().filter(inside).map(|it| it.ended).collect();
        moments.extend([from, to]);
        moments.sort();
        moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// Writes that failed or are in doubt, and that ended between two moments.
    pub(super) fn troubled(&self, from: Instant, to: Instant) -> (usize, usize) {
        let writes = self.lock();
        let inside = writes.iter().filter(|write| (from..=to).contains(&write.ended));
        inside.fold((0, 0), |(failed, in_doubt), write| match write.end {
            End::Acked => (failed, in_doubt),
            End::Failed(_) => (failed + 1, in_doubt),
            End::InDoubt(_) => (failed, in_doubt + 1),
        })
    }
}

/// Clients that write until this is dropped.
#[derive(Debug)]
pub(super) struct Load {
    /// What they did.
    pub(super) ledger: Arc<Ledger>,
    clients: JoinSet<()>,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Load {
    /// Starts so many clients; each pauses for so long between two writes.
    pub(super) fn start(at: SocketAddr, clients: u32, pause: Duration) -> Self {
        let ledger = Arc::new(Ledger::default());
        let stop = tokio::sync::watch::Sender::new(false);
        let mut set = JoinSet::new();
        for _ in 0..clients {
            let client = Client { at, ledger: Arc::clone(&ledger), connection: None };
            set.spawn(client.run(pause, stop.subscribe()));
        }
        Self { ledger, clients: set, stop }
    }

    /// Lets each client end the write that it is at.
    pub(super) async fn stop(mut self) -> Arc<Ledger> {
        self.stop.send_replace(true);
        while self.clients.join_next().await.is_some() {}
        self.ledger
    }
}

struct Client {
    at: SocketAddr,
    ledger: Arc<Ledger>,
    connection: Option<Connection>,
}

impl Client {
    async fn run(mut self, pause: Duration, stop: tokio::sync::watch::Receiver<bool>) {
        while !*stop.borrow() {
            let number = self.ledger.next.fetch_add(1, Ordering::Relaxed);
            let write = self.write(number).await;
            self.ledger.lock().push(write);
            sleep(pause).await;
        }
    }

    async fn write(&mut self, number: u64) -> Write {
        let began = Instant::now();
        let end = loop {
            match self.attempt(number).await {
                Ok(()) => break End::Acked,
                Err(Trouble::Retry(_)) if began.elapsed() < PATIENCE => {
                    sleep(PAUSE).await;
                }
                Err(Trouble::Retry(why) | Trouble::Failed(why)) => break End::Failed(why),
                Err(Trouble::InDoubt(why)) => break End::InDoubt(why),
            }
        };
        Write { number, began, ended: Instant::now(), end }
    }

    async fn attempt(&mut self, number: u64) -> Result<(), Trouble> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let access = Access::basic("", "");
                match timeout(PATIENCE, Connection::open(self.at, &access)).await {
                    Ok(Ok(connection)) => connection,
                    // Nothing was sent yet.
                    Ok(Err(error)) => return Err(Trouble::Retry(error.to_string())),
                    Err(_) => return Err(Trouble::Retry("no login in time".to_owned())),
                }
            }
        };
        let connection = self.connection.insert(connection);
        let statement = verdict::create(number);
        let trouble = match timeout(PATIENCE, connection.query(&statement)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(Failed::Statement { code, text })) if code.contains(verdict::TRANSIENT) => {
                Trouble::Retry(text)
            }
            Ok(Err(Failed::Statement { text, .. })) => Trouble::Failed(text),
            Ok(Err(error)) => Trouble::InDoubt(error.to_string()),
            Err(_) => Trouble::InDoubt("no answer in time".to_owned()),
        };
        if matches!(trouble, Trouble::InDoubt(_)) {
            self.connection = None;
        }
        Err(trouble)
    }
}

enum Trouble {
    Retry(String),
    Failed(String),
    InDoubt(String),
}
