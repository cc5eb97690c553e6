//! The gateway beside HAProxy (`mode tcp`) and beside no proxy, in turn within each round, under the
//! same load: clients that send RUN and PULL and wait for both answers.
//!
//! `cargo bench -p gateway --bench against_haproxy -- --rounds 5 --seconds 10 --json FILE`
//!
//! `--modes small-16,bulk` takes these only: `small-16` and `small-256` ask for one row on as many
//! connections, `bulk` for 20 000 on two, `reconnect` has a connection and a login for each request on
//! sixteen at a time; `tls-` before each ends TLS in the proxy, and in the instance where there is none.
//!
//! Instance and gateway are processes of their own. Without `haproxy` on the path its columns are
//! missing, and it says so. Idle sessions (`--idle`, 10 000; 0 for none of it) tell the memory of each
//! and, when the grant ends, the time from that signal to the last of them without an upstream.
//! Figures are medians of the ratios within a round, with the least and the most; the load of the
//! machine stands beside them. The processor's time that a proxy spends on a request is told too: it
//! says as much on a machine that others use.

// Ratios and percentiles are floats, and a bench may stop at what it did not expect.
#![allow(clippy::float_arithmetic, clippy::unwrap_used)]

#[path = "against_haproxy/load.rs"]
mod load;
#[path = "against_haproxy/roles.rs"]
mod roles;
#[path = "against_haproxy/tls.rs"]
mod tls;

use load::{Load, Sample, cut_ms};
use roles::{Proxy, ROLE};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tls::Files;
use tokio::runtime::{self, Runtime};
use tokio_rustls::TlsConnector;

struct Options {
    rounds: usize,
    load: Duration,
    idle: usize,
    json: Option<String>,
    modes: Vec<&'static Case>,
}

impl Options {
    fn read() -> Self {
        const KNOWN: [&str; 5] = ["--rounds", "--seconds", "--idle", "--modes", "--json"];
        let args: Vec<String> = std::env::args().collect();
        // Cargo itself says `--bench`.
        let mut given = args.iter().skip(1).filter(|arg| *arg != "--bench");
        while let Some(name) = given.next() {
            let is_known = KNOWN.contains(&name.as_str()) && given.next().is_some();
            assert!(is_known, "{name}: expected one of {} and its value", KNOWN.join(", "));
        }
        let after = |name: &str| {
            let at = args.iter().position(|arg| arg == name)?;
            args.get(at + 1).cloned()
        };
        let number = |name: &str, usual: usize| {
            after(name).map_or(usual, |text| text.parse().expect("a number"))
        };
        let modes = match after("--modes") {
            None => CASES.iter().collect(),
            Some(names) => names.split(',').map(Case::named).collect(),
        };
        Self {
            modes,
            rounds: number("--rounds", 5),
            load: Duration::from_millis(number("--seconds", 10) as u64 * 1_000),
            idle: number("--idle", 10_000),
            json: after("--json"),
        }
    }
}

/// One kind of load.
struct Case {
    name: &'static str,
    connections: usize,
    rows: usize,
    reconnects: bool,
    tls: bool,
}

impl Case {
    const fn of(name: &'static str, connections: usize, rows: usize) -> Self {
        Self { name, connections, rows, reconnects: false, tls: false }
    }

    const fn reconnects(self) -> Self {
        Self { reconnects: true, ..self }
    }

    const fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    fn named(name: &str) -> &'static Self {
        let found = CASES.iter().find(|case| case.name == name);
        found.unwrap_or_else(|| {
            let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
            panic!("{name:?} is none of {}", names.join(", "))
        })
    }
}

const CASES: &[Case] = &[
    Case::of("small-16", 16, 1),
    Case::of("small-256", 256, 1),
    Case::of("bulk", 2, 20_000),
    Case::of("reconnect", 16, 1).reconnects(),
    Case::of("tls-small-16", 16, 1).tls(),
    Case::of("tls-bulk", 2, 20_000).tls(),
    Case::of("tls-reconnect", 16, 1).reconnects().tls(),
];

