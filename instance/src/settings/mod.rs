//! What one instance is started with, from a command line or from code, checked before anything
//! runs.

mod flags;
mod parse;

pub(crate) use flags::{FLAGS, Flag, help};
pub(crate) use parse::name_of;

use bolt::server::SERVER_NAME;
use flags::find;
use shell_sim::memgraph::{Config, RecoveryPath, Version};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A user that may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Files of a server's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, as PEM.
    pub certificate: PathBuf,
    /// The private key, as PEM.
    pub key: PathBuf,
}

/// Settings of one instance. The default listens on all addresses with Memgraph's ports, keeps
/// nothing on disk and lets everybody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where Bolt listens; port 0 takes a free one.
    pub bolt: SocketAddr,
    /// TLS of the Bolt port; none: plain.
    pub tls: Option<TlsFiles>,
    /// The name told in the answer to HELLO.
    pub server_name: String,
    /// The only user; none: anyone may log in (MR 7).
    pub user: Option<User>,
    /// Connections at a time; more are closed at once.
    pub max_connections: usize,
    /// On which address the replication server listens; its port comes with the role.
    pub replication_address: IpAddr,
    /// Directory of durable data; none: nothing is kept.
    pub data_directory: Option<PathBuf>,
    /// Before the start, drop what the last process had not flushed.
    pub simulate_power_loss: bool,
    /// Whether coordinators would manage it: statements change neither role nor registrations.
    pub managed: bool,
    /// Time between frequent heartbeats; `machine.heartbeats` says whether there are any.
    pub heartbeat_every: Duration,
    /// Time between snapshots of a main with new data; none: no such snapshots.
    pub snapshot_every: Option<Duration>,
    /// Snapshot at shutdown.
    pub snapshot_on_exit: bool,
    /// Unix socket of the fault switches.
    pub admin_socket: Option<PathBuf>,
    /// File of the log; none: standard error. For whoever sets up logging.
    pub log_file: Option<PathBuf>,
    /// Least severity that is logged, as `tracing` names it.
    pub log_level: String,
    /// Settings of the machine.
    pub machine: Config,
    /// Values of flags as given, for SHOW CONFIG; that of the password is in `user` alone.
    pub given: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bolt: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 7687),
            tls: None,
            server_name: SERVER_NAME.into(),
            user: None,
            max_connections: 16_384,
            replication_address: Ipv4Addr::UNSPECIFIED.into(),
            data_directory: None,
            simulate_power_loss: false,
            managed: false,
            heartbeat_every: Duration::from_secs(1),
            snapshot_every: Some(Duration::from_secs(300)),
            snapshot_on_exit: false,
            admin_socket: None,
            log_file: None,
            log_level: "warn".into(),
            machine: Config { flush_every: 100_000, ..Config::default() },
            given: BTreeMap::new(),
        }
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An argument that is no flag.
    #[error("{0:?} is no flag; write --name=value or --name value")]
    Argument(String),
    /// A flag without its value.
    #[error("--{0} needs a value; write --{0}=value")]
    Missing(&'static str),
    /// A value that does not fit.
    #[error("--{flag}={value}: expected {expected}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Two settings that go together, and one is missing.
    #[error("--{given} is set and --{missing} is not; set both or none")]
    Half {
        /// The one that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// Something that needs a data directory.
    #[error("--{0} needs --data-directory")]
    NeedsDirectory(&'static str),
    /// No room for any connection.
    #[error("--max-connections=0 would let nobody in; set at least 1")]
    NoConnections,
    /// A name that is no header text.
    #[error("--bolt-server-name-for-init is {0} bytes long; at most 1024 are sent")]
    ServerName(usize),
}

/// The flag whose value is told nowhere.
const PASSWORD: &str = "password";

/// Severities by the names that Memgraph gives them.
const LEVELS: [(&str, &str); 6] = [
    ("TRACE", "trace"),
    ("DEBUG", "debug"),
    ("INFO", "info"),
    ("WARNING", "warn"),
    ("ERROR", "error"),
    ("CRITICAL", "error"),
];

impl Settings {
    /// Reads a command line, without the name of the program; gives also the names of flags that are
    /// not known. `environment` finds MEMGRAPH_USER and MEMGRAPH_PASSWORD.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(
        arguments: &[String],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<String>), SettingsError> {
        let parsed = parse::parse(arguments)?;
        let read = Values(parsed.values);
        // No other mode replicates, and data of another one would be told wrongly.
        let modes = "IN_MEMORY_TRANSACTIONAL, which is the only mode here";
        read.read("storage-mode", modes, |text| (text == "IN_MEMORY_TRANSACTIONAL").then_some(()))?;
        let tls = read.pair("bolt-cert-file", "bolt-key-file", None, None)?;
        let user = read.pair(
            "user",
            PASSWORD,
            environment("MEMGRAPH_USER"),
            environment("MEMGRAPH_PASSWORD"),
        )?;
        let heartbeat_seconds = read.number("replication-replica-check-frequency-sec")?;
        let snapshot_seconds = read.number("storage-snapshot-interval-sec")?;
        let path = |name| Some(read.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from);
        let settings = Self {
            bolt: SocketAddr::new(read.address("bolt-address")?, read.port("bolt-port")?),
            tls: tls.map(|(certificate, key)| TlsFiles {
                certificate: certificate.into(),
                key: key.into(),
            }),
            server_name: read.text("bolt-server-name-for-init"),
            user: user.map(|(name, password)| User { name, password }),
            max_connections: usize::try_from(read.number("max-connections")?).unwrap_or(usize::MAX),
            replication_address: read.address("replication-address")?,
            data_directory: path("data-directory"),
            simulate_power_loss: read.bool("simulate-power-loss")?,
            managed: read.port("management-port")? != 0,
            heartbeat_every: Duration::from_secs(heartbeat_seconds.max(1)),
            snapshot_every: (snapshot_seconds > 0).then(|| Duration::from_secs(snapshot_seconds)),
            snapshot_on_exit: read.bool("storage-snapshot-on-exit")?,
            admin_socket: path("admin-socket"),
            log_file: path("log-file"),
            log_level: read.level()?.into(),
            machine: read.machine(heartbeat_seconds > 0)?,
            given: read.shown(),
        };
        settings.validate()?;
        Ok((settings, parsed.unknown))
    }

    /// Checks what must hold together.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.max_connections == 0 {
            return Err(SettingsError::NoConnections);
        }
        if self.server_name.len() > 1024 {
            return Err(SettingsError::ServerName(self.server_name.len()));
        }
        if self.simulate_power_loss && self.data_directory.is_none() {
            return Err(SettingsError::NeedsDirectory("simulate-power-loss"));
        }
        Ok(())
    }

    /// The current value of a flag, for SHOW CONFIG; that of the password is not shown.
    pub(crate) fn current(&self, flag: &Flag) -> String {
        if flag.name == PASSWORD {
            return String::new();
        }
        let given = self.given.get(flag.name).cloned();
        given.unwrap_or_else(|| match flag.name {
            "bolt-address" => self.bolt.ip().to_string(),
            "bolt-port" => self.bolt.port().to_string(),
            "bolt-server-name-for-init" => self.server_name.clone(),
            "data-recovery-on-startup" => self.machine.recover_data.to_string(),
            "replication-restore-state-on-startup" => self.machine.restore_state.to_string(),
            "storage-wal-enabled" => self.machine.wal_enabled.to_string(),
            "storage-wal-file-flush-every-n-tx" => self.machine.flush_every.to_string(),
            "licensed" => self.machine.licensed.to_string(),
            "engine-version" => self.machine.version.as_str().into(),
            _ => flag.default.into(),
        })
    }
}

