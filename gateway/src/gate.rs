//! The write grant as all sessions of this process see it. What a grant allows is judged by
//! [`GrantHolder`]; here it is shared, so that no byte passes after it has ended.
//!
//! A session writes within [`Gate::permit`], which looks at the grant, and keeps it from being
//! changed until the write is done. So when a withdrawal has returned, no session is between its look
//! and its write, and the next question, which acknowledges the withdrawal, is true.

use crate::{
    clock::Clock,
    controllers::wire::Reply,
    session::Standing,
    shard::{Held, SHARDS, Shard},
};
use ha_core::{
    grant::{GrantHolder, Question, Refused},
    ids::{GatewayId, InstanceRef, Term},
    leadership::Millis,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::{Notify, watch};

/// Where writes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Which instance, in which life.
    pub instance: InstanceRef,
    /// Where it answers Bolt.
    pub address: SocketAddr,
}

/// An instance that reads may go to while the grant lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readable {
    /// Which one.
    pub target: Target,
    /// Commits wait for it, so that reads go there last.
    pub votes: bool,
    /// It is the main, where that is allowed for want of a replica.
    pub is_main: bool,
}

/// The route as of its last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The number of the route. Grows with the term, so that nobody is promoted within one:
    /// connections to a main of before may not be used any more, and a replica of before may have
    /// been the main.
    pub route_no: u64,
    /// What may be done under it.
    pub standing: Standing,
    /// Where writes go, or went before the grant ran out.
    pub target: Option<Target>,
    /// Grows whenever other instances may be read from.
    pub reads: u64,
}

#[derive(Debug)]
struct State {
    holder: GrantHolder,
    view: View,
    /// Where reads may go, as of the last open route. No list of a closed one takes its place: until
    /// a route is open again nobody reads, and who may stay with his replica then does.
    readable: Arc<[Readable]>,
    term: Term,
    /// When the present grant was given, in monotonic time.
    granted: Option<Millis>,
    /// Since when there is no open route.
    closed_since: Option<Millis>,
}

/// The grant, shared.
#[derive(Debug)]
pub struct Gate {
    clock: Clock,
    /// Reads go to the main where there is no replica.
    reads_main: bool,
    shards: Box<[Shard]>,
    state: Mutex<State>,
    changes: watch::Sender<View>,
    next_shard: AtomicU64,
    is_draining: AtomicBool,
    /// Grants that were given up.
    voided: AtomicU64,
    /// Somebody should ask at once.
    urgent: Notify,
}

impl Gate {
    /// A process that starts: it holds nothing. `limit_ms` is the longest grant that it takes.
    #[must_use]
    pub fn new(id: GatewayId, limit_ms: Millis, clock: Clock) -> Self {
        let holder = GrantHolder::start(id, limit_ms);
        let view = View { route_no: 0, standing: Standing::Closed, target: None, reads: 0 };
        let readable: Arc<[Readable]> = Arc::new([]);
        let held = Held { holder: holder.clone(), route_no: 0, readable: Arc::clone(&readable) };
        let closed_since = Some(clock.monotonic());
        Self {
            clock,
            reads_main: false,
            shards: (0..SHARDS).map(|_| Shard::new(held.clone())).collect(),
            state: Mutex::new(State {
                holder,
                view,
                readable,
                term: Term(0),
                granted: None,
                closed_since,
            }),
            changes: watch::Sender::new(view),
            next_shard: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
            voided: AtomicU64::new(0),
            urgent: Notify::new(),
        }
    }

    /// The same, where reads may go to the main for want of a replica.
    #[must_use]
    pub fn with_reads_from_main(self, allowed: bool) -> Self {
        Self { reads_main: allowed, ..self }
    }

