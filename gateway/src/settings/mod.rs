//! What a gateway is told when it starts. Everything is read and judged at once, so that whoever
//! starts it sees all that is wrong.

mod kind;
mod table;
mod values;

pub use kind::{Kind, Setting, Value};
pub use table::SETTINGS;
pub use values::{Problem, Problems, Values};

use crate::{
    admission::Limits,
    controllers::http::Address,
    keeper::Asking,
    relay::Watch,
    session::{Listener, Policy, Routing},
    tls::{KeyPair, TlsError, UpstreamTls, is_name},
};
use ha_core::leadership::Millis;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// TLS towards instances, as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTlsPaths {
    /// Whose certificates are trusted.
    pub authorities: PathBuf,
    /// What the gateway shows.
    pub own: Option<KeyPair>,
    /// The name that instances have.
    pub name: Option<String>,
}

impl UpstreamTlsPaths {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be used, or the name is none.
    pub fn read(&self) -> Result<UpstreamTls, TlsError> {
        UpstreamTls::new(&self.authorities, self.own.as_ref(), self.name.as_deref())
    }
}

/// Settings that fit each other.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The write listener.
    pub write: SocketAddr,
    /// The read listener.
    pub read: Option<SocketAddr>,
    /// The admin port.
    pub admin: SocketAddr,
    /// The controllers.
    pub controllers: Vec<Address>,
    /// The longest grant that is taken, in milliseconds.
    pub grant_limit_ms: Millis,
    /// How controllers are asked.
    pub asking: Asking,
    /// The pod that it runs in.
    pub pod: Option<String>,
    /// Whether instances say which of their starts they are.
    pub looks_at_start: bool,
    /// What sessions of the write listener may do.
    pub policy: Policy,
    /// How long connecting to an instance may take.
    pub dial_limit: Duration,
    /// Idle connections end after so long; 0 for never.
    pub idle_ms: Millis,
    /// Writes have to make progress within so long.
    pub stall_ms: Millis,
    /// How the kernel watches over connections.
    pub watch: Watch,
    /// Bytes of a buffer.
    pub buffer: usize,
    /// Who is admitted.
    pub limits: Limits,
    /// How long open transactions may go on when it stops.
    pub stop_limit: Duration,
    /// Reads go to the main where no replica is known.
    pub read_fallback: bool,
    /// Namespace and name of the stored record, if it is watched.
    pub record: Option<(String, String)>,
    /// The API server at which it is, if not that of the pod's own cluster.
    pub api_server: Option<String>,
    /// TLS of the listeners, and whose clients are let in.
    pub tls: Option<(KeyPair, Option<PathBuf>)>,
    /// TLS towards instances.
    pub upstream_tls: Option<UpstreamTlsPaths>,
}

