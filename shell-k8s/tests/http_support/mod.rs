//! A controller over a stand-in for its world, and a client that speaks HTTP to it over real sockets.
//! The stand-in answers from one observation that commands change at once: enough to see what HTTP
//! says, and nothing to judge a decision by.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "each test file has its own copy")]

use async_trait::async_trait;
use gateway::clock::Clock;
use ha_core::{
    action::Action,
    desired::Desired,
    history::Outcome,
    ids::{ControllerId, InstanceId, InstanceRef, ResourceVersion},
    leadership::{LeaseSample, Millis, Timing},
    observation::{
        BoltView, ClusterObservation, PodView, RecordContent, RoleView, Row, RowState,
        StoredRecord, VolumeView,
    },
    reading::{Age, Reading, Why},
    record::Record,
};
use serde_json::Value;
use shell_k8s::{
    cluster::{Names, Written},
    controller::{Controller, Effects, Probing, Settings, Unavailable},
    http::{Site, serve},
    memgraph::{Addresses, Endpoints, Look},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// No wait of a test lasts longer; none of them is meant to last at all.
const PATIENCE: Duration = Duration::from_secs(30);

pub const ME: ControllerId = ControllerId(0xa);
pub const OTHER: ControllerId = ControllerId(0xb0b);

/// Somebody who leads already, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    Free,
    Others,
}

type Which = fn(&Action) -> bool;

struct World {
    seen: ClusterObservation,
    versions: u64,
    refuses: BTreeSet<InstanceId>,
    lease: Lease,
    /// Commands of this kind are answered so, and change nothing.
    fails: Option<(Which, Outcome)>,
}

/// A stand-in for API server and instances.
#[derive(Clone)]
pub struct StandIn(Arc<Mutex<World>>);