    /// The clocks that it goes by.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Tells of every change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<View> {
        self.changes.subscribe()
    }

    /// The route now.
    #[must_use]
    pub fn view(&self) -> View {
        *self.changes.borrow()
    }

    /// A group for a new session.
    pub(crate) fn join_shard(&self) -> usize {
        usize::try_from(self.next_shard.fetch_add(1, Relaxed)).unwrap_or(0) % SHARDS
    }

    pub(crate) fn shard(&self, index: usize) -> &Shard {
        &self.shards[index % SHARDS]
    }

    /// Runs `write` if bytes may pass now on a connection opened under `route_no`; the grant
    /// does not change while it runs, so it must not wait for anything.
    pub fn permit<R>(&self, shard: usize, route_no: u64, write: impl FnOnce() -> R) -> Option<R> {
        let held = self.shard(shard).held.read().unwrap_or_else(PoisonError::into_inner);
        let passes = held.route_no == route_no && held.holder.live(self.clock.now()).is_some();
        passes.then(write)
    }

    /// Runs `write` if bytes may pass now between a client that reads and `target`. A replica may be
    /// the next main, and one that was promoted takes writes on any connection: so reads end with the
    /// grant, and a gateway that acknowledges its end reads from nobody. Whoever reads under another
    /// `route_no` has to see first that it was one thing or another in between.
    pub fn permit_read<R>(
        &self,
        shard: usize,
        route_no: u64,
        target: &Target,
        write: impl FnOnce() -> R,
    ) -> Option<R> {
        let held = self.shard(shard).held.read().unwrap_or_else(PoisonError::into_inner);
        let passes = held.route_no == route_no
            && held.readable.iter().any(|it| it.target == *target)
            && held.holder.live(self.clock.now()).is_some();
        passes.then(write)
    }

    /// Where reads may go while the grant lives.
    #[must_use]
    pub fn readable(&self) -> Arc<[Readable]> {
        Arc::clone(&self.state().readable)
    }

    /// What `target` is for those who read, and under which number of the route; nothing if it is to
    /// be left.
    #[must_use]
    pub fn reads_from(&self, target: &Target) -> Option<(u64, Readable)> {
        let state = self.state();
        let found = state.readable.iter().find(|it| it.target == *target)?;
        Some((state.view.route_no, *found))
    }

    /// The next question. `is_urgent` waits for this to be called.
    pub fn ask(&self) -> Question {
        let now = self.clock.now();
        let busy: i64 = self.shards.iter().map(|shard| shard.busy.load(Relaxed)).sum();
        let last = self.shards.iter().map(|shard| shard.last_byte.load(Relaxed)).max();
        let last_byte = last.filter(|at| *at > 0).map(|at| now.monotonic.saturating_sub(at));
        let mut state = self.state();
        let question = state.holder.ask(now, busy > 0, last_byte);
        self.publish(&mut state);
        question
    }

    /// A reply to the latest question.
    ///
    /// # Errors
    /// Why it was refused; the reply changes nothing then.
    pub fn answered(&self, reply: &Reply) -> Result<(), Refused> {
        let mut state = self.state();
        // A grant that ran out before this is seen to have, whatever comes now.
        self.publish(&mut state);
        state.holder.answered(&reply.answer)?;
        match (reply.main(), reply.main_address) {
            (Some(instance), Some(address)) => {
                let target = Target { instance, address };
                if state.view.target != Some(target) || state.term != reply.answer.term {
                    state.view.route_no += 1;
                }
                state.view.target = Some(target);
                state.term = reply.answer.term;
                state.granted = Some(self.clock.monotonic());
                let readable = self.readable_of(reply);
                if *state.readable != *readable {
                    state.readable = readable.into();
                    state.view.reads += 1;
                }
            }
            (Some(_) | None, _) => Self::withdraw(&mut state),
        }
        self.publish(&mut state);
        Ok(())
    }

    /// Where reads may go under an open route.
    fn readable_of(&self, reply: &Reply) -> Vec<Readable> {
        let replicas = reply.replicas.iter().map(|replica| Readable {
            target: Target { instance: replica.instance, address: replica.address },
            votes: replica.votes,
            is_main: false,
        });
        let main = reply.main().zip(reply.main_address).filter(|_| self.reads_main);
        let main = main.map(|(instance, address)| Readable {
            target: Target { instance, address },
            votes: true,
            is_main: true,
        });
        replicas.chain(main).collect()
    }

    /// The stored record names this term.
    pub fn saw_term(&self, term: Term) {
        let mut state = self.state();
        state.holder.saw_term(term);
        if state.view.target.is_some() && state.term < term {
            Self::withdraw(&mut state);
            self.urgent.notify_one();
        }
        self.publish(&mut state);
    }

    /// The instance closed or refused a connection of this route: the grant is void until one that is
    /// asked for later comes.
    pub fn void(&self, route_no: u64) {
        let mut state = self.state();
        if state.view.route_no != route_no {
            return;
        }
        let now = self.clock.now();
        let had_one = state.holder.live(now).is_some();
        self.voided.fetch_add(u64::from(had_one), Relaxed);
        if had_one {
            tracing::warn!(
                term = %state.term,
                "the instance closed or refused a connection: its grant is void"
            );
        }
        state.holder.void(now);
        self.publish(&mut state);
        drop(state);
        self.urgent.notify_one();
    }

    /// Grants that were given up because an instance closed or refused a connection.
    pub fn voided(&self) -> u64 {
        self.voided.load(Relaxed)
    }

    /// The clock moved: a grant may have run out.
    pub fn mind(&self) {
        let mut state = self.state();
        self.publish(&mut state);
    }

    /// In how many milliseconds the present grant runs out, if it is alive.
    #[must_use]
    pub fn expires_in(&self) -> Option<Millis> {
        let now = self.clock.now();
        self.state().holder.live(now).map(|grant| grant.lasts(now))
    }

    /// For how long the present grant has been held without a new answer, in milliseconds.
    #[must_use]
    pub fn grant_age(&self) -> Option<Millis> {
        let now = self.clock.now();
        let state = self.state();
        state.holder.live(now)?;
        state.granted.map(|at| now.monotonic.saturating_sub(at))
    }

    /// For how long there has been no open route, in milliseconds.
    #[must_use]
    pub fn closed_for(&self) -> Option<Millis> {
        let since = self.state().closed_since?;
        Some(self.clock.monotonic().saturating_sub(since))
    }

    /// Waits until a question should be asked at once.
    pub(crate) async fn is_urgent(&self) {
        self.urgent.notified().await;
    }

    /// A session has nothing open any more; while draining, that is worth a question.
    pub(crate) fn idle(&self, shard: usize) {
        self.shard(shard).busy.fetch_sub(1, Relaxed);
        if self.is_draining.load(Relaxed) {
            self.urgent.notify_one();
        }
    }

    pub(crate) fn busy(&self, shard: usize) {
        self.shard(shard).busy.fetch_add(1, Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is no route any more; connections of before are of no use.
    const fn withdraw(state: &mut State) {
        if state.view.target.is_some() {
            state.view.route_no += 1;
        }
        state.view.target = None;
        state.granted = None;
    }

    /// Puts the state where sessions look. When this returns, none of them writes under another.
    fn publish(&self, state: &mut State) {
        let now = self.clock.now();
        state.view.standing = match (state.holder.live(now), state.view.target) {
            (_, None) => Standing::Closed,
            (None, Some(_)) => Standing::Frozen,
            (Some(grant), Some(_)) if grant.draining => Standing::Draining,
            (Some(_), Some(_)) => Standing::Open,
        };
        for shard in &self.shards {
            let mut held = shard.held.write().unwrap_or_else(PoisonError::into_inner);
            let readable = Arc::clone(&state.readable);
            *held = Held { holder: state.holder.clone(), route_no: state.view.route_no, readable };
        }
        let before = *self.changes.borrow();
        if state.view == before {
            return;
        }
        let is_open = state.view.standing == Standing::Open;
        self.is_draining.store(state.view.standing == Standing::Draining, Relaxed);
        match (is_open, state.closed_since) {
            (true, Some(since)) => {
                let closed_for_ms = now.monotonic.saturating_sub(since);
                tracing::info!(term = %state.term, closed_for_ms, "writes are routed");
                state.closed_since = None;
            }
            (false, None) => {
                let standing = state.view.standing;
                tracing::info!(term = %state.term, ?standing, "writes are held");
                state.closed_since = Some(now.monotonic);
            }
            (true, None) | (false, Some(_)) => {}
        }
        self.changes.send_replace(state.view);
    }
}
