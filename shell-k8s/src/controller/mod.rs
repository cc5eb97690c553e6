//! The loop: wake, observe, decide, apply, journal, wait. Events only wake it; what it does follows
//! from what it sees then.

mod apply;
mod effects;
mod election;
mod journal;
mod looks;
mod marks;
mod meters;
mod mind;
mod moves;
mod notes;
mod peers;
mod set;
mod status;
mod warnings;

pub(crate) use meters::Meters;

pub use effects::{Effects, Heard, Lease, Members, Probing, Unavailable};
pub use journal::Sink;
pub use mind::Mind;
pub use moves::Move;
pub use status::{Status, TriedStep};
pub use warnings::{Warning, WarningKind};

use crate::{
    cluster::{Note, Shown},
    memgraph::Endpoints,
};
use apply::{Applied, apply};
use gateway::{
    clock::Clock,
    controllers::{
        AskError, Controllers,
        desk::Desk,
        wire::{Ask, Reply},
    },
};
use ha_core::{
    desired::Desired,
    history::{Outcome, Patience},
    ids::{ControllerId, InstanceId},
    leadership::{Timing, Word},
    observation::StoredRecord,
    plan::{Plan, Step},
};
use looks::Looks;
use status::Board;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout, timeout_at},
};
use tracing::Instrument;

/// How a controller works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster as it is asked for at the start; orders change it.
    pub desired: Desired,
    /// Lease, grants, promises.
    pub timing: Timing,
    /// When something is suspect.
    pub patience: Patience,
    /// How often an instance is looked at.
    pub look_period: Duration,
    /// How long a pass waits for instances that answered last time, and for the API server.
    pub look_bound: Duration,
    /// How often the StatefulSet is read.
    pub set_period: Duration,
    /// How soon it looks again after a step that was not done.
    pub again: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            desired: Desired::default(),
            timing: Timing::default(),
            patience: Patience::default(),
            look_period: Duration::from_secs(1),
            look_bound: Duration::from_millis(250),
            set_period: Duration::from_secs(10),
            again: Duration::from_millis(100),
        }
    }
}

/// What the tasks of one controller share.
struct Shared {
    settings: Settings,
    effects: Arc<dyn Effects>,
    mind: Mutex<Mind>,
    /// What is known of the StatefulSet.
    set: Mutex<set::Set>,
    wakes: Notify,
    /// Somebody says that the lease was given up.
    freed: Notify,
    desk: Desk,
    board: Board,
    meters: Meters,
    pad: notes::Pad,
    /// Taken by whoever runs.
    noted: Mutex<Option<mpsc::Receiver<Note>>>,
}

impl Shared {
    fn mind(&self) -> MutexGuard<'_, Mind> {
        // Nothing that is done under the lock can leave it half-done.
        self.mind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self) -> MutexGuard<'_, set::Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the lease is renewed, and others are asked.
    const fn period(&self) -> Duration {
        Duration::from_millis(self.settings.timing.renew_ms)
    }

    /// Ticks in that period; what comes late shortens nothing that follows.
    fn ticks(&self) -> Interval {
        let mut ticks = interval(self.period());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    fn wake(&self) {
        self.meters.woken();
        self.wakes.notify_one();
    }

    fn note_step(&self, step: &Step, outcome: Outcome, took_ms: u64) {
        let at = self.mind().now();
        self.board.step(at, step, outcome, took_ms);
        if outcome == Outcome::Done {
            notes::step(&self.pad, step);
        }
    }
}

/// One controller process.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").field("me", &self.shared.mind().me()).finish_non_exhaustive()
    }
}

