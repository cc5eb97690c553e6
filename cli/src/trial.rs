//! `memgraph-ha try`: whether a cluster takes a write and serves it, from outside, as an application
//! would: through the gateways. It leaves nothing behind.

use crate::{
    input::InputError,
    workload::{Access, Target},
};
use clap::Args as ClapArgs;
use instance::console::{Client, ClientError};
use std::{
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

/// How soon something that did not work is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Which gateways.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Where writes go
    #[arg(long, value_name = "HOST:PORT")]
    write: Target,
    /// Where reads go; not tried if not given
    #[arg(long, value_name = "HOST:PORT")]
    read: Option<Target>,
    /// How long it is tried
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout_seconds: u64,
    #[command(flatten)]
    access: Access,
}

/// 0: it was written and is served. 1: it was not, and why.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let until = Instant::now() + Duration::from_secs(args.timeout_seconds);
    let id = super::workload::micros();
    let write = format!("MERGE (n:MemgraphHaTry {{id: {id}}}) RETURN n.id");
    let begun = Instant::now();
    let tried = until_done(until, || open(args, &args.write)?.run(&write)).and_then(|_| {
        println!("written through {} after {:?}", args.write, begun.elapsed());
        served(args, &args.write, id, until)?;
        args.read.as_ref().map_or(Ok(()), |read| served(args, read, id, until))
    });
    let remove = format!("MATCH (n:MemgraphHaTry {{id: {id}}}) DELETE n");
    let removed = until_done(until, || open(args, &args.write)?.run(&remove));
    match tried.and(removed.map(|_| ())) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(why) => {
            eprintln!("memgraph-ha try: {why}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn open(args: &Args, target: &Target) -> Result<Client, ClientError> {
    args.access.open(target)
}

/// Waits until the write is seen there, once.
fn served(args: &Args, target: &Target, id: u64, until: Instant) -> Result<(), String> {
    let read = format!("MATCH (n:MemgraphHaTry {{id: {id}}}) RETURN n.id");
    loop {
        let rows = until_done(until, || open(args, target)?.run(&read))?.rows.len();
        match rows {
            1 => {
                println!("served by {target}");
                return Ok(());
            }
            more if more > 1 => return Err(format!("{target} serves it {more} times")),
            _ if Instant::now() >= until => return Err(format!("{target} does not serve it")),
            _ => sleep(AGAIN),
        }
    }
}

fn until_done<T>(
    until: Instant,
    mut attempt: impl FnMut() -> Result<T, ClientError>,
) -> Result<T, String> {
    loop {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(error) if Instant::now() >= until => return Err(error.to_string()),
            Err(_) => sleep(AGAIN),
        }
    }
}
