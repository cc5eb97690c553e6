//! The part of a session that has sockets: one task moves the bytes of both directions, does what the
//! machine orders, and tells it what happens around it.

mod buffer;
mod dial;
mod lane;
mod pump;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use dial::{DialError, Dialer};
pub(crate) use stream::Stream;
pub use stream::Watch;

use crate::{
    clock::Clock,
    gate::{Gate, Target, View},
    metrics::PortMetrics,
    replicas::Replicas,
    session::{Ending, Listener, Policy, Proof, Session},
};
use ha_core::{ids::StartId, leadership::Millis};
use lane::{Doubt, Lane, Turn, changed};
use pump::{Pump, Pumped};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// How long a session that found no grant waits before it looks again, if nobody wakes it.
const LOOK_AGAIN_MS: Millis = 20;
/// The wait after an instance could not be reached, and the longest after several times.
const REDIAL_MS: Millis = 50;
const REDIAL_MOST_MS: Millis = 1_000;
/// How long a client may take to read the last words and to close.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_millis(500);

/// What all sessions of a listener share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) policy: Arc<Policy>,
    pub(crate) clock: Clock,
    pub(crate) metrics: PortMetrics,
    pub(crate) dialer: Dialer,
    pub(crate) gate: Arc<Gate>,
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) listener: Listener,
    /// Bytes of a buffer.
    pub(crate) buffer: usize,
    /// After so long without a byte a session ends; 0 for never.
    pub(crate) idle_ms: Millis,
    /// After so long a write has to make progress.
    pub(crate) stall_ms: Millis,
    /// Instances say which of their starts they are.
    pub(crate) looks_at_start: bool,
}

/// Which start answers at an address, if any tells one.
type Found = Result<Option<StartId>, DialError>;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Task {
    None,
    Dial(Target, Work<Result<Stream, DialError>>),
    Prove(Target, Work<Found>),
}

enum Done {
    Dialled(Target, Result<Stream, DialError>),
    Proven(Target, Found),
}

impl Task {
    async fn done(&mut self) -> Done {
        let done = match self {
            Self::None => std::future::pending().await,
            Self::Dial(target, work) => Done::Dialled(*target, work.await),
            Self::Prove(target, work) => Done::Proven(*target, work.await),
        };
        *self = Self::None;
        done
    }

