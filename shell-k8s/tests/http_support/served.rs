//! A controller that runs or stands still, and is served over real sockets.

use super::{Answer, ME, PATIENCE, StandIn, raw};
use gateway::clock::Clock;
use ha_core::leadership::Timing;
use serde_json::Value;
use shell_k8s::{
    cluster::Names,
    controller::{Controller, Settings},
    http::{JournalFiles, Listeners, Site, serve},
    memgraph::{Access, Endpoints},
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// The value of one metric, by its name and labels as written.
pub fn metric(text: &str, name: &str) -> Option<f64> {
    let line =
        text.lines().find(|line| line.strip_prefix(name).is_some_and(|it| it.starts_with(' ')));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

pub async fn metric_becomes(served: &Served, name: &str, wanted: f64) {
    for _ in 0..1_000 {
        let text = served.get("/metrics").await.body;
        if metric(&text, name) == Some(wanted) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let text = served.get("/metrics").await.body;
    panic!("{name} never became {wanted}: {:?}\n{text}", metric(&text, name));
}

/// A controller that is served.
pub struct Served {
    pub controller: Controller,
    pub at: SocketAddr,
    /// Where gateways and controllers ask.
    pub members: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    pub serving: JoinHandle<()>,
    running: Option<JoinHandle<bool>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
        self.serving.abort();
    }
}

impl Served {
    /// Serves a controller that does nothing.
    pub async fn idle(world: &StandIn) -> Self {
        Self::at(world, "127.0.0.1:0", false).await
    }

    /// Serves a controller that runs.
    pub async fn running(world: &StandIn) -> Self {
        Self::at(world, "127.0.0.1:0", true).await
    }

    /// Serves a controller that runs and whose turns are further apart than any wait of a test.
    pub async fn slow(world: &StandIn) -> Self {
        let timing = Timing { lease_ms: 400_000, renew_ms: 100_000, ..Timing::default() };
        Self::start(world, "127.0.0.1:0", true, (timing, None)).await
    }

    /// Serves a controller that does nothing, and a journal that is there.
    pub async fn journal(world: &StandIn, path: PathBuf) -> Self {
        Self::start(world, "127.0.0.1:0", false, (Timing::default(), Some(path))).await
    }

    pub async fn at(world: &StandIn, address: &str, runs: bool) -> Self {
        let timing = Timing {
            lease_ms: 1_000,
            renew_ms: 50,
            grant_ms: 400,
            promise_ms: 400,
            ..Timing::default()
        };
        Self::start(world, address, runs, (timing, None)).await
    }

    /// Serves a controller that runs, to gateways and controllers apart from people.
    pub async fn apart(world: &StandIn) -> Self {
        let members = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::with(world, "127.0.0.1:0", true, (Timing::default(), None), Some(members)).await
    }

    async fn start(
        world: &StandIn,
        address: &str,
        runs: bool,
        how: (Timing, Option<PathBuf>),
    ) -> Self {
        Self::with(world, address, runs, how, None).await
    }

    async fn with(
        world: &StandIn,
        address: &str,
        runs: bool,
        (timing, journal): (Timing, Option<PathBuf>),
        members: Option<TcpListener>,
    ) -> Self {
        let look_period = Duration::from_millis(100);
        let set_period = Duration::from_millis(50);
        let settings = Settings { timing, look_period, set_period, ..Settings::default() };
        let names =
            Endpoints::pods(Names::new("memgraph", "memgraph", "memgraph-ha", 3).expect("names"));
        let effects = Arc::new(world.clone());
        let controller = Controller::new(
            settings,
            effects,
            (ME, "my-pod".to_owned()),
            1,
            Clock::system(),
            names,
        );
        let people = TcpListener::bind(address).await.expect("a port");
        let at = people.local_addr().expect("an address");
        let at_members = members.as_ref().unwrap_or(&people).local_addr().expect("an address");
        let listeners = Listeners { people, members };
        let (stop, stopped) = oneshot::channel::<()>();
        let site = Site {
            namespace: Some("memgraph".to_owned()),
            lease: Some("controller".to_owned()),
            access: Some(Access::basic("mguser", "mgpasswd")),
            prestop: Duration::from_millis(300),
            journal: journal.map(|path| JournalFiles { path, files: 4 }),
            pod: "my-pod".to_owned(),
        };
        let serving = tokio::spawn(serve(site, controller.clone(), listeners, async {
            let _ = stopped.await;
        }));
        let running = runs.then(|| {
            let controller = controller.clone();
            tokio::spawn(async move { controller.run(std::future::pending()).await })
        });
        Self { controller, at, members: at_members, stop: Some(stop), serving, running }
    }

    pub fn stop(&mut self) {
        self.stop.take().expect("not stopped yet").send(()).expect("it serves");
    }

    /// Waits until the status says so.
    pub async fn until(&self, what: &str, says: impl Fn(&Value) -> bool) -> Value {
        let mut status = self.controller.status();
        let found = timeout(PATIENCE, async {
            loop {
                let now = serde_json::to_value(&**status.borrow_and_update()).expect("JSON");
                if says(&now) {
                    return now;
                }
                status.changed().await.expect("a controller");
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("never {what}: {:#?}", self.controller.status().borrow().plan),
        }
    }

    pub async fn settled(&self) -> Value {
        self.until("settled", |now| now["plan"]["settled"] == true && now["leads"] == true).await
    }

    /// Whether it ended because it was told to, when it has ended.
    pub async fn ended(&mut self) -> bool {
        let running = self.running.take().expect("it runs");
        timeout(PATIENCE, running).await.expect("it ends").expect("it does not panic")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        raw(self.at, request.as_bytes()).await
    }

    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }
}
