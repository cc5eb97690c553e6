//! The clients: what they send, and what of its failures a driver would repeat.

use super::{
    Access, Target,
    ledger::{End, Kind, Ledger, Line},
    micros,
};
use crate::{input::InputError, verdict};
use bolt::Value;
use clap::Args as ClapArgs;
use instance::console::{Client, ClientError};
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a driver repeats a transaction (BG 4.1).
const REPEATED: Duration = Duration::from_secs(30);
/// Its first pause; each is twice the last, up to a limit.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// The pause after a connection that could not be made.
const AFTER_ERROR: Duration = Duration::from_millis(20);
/// How soon the file that lets everybody pause is looked for again.
const WHILE_PAUSED: Duration = Duration::from_millis(50);
/// What the readers ask.
const COUNT: &str = "MATCH (n:Write) RETURN count(n)";

/// Who writes, where and how often.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Where writes go
    #[arg(long, value_name = "HOST:PORT")]
    write: Target,
    /// Where reads go; nobody reads if not given
    #[arg(long, value_name = "HOST:PORT")]
    read: Option<Target>,
    /// The file of the ledger; one that is there is gone on with
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// How many clients of each kind
    #[arg(long, default_value_t = 1)]
    clients: u32,
    /// The pause of a client between two writes
    #[arg(long, value_name = "MS", default_value_t = 10)]
    pause_ms: u64,
    /// While this file is there, nobody begins anything
    #[arg(long, value_name = "FILE")]
    pause_file: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
}

/// Writes until SIGTERM; each client ends the write that it is at.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let ledger = Ledger::open(&args.ledger)
        .map_err(|error| InputError::Io { path: args.ledger.clone(), error })?;
    let (ledger, stop) = (Arc::new(ledger), Arc::new(AtomicBool::new(false)));
    let mut threads = Vec::new();
    for kind in [Kind::Auto, Kind::Managed, Kind::Fresh, Kind::Read] {
        let target = if kind == Kind::Read { args.read.clone() } else { Some(args.write.clone()) };
        let Some(target) = target else { continue };
        for _ in 0..args.clients {
            let mut worker = Worker {
                kind,
                target: target.clone(),
                access: args.access.clone(),
                ledger: Arc::clone(&ledger),
                client: None,
                pause_file: args.pause_file.clone(),
            };
            let (stop, pause) = (Arc::clone(&stop), Duration::from_millis(args.pause_ms));
            threads.push(thread::spawn(move || worker.run(pause, &stop)));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(InputError::Process)?.block_on(async {
        crate::process::stopped().map_err(InputError::Process)?.await;
        Ok::<_, InputError>(())
    })?;
    stop.store(true, Ordering::Relaxed);
    let ended = threads.into_iter().all(|thread| thread.join().is_ok_and(|done| done.is_ok()));
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Worker {
    kind: Kind,
    target: Target,
    access: Access,
    ledger: Arc<Ledger>,
    client: Option<Client>,
    pause_file: Option<PathBuf>,
}

/// How one attempt failed.
enum Trouble {
    /// Certainly without effect, and drivers would repeat it.
    Transient(String),
    /// Certainly without effect.
    Failed(String),
    /// Not known.
    InDoubt(String),
}

impl Worker {
    fn run(&mut self, pause: Duration, stop: &AtomicBool) -> std::io::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            if self.pause_file.as_ref().is_some_and(|file| file.exists()) {
                thread::sleep(WHILE_PAUSED);
                continue;
            }
            let line = if self.kind == Kind::Read { self.read() } else { self.write() };
            let is_down = line.end != End::Acked;
            self.ledger.note(&line)?;
            thread::sleep(if is_down { pause.max(AFTER_ERROR) } else { pause });
        }
        Ok(())
    }

    fn write(&mut self) -> Line {
        let (number, began, begun) = (self.ledger.number(), micros(), Instant::now());
        let (mut tries, mut pause) = (0, PAUSES.0);
        let (end, why) = loop {
            tries += 1;
            match self.attempt(number) {
                Ok(()) => break (End::Acked, None),
                Err(Trouble::Transient(_))
                    if self.kind == Kind::Managed && begun.elapsed() < REPEATED =>
                {
                    thread::sleep(pause);
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(Trouble::Transient(why) | Trouble::Failed(why)) => {
                    break (End::Failed, Some(why));
                }
                Err(Trouble::InDoubt(why)) => break (End::InDoubt, Some(why)),
            }
        };
        Line { number, kind: self.kind, began, ended: micros(), end, tries, why }
    }

    fn attempt(&mut self, number: u64) -> Result<(), Trouble> {
        let is_fresh = self.kind == Kind::Fresh;
        let kept = self.client.take().filter(|_| !is_fresh);
        let mut client = match kept {
            Some(client) => client,
            // Nothing was sent yet; drivers repeat a transaction that found no connection.
            None => {
                self.access.open(&self.target).map_err(|e| Trouble::Transient(e.to_string()))?
            }
        };
        let statement = verdict::create(number);
        let done = if self.kind == Kind::Managed {
            transaction(&mut client, &statement)
        } else {
            client.run(&statement).map(|_| ()).map_err(|error| (error, true))
        };
        // A connection on which an answer is missing is of no use.
        if done.as_ref().err().is_none_or(|(error, _)| error.failure().is_some()) {
            self.client = Some(client);
        }
        done.map_err(|(error, may_apply)| trouble(&error, may_apply))
    }

    fn read(&mut self) -> Line {
        let began = micros();
        let counted = self.count();
        let (number, end, why) = match counted {
            Ok(count) => (count, End::Acked, None),
            Err(error) => (0, End::Failed, Some(error.to_string())),
        };
        Line { number, kind: self.kind, began, ended: micros(), end, tries: 1, why }
    }

    fn count(&mut self) -> Result<u64, ClientError> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => self.access.open(&self.target)?,
        };
        let outcome = client.run(COUNT)?;
        self.client = Some(client);
        match outcome.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(count)) => Ok(count.unsigned_abs()),
            Some(_) | None => Ok(0),
        }
    }
}

/// A transaction of three messages; only the last can have an effect.
fn transaction(client: &mut Client, statement: &str) -> Result<(), (ClientError, bool)> {
    client.begin().map_err(|error| (error, false))?;
    client.run(statement).map_err(|error| (error, false))?;
    client.commit().map(|_| ()).map_err(|error| (error, true))
}

/// What a failure means, where the message may have had an effect or not.
fn trouble(error: &ClientError, may_apply: bool) -> Trouble {
    match error.failure() {
        Some(failure) if failure.code.contains(verdict::TRANSIENT) => {
            Trouble::Transient(failure.message.clone())
        }
        Some(failure) => Trouble::Failed(failure.message.clone()),
        None if may_apply => Trouble::InDoubt(error.to_string()),
        None => Trouble::Transient(error.to_string()),
    }
}