impl Controller {
    /// A controller that has done nothing yet, in the pod of that uid. `number` tells it from others
    /// in journals.
    #[must_use]
    pub fn new(
        settings: Settings,
        effects: Arc<dyn Effects>,
        (me, pod): (ControllerId, String),
        number: u8,
        clock: Clock,
        names: Endpoints,
    ) -> Self {
        let bounds = (settings.timing, settings.patience);
        let mind = Mind::start(me, (number, pod), clock, bounds, names, settings.desired.clone());
        let (pad, noted) = notes::pad();
        let shared = Arc::new_cyclic(|shared: &std::sync::Weak<Shared>| {
            let mine = shared.clone();
            let desk = Desk::new(move |ask| match mine.upgrade() {
                Some(shared) => shared.mind().answer(ask),
                None => Err(AskError::Ended),
            });
            Shared {
                settings,
                effects,
                mind: Mutex::new(mind),
                set: Mutex::default(),
                wakes: Notify::new(),
                freed: Notify::new(),
                desk,
                board: Board::new(),
                meters: Meters::new(),
                pad,
                noted: Mutex::new(Some(noted)),
            }
        });
        Self { shared }
    }

    /// Writes a journal from now on.
    pub fn keep_journal(&self, sink: Sink) {
        self.shared.mind().keep_journal(sink);
    }

    /// Answers a gateway, in the manner of a long poll.
    ///
    /// # Errors
    /// This controller may not answer now.
    pub async fn ask(&self, ask: Ask) -> Result<Reply, AskError> {
        if self.shared.mind().hear(&ask) {
            self.shared.wake();
        }
        self.shared.desk.ask(ask).await
    }

    /// The word that another controller is given, and whose it is.
    #[must_use]
    pub fn promise(&self, by: ControllerId) -> (ControllerId, Word) {
        let mut mind = self.shared.mind();
        (mind.me(), mind.promise(by))
    }

    /// Another one says that it gave the lease up: it is looked at now.
    pub fn lease_is_free(&self) {
        self.shared.freed.notify_one();
    }

    /// Lists what another controller remembers of the moves of before; false as long as the record was
    /// not read.
    #[must_use]
    pub fn inherit(&self, moves: Vec<Move>) -> bool {
        self.shared.board.inherit(moves)
    }

    /// What it knows and waits for, as of its last pass.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.shared.board.watch()
    }

    /// What is measured within.
    pub(crate) fn meters(&self) -> &Meters {
        &self.shared.meters
    }

    /// This controller.
    #[must_use]
    pub fn me(&self) -> ControllerId {
        self.shared.mind().me()
    }

    /// Whether it leads at this moment, by its own clock.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.shared.mind().leads()
    }

    /// For how long it has led, in milliseconds of its own clock; nothing if it does not.
    #[must_use]
    pub fn leads_for(&self) -> Option<u64> {
        self.shared.mind().leads_for()
    }

    /// The pods whose gateways ask this controller, whether or not it leads.
    #[must_use]
    pub fn askers(&self) -> BTreeSet<String> {
        self.shared.mind().askers()
    }

    /// Whether it might promote an instance at this moment, as far as lease, grants of other leaders and
    /// promises go.
    #[must_use]
    pub fn may_promote(&self) -> bool {
        self.shared.mind().may_promote()
    }

    /// Whether it grants although its lease ran out, since every other controller promised.
    #[must_use]
    pub fn grants_on_promises(&self) -> bool {
        self.shared.mind().is_promised()
    }

    /// Lines of the journal that were not written.
    pub(crate) fn unwritten_lines(&self) -> u64 {
        self.shared.mind().journal().map_or(0, journal::Journal::lost)
    }

    /// What the pods show of their instances, as last seen.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<InstanceId, Shown> {
        self.shared.effects.shown()
    }

    /// How instances are called.
    #[must_use]
    pub fn names(&self) -> Endpoints {
        self.shared.mind().names().clone()
    }

    /// Looks at everything again now.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Runs until `stopped` is done; then the lease is given up. False if it ended before.
    pub async fn run(&self, stopped: impl Future<Output = ()>) -> bool {
        let shared = &self.shared;
        let mut around = tokio::task::JoinSet::new();
        around.spawn(election::run(Arc::clone(shared)));
        around.spawn(peers::run(Arc::clone(shared)));
        around.spawn(watch_changes(Arc::clone(shared)));
        around.spawn(passes(Arc::clone(shared)));
        around.spawn(marks::run(Arc::clone(shared)));
        around.spawn(set::run(Arc::clone(shared)));
        around.spawn(notes::listen(Arc::clone(shared)));
        let noted = shared.noted.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(noted) = noted {
            around.spawn(notes::send(Arc::clone(shared), noted));
        }
        let is_told = tokio::select! {
            () = stopped => true,
            Some(ended) = around.join_next() => {
                tracing::error!(?ended, "a part has ended");
                false
            }
        };
        around.shutdown().await;
        let period = shared.period();
        // A lease that cannot be given up runs out.
        let _late = timeout(period, election::release(shared)).await;
        is_told
    }
}