    const fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// After an instance could not be reached.
#[derive(Debug, Clone, Copy)]
struct Redial {
    /// When it may be dialled again.
    at: Millis,
    /// The tries that failed.
    failures: u32,
    /// The route that they were made under: another one is tried at once.
    route_no: u64,
}

/// A session with its sockets.
struct Relay {
    shared: Arc<Shared>,
    pump: Pump,
    lane: Lane,
    /// The instance that the upstream connection goes to.
    target: Option<Target>,
    task: Task,
    redial: Option<Redial>,
    blocked: bool,
    /// An instance closed a connection, perhaps for what the client said.
    suspect: Option<(Target, Doubt)>,
}

/// Waits until the gateway is told to stop; also if nobody can tell any more.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves a client until its connection ends, and says why it did.
pub(crate) async fn serve(
    client: Stream,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> Ending {
    let lane = match shared.listener {
        Listener::Write => Lane::write(Arc::clone(&shared.gate)),
        Listener::Read => Lane::read(Arc::clone(&shared.replicas)),
    };
    let mut changes = lane.subscribe();
    let now = shared.clock.monotonic();
    let session = Session::new(Arc::clone(&shared.policy), lane.standing(), now);
    let pump = Pump::new(session, client, shared.buffer, now);
    let mut relay = Relay {
        shared,
        pump,
        lane,
        target: None,
        task: Task::None,
        redial: None,
        blocked: false,
        suspect: None,
    };
    let ending = relay.run(&mut changes, &mut stop).await;
    relay.close(ending).await;
    relay.clear_up().await;
    ending
}

impl Relay {
    async fn run(
        &mut self,
        changes: &mut watch::Receiver<View>,
        stop: &mut watch::Receiver<bool>,
    ) -> Ending {
        loop {
            self.mind_route();
            self.attend();
            if self.pump.is_leaving && !self.pump.is_busy() {
                self.pump.session.stop(Ending::Stopping);
            }
            if let Some(ending) = self.pump.session.ending() {
                return ending;
            }
            self.begin_task();
            self.pump.minded = self.pump.due();
            let wait = self.wait();
            let Self { shared, pump, lane, task, .. } = self;
            let has_task = task.is_some();
            let mut done = None;
            let mut is_time = false;
            let mut pumped = None;
            tokio::select! {
                biased;
                () = changed(changes) => {}
                result = task.done(), if has_task => done = Some(result),
                () = sleep(Duration::from_millis(wait.unwrap_or(0))), if wait.is_some() => {
                    is_time = true;
                }
                why = poll_fn(|cx| pump.poll(cx, lane, &shared.clock, &shared.metrics)),
                    if !self.blocked => pumped = Some(why),
                () = told(stop), if !pump.is_leaving => pump.is_leaving = true,
            }
            self.blocked = false;
            match pumped {
                Some(Pumped::News) | None => {}
                Some(Pumped::Blocked) => {
                    self.lane.mind();
                    self.blocked = true;
                }
                Some(Pumped::ClientBroke(error)) => {
                    tracing::debug!(%error, "a client's connection broke");
                    self.pump.session.stop(Ending::ClientBroke);
                }
            }
            if let Some(done) = done {
                self.done(done);
            }
            if is_time {
                self.timer();
            }
        }
    }

    /// Tells the machine where it stands.
    fn mind_route(&mut self) {
        let now = self.shared.clock.monotonic();
        match self.lane.turn() {
            Turn::Same => {}
            Turn::Renewed(writes) => self.pump.session.writes_are(writes),
            Turn::Cut => {
                let unsent = self.pump.down.is_pending();
                self.pump.session.cut(unsent, now);
                self.give_up_upstream();
            }
        }
        self.pump.session.standing(self.lane.standing(), now);
    }

    fn leave(&mut self) {
        self.lane.leave_target();
        self.target = None;
    }

    /// The upstream is not used any more, and what is under way about it is for nobody: its place is
    /// another's from now on.
    fn give_up_upstream(&mut self) {
        self.task = Task::None;
        self.pump.drop_server();
        self.leave();
    }

    /// Does what the machine orders.
    fn attend(&mut self) {
        let orders = self.pump.session.take_orders();
        if orders.void {
            self.lane.void();
        }
        if orders.suspect {
            self.suspect = self.target.map(|target| (target, self.lane.doubt()));
        }
        if orders.put_off {
            self.lane.pass_over();
            self.put_off();
        }
        if orders.drop_upstream {
            self.give_up_upstream();
        }
        self.pump.shuts_down |= orders.shutdown_upstream;
        let tally = self.pump.session.take_tally();
        if tally.forbidden > 0 {
            let instance = self.target.map(|target| target.address);
            tracing::warn!(?instance, "an instance refused a write because it is not the main");
        }
        self.shared.metrics.tally(tally);
    }

    fn begin_task(&mut self) {
        let session = &self.pump.session;
        if !self.task.is_some() && session.wants_dial() && self.redial_wait().is_none() {
            if let Some(target) = self.lane.take_target() {
                let shared = Arc::clone(&self.shared);
                let work = async move { shared.dialer.dial(target.address).await };
                self.task = Task::Dial(target, Box::pin(work));
            }
        } else if !self.task.is_some()
            && session.wants_proof()
            && let Some(target) = self.target
        {
            let shared = Arc::clone(&self.shared);
            let work = async move { shared.dialer.start_at(target.address).await };
            self.task = Task::Prove(target, Box::pin(work));
        }
        // Where no task could begin, a change or the time makes another try.
        self.pump.is_served = self.pump.wants_task();
    }

    /// For how long no instance is dialled.
    fn redial_wait(&self) -> Option<Millis> {
        let redial = self.redial.filter(|redial| redial.route_no == self.lane.route_no())?;
        let now = self.shared.clock.monotonic();
        (now < redial.at).then(|| redial.at - now)
    }

    /// An instance could not be reached: the next try comes later.
    fn put_off(&mut self) {
        let route_no = self.lane.route_no();
        let before = self.redial.filter(|redial| redial.route_no == route_no);
        let failures = before.map_or(0, |redial| redial.failures).saturating_add(1);
        let wait = REDIAL_MS.saturating_mul(1 << failures.min(5).saturating_sub(1));
        let at = self.shared.clock.monotonic().saturating_add(wait.min(REDIAL_MOST_MS));
        self.redial = Some(Redial { at, failures, route_no });
    }

    fn done(&mut self, done: Done) {
        let now = self.shared.clock.monotonic();
        match done {
            Done::Dialled(target, Ok(stream)) => {
                let start = target.instance.incarnation.start;
                self.pump.server = Some(stream);
                self.target = Some(target);
                self.pump.session.connected(self.shared.looks_at_start.then_some(start), now);
                self.pump.session.writes_are(self.lane.writes());
            }
            Done::Dialled(_, Err(error)) => {
                tracing::debug!(%error, "an instance cannot be reached");
                self.shared.metrics.dial_failures.inc();
                match error {
                    DialError::Refused { .. } => self.lane.void(),
                    DialError::Silent { .. } | DialError::Failed { .. } => self.lane.pass_over(),
                }
                self.leave();
                self.put_off();
                self.pump.session.dial_failed(now);
            }
            Done::Proven(target, found) => {
                let proof = self.proof(&target, found);
                self.pump.session.proven(proof, now);
            }
        }
        if self.pump.session.is_joined() {
            self.redial = None;
        }
    }

    /// What it means that this was found at the address of an instance.
    fn proof(&self, target: &Target, found: Found) -> Proof {
        let meant = target.instance.incarnation.start;
        let proof = match &found {
            Ok(start) if !self.shared.looks_at_start || *start == Some(meant) => Proof::Meant,
            Ok(_) | Err(DialError::Refused { .. }) => Proof::Another,
            Err(DialError::Silent { .. } | DialError::Failed { .. }) => Proof::Unknown,
        };
        if proof != Proof::Meant {
            tracing::debug!(?found, %meant, "the process meant does not answer");
        }
        proof
    }

    /// Finds out whether an instance that closed an unread connection is there, once its client is
    /// gone: what clients say there must not take the route from all others.
    async fn clear_up(&mut self) {
        let Some((target, doubt)) = self.suspect.take() else { return };
        let found = self.shared.dialer.start_at(target.address).await;
        if self.proof(&target, found) == Proof::Another {
            doubt.void();
        }
    }

    /// In how many milliseconds something is due.
    fn wait(&self) -> Option<Millis> {
        let now = self.shared.clock.monotonic();
        let shared = &self.shared;
        let idle = (shared.idle_ms > 0).then(|| self.pump.moved_at.saturating_add(shared.idle_ms));
        let stall = self.pump.stalled_since.map(|at| at.saturating_add(shared.stall_ms));
        let due = self.pump.session.deadline().into_iter().chain(idle).chain(stall).min();
        let due = due.map(|at| at.saturating_sub(now));
        let again = self.blocked.then_some(LOOK_AGAIN_MS);
        let redial = self.redial_wait().filter(|_| self.pump.session.wants_dial());
        due.into_iter().chain(again).chain(redial).min()
    }

    fn timer(&mut self) {
        let now = self.shared.clock.monotonic();
        let is_over =
            |since: Millis, limit: Millis| limit > 0 && now >= since.saturating_add(limit);
        let unsent = self.pump.down.is_pending();
        self.pump.session.timer(unsent, now);
        let stalled = self.pump.stalled_since;
        if stalled.is_some_and(|since| is_over(since, self.shared.stall_ms)) {
            self.pump.session.stop(Ending::Stalled);
        }
        if is_over(self.pump.moved_at, self.shared.idle_ms) {
            if self.pump.is_busy() {
                self.pump.moved_at = now;
            } else {
                self.pump.session.stop(Ending::Idle);
            }
        }
    }

    /// The last words, and the end of both connections.
    async fn close(&mut self, ending: Ending) {
        self.attend();
        self.pump.drop_server();
        self.pump.count(&self.shared.metrics);
        if ending.is_abrupt() {
            return self.pump.client.reset_on_drop();
        }
        if ending == Ending::ClientBroke {
            return;
        }
        let pump = &mut self.pump;
        let spoken = timeout(LAST_WORDS, poll_fn(|cx| pump.poll_last_words(cx))).await;
        if spoken.is_err() || !self.pump.has_said_all() {
            return;
        }
        // Closing with unread bytes would take the last words back.
        let client = &mut self.pump.client;
        let closed = timeout(LINGER, async {
            let _ = poll_fn(|cx| client.poll_shutdown(cx)).await;
            let mut rest = [0; 512];
            for _ in 0..256 {
                match poll_fn(|cx| client.poll_read(cx, &mut rest)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        });
        let _ = closed.await;
    }
}
