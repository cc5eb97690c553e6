//! What a controller says over HTTP: grants to gateways, its status to people and their tools, a live
//! page. Nothing that people ask changes anything. What gateways and controllers say does, within bounds:
//! a question for a grant reports what its gateway sees, which may delay a move; a promise binds this
//! process for its length; a word that the lease is free makes it look. None of these moves a main or
//! touches data. They may have a listener of their own, so that a network lets nobody else come there.
//!
//! | path | what |
//! |---|---|
//! | `POST /v1/grant` | a gateway's question, in the manner of a long poll |
//! | `POST /v1/promise`, `POST /v1/lease-is-free`, `GET /v1/moves` | what controllers ask and tell each other |
//! | `GET /v1/status` | the whole status, with its reasons in words |
//! | `GET /v1/explain` | what every rule says of the last observation; `?format=json` for machines |
//! | `GET /v1/journal` | the journal over its files, or its last lines |
//! | `GET /v1/may-leave/{pod}` | whether a pod may go |
//! | `POST /prestop-hook/{pod}` | the same as the predecessor's hook asks it: answered when it may (PI 6) |
//! | `GET /api/v1/status`, `GET /api/v1/leadership` | as the predecessor's tools read them (PI 6) |
//! | `GET /livez`, `GET /readyz`, `GET /metrics` | for the kubelet and Prometheus |
//! | `GET /health` | that there is somebody, as the predecessor answered it |
//! | `GET /events` | the status whenever it changes, as server-sent events |
//! | `GET /` | the page |
//!
//! A question for a grant shares nothing with the rest but the listener: no queue, and no lock that
//! the rest holds.

mod answer;
mod body;
mod events;
mod explain;
mod facts;
mod grant;
mod journal;
mod leave;
mod listen;
mod metrics;
mod page;
mod predecessor;
mod prestop;
mod probes;
mod promise;
mod shown;

pub use journal::JournalFiles;

use crate::peers;
use crate::{
    controller::{Controller, Status},
    memgraph::{Access, Endpoints},
};
use axum::{
    Router,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use gateway::controllers::wire;
use metrics::Metrics;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::Instant,
};

/// The bytes that a question may have.
pub const ASK_BYTES: usize = 64 << 10;
/// Listeners of `/events` at a time.
pub const LISTENERS: usize = 32;
/// How many read the end of a journal at a time, each with some megabytes; others wait.
const READERS: usize = 2;
/// Connections at a time; more are closed at once.
pub const CONNECTIONS: usize = 1_024;
/// The shortest time between two events for one listener.
pub const EVENT_PERIOD: Duration = Duration::from_millis(100);

/// What HTTP needs to know beside what the controller knows.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The namespace, where there are any.
    pub namespace: Option<String>,
    /// The name of the lease object.
    pub lease: Option<String>,
    /// The uid of this pod.
    pub pod: String,
    /// Who is let in where not everybody is; nobody without it.
    pub access: Option<Access>,
    /// How long a call of the preStop hook waits.
    pub prestop: Duration,
    /// Where the journal is written.
    pub journal: Option<JournalFiles>,
}

/// What the paths share.
struct Http {
    controller: Controller,
    names: Endpoints,
    site: Site,
    status: watch::Receiver<Arc<Status>>,
    metrics: Metrics,
    /// When a pass was last seen to end, or the start.
    passed: Mutex<Instant>,
    places: Arc<Semaphore>,
    /// Who reads the end of a journal, which is in memory meanwhile.
    readers: Semaphore,
    latest: events::Latest,
}

impl Http {
    fn new(controller: Controller, site: Site) -> Arc<Self> {
        let (names, status) = (controller.names(), controller.status());
        let metrics = Metrics::new(controller.clone(), status.clone());
        Arc::new(Self {
            controller,
            names,
            site,
            status,
            metrics,
            passed: Mutex::new(Instant::now()),
            places: Arc::new(Semaphore::new(LISTENERS)),
            readers: Semaphore::new(READERS),
            latest: events::Latest::default(),
        })
    }

    fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    /// How long ago a pass was seen to end.
    fn since_pass(&self) -> Duration {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Counts what each status brings, for as long as it is polled.
    async fn follow(&self) {
        let mut status = self.status.clone();
        let mut before = Arc::new(Status::default());
        status.mark_changed();
        while status.changed().await.is_ok() {
            let after = Arc::clone(&status.borrow_and_update());
            if after.passes > before.passes {
                *self.passed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            self.metrics.count(&before, &after);
            before = after;
        }
    }
}

/// Where it is asked.
#[derive(Debug)]
pub struct Listeners {
    /// By people and their tools.
    pub people: TcpListener,
    /// By gateways and controllers; where people ask, if there is none.
    pub members: Option<TcpListener>,
}

/// Serves until `stopped` is done, then lets what is being answered end within a bound. `site` says
/// what it needs to know beside what the controller knows.
pub async fn serve(
    site: Site,
    controller: Controller,
    listeners: Listeners,
    stopped: impl Future<Output = ()>,
) {
    let http = Http::new(controller, site);
    let (stop, stopping) = watch::channel(false);
    let Listeners { people, members } = listeners;
    let (of_people, of_members) = (people_ask(stopping.clone()), members_ask());
    let with = |router: Router<Arc<Http>>, paths: &'static str| {
        router
            .method_not_allowed_fallback(async || {
                let why = "this path takes another method";
                answer::refusal(StatusCode::METHOD_NOT_ALLOWED, why, "see the Allow header")
            })
            .fallback(async move || {
                let why = "there is no such path";
                answer::refusal(StatusCode::NOT_FOUND, why, paths).into_response()
            })
            .with_state(Arc::clone(&http))
    };
    let serving = async {
        let Some(members) = members else {
            let all = with(of_people.merge(of_members), PATHS);
            return listen::listen(people, all, &stop, stopped).await;
        };
        let told = async move {
            let mut stopping = stopping;
            // It ends with the other one, however that ends.
            let _ended = stopping.wait_for(|stopping| *stopping).await;
        };
        tokio::join!(
            listen::listen(people, with(of_people, OF_PEOPLE), &stop, stopped),
            listen::listen(members, with(of_members, OF_MEMBERS), &stop, told),
        );
    };
    tokio::select! {
        () = http.follow() => {}
        () = serving => {}
    }
}

fn members_ask() -> Router<Arc<Http>> {
    Router::new()
        .route(wire::PATH, post(grant::grant))
        .route(peers::PATH, post(promise::promise))
        .route(peers::FREE_PATH, post(promise::lease_is_free))
        .route(peers::MOVES_PATH, get(promise::moves))
}

fn people_ask(stopping: watch::Receiver<bool>) -> Router<Arc<Http>> {
    let hook_stopping = stopping.clone();
    let hook =
        post(move |state, pod, headers| prestop::hook(state, pod, headers, hook_stopping.clone()));
    let events = get(move |state| events::events(state, stopping.clone()));
    Router::new()
        .route("/v1/status", get(shown::status))
        .route("/v1/explain", get(explain::explain))
        .route("/v1/journal", get(journal::journal))
        .route("/v1/may-leave/{pod}", get(leave::may_leave))
        .route("/prestop-hook/{pod}", hook)
        .route("/api/v1/status", get(predecessor::status))
        .route("/api/v1/leadership", get(predecessor::leadership))
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/health", get(probes::health))
        .route("/metrics", get(metrics::metrics))
        .route("/events", events)
        .route("/", get(page::page))
}

/// The paths, as they are told to whoever asks for another.
macro_rules! paths {
    (people) => {
        "/, /events, /v1/status, /v1/explain, /v1/journal, /v1/may-leave/POD, /prestop-hook/POD, \
         /api/v1/status, /api/v1/leadership, /livez, /readyz, /health, /metrics"
    };
    (members) => {
        "/v1/grant, /v1/promise, /v1/lease-is-free, /v1/moves"
    };
}

const PATHS: &str = concat!("one of ", paths!(people), ", ", paths!(members));
const OF_PEOPLE: &str = concat!(
    "one of ",
    paths!(people),
    "; gateways and controllers ask at an address of their own (members-listen)"
);
const OF_MEMBERS: &str = concat!("one of ", paths!(members), "; people ask at another address");
