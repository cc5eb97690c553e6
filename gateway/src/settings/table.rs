//! Every setting of a gateway. Names and defaults of the predecessor are kept where they are good
//! (PI 1.2).

use super::{Kind, Setting};

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, variable: None, kind, default, help }
}

const fn count(min: u64, max: u64) -> Kind {
    Kind::Count { min, max, zero: None }
}

const fn time(min_ms: u64, max_ms: u64) -> Kind {
    Kind::Time { min_ms, max_ms, zero: None }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The table.
pub const SETTINGS: &[Setting] = &[
    setting("bind-address", Kind::Address, "0.0.0.0:7687", "Where clients connect that write"),
    setting(
        "read-bind-address",
        Kind::OptionalAddress,
        "0.0.0.0:7688",
        "Where clients connect that only read",
    ),
    setting(
        "admin-bind-address",
        Kind::Address,
        "0.0.0.0:8080",
        "Where /metrics, /livez and /readyz are",
    ),
    setting("controllers", Kind::Hosts, "", "The controllers that are asked for grants"),
    setting(
        "record-configmap",
        Kind::Text,
        "",
        "NAMESPACE/NAME of the stored record, watched as a second path by which a route ends",
    ),
    setting(
        "api-server",
        Kind::Text,
        "",
        "Where that is watched, plain HTTP; the API server of the pod's own cluster, if empty",
    ),
    setting(
        "grant-limit",
        time(200, 60_000),
        "3s",
        "The longest grant that is taken: what the controllers give, or more",
    ),
    setting(
        "poll-wait",
        time(10, 30_000),
        "1s",
        "How long a controller may wait with an answer that says nothing new",
    ),
    setting(
        "poll-timeout",
        time(50, 30_000),
        "1s",
        "How long an answer may take beyond that, before the next question is asked",
    ),
    Setting {
        variable: Some("POD_NAME"),
        ..setting(
            "pod-name",
            Kind::Text,
            "",
            "The pod of this gateway: when it asks no more, controllers take it out of its Services",
        )
    },
    setting(
        "verify-incarnation",
        Kind::Switch,
        "true",
        "Whether the server name of each upstream connection has to name the start of the process \
         that the grant names; only with instances that cannot be started so it is false",
    ),
    setting(
        "hold-limit",
        time(0, 30_000),
        "5s",
        "How long a client waits for a route before its request fails",
    ),
    setting(
        "connection-timeout",
        time(50, 30_000),
        "2s",
        "How long connecting to an instance takes",
    ),
    setting("login-timeout", time(100, 60_000), "5s", "How long handshake and login may take"),
    setting(
        "login-bytes",
        count(1_024, 1 << 20),
        "65536",
        "The bytes that a message may have before the login",
    ),
    setting(
        "idle-timeout",
        Kind::Time { min_ms: 1_000, max_ms: DAY_MS, zero: Some("never") },
        "0",
        "After how long without a byte in either direction a connection is closed",
    ),
    setting(
        "stall-timeout",
        time(1_000, DAY_MS),
        "60s",
        "How long a side may leave what is written to it unread",
    ),
    setting(
        "keepalive",
        time(1_000, 7_200_000),
        "60s",
        "After how long without a byte the kernel asks whether the other side is there",
    ),
    setting(
        "user-timeout",
        time(1_000, 600_000),
        "15s",
        "How long sent bytes may stay unacknowledged before a connection is taken for dead",
    ),
    setting(
        "buffer-size",
        count(1_024, 1 << 20),
        "65536",
        "Bytes of a buffer; a session has one for each direction, while it holds something",
    ),
    setting(
        "max-connections",
        count(1, 100_000),
        "10000",
        "Connections at a time, for each listener",
    ),
    setting(
        "max-connections-per-source",
        Kind::Count { min: 1, max: 100_000, zero: Some("no limit") },
        "0",
        "The same for each source: an IPv4 address or an IPv6 network of 64 bits",
    ),
    setting("rate-limit-enabled", Kind::Switch, "false", "Whether new connections are limited"),
    setting("rate-limit-rps", count(1, 1_000_000), "100", "New connections a second of one source"),
    setting(
        "rate-limit-burst",
        count(1, 1_000_000),
        "200",
        "New connections of one source that may come at once",
    ),
    setting(
        "stop-limit",
        time(0, 3_600_000),
        "10s",
        "How long open transactions may go on when the gateway stops",
    ),
    setting(
        "passthrough",
        Kind::Switch,
        "true",
        "Whether TLS that is not ended here, WebSockets and unknown versions pass unread: fenced, \
         and closed when the route changes",
    ),
    setting("routing", Kind::Switch, "true", "Whether ROUTE, of neo4j:// clients, is answered"),
    setting(
        "advertised-address",
        Kind::Text,
        "",
        "host:port of the write listener for neo4j:// clients; what they used, if empty",
    ),
    setting(
        "advertised-read-address",
        Kind::Text,
        "",
        "host:port of the read listener for neo4j:// clients; the write listener, if empty",
    ),
    setting(
        "routing-ttl",
        time(1_000, 3_600_000),
        "10s",
        "How long neo4j:// clients keep that answer",
    ),
    setting(
        "read-fallback-to-main",
        Kind::Switch,
        "false",
        "Whether reads go to the main where no replica is known",
    ),
    setting("tls-enabled", Kind::Switch, "false", "Whether the listeners speak TLS"),
    setting("tls-cert-path", Kind::Path, "/etc/certs/tls.crt", "The listeners' certificate, PEM"),
    setting("tls-key-path", Kind::Path, "/etc/certs/tls.key", "Its key, PEM"),
    setting(
        "tls-client-ca-path",
        Kind::Path,
        "",
        "Only clients with a certificate of one of these are let in; all, if empty",
    ),
    setting(
        "upstream-tls-ca-path",
        Kind::Path,
        "",
        "Instances are reached by TLS and show a certificate of one of these; plain, if empty",
    ),
    setting("upstream-tls-cert-path", Kind::Path, "", "A certificate to show to instances, PEM"),
    setting("upstream-tls-key-path", Kind::Path, "", "Its key, PEM"),
    setting(
        "upstream-tls-name",
        Kind::Text,
        "",
        "The name in the certificates of instances; their IP address, if empty",
    ),
];