impl Settings {
    /// Reads all settings; `given` tells the text of one that is set.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(given: impl Fn(&Setting) -> Option<String>) -> Result<Self, Problems> {
        let (values, mut problems) = Values::read(SETTINGS, given);
        let settings = Self::of(&values);
        if problems.is_empty() {
            settings.fit(&values, &mut problems);
        }
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(Problems { of: "gateway", all: problems })
        }
    }

    /// What does not fit each other.
    fn fit(&self, values: &Values, problems: &mut Vec<Problem>) {
        let mut wrong = |name: &'static str, value: String, expected: String| {
            problems.push(Problem { name, value, expected });
        };
        if self.controllers.is_empty() {
            wrong("controllers", String::new(), "HOST:PORT of at least one controller".to_owned());
        }
        let (wait_ms, limit_ms) = (self.asking.wait_ms, self.grant_limit_ms);
        if wait_ms.saturating_mul(2) > limit_ms {
            let expected = format!("at most half of grant-limit={limit_ms}ms");
            wrong("poll-wait", format!("{wait_ms}ms"), expected);
        }
        for name in ["advertised-address", "advertised-read-address"] {
            let text = values.text(name);
            if !text.is_empty() && Address::read(text).is_err() {
                wrong(name, text.to_owned(), "HOST:PORT".to_owned());
            }
        }
        let record = values.text("record-configmap");
        let is_named = |(a, b): &(String, String)| !a.is_empty() && !b.is_empty();
        if !record.is_empty() && !self.record.as_ref().is_some_and(is_named) {
            wrong("record-configmap", record.to_owned(), "NAMESPACE/NAME".to_owned());
        }
        if record.is_empty() && self.api_server.is_some() {
            let value = values.text("api-server").to_owned();
            wrong("api-server", value, "nothing, or record-configmap as well".to_owned());
        }
        fit_tls(values, problems);
        self.fit_addresses(problems);
    }

    /// Each listener has an address of its own.
    fn fit_addresses(&self, problems: &mut Vec<Problem>) {
        let named = [
            ("bind-address", Some(self.write)),
            ("read-bind-address", self.read),
            ("admin-bind-address", Some(self.admin)),
        ];
        let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
        for (name, address) in named {
            let Some(address) = address else { continue };
            let before = taken.iter().find(|(_, other)| are_one(*other, address));
            if let Some((other, _)) = before {
                let expected = format!("another address than {other} has");
                problems.push(Problem { name, value: address.to_string(), expected });
            }
            taken.push((name, address));
        }
    }

    fn of(values: &Values) -> Self {
        let unset = SocketAddr::from(([0, 0, 0, 0], 0));
        let own = values
            .path("upstream-tls-cert-path")
            .zip(values.path("upstream-tls-key-path"))
            .map(|(certificate, key)| KeyPair { certificate, key });
        let tls = || {
            let certificate = values.path("tls-cert-path")?;
            let pair = KeyPair { certificate, key: values.path("tls-key-path")? };
            Some((pair, values.path("tls-client-ca-path")))
        };
        Self {
            write: values.address("bind-address").unwrap_or(unset),
            read: values.address("read-bind-address"),
            admin: values.address("admin-bind-address").unwrap_or(unset),
            controllers: values.hosts("controllers"),
            grant_limit_ms: values.ms("grant-limit"),
            asking: Asking {
                wait_ms: values.ms("poll-wait"),
                give_up_ms: values.ms("poll-timeout"),
            },
            pod: values.some_text("pod-name"),
            looks_at_start: values.is_on("verify-incarnation"),
            policy: policy(values),
            dial_limit: values.time("connection-timeout"),
            idle_ms: values.ms("idle-timeout"),
            stall_ms: values.ms("stall-timeout"),
            watch: Watch {
                keepalive: values.time("keepalive"),
                user_timeout: values.time("user-timeout"),
            },
            buffer: values.number("buffer-size"),
            limits: Limits {
                connections: values.number("max-connections"),
                per_source: values.number("max-connections-per-source"),
                rate: u32::from(values.is_on("rate-limit-enabled"))
                    * values.number::<u32>("rate-limit-rps"),
                burst: values.number::<u32>("rate-limit-burst"),
            },
            stop_limit: values.time("stop-limit"),
            read_fallback: values.is_on("read-fallback-to-main"),
            record: values.text("record-configmap").split_once('/').map(owned),
            api_server: values.some_text("api-server"),
            tls: if values.is_on("tls-enabled") { tls() } else { None },
            upstream_tls: values.path("upstream-tls-ca-path").map(|authorities| UpstreamTlsPaths {
                authorities,
                own,
                name: values.some_text("upstream-tls-name"),
            }),
        }
    }
}

/// What does not fit each other of TLS.
fn fit_tls(values: &Values, problems: &mut Vec<Problem>) {
    let mut wrong = |name: &'static str, expected: &str| {
        let value = values.text(name).to_owned();
        problems.push(Problem { name, value, expected: expected.to_owned() });
    };
    if values.path("upstream-tls-cert-path").is_some()
        != values.path("upstream-tls-key-path").is_some()
    {
        wrong("upstream-tls-key-path", "a path, since one of certificate and key is set");
    }
    // What was meant to be checked, or encrypted, must not silently be neither.
    if !values.is_on("tls-enabled") && values.path("tls-client-ca-path").is_some() {
        wrong("tls-client-ca-path", "nothing, or tls-enabled=true");
    }
    for name in ["upstream-tls-cert-path", "upstream-tls-key-path", "upstream-tls-name"] {
        if values.path("upstream-tls-ca-path").is_none() && !values.text(name).is_empty() {
            wrong(name, "nothing, or upstream-tls-ca-path as well");
        }
    }
    if values.some_text("upstream-tls-name").is_some_and(|name| !is_name(&name)) {
        wrong("upstream-tls-name", "a DNS name or an IP address");
    }
    for name in ["tls-cert-path", "tls-key-path"] {
        if values.is_on("tls-enabled") && values.path(name).is_none() {
            wrong(name, "a path, since tls-enabled=true");
        }
    }
}

fn owned((namespace, name): (&str, &str)) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

fn policy(values: &Values) -> Policy {
    let routing = values.is_on("routing").then(|| Routing {
        write: values.some_text("advertised-address"),
        read: values.some_text("advertised-read-address"),
        listener: Listener::Write,
        ttl_s: u32::try_from(values.time("routing-ttl").as_secs()).unwrap_or(u32::MAX),
    });
    Policy {
        hold_ms: values.ms("hold-limit"),
        login_ms: values.ms("login-timeout"),
        login_bytes: values.number("login-bytes"),
        rewrites: true,
        passthrough: values.is_on("passthrough"),
        routing,
    }
}

