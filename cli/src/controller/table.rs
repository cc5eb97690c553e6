//! Every setting of a controller. Variables of the predecessor are read where they mean the same
//! (PI 1.1).

use crate::flags::{Flags, Table};
use ::gateway::settings::{Kind, Setting};

const fn row(
    name: &'static str,
    variable: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, variable: Some(variable), kind, default, help }
}

const fn count(min: u64, max: u64) -> Kind {
    Kind::Count { min, max, zero: None }
}

const MINUTE_MS: u64 = 60_000;
const PORTS: Kind = Kind::OptionalCount { min: 1, max: 65_000 };

/// The table.
#[rustfmt::skip]
pub(crate) const SETTINGS: &[Setting] = &[
    row("namespace", "NAMESPACE", Kind::Text, "default", "The namespace of everything"),
    row("release", "RELEASE_NAME", Kind::Text, "memgraph",
        "The release: names the record, the orders and the lease"),
    row("statefulset", "STATEFULSET_NAME", Kind::Text, "memgraph-ha",
        "The StatefulSet of the instances"),
    row("app", "APP_NAME", Kind::Text, "memgraph",
        "The value of the label app.kubernetes.io/name of the instances' pods"),
    row("instances", "INSTANCES", count(1, 50), "3", "How many instances the cluster has"),
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
    row("members-listen", "MEMBERS_LISTEN", Kind::OptionalAddress, "off",
        "Where gateways and controllers ask, if that is not to be where people do"),
    row("user", "MEMGRAPH_USER", Kind::Text, "", "The user of the instances, and of the preStop hook"),
    row("password", "MEMGRAPH_PASSWORD", Kind::Text, "", "The password of both"),
    row("password-file", "MEMGRAPH_PASSWORD_FILE", Kind::Path, "",
        "A file with that password, in its place; read again when it changes"),
    row("tls-ca-file", "INSTANCES_TLS_CA_FILE", Kind::Path, "",
        "Instances are reached by TLS and show a certificate of one of these, PEM; plain, if empty"),
    row("tls-cert-file", "INSTANCES_TLS_CERT_FILE", Kind::Path, "",
        "A certificate to show to instances, PEM"),
    row("tls-key-file", "INSTANCES_TLS_KEY_FILE", Kind::Path, "", "Its key, PEM"),
    row("tls-name", "INSTANCES_TLS_NAME", Kind::Text, "",
        "The name in the certificates of instances; their IP address, if empty"),
    row("prestop-timeout-s", "PRESTOP_TIMEOUT_SECONDS", count(1, 3_600), "600",
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
    row("gateways", "GATEWAYS", Kind::Text, "",
        "The labels of the gateways' pods, KEY=VALUE,...: a gateway that asks no more is taken out of \
         its Services by the label memgraph-ha.io/in-service; off, if empty"),
    row("journal", "JOURNAL", Kind::Path, "", "Where the journal is written; nowhere without it"),
    row("journal-bytes", "JOURNAL_BYTES", count(65_536, 1 << 34), "33554432",
        "How large a file of the journal becomes before the next one begins"),
    row("journal-files", "JOURNAL_FILES", count(1, 1_000), "4",
        "How many files of the journal are kept, the one that is written included"),
    row("number", "CONTROLLER_NUMBER", count(0, 255), "0",
        "The number of this controller in journals"),
    row("lease-ms", "LEASE_MS", count(100, 10 * MINUTE_MS), "5000",
        "How long a lease lasts after the request that renewed it"),
    row("renew-ms", "RENEW_MS", count(10, 10 * MINUTE_MS), "1000", "How often it is renewed"),
    row("grant-ms", "GRANT_MS", count(50, 10 * MINUTE_MS), "3000",
        "How long a grant lasts after the gateway's request"),
    row("log-level", "LOG_LEVEL", Kind::Text, "info",
        "What is logged: error, warn, info, debug or trace, also by target (info,shell_k8s=debug)"),
    row("log-format", "LOG_FORMAT", Kind::Word(&["text", "json"]), "text", "How it is logged"),
];

/// The table of its settings.
#[derive(Debug)]
pub(crate) struct OfController;

impl Table for OfController {
    const SETTINGS: &'static [Setting] = SETTINGS;
}

/// What was given by flag or environment, and the path of the file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file of settings, YAML or JSON: each by the name of its flag. Flags and variables come before it
    #[arg(long, env = "CONFIG", value_name = "FILE")]
    pub(super) config: Option<String>,
    #[command(flatten)]
    pub(super) flags: Flags<OfController>,
}
