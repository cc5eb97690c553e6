//! What moving the main costs an instance that has much data, step by step: each is taken with a
//! tenth of the transactions and with all of them, so that what grows with the data shows.
//!
//! `cargo bench -p instance --bench registration -- --entries 200000`
//!
//! Main and replicas are instances in this process, with data directories and TCP between them. Each
//! figure is the median of some rounds, but for restart and whole recovery, which are done once.

// Ratios are floats, and a bench may stop at what it did not expect.
#![allow(clippy::float_arithmetic, clippy::unwrap_used)]

use bolt::Value;
use bolt::message::AuthMap;
use instance::console::{Client, Outcome};
use instance::{Running, Server, Settings};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const LIMIT: Duration = Duration::from_secs(600);
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ROUNDS: usize = 9;
/// How far a replica is behind that is nearly up to date.
const BEHIND: usize = 100;
/// What a controller asks to see whether there is anything.
const LOOK: &str = "MATCH (n) RETURN id(n) AS id LIMIT 1";

/// An instance and a connection to it.
struct Instance {
    running: Running,
    client: Client,
    port: u16,
}

impl Instance {
    fn start(runtime: &Runtime, data: &Path) -> Self {
        let settings = Settings {
            bolt: SocketAddr::new(HOST, 0),
            replication_address: HOST,
            data_directory: Some(data.to_owned()),
            ..Settings::default()
        };
        let running = runtime.block_on(Server::start(settings)).unwrap();
        let none = AuthMap(bolt::value::map([("scheme", "none")]));
        let client = Client::connect(running.bolt_address(), &none, LIMIT).unwrap();
        let port = TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap().port();
        Self { running, client, port }
    }

    fn run(&mut self, query: &str) -> Outcome {
        self.client.run(query).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    fn write(&mut self, count: usize) {
        (0..count).for_each(|at| {
            self.run(&format!("CREATE (:Event {{id: {at}, text: 'a text of some length'}})"));
        });
    }

    fn demote(&mut self) {
        self.run(&format!("SET REPLICATION ROLE TO REPLICA WITH PORT {}", self.port));
    }

    fn register(&mut self, port: u16) {
        self.run(&format!("REGISTER REPLICA r1 ASYNC TO \"127.0.0.1:{port}\""));
    }

    fn wait_until_ready(&mut self) {
        loop {
            let rows = self.run("SHOW REPLICAS").rows;
            let data = rows[0][4].as_map().unwrap()["memgraph"].as_map().unwrap();
            if data["status"] == Value::from("ready") {
                return;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut work: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| work()).collect();
    times.sort();
    times[ROUNDS / 2]
}

/// Registers the replica of the main, again and again; what the replica lacks is written before.
fn register(main: &mut Instance, replica: &Instance, lacks: usize) -> [Duration; 2] {
    let mut until_ready = Vec::new();
    let answered = median(|| {
        main.run("DROP REPLICA r1");
        main.write(lacks);
        let answered = timed(|| main.register(replica.port));
        until_ready.push(answered + timed(|| main.wait_until_ready()));
        answered
    });
    until_ready.sort();
    [answered, until_ready[ROUNDS / 2]]
}

/// The steps with so many transactions.
fn steps(runtime: &Runtime, entries: usize) -> Vec<(&'static str, Duration)> {
    let directory = tempfile::tempdir().unwrap();
    let data = |name: &str| directory.path().join(name);
    let mut main = Instance::start(runtime, &data("main"));
    main.write(entries);
    let mut replica = Instance::start(runtime, &data("replica"));
    replica.demote();
    let whole = timed(|| {
        main.register(replica.port);
        main.wait_until_ready();
    });
    let mut steps = vec![("a look", median(|| timed(|| drop(main.run(LOOK)))))];
    let [answered, _] = register(&mut main, &replica, 0);
    steps.push(("REGISTER, nothing lacks", answered));
    let [answered, ready] = register(&mut main, &replica, BEHIND);
    steps.push(("REGISTER, 100 behind", answered));
    steps.push(("the same until ready", ready));
    let moved = median(|| {
        timed(|| {
            main.demote();
            replica.run("SET REPLICATION ROLE TO MAIN");
            replica.register(main.port);
            replica.wait_until_ready();
            std::mem::swap(&mut main, &mut replica);
        })
    });
    steps.push(("switchover by hand", moved));
    main.run("DROP REPLICA r1");
    steps.push(("SHOW REPLICAS", median(|| timed(|| drop(main.run("SHOW REPLICAS"))))));
    let snapshot = median(|| timed(|| drop(main.run("CREATE SNAPSHOT"))));
    steps.push(("CREATE SNAPSHOT", snapshot));
    steps.push(("everything to an empty replica", whole));
    for ended in [main, replica] {
        drop(ended.client);
        runtime.block_on(ended.running.kill());
    }
    let restart = timed(|| drop(Instance::start(runtime, &data("main"))));
    steps.push(("start of a process", restart));
    steps
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let named = arguments.iter().position(|it| it == "--entries").map(|at| &arguments[at + 1]);
    let entries = named.map_or(200_000, |text| text.parse().expect("a number of entries"));
    let runtime = Runtime::new().unwrap();
    let few = steps(&runtime, entries / 10);
    let many = steps(&runtime, entries);
    println!("| step | {} transactions, ms | {entries} transactions, ms |", entries / 10);
    println!("|---|---|---|");
    for ((step, few), (_, many)) in few.iter().zip(&many) {
        println!("| {step} | {:.2} | {:.2} |", millis(*few), millis(*many));
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