/// Given values with the defaults behind them.
struct Values(BTreeMap<&'static str, String>);

impl Values {
    /// All that may be shown.
    fn shown(&self) -> BTreeMap<String, String> {
        let shown = self.0.iter().filter(|(name, _)| **name != PASSWORD);
        shown.map(|(name, value)| ((*name).into(), value.clone())).collect()
    }

    fn text(&self, name: &'static str) -> String {
        let given = self.0.get(name).cloned();
        given.unwrap_or_else(|| find(name).map_or("", |flag| flag.default).to_owned())
    }

    fn read<T>(
        &self,
        flag: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let value = self.text(flag);
        read(&value).ok_or(SettingsError::Value { flag, value, expected })
    }

    fn bool(&self, name: &'static str) -> Result<bool, SettingsError> {
        self.read(name, "true or false", |text| text.to_ascii_lowercase().parse().ok())
    }

    fn number(&self, name: &'static str) -> Result<u64, SettingsError> {
        self.read(name, "a whole number of at least 0", |text| text.parse().ok())
    }

    fn port(&self, name: &'static str) -> Result<u16, SettingsError> {
        self.read(name, "a port from 0 to 65535", |text| text.parse().ok())
    }

    fn address(&self, name: &'static str) -> Result<IpAddr, SettingsError> {
        self.read(name, "an IP address", |text| text.parse().ok())
    }

    fn level(&self) -> Result<&'static str, SettingsError> {
        let expected = "TRACE, DEBUG, INFO, WARNING, ERROR or CRITICAL";
        self.read("log-level", expected, |text| {
            let level = LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
            level.map(|(_, level)| *level)
        })
    }

    /// Two texts of which both or none are set.
    fn pair(
        &self,
        first: &'static str,
        second: &'static str,
        first_default: Option<String>,
        second_default: Option<String>,
    ) -> Result<Option<(String, String)>, SettingsError> {
        let one = self.0.get(first).cloned().or(first_default).filter(|text| !text.is_empty());
        let other = self.0.get(second).cloned().or(second_default).filter(|text| !text.is_empty());
        match (one, other) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(SettingsError::Half { given: first, missing: second }),
            (None, Some(_)) => Err(SettingsError::Half { given: second, missing: first }),
        }
    }

    fn machine(&self, heartbeats: bool) -> Result<Config, SettingsError> {
        let version =
            self.read("engine-version", "3.8, 3.10, 3.12 or head", |text| match text {
                "3.8" | "3.8.0" | "3.9" => Some(Version::V3_8),
                "3.10" | "3.10.0" | "3.11" => Some(Version::V3_10),
                "3.12" | "3.12.0" => Some(Version::V3_12),
                "head" | "3.13.0" => Some(Version::Head),
                _ => None,
            })?;
        let flush_every = self.number("storage-wal-file-flush-every-n-tx")?;
        Ok(Config {
            version,
            wal_enabled: self.bool("storage-wal-enabled")?,
            restore_state: self.bool("replication-restore-state-on-startup")?,
            recover_data: self.bool("data-recovery-on-startup")?,
            flush_every: u32::try_from(flush_every).unwrap_or(u32::MAX),
            heartbeats,
            licensed: self.bool("licensed")?,
            recovery: RecoveryPath::Wals,
        })
    }
}
