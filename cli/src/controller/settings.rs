//! What a controller is told when it starts: flags before variables before the file before what is
//! usual. Everything is read and judged at once, so that whoever starts it sees all that is wrong.

use super::table::{Args, SETTINGS};
use crate::{input, process::Log};
use ::gateway::{
    controllers::http::Address,
    settings::{Problem, Problems, UpstreamTlsPaths, Values, are_one},
    tls::{KeyPair, is_name},
};
use ha_core::{desired::Desired, leadership::Timing};
use shell_k8s::{
    cluster::{LeaderLabel, Names},
    memgraph::Endpoints,
};
use std::{
    collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration,
};

/// The password that is shown for any.
const HIDDEN: &str = "…";

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(pub(super) String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Where a journal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) files: u64,
}

/// Settings that fit each other.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) names: Names,
    pub(super) endpoints: Endpoints,
    pub(super) desired: Desired,
    pub(super) timing: Timing,
    pub(super) api_server: Option<String>,
    pub(super) listen: SocketAddr,
    /// Where gateways and controllers ask, if not there.
    pub(super) members: Option<SocketAddr>,
    pub(super) user: String,
    /// The password as it was given; the file comes before it.
    pub(super) password: Hidden,
    pub(super) password_file: Option<PathBuf>,
    /// TLS towards instances.
    pub(super) tls: Option<UpstreamTlsPaths>,
    pub(super) prestop: Duration,
    pub(super) journal: Option<Journal>,
    pub(super) number: u8,
    /// All controllers.
    pub(super) controllers: Vec<Address>,
    /// The uid of the pod of this process.
    pub(super) pod: String,
    /// The pod of this process, and the label that it carries while this process leads.
    pub(super) label: Option<(String, LeaderLabel)>,
    /// The labels of the gateways' pods, if who asks is to be shown by theirs.
    pub(super) gateways: Option<String>,
    /// Taken by whoever begins to log.
    pub(super) log: Option<Log>,
}

/// A value of the file.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Scalar {
    Switch(bool),
    Number(u64),
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Values by name, and what is wrong.
#[derive(Default)]
struct Reader {
    values: Values,
    problems: Vec<Problem>,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(super) fn read(args: &Args) -> Result<Self, Problems> {
        let mut reader = Reader::default();
        let file = args.config.as_deref().map_or_else(BTreeMap::new, |path| reader.file(path));
        let (values, problems) = Values::read(SETTINGS, |setting| {
            args.flags.given.get(setting.name).or_else(|| file.get(setting.name)).cloned()
        });
        reader.values = values;
        for Problem { name, value, expected } in problems {
            reader.wrong(name, &value, expected);
        }
        reader.settings().ok_or(Problems { of: "controller", all: reader.problems })
    }
}

impl Reader {
    fn wrong(&mut self, name: &'static str, value: &str, expected: impl fmt::Display) {
        let value = if name == "password" { HIDDEN } else { value }.to_owned();
        self.problems.push(Problem { name, value, expected: expected.to_string() });
    }

    /// The settings of a file, by names that there are.
    fn file(&mut self, path: &str) -> BTreeMap<String, String> {
        let text = match input::text(path.as_ref()) {
            Ok(text) => text,
            Err(error) => {
                self.wrong("config", path, format!("a file that can be read ({error})"));
                return BTreeMap::new();
            }
        };
        let read: BTreeMap<String, Scalar> = match serde_saphyr::from_str(&text) {
            Ok(read) => read,
            Err(error) => {
                let expected = format!("a map of names to texts, numbers, true or false ({error})");
                self.wrong("config", path, expected);
                return BTreeMap::new();
            }
        };
        for key in read.keys().filter(|key| SETTINGS.iter().all(|known| known.name != **key)) {
            let known: Vec<_> = SETTINGS.iter().map(|known| known.name).collect();
            self.wrong("config", key, format!("in {path}, one of {}", known.join(", ")));
        }
        read.into_iter().map(|(key, value)| (key, value.to_string())).collect()
    }

