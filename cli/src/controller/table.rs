//! Every setting of a controller in one table, from which flags, environment variables, the keys of
//! the file, help and messages come. Variables of the predecessor are read where they mean the same
//! (PI 1.1).

use ::gateway::controllers::http::Address;
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use std::{collections::BTreeMap, fmt, net::SocketAddr};

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text, also none.
    Text,
    /// A path, or none.
    Path,
    /// An IP address with a port.
    Address,
    /// A whole number within these.
    Number(u64, u64),
    /// The same, or none.
    OptionalNumber(u64, u64),
    /// `true` or `false`.
    Switch,
    /// Any number of `host:port`, separated by commas.
    Hosts,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A value that is one of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Address(SocketAddr),
    Number(u64),
    Switch(bool),
    Hosts(Vec<Address>),
    Nothing,
}

impl Kind {
    /// Reads a text; `None` if it is none of this kind.
    pub(super) fn read(self, text: &str) -> Option<Value> {
        let number = |min, max| {
            let number = text.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
            number.map(Value::Number)
        };
        match self {
            Self::Text | Self::Path => Some(Value::Text(text.to_owned())),
            Self::Address => text.parse().ok().map(Value::Address),
            Self::Number(min, max) => number(min, max),
            Self::OptionalNumber(..) if text.is_empty() => Some(Value::Nothing),
            Self::OptionalNumber(min, max) => number(min, max),
            Self::Switch => text.parse().ok().map(Value::Switch),
            Self::Hosts => {
                let each = text.split(',').map(str::trim).filter(|host| !host.is_empty());
                let all: Result<_, _> = each.map(Address::read).collect();
                all.ok().map(Value::Hosts)
            }
            Self::Word(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Path => f.write_str("a path"),
            Self::Address => f.write_str("an IP address with a port"),
            Self::Number(min, max) => write!(f, "a number from {min} to {max}"),
            Self::OptionalNumber(min, max) => write!(f, "nothing or a number from {min} to {max}"),
            Self::Switch => f.write_str("true or false"),
            Self::Hosts => f.write_str("nothing or host:port, several with commas between"),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// The flag is `--name`, the key of the file `name`.
    pub(super) name: &'static str,
    /// The environment variable.
    pub(super) variable: &'static str,
    pub(super) kind: Kind,
    /// What it is unless it is set; empty for none.
    pub(super) default: &'static str,
    pub(super) help: &'static str,
}

const fn row(
    name: &'static str,
    variable: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, variable, kind, default, help }
}

const MINUTE_MS: u64 = 60_000;
const PORTS: Kind = Kind::OptionalNumber(1, 65_000);

/// The table.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    row("namespace", "NAMESPACE", Kind::Text, "default", "The namespace of everything"),
    row("release", "RELEASE_NAME", Kind::Text, "memgraph",
        "The release: names the record, the orders and the lease"),
    row("statefulset", "STATEFULSET_NAME", Kind::Text, "memgraph-ha",
        "The StatefulSet of the instances"),
    row("app", "APP_NAME", Kind::Text, "memgraph",
        "The value of the label app.kubernetes.io/name of the instances' pods"),
    row("instances", "INSTANCES", Kind::Number(1, 50), "3", "How many instances the cluster has"),
    row("durability", "DURABILITY", Kind::Word(&["required", "fast"]), "required",
        "What an acknowledged write promises: required, none is lost by the loss of any one part; \
         fast, the main goes on alone, and says so"),
    row("authority", "AUTHORITY", Kind::Word(&["any", "pair"]), "any",
        "Which instances may vote and become main: any of them, or the first two"),
    row("vote-returns", "VOTE_RETURNS", Kind::Switch, "true",
        "Whether the vote goes back to the first two by itself"),
    row("sets-aside", "SETS_ASIDE", Kind::Switch, "true",
        "Whether data that branched off is set aside by itself"),
    row("api-server", "API_SERVER", Kind::Text, "",
        "The URL of the API server, plain HTTP; without it, as kubectl finds one, or that of the pod"),
    row("listen", "LISTEN", Kind::Address, "0.0.0.0:8080",
        "Where gateways, people and Prometheus ask"),
    row("http-port", "HTTP_PORT", PORTS, "", "The port of that, in place of the one above"),
    row("user", "MEMGRAPH_USER", Kind::Text, "", "The user of the instances, and of the preStop hook"),
    row("password", "MEMGRAPH_PASSWORD", Kind::Text, "", "The password of both"),
    row("password-file", "MEMGRAPH_PASSWORD_FILE", Kind::Path, "",
        "A file with that password, in its place; read again when it changes"),
    row("prestop-timeout-s", "PRESTOP_TIMEOUT_SECONDS", Kind::Number(1, 3_600), "600",
        "How long a call of the preStop hook waits, in seconds"),
    row("bolt-port", "INSTANCES_BOLT_PORT", PORTS, "",
        "Instances share one address: instance N answers Bolt at this port + N"),
    row("replication-port", "INSTANCES_REPLICATION_PORT", PORTS, "",
        "And replicates at this port + N"),
    row("controllers", "CONTROLLERS", Kind::Hosts, "",
        "All controllers, this one among them, who are asked for promises that let writes go on \
         while the API server is gone; a name may have several addresses"),
    row("pod-uid", "POD_UID", Kind::Text, "", "The uid of the pod of this controller"),
    row("pod-name", "POD_NAME", Kind::Text, "",
        "The pod of this controller, which shows by a label whether it leads"),
    row("leader-label", "LEADER_LABEL", Kind::Text, "",
        "The label that the pod of the leader carries, KEY=VALUE"),
    row("journal", "JOURNAL", Kind::Path, "", "Where the journal is written; nowhere without it"),
    row("journal-bytes", "JOURNAL_BYTES", Kind::Number(65_536, 1 << 34), "33554432",
        "How large a file of the journal becomes before the next one begins"),
    row("journal-files", "JOURNAL_FILES", Kind::Number(1, 1_000), "4",
        "How many files of the journal are kept, the one that is written included"),
    row("number", "CONTROLLER_NUMBER", Kind::Number(0, 255), "0",
        "The number of this controller in journals"),
    row("lease-ms", "LEASE_MS", Kind::Number(100, 10 * MINUTE_MS), "5000",
        "How long a lease lasts after the request that renewed it"),
    row("renew-ms", "RENEW_MS", Kind::Number(10, 10 * MINUTE_MS), "1000", "How often it is renewed"),
    row("grant-ms", "GRANT_MS", Kind::Number(50, 10 * MINUTE_MS), "3000",
        "How long a grant lasts after the gateway's request"),
    row("log-level", "LOG_LEVEL", Kind::Text, "info",
        "What is logged: error, warn, info, debug or trace, also by target (info,shell_k8s=debug)"),
    row("log-format", "LOG_FORMAT", Kind::Word(&["text", "json"]), "text", "How it is logged"),
];

/// What was given by flag or environment, and the path of the file.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(super) given: BTreeMap<&'static str, String>,
    pub(super) config: Option<String>,
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config").long("config").env("CONFIG").value_name("FILE").help(
            "A file of settings, YAML or JSON: each by the name of its flag. Flags and variables \
             come before it",
        );
        SETTINGS.iter().fold(command.arg(config), |command, setting| {
            let default = if setting.default.is_empty() { "none" } else { setting.default };
            let help = format!("{}: {} [default: {default}]", setting.help, setting.kind);
            let arg = Arg::new(setting.name).long(setting.name).env(setting.variable);
            command.arg(arg.value_name("VALUE").hide_env_values(true).help(help))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.given.insert(setting.name, value.clone());
            }
        }
        self.config = matches.get_one::<String>("config").cloned();
        Ok(())
    }
}