/// What requests are sent to: no proxy, HAProxy if there is one, and the gateway.
struct Ways {
    instance: Proxy,
    haproxy: Option<Proxy>,
    gateway: Proxy,
}

impl Ways {
    fn start(sessions: usize) -> Self {
        let instance = roles::instance(None);
        let gateway = roles::gateway(instance.address, None);
        let haproxy = roles::haproxy(instance.address, sessions, None);
        Self { instance, haproxy, gateway }
    }

    /// The same, where each speaks TLS with clients; behind the proxies it is not spoken.
    fn start_tls(files: &Files, behind: SocketAddr, sessions: usize) -> Self {
        let instance = roles::instance(Some(files));
        let gateway = roles::gateway(behind, Some(files));
        let haproxy = roles::haproxy(behind, sessions, Some(files));
        Self { instance, haproxy, gateway }
    }

    /// Each with its address, and with its process where that stands between.
    fn all(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = vec![("direct", self.instance.address, None)];
        let proxies = self.haproxy.iter().chain([&self.gateway]);
        ways.extend(proxies.map(|proxy| (proxy.name, proxy.address, Some(proxy.pid()))));
        ways
    }
}

fn main() {
    if std::env::var_os(ROLE).is_some() {
        raise_files();
        return roles::play();
    }
    let options = Options::read();
    raise_files();
    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path());
    let sessions = options.idle.max(300) + 100;
    let mut plain = Ways::start(sessions);
    let secret = Ways::start_tls(&files, plain.instance.address, sessions);
    let has_haproxy = plain.haproxy.is_some() && secret.haproxy.is_some();
    if !has_haproxy {
        println!("haproxy is not on the path, or does not start: it is not compared");
    }
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let connector = files.connector();
    let rounds = measure(&options, [&plain, &secret], &connector, &runtime);
    let mut report = Vec::new();
    for case in &options.modes {
        report.push(tell(case, &rounds[case.name], has_haproxy));
    }
    let mut idle = BTreeMap::new();
    let (mut held, mut cut) = ([0.0; 3], [0.0; 3]);
    if options.idle > 0 {
        for proxy in plain.haproxy.iter().chain([&plain.gateway]) {
            let bytes = runtime.block_on(load::idle_bytes(proxy, options.idle));
            println!("idle, {}: {bytes} bytes a session", proxy.name);
            idle.insert(proxy.name, bytes);
        }
        let Ways { gateway, instance, .. } = &mut plain;
        let cuts: Vec<(f64, f64)> = (0..options.rounds)
            .map(|_| runtime.block_on(cut_ms(gateway, instance, options.idle)))
            .collect();
        held = spread(cuts.iter().map(|(held, _)| *held).collect());
        cut = spread(cuts.iter().map(|(_, cut)| *cut).collect());
        tell_cut(options.idle, held, cut);
    }
    let load_average = load_average();
    if let Some(path) = options.json {
        let all = json!({
            "rounds": options.rounds,
            "seconds": options.load.as_secs(),
            "cases": report,
            "idle_sessions": options.idle,
            "idle_bytes_per_session": idle,
            "signal_to_last_held_ms": held,
            "signal_to_last_cut_ms": cut,
            "load_average": load_average,
        });
        std::fs::write(&path, format!("{all:#}\n")).expect("a file that can be written");
    }
}

/// What each way came to, in each round of each case.
type Rounds = BTreeMap<&'static str, Vec<BTreeMap<&'static str, Sample>>>;

/// Puts each load on each way, in turn. The second of `both` speaks TLS.
fn measure(
    options: &Options,
    both: [&Ways; 2],
    connector: &TlsConnector,
    runtime: &Runtime,
) -> Rounds {
    let mut rounds = Rounds::new();
    for round in 0..options.rounds {
        for case in &options.modes {
            let ways = both[usize::from(case.tls)].all();
            let mut samples = BTreeMap::new();
            for at in 0..ways.len() {
                // Each way goes first in its turn.
                let (way, address, proxy) = ways[(at + round) % ways.len()];
                let Case { connections, rows, reconnects, .. } = **case;
                let tls = case.tls.then(|| connector.clone());
                let load = Load { address, connections, rows, reconnects, tls };
                let before = proxy.map_or(0.0, processor_us);
                let mut sample = runtime.block_on(load.run(options.load));
                let spent = proxy.map_or(0.0, processor_us) - before;
                sample.processor_us = spent / sample.count;
                samples.insert(way, sample);
            }
            rounds.entry(case.name).or_default().push(samples);
        }
    }
    rounds
}

