//! `memgraph-ha workload`: clients that write through a gateway and keep a ledger of every write, and
//! the comparison of that ledger with what every instance holds. For tests of clusters that run
//! elsewhere; the ledger is a file of JSON lines, so that whoever has it can judge for themselves.

mod check;
mod clients;
mod ledger;

use crate::input::InputError;
use bolt::message::AuthMap;
use clap::{Args as ClapArgs, Subcommand};
use instance::console::{Client, ClientError, Patience};
use std::{
    fmt,
    fs::File,
    io::{self, Seek, SeekFrom},
    net::ToSocketAddrs,
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a client waits: no longer for a connection than applications should, and for an answer longer
/// than a gateway holds a request.
const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(2), answer: Duration::from_secs(7) };

/// What is done.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write, until it is told to stop
    Run(clients::Args),
    /// Compare ledgers with what instances hold
    Check(check::Args),
    /// Print a file from some byte on: for images that have no other program
    Print(Print),
}

/// Which file.
#[derive(Debug, ClapArgs)]
struct Print {
    file: PathBuf,
    /// The first byte
    #[arg(long, default_value_t = 0)]
    from: u64,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    match &args.command {
        Command::Run(args) => clients::run(args),
        Command::Check(args) => check::run(args),
        Command::Print(args) => {
            print(args).map_err(|error| InputError::Io { path: args.file.clone(), error })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn print(args: &Print) -> io::Result<()> {
    let mut file = File::open(&args.file)?;
    file.seek(SeekFrom::Start(args.from))?;
    io::copy(&mut file, &mut io::stdout().lock()).map(|_| ())
}

/// A host and a port; the name is looked up with each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    host: String,
    port: u16,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}; expected HOST:PORT such as memgraph-gateway:7687");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How to log in.
#[derive(Clone, ClapArgs)]
pub(crate) struct Access {
    /// The user; none if empty
    #[arg(long, env = "MEMGRAPH_USER", default_value = "")]
    user: String,
    /// Its password
    #[arg(long, env = "MEMGRAPH_PASSWORD", default_value = "", hide_env_values = true)]
    password: String,
    /// Speak TLS; the certificate is not checked
    #[arg(long)]
    tls: bool,
}

impl fmt::Debug for Access {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.user)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// A session there.
    pub(crate) fn open(&self, target: &Target) -> Result<Client, ClientError> {
        let auth = AuthMap::basic(&self.user, &self.password);
        let address = (target.host.as_str(), target.port).to_socket_addrs()?.next();
        let address = address.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("{target} has no address"))
        })?;
        if self.tls {
            Client::connect_tls(&target.host, address, &auth, PATIENCE)
        } else {
            Client::connect(address, &auth, PATIENCE)
        }
    }
}

/// Now, in microseconds since 1970.
pub(crate) fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