/// Whether only one socket can listen at both; port 0 is another one each time.
#[must_use]
pub fn are_one(a: SocketAddr, b: SocketAddr) -> bool {
    let any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && (any || a.ip() == b.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, Problems> {
        let given = |setting: &Setting| {
            let found = set.iter().find(|(name, _)| *name == setting.name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(given)
    }

    #[test]
    fn defaults_are_within_their_ranges_and_only_controllers_are_missing() {
        let problems = read(&[]).unwrap_err();
        assert_eq!(problems.all.len(), 1, "{problems}");
        assert_eq!(problems.all[0].name, "controllers");
        let settings = read(&[("controllers", "a:1, b:2")]).unwrap();
        assert_eq!(settings.controllers.len(), 2);
        assert_eq!(settings.idle_ms, 0);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let problems = read(&[
            ("bind-address", "nowhere"),
            ("max-connections", "0"),
            ("hold-limit", "5"),
            ("idle-timeout", "10ms"),
            ("tls-enabled", "yes"),
            ("controllers", "a"),
        ])
        .unwrap_err();
        let names: Vec<_> = problems.all.iter().map(|problem| problem.name).collect();
        let expected = [
            "bind-address",
            "controllers",
            "hold-limit",
            "idle-timeout",
            "max-connections",
            "tls-enabled",
        ];
        assert_eq!(names, expected);
        let text = problems.to_string();
        assert!(text.contains("max-connections=\"0\": a number from 1 to 100000"), "{text}");
        assert!(text.contains("idle-timeout=\"10ms\": a time from 1s to 24h, or 0 for never"));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let names = |set: &[(&str, &str)]| -> Vec<_> {
            let all = [&[("controllers", "a:1")], set].concat();
            read(&all).err().map_or(Vec::new(), |p| p.all.iter().map(|p| p.name).collect())
        };
        assert_eq!(names(&[("poll-wait", "2s")]), ["poll-wait"]);
        let authority = ("upstream-tls-ca-path", "/ca");
        assert_eq!(
            names(&[authority, ("upstream-tls-cert-path", "/a")]),
            ["upstream-tls-key-path"]
        );
        assert_eq!(names(&[("upstream-tls-name", "a")]), ["upstream-tls-name"]);
        assert_eq!(names(&[authority, ("upstream-tls-name", "a b")]), ["upstream-tls-name"]);
        for name in ["mg.example", "10.0.0.1"] {
            assert!(names(&[authority, ("upstream-tls-name", name)]).is_empty(), "{name}");
        }
        assert_eq!(names(&[("tls-client-ca-path", "/ca")]), ["tls-client-ca-path"]);
        assert_eq!(names(&[("tls-enabled", "true"), ("tls-key-path", "")]), ["tls-key-path"]);
        assert_eq!(names(&[("advertised-address", "x")]), ["advertised-address"]);
        let (write, admin) = (("bind-address", "[::]:1"), ("admin-bind-address", "[::]:1"));
        let read = ("read-bind-address", "[::]:1");
        assert_eq!(names(&[write, read]), ["read-bind-address"]);
        assert_eq!(names(&[write, ("read-bind-address", "127.0.0.1:1")]), ["read-bind-address"]);
        assert_eq!(names(&[write, admin]), ["admin-bind-address"]);
        assert_eq!(names(&[read, admin]), ["admin-bind-address"]);
        assert_eq!(names(&[write, read, admin]), ["read-bind-address", "admin-bind-address"]);
        assert!(names(&[("read-bind-address", "off")]).is_empty());
        for record in ["a", "a/", "/b"] {
            assert_eq!(names(&[("record-configmap", record)]), ["record-configmap"]);
        }
        assert_eq!(names(&[("api-server", "http://a")]), ["api-server"]);
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let kind = Kind::Time { min_ms: 0, max_ms: u64::MAX, zero: None };
        let read = |text| match kind.read(text) {
            Some(Value::Time(time)) => Some(time.as_millis()),
            _ => None,
        };
        assert_eq!(read("1m30s"), Some(90_000));
        assert_eq!(read("250ms"), Some(250));
        for wrong in ["", "s", "5", "1.5s", "-1s", "1 s", "5s5", "99999999999999999999s"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_unique_and_become_variables() {
        let names: std::collections::BTreeSet<_> = SETTINGS.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
        assert_eq!(SETTINGS[0].variable(), "GATEWAY_BIND_ADDRESS");
    }
}