async fn watch_changes(shared: Arc<Shared>) {
    loop {
        if let Err(error) = shared.effects.changed().await {
            // The end of this task ends the controller, and another process begins anew.
            tracing::error!(%error, "changes are not told any more");
            return;
        }
        shared.wake();
    }
}

async fn passes(shared: Arc<Shared>) {
    let mut looks = Looks::start(&shared);
    let mut awaited_since = None;
    for number in 1_u64.. {
        let begun = Instant::now();
        shared.meters.begun();
        if looks.are_incomplete() {
            return;
        }
        let span = tracing::info_span!("pass", number);
        let (plan, applied) = pass(&shared, &mut looks).instrument(span).await;
        shared.board.passed(&shared, &plan, begun.elapsed());
        awaited_since = plan.is_voter_awaited().then(|| awaited_since.unwrap_or(begun));
        match applied {
            Applied::Whole => {}
            Applied::Nothing if !plan.is_move_waiting() => {
                let awaited = awaited_since.map(|since| begun - since);
                let next = begun + pause(awaited, shared.settings.look_period);
                // To judge a silence a whole period after it is long enough would be late.
                let patience = shared.mind().patience_left().map(|left| Instant::now() + left);
                let next = patience.map_or(next, |ends| ends.min(next));
                let _woken = timeout_at(next, shared.wakes.notified()).await;
            }
            Applied::Stopped | Applied::Nothing => {
                let _woken = timeout(shared.settings.again, shared.wakes.notified()).await;
            }
        }
        // Others of this thread are let in, however fast passes follow each other.
        sleep(Duration::from_millis(1)).await;
    }
}

/// The shortest time between two passes that look for a voter.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// How long after a pass that did nothing the next one comes at the latest. Nobody tells when a voter
/// is even for which clients wait; looking adds about an eighth to that wait.
fn pause(awaited: Option<Duration>, period: Duration) -> Duration {
    awaited.map_or(period, |awaited| (awaited / 8).max(SHORTEST_PAUSE).min(period))
}

async fn pass(shared: &Shared, looks: &mut Looks) -> (Plan, Applied) {
    let bound = shared.settings.look_bound;
    if let Some((since, pods)) = shared.effects.pods() {
        let mut mind = shared.mind();
        for (id, pod) in pods {
            mind.saw_pod(since, id, pod);
        }
    }
    looks.round(bound).await;
    let (at, (seen, plan)) = {
        let mut mind = shared.mind();
        (mind.now(), mind.decide())
    };
    // Before anything is done: whoever writes an intent of another again did not begin it.
    shared.board.saw(at, &seen);
    let (steps, holds, settled) = (plan.steps.len(), plan.holds.len(), plan.settled);
    let term = seen.record.known().and_then(StoredRecord::record).map(|record| record.term.0);
    tracing::debug!(term, lease = ?seen.leadership.lease, steps, holds, settled, "decided");
    for veto in &plan.vetoes {
        tracing::error!(%veto, "a rule needed the guard");
    }
    let applied = apply(shared, &plan).await;
    (plan, applied)
}