/// Tells how soon a signal has reached every session.
fn tell_cut(sessions: usize, held: [f64; 3], cut: [f64; 3]) {
    for (what, of) in [("held", held), ("without its upstream", cut)] {
        println!(
            "signal to the last of {} sessions {what}: {:.1} ms ({:.1} to {:.1})",
            sessions, of[0], of[1], of[2]
        );
    }
}

/// How busy the machine is; it is told, since it explains figures.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average at the end: {}", text.trim());
    text.trim().to_owned()
}

/// What requests are sent to, and the process between.
type Way = (&'static str, SocketAddr, Option<u32>);

/// The processor's time that a process has used, in microseconds.
fn processor_us(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process of ours");
    let (_, fields) = text.rsplit_once(')').expect("its name in brackets");
    // Of user and of system, in hundredths of a second.
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>());
    ticks.map(|ticks| ticks.expect("a number") * 1e4).sum()
}

/// As many files as there are sockets in the idle case.
fn raise_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let most = Rlimit { current: now.maximum, maximum: now.maximum };
    setrlimit(Resource::Nofile, most).expect("what is allowed anyway");
}

/// Median, least and most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[values.len() / 2], values[0], values[values.len() - 1]]
}

fn tell(case: &Case, rounds: &[BTreeMap<&str, Sample>], has_haproxy: bool) -> Value {
    println!("{}", case.name);
    let mut ways = BTreeMap::new();
    for way in rounds[0].keys() {
        let of = |value: fn(&Sample) -> f64| {
            spread(rounds.iter().map(|samples| value(&samples[way])).collect())
        };
        let (rate, p50, p99) = (of(|s| s.per_second), of(|s| s.p50_us), of(|s| s.p99_us));
        let (mb, processor) = (of(|s| s.megabytes_per_second), of(|s| s.processor_us));
        println!(
            "  {way:8} {:>9.0}/s {:>8.1} MB/s  p50 {:>8.1} us  p99 {:>8.1} us  processor {:>7.1} us",
            rate[0], mb[0], p50[0], p99[0], processor[0]
        );
        ways.insert(
            *way,
            json!({"per_second": rate, "megabytes_per_second": mb, "p50_us": p50, "p99_us": p99, "processor_us": processor}),
        );
    }
    let mut ratios = BTreeMap::new();
    let mut ratio = |name: &'static str, value: &dyn Fn(&BTreeMap<&str, Sample>) -> f64| {
        let all = spread(rounds.iter().map(value).collect());
        println!("  {name}: {:.2} ({:.2} to {:.2})", all[0], all[1], all[2]);
        ratios.insert(name, all);
    };
    ratio("gateway / direct, throughput", &|s| s["gateway"].per_second / s["direct"].per_second);
    if has_haproxy {
        ratio("gateway / haproxy, throughput", &|s| {
            s["gateway"].per_second / s["haproxy"].per_second
        });
        ratio("gateway / haproxy, processor's time of a request", &|s| {
            s["gateway"].processor_us / s["haproxy"].processor_us
        });
        ratio("gateway / haproxy, added p99", &|s| {
            let added = |way: &str| (s[way].p99_us - s["direct"].p99_us).max(1.0);
            added("gateway") / added("haproxy")
        });
    }
    json!({"case": case.name, "connections": case.connections, "rows": case.rows, "ways": ways, "ratios": ratios})
}

/// The memory of a process, in bytes.
fn resident(proxy: &Proxy) -> u64 {
    let path = format!("/proc/{}/statm", proxy.pid());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}