    /// All of them, if nothing is wrong.
    fn settings(&mut self) -> Option<Settings> {
        let (names, timing, log) = (self.names(), self.timing(), self.log());
        let ports =
            (self.values.some_number("bolt-port"), self.values.some_number("replication-port"));
        if ports.0.is_some() != ports.1.is_some() {
            self.wrong("replication-port", "", "both bolt-port and replication-port, or neither");
        }
        let password = self.values.text("password").to_owned();
        if !password.is_empty() && !self.values.text("password-file").is_empty() {
            self.wrong("password", HIDDEN, "either password or password-file");
        }
        let (label, gateways, tls) = (self.label(), self.gateways(), self.tls());
        let desired = self.desired();
        let (listen, members) = self.listeners()?;
        let (names, timing, log) = (names?, timing?, log?);
        if !self.problems.is_empty() {
            return None;
        }
        let journal = self.values.some_text("journal").map(|path| Journal {
            path: path.into(),
            bytes: self.values.some_number("journal-bytes").unwrap_or(u64::MAX),
            files: self.values.some_number("journal-files").unwrap_or(1),
        });
        Some(Settings {
            endpoints: endpoints(&names, ports),
            names,
            desired: desired?,
            timing,
            api_server: self.values.some_text("api-server"),
            listen,
            members,
            user: self.values.text("user").to_owned(),
            password: Hidden(password),
            password_file: self.values.some_text("password-file").map(PathBuf::from),
            prestop: Duration::from_secs(self.values.number("prestop-timeout-s")),
            tls,
            journal,
            number: self.values.number("number"),
            controllers: self.values.hosts("controllers"),
            pod: self.values.text("pod-uid").to_owned(),
            label,
            gateways,
            log: Some(log),
        })
    }

    /// Where everybody asks and where members do, which one process can listen at together.
    fn listeners(&mut self) -> Option<(SocketAddr, Option<SocketAddr>)> {
        let mut listen = self.values.address("listen")?;
        if let Some(port) = self.values.some_number("http-port") {
            listen.set_port(u16::try_from(port).ok()?);
        }
        let members = self.values.address("members-listen");
        if let Some(members) = members.filter(|members| are_one(listen, *members)) {
            let expected = format!("another port than that of listen, {listen}");
            self.wrong("members-listen", &members.to_string(), expected);
        }
        Some((listen, members))
    }

    /// The words are judged by the table before; that each of them means something is judged here.
    fn desired(&mut self) -> Option<Desired> {
        let (durability, authority) = (self.word("durability"), self.word("authority"));
        Some(Desired {
            instances: self.values.number("instances"),
            durability: durability?,
            authority: authority?,
            vote_returns: self.values.is_on("vote-returns"),
            sets_aside: self.values.is_on("sets-aside"),
            ..Desired::default()
        })
    }