impl StandIn {
    /// As in an observation of the simulator's.
    pub fn from(file: &str, lease: Lease) -> Self {
        let path = format!("{}/../shell-sim/observations/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("an observation");
        let seen = serde_json::from_str(&text).expect("an observation");
        Self(Arc::new(Mutex::new(World {
            seen,
            versions: 100,
            refuses: BTreeSet::new(),
            lease,
            fails: None,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("nobody panics under it")
    }

    pub fn change(&self, change: impl FnOnce(&mut ClusterObservation)) {
        change(&mut self.world().seen);
    }

    /// Changes what an instance answers from now on.
    pub fn change_answer(&self, id: u8, change: impl FnOnce(&mut BoltView)) {
        let mut world = self.world();
        let view = world.seen.instances.get_mut(&InstanceId(id)).expect("an instance");
        match &mut view.bolt {
            Reading::Known { value, .. } => change(value),
            Reading::Unknown { .. } => panic!("mg-{id} answers nothing"),
        }
    }

    /// From now on that instance does not answer, and this is why.
    pub fn spoil(&self, id: u8, why: Why) {
        let mut world = self.world();
        let view = world.seen.instances.get_mut(&InstanceId(id)).expect("an instance");
        view.bolt = Reading::Unknown { why, since: Age::Fresh };
    }

    /// From now on the address of that instance refuses.
    pub fn refuse(&self, id: u8) {
        self.world().refuses.insert(InstanceId(id));
    }

    pub fn fail(&self, which: Which, outcome: Outcome) {
        self.world().fails = Some((which, outcome));
    }
}

impl World {
    fn role(&mut self, id: InstanceId) -> &mut RoleView {
        match &mut self.seen.instances.get_mut(&id).expect("an instance").bolt {
            Reading::Known { value, .. } => &mut value.role,
            Reading::Unknown { .. } => panic!("{id} has no role"),
        }
    }

    fn command(&mut self, action: &Action) -> Outcome {
        if let Some((which, outcome)) = self.fails
            && which(action)
        {
            return outcome;
        }
        let row = |mode| Row {
            mode,
            state: RowState::Ready,
            behind: 0,
            since: Age::Fresh,
            still: Age::Fresh,
        };
        match action {
            Action::Promote { on: InstanceRef { id, .. }, .. } => {
                *self.role(*id) =
                    RoleView::Main { rows: BTreeMap::new(), strangers: BTreeSet::new() };
            }
            Action::Demote { on, .. } => *self.role(on.id) = RoleView::Replica,
            Action::Register { on, replica, mode, .. } => {
                if let RoleView::Main { rows, .. } = self.role(on.id) {
                    rows.insert(replica.id, row(*mode));
                }
            }
            Action::Drop { on, replica, .. } => {
                if let RoleView::Main { rows, .. } = self.role(on.id) {
                    rows.remove(replica);
                }
            }
            Action::SetAside { .. }
            | Action::Commit { .. }
            | Action::WriteRecord { .. }
            | Action::SetRoute(_) => {}
        }
        Outcome::Done
    }
}

struct Looking(StandIn, InstanceId);

#[async_trait]
impl Probing for Looking {
    async fn look(&mut self, _pod: PodView) -> Result<Look, Why> {
        let world = self.0.world();
        if world.refuses.contains(&self.1) {
            return Err(Why::Refused);
        }
        match &world.seen.instances[&self.1].bolt {
            Reading::Known { value, .. } => {
                Ok(Look { view: value.clone(), volume: VolumeView::Used })
            }
            Reading::Unknown { why, .. } => Err(why.clone()),
        }
    }

    async fn closed(&mut self) {
        loop {
            sleep(Duration::from_millis(5)).await;
            if self.0.world().refuses.contains(&self.1) {
                return;
            }
        }
    }
}

#[async_trait]
impl Effects for StandIn {
    async fn record(&self) -> Result<StoredRecord, Unavailable> {
        let record = self.world().seen.record.known().cloned();
        record.ok_or_else(|| Unavailable("the stand-in has no record".to_owned()))
    }

    fn pods(&self) -> Option<(Millis, BTreeMap<InstanceId, Option<PodView>>)> {
        let world = self.world();
        let pod = |(id, view): (&InstanceId, &ha_core::observation::InstanceView)| {
            (*id, view.pod.known().copied().flatten())
        };
        Some((Clock::system().monotonic(), world.seen.instances.iter().map(pod).collect()))
    }

    async fn desired(&self) -> Result<Desired, Unavailable> {
        Ok(self.world().seen.desired.clone())
    }

    async fn lease(&self) -> Result<Option<LeaseSample>, Unavailable> {
        let mut world = self.world();
        world.versions += 1;
        let version = ResourceVersion(world.versions);
        Ok(match world.lease {
            Lease::Free => None,
            Lease::Others => Some(LeaseSample { version, holder: Some(OTHER) }),
        })
    }

    async fn write_lease(
        &self,
        _expected: Option<ResourceVersion>,
        _holder: Option<ControllerId>,
    ) -> Written {
        let mut world = self.world();
        world.versions += 1;
        Written::Done(ResourceVersion(world.versions))
    }

    async fn write_record(&self, _expected: Option<ResourceVersion>, record: &Record) -> Written {
        let mut world = self.world();
        world.versions += 1;
        let version = ResourceVersion(world.versions);
        let content = RecordContent::Record(Box::new(record.clone()));
        world.seen.record = Reading::fresh(StoredRecord { version: Some(version), content });
        Written::Done(version)
    }

    async fn changed(&self) {
        std::future::pending().await
    }

    fn prober(&self, id: InstanceId) -> Box<dyn Probing> {
        Box::new(Looking(self.clone(), id))
    }

    async fn restart(&self, _on: InstanceRef) -> Outcome {
        Outcome::Done
    }

    async fn holds(&self, _action: &Action, _addresses: &Addresses) -> bool {
        true
    }

    async fn command(
        &self,
        action: &Action,
        _addresses: &Addresses,
        ready: &(dyn Fn() -> bool + Send + Sync),
    ) -> Outcome {
        sleep(Duration::from_millis(12)).await;
        if ready() { self.world().command(action) } else { Outcome::NotSent }
    }
}

/// A controller that is served.
pub struct Served {
    pub controller: Controller,
    pub at: SocketAddr,
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

    pub async fn at(world: &StandIn, address: &str, runs: bool) -> Self {
        let timing = Timing {
            lease_ms: 1_000,
            renew_ms: 50,
            grant_ms: 400,
            promise_ms: 400,
            ..Timing::default()
        };
        let look_period = Duration::from_millis(100);
        let settings = Settings { timing, look_period, ..Settings::default() };
        let names =
            Endpoints::pods(Names::new("memgraph", "memgraph", "memgraph-ha", 3).expect("names"));
        let effects = Arc::new(world.clone());
        let controller = Controller::new(settings, effects, ME, 1, Clock::system(), names);
        let listener = TcpListener::bind(address).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let site =
            Site { namespace: Some("memgraph".to_owned()), lease: Some("controller".to_owned()) };
        let serving = tokio::spawn(serve(site, controller.clone(), listener, async {
            let _ = stopped.await;
        }));
        let running = runs.then(|| {
            let controller = controller.clone();
            tokio::spawn(async move { controller.run(std::future::pending()).await })
        });
        Self { controller, at, stop: Some(stop), serving, running }
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

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body))
    }
}

/// Sends bytes, and reads until the other side closes.
pub async fn raw(at: SocketAddr, request: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(at).await.expect("a connection");
    // A server that has heard enough may close before everything is sent.
    let _early = socket.write_all(request).await;
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("an end");
    assert!(read.is_ok() || !bytes.is_empty(), "{read:?}");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
        unchunked(body)
    } else {
        body.to_owned()
    };
    Answer { status, head: head.to_owned(), body }
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        text = &rest[size + 2..];
    }
    whole
}

/// A listener of `/events`.
pub struct Events {
    socket: TcpStream,
    text: String,
}

impl Events {
    pub async fn listen(at: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(at).await.expect("a connection");
        socket.write_all(b"GET /events HTTP/1.1\r\nhost: here\r\n\r\n").await.expect("it listens");
        Self { socket, text: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(begin) = self.text.find("data: ")
                && let Some(length) = self.text[begin..].find("\n\n")
            {
                let event = self.text[begin + 6..begin + length].to_owned();
                self.text.drain(..begin + length);
                // A chunk of the transfer is one event.
                return Some(serde_json::from_str(&event).expect("a status"));
            }
            let mut bytes = vec![0; 64 << 10];
            let read = timeout(PATIENCE, self.socket.read(&mut bytes)).await.expect("no silence");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => {
                    self.text.push_str(std::str::from_utf8(&bytes[..count]).expect("text"))
                }
            }
        }
    }

    pub fn head(&self) -> &str {
        &self.text
    }
}

/// A question as a gateway asks it.
pub fn question(number: u64, seen: Option<&str>, wait_ms: u64) -> String {
    serde_json::json!({
        "version": 1,
        "question": {
            "gateway": "gw-7", "number": number, "holds": null,
            "open_transactions": false, "last_byte_ms": null,
        },
        "accepted": null, "seen": seen, "wait_ms": wait_ms,
    })
    .to_string()
}
