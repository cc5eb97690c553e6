//! Every setting in one table, from which flags, environment variables, help and messages come. Names
//! and defaults of the predecessor are kept where they are good (PI 1.2).

use std::{fmt, net::SocketAddr, time::Duration};

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An IP address with a port.
    Address,
    /// The same, or `off`.
    OptionalAddress,
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// What 0 means, if it may be 0.
        zero: Option<&'static str>,
    },
    /// A time, such as `5s`, `250ms` or `2m`.
    Time {
        /// The least, in milliseconds.
        min_ms: u64,
        /// The most, in milliseconds.
        max_ms: u64,
        /// What 0 means, if it may be 0.
        zero: Option<&'static str>,
    },
    /// `true` or `false`.
    Switch,
    /// `host:port`, several with commas between them.
    Hosts,
    /// Any text, also none.
    Text,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name; the flag is `--name`, the environment variable `GATEWAY_NAME`.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it is unless it is set.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, kind, default, help }
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
    setting(
        "stale-reads",
        Kind::Time { min_ms: 1_000, max_ms: DAY_MS, zero: Some("for ever") },
        "30s",
        "How long reads go on without word from a controller",
    ),
    setting("tls-enabled", Kind::Switch, "false", "Whether the listeners speak TLS"),
    setting("tls-cert-path", Kind::Text, "/etc/certs/tls.crt", "The listeners' certificate, PEM"),
    setting("tls-key-path", Kind::Text, "/etc/certs/tls.key", "Its key, PEM"),
    setting(
        "tls-client-ca-path",
        Kind::Text,
        "",
        "Only clients with a certificate of one of these are let in; all, if empty",
    ),
    setting(
        "upstream-tls-ca-path",
        Kind::Text,
        "",
        "Instances are reached by TLS and show a certificate of one of these; plain, if empty",
    ),
    setting("upstream-tls-cert-path", Kind::Text, "", "A certificate to show to instances, PEM"),
    setting("upstream-tls-key-path", Kind::Text, "", "Its key, PEM"),
    setting(
        "upstream-tls-name",
        Kind::Text,
        "",
        "The name in the certificates of instances; their IP address, if empty",
    ),
];

impl Setting {
    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("GATEWAY_{}", self.name.replace('-', "_").to_uppercase())
    }
}

fn written(ms: u64) -> String {
    match ms {
        ms if ms > 0 && ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms > 0 && ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms > 0 && ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zero = |f: &mut fmt::Formatter<'_>, zero: Option<&str>| match zero {
            Some(meaning) => write!(f, ", or 0 for {meaning}"),
            None => Ok(()),
        };
        match self {
            Self::Address => f.write_str("IP:PORT"),
            Self::OptionalAddress => f.write_str("IP:PORT or off"),
            Self::Count { min, max, zero: none } => {
                write!(f, "a number from {min} to {max}")?;
                zero(f, *none)
            }
            Self::Time { min_ms, max_ms, zero: none } => {
                write!(f, "a time from {} to {}", written(*min_ms), written(*max_ms))?;
                zero(f, *none)
            }
            Self::Switch => f.write_str("true or false"),
            Self::Hosts => f.write_str("HOST:PORT, several with commas between them"),
            Self::Text => f.write_str("a text"),
        }
    }
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Address`] and [`Kind::OptionalAddress`].
    Address(Option<SocketAddr>),
    /// Of [`Kind::Count`].
    Count(u64),
    /// Of [`Kind::Time`].
    Time(Duration),
    /// Of [`Kind::Switch`].
    Switch(bool),
    /// Of [`Kind::Hosts`] and [`Kind::Text`].
    Text(String),
}

/// Reads a time: a number with `ms`, `s`, `m` or `h`, several in a row as in `1m30s`, or `0`.
fn milliseconds(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut sum) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let each = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(each)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

impl Kind {
    /// Reads a value; nothing if it is none of this kind.
    #[must_use]
    pub fn read(self, text: &str) -> Option<Value> {
        let is_within = |number: u64, min: u64, max: u64, zero: Option<&str>| {
            (min..=max).contains(&number) || (number == 0 && zero.is_some())
        };
        match self {
            Self::OptionalAddress if text == "off" => Some(Value::Address(None)),
            Self::Address | Self::OptionalAddress => {
                text.parse().ok().map(|address| Value::Address(Some(address)))
            }
            Self::Count { min, max, zero } => {
                let number = text.parse().ok()?;
                is_within(number, min, max, zero).then_some(Value::Count(number))
            }
            Self::Time { min_ms, max_ms, zero } => {
                let ms = milliseconds(text)?;
                let time = Value::Time(Duration::from_millis(ms));
                is_within(ms, min_ms, max_ms, zero).then_some(time)
            }
            Self::Switch => text.parse().ok().map(Value::Switch),
            Self::Hosts => {
                let each = text.split(',').map(str::trim).filter(|host| !host.is_empty());
                let all = each.map(crate::controllers::http::Address::read);
                all.collect::<Result<Vec<_>, _>>().ok().map(|_| Value::Text(text.to_owned()))
            }
            Self::Text => Some(Value::Text(text.to_owned())),
        }
    }
}