    /// A word of the core's; one that the table refused is absent.
    fn word<T: FromStr<Err: fmt::Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.values.some_text(name)?;
        text.parse().map_err(|error: T::Err| self.wrong(name, &text, error)).ok()
    }

    /// Each name is judged on its own, so that one that is wrong does not hide another.
    fn names(&mut self) -> Option<Names> {
        let text = |name| self.values.text(name).to_owned();
        let (namespace, release) = (text("namespace"), text("release"));
        let (set, app) = (text("statefulset"), text("app"));
        let instances: u8 = self.values.number("instances");
        let alone = [
            ("namespace", Names::new(&namespace, "a", "a", 1).err(), &namespace),
            ("release", Names::new("a", &release, "a", 1).err(), &release),
            ("statefulset", Names::new("a", "a", &set, 1).err(), &set),
            ("app", Names::new("a", "a", "a", 1).and_then(|it| it.with_app(&app)).err(), &app),
        ];
        for (name, error, value) in alone {
            if let Some(error) = error {
                self.wrong(name, value, format!("a name that can be ({error})"));
            }
        }
        Names::new(&namespace, &release, &set, instances).and_then(|it| it.with_app(&app)).ok()
    }

    fn timing(&mut self) -> Option<Timing> {
        let [lease_ms, renew_ms, grant_ms] =
            ["lease-ms", "renew-ms", "grant-ms"].map(|name| self.values.some_number(name));
        let (lease_ms, renew_ms, grant_ms) = (lease_ms?, renew_ms?, grant_ms?);
        let promise_ms = Timing::default().promise_ms.min(lease_ms);
        let timing = Timing { lease_ms, renew_ms, grant_ms, promise_ms, ..Timing::default() };
        match timing.validate() {
            Ok(()) => Some(timing),
            Err(error) => {
                let value = lease_ms.to_string();
                self.wrong("lease-ms", &value, format!("times that fit ({error})"));
                None
            }
        }
    }

    /// TLS towards instances, if it is asked for.
    fn tls(&mut self) -> Option<UpstreamTlsPaths> {
        let [authorities, certificate, key] =
            ["tls-ca-file", "tls-cert-file", "tls-key-file"].map(|name| self.values.path(name));
        let name = self.values.some_text("tls-name");
        if certificate.is_some() != key.is_some() {
            self.wrong("tls-key-file", "", "both tls-cert-file and tls-key-file, or neither");
        }
        if authorities.is_none() && (certificate.is_some() || name.is_some()) {
            self.wrong("tls-ca-file", "", "a path, since something else of TLS is set");
        }
        if let Some(name) = name.as_deref().filter(|name| !is_name(name)) {
            self.wrong("tls-name", name, "a DNS name or an IP address");
        }
        let own = certificate.zip(key).map(|(certificate, key)| KeyPair { certificate, key });
        Some(UpstreamTlsPaths { authorities: authorities?, own, name })
    }

    fn label(&mut self) -> Option<(String, LeaderLabel)> {
        let (pod, text) =
            (self.values.some_text("pod-name"), self.values.some_text("leader-label")?);
        let label = text
            .split_once('=')
            .filter(|(key, value)| !key.is_empty() && !value.is_empty())
            .map(|(key, value)| LeaderLabel { key: key.to_owned(), value: value.to_owned() });
        if label.is_none() {
            self.wrong("leader-label", &text, "KEY=VALUE such as app=memgraph-controller");
        }
        if pod.is_none() {
            self.wrong("pod-name", "", "the pod that is to carry the leader's label");
        }
        pod.zip(label)
    }

    fn gateways(&mut self) -> Option<String> {
        let text = self.values.some_text("gateways")?;
        let is_pair = |pair: &str| {
            let halves = pair.split_once('=');
            halves.is_some_and(|(key, value)| {
                [key, value].iter().all(|half| !half.is_empty() && !half.contains(['=', ' ', '!']))
            })
        };
        if text.split(',').all(is_pair) {
            return Some(text);
        }
        let expected = "KEY=VALUE,... such as app.kubernetes.io/name=memgraph-ha-gateway";
        self.wrong("gateways", &text, expected);
        None
    }

    fn log(&mut self) -> Option<Log> {
        let level = self.values.text("log-level").to_owned();
        let log = Log::new(&level, self.values.text("log-format") == "json");
        if let Err(error) = &log {
            self.wrong("log-level", &level, format!("a level such as info or debug ({error})"));
        }
        log.ok()
    }
}

fn endpoints(names: &Names, ports: (Option<u64>, Option<u64>)) -> Endpoints {
    let port = |port: Option<u64>| port.and_then(|port| u16::try_from(port).ok());
    match (port(ports.0), port(ports.1)) {
        (Some(bolt), Some(replication)) => Endpoints::ports(names.clone(), bolt, replication),
        (None | Some(_), None | Some(_)) => Endpoints::pods(names.clone()),
    }
}

#[cfg(test)]
mod tests;
