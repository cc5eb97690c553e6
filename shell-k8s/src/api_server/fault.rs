//! Faults on demand: for everyone, or for one client. They are switches that a test or a demo turns;
//! nothing happens by chance.

use super::{
    failure::{Failure, Reason},
    store::{Snapshot, Store},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Whom a fault is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Every client.
    Everyone,
    /// The client that uses [`super::ApiServer::uri_of`] with this name.
    Client(String),
}

impl Who {
    /// The client of this name.
    #[must_use]
    pub fn client(name: &str) -> Self {
        Self::Client(name.to_owned())
    }
}

/// The state of the way between clients and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Link {
    /// It works.
    #[default]
    Up,
    /// Nothing arrives on either side, and no connection ends. A request that was sent meanwhile is
    /// lost together with its connection; a watch tells later what it held back.
    Silent,
    /// Connections are reset; for everyone also: nobody listens, so that new ones are refused.
    Down,
}

/// How a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 429, with the seconds after which to try again.
    TooManyRequests {
        /// The seconds.
        retry_after_s: u32,
    },
    /// 500; nothing was done.
    InternalError,
    /// 503; nothing was done.
    ServiceUnavailable,
}

impl Refusal {
    fn failure(self) -> Failure {
        let (reason, retry_after_s) = match self {
            Self::TooManyRequests { retry_after_s } => {
                (Reason::TooManyRequests, Some(retry_after_s))
            }
            Self::InternalError => (Reason::InternalError, None),
            Self::ServiceUnavailable => (Reason::ServiceUnavailable, None),
        };
        let message = "the server was told to refuse this call";
        Failure { retry_after_s, ..Failure::new(reason, message) }
    }
}

/// A fault that holds for a number of calls.
#[derive(Debug, Clone)]
struct Counted<T> {
    left: u32,
    what: T,
}

#[derive(Debug, Default)]
struct Switches {
    link: Link,
    delay: Duration,
    refusal: Option<Counted<Refusal>>,
    lost_answers: u32,
    late_writes: Option<Counted<Duration>>,
    frozen: Option<Arc<Snapshot>>,
    cuts: u64,
}

/// What befalls one request.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// The wait before anything else.
    pub(super) delay: Duration,
    /// It is refused.
    pub(super) refusal: Option<Failure>,
    /// It is carried out, and its answer is lost.
    pub(super) is_answer_lost: bool,
    /// It is carried out so much later, whether its client waits or not.
    pub(super) late: Option<Duration>,
    /// It reads these objects in place of those of now.
    pub(super) reads: Option<Arc<Snapshot>>,
}

/// The switches of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Faults {
    switches: Arc<Mutex<BTreeMap<Who, Switches>>>,
    changed: Arc<watch::Sender<u64>>,
    store: Store,
}

impl Faults {
    pub(super) fn new(store: Store) -> Self {
        Self { switches: Arc::default(), changed: Arc::new(watch::Sender::new(0)), store }
    }

    fn switches(&self) -> MutexGuard<'_, BTreeMap<Who, Switches>> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, who: Who, turn: impl FnOnce(&mut Switches)) {
        turn(self.switches().entry(who).or_default());
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Takes every fault away.
    pub fn clear(&self) {
        // Cuts are counted, so they stay.
        for switches in self.switches().values_mut() {
            *switches = Switches { cuts: switches.cuts, ..Switches::default() };
        }
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The way to the server. A client's way is as bad as the worse of its own and everyone's.
    pub fn link(&self, who: Who, link: Link) {
        self.turn(who, |switches| switches.link = link);
    }

    /// Every request waits so long before the server looks at it.
    pub fn delay(&self, who: Who, delay: Duration) {
        self.turn(who, |switches| switches.delay = delay);
    }

    /// The next calls are refused.
    pub fn refuse(&self, who: Who, calls: u32, how: Refusal) {
        self.turn(who, |switches| switches.refusal = Some(Counted { left: calls, what: how }));
    }

    /// The next writes are carried out, and the connection ends in place of an answer.
    pub fn lose_answers(&self, who: Who, writes: u32) {
        self.turn(who, |switches| switches.lost_answers = writes);
    }

    /// The next writes land so much later, also if their client is gone by then.
    pub fn delay_writes(&self, who: Who, writes: u32, late: Duration) {
        let counted = Counted { left: writes, what: late };
        self.turn(who, |switches| switches.late_writes = Some(counted));
    }

    /// Watches that run end at once; new ones may begin.
    pub fn cut_watches(&self, who: Who) {
        self.turn(who, |switches| switches.cuts += 1);
    }

    /// GET and LIST answer from the objects as they are now, until [`Faults::thaw_reads`].
    pub fn freeze_reads(&self, who: Who) {
        let now = Arc::new(self.store.snapshot());
        self.turn(who, |switches| switches.frozen = Some(now));
    }

    /// GET and LIST answer from the objects as they were at a version, until
    /// [`Faults::thaw_reads`].
    ///
    /// # Errors
    /// The version is not kept.
    pub fn freeze_reads_at(&self, who: Who, version: u64) -> Result<(), Failure> {
        let then = Arc::new(self.store.snapshot_at(version)?);
        self.turn(who, |switches| switches.frozen = Some(then));
        Ok(())
    }

    /// GET and LIST answer from the newest objects again.
    pub fn thaw_reads(&self, who: Who) {
        self.turn(who, |switches| switches.frozen = None);
    }

    /// Watches cannot begin at a version before now any more.
    pub fn forget_history(&self) {
        self.store.forget_history();
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The way of a client; the name is empty for one that has none.
    pub(super) fn link_of(&self, client: &str) -> Link {
        let switches = self.switches();
        let link = |who| switches.get(who).map_or(Link::Up, |switches| switches.link);
        link(&Who::Everyone).max(link(&Who::client(client)))
    }

    pub(super) fn is_down_for_everyone(&self) -> bool {
        self.switches().get(&Who::Everyone).is_some_and(|switches| switches.link == Link::Down)
    }

    /// A number that grows when watches of this client are cut.
    pub(super) fn cuts_of(&self, client: &str) -> u64 {
        let switches = self.switches();
        let cuts = |who| switches.get(who).map_or(0, |switches| switches.cuts);
        cuts(&Who::Everyone) + cuts(&Who::client(client))
    }

    /// What befalls the request that arrives now; counts it.
    pub(super) fn fate(&self, client: &str, is_write: bool) -> Fate {
        let mut switches = self.switches();
        let mut fate = Fate::default();
        for who in [Who::client(client), Who::Everyone] {
            let Some(switches) = switches.get_mut(&who) else { continue };
            fate.delay = fate.delay.max(switches.delay);
            if fate.refusal.is_none() {
                fate.refusal = spend(&mut switches.refusal).map(Refusal::failure);
            }
            if is_write && fate.refusal.is_none() {
                if !fate.is_answer_lost && switches.lost_answers > 0 {
                    switches.lost_answers -= 1;
                    fate.is_answer_lost = true;
                }
                fate.late = fate.late.or_else(|| spend(&mut switches.late_writes));
            }
            fate.reads = fate.reads.or_else(|| switches.frozen.clone());
        }
        fate
    }
}

/// Takes one call off a counted fault.
fn spend<T: Copy>(fault: &mut Option<Counted<T>>) -> Option<T> {
    let counted = fault.as_mut().filter(|counted| counted.left > 0)?;
    counted.left -= 1;
    Some(counted.what)
}
