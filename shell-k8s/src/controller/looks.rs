//! Looking at everything: a task for each instance and each object, so that none waits for another. A
//! connection that ends is noticed at once; whoever is silent or slow costs nobody but its own task,
//! and what comes late still counts.

use super::{Shared, effects::Probing};
use ha_core::{ids::InstanceId, leadership::Millis, reading::Why};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until, timeout_at},
};

/// The first wait after a look that found nobody. Each is an eighth longer than the one before: so
/// much may be added to the time that clients wait for an instance to start.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// How far the looks at one instance or object are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Done {
    /// The latest round for which it was looked at.
    round: u64,
    /// Whether the last look found nobody.
    in_trouble: bool,
}

/// Asks all tasks to look, and hears when they have.
pub(super) struct Looks {
    shared: Arc<Shared>,
    round: watch::Sender<u64>,
    instances: BTreeMap<InstanceId, (watch::Receiver<Done>, AbortHandle)>,
    objects: Vec<watch::Receiver<Done>>,
    /// They end with this.
    tasks: JoinSet<()>,
}

impl Looks {
    /// Starts a task for each object.
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        let round = watch::Sender::new(0);
        let mut tasks = JoinSet::new();
        let task = |object| {
            let (sender, done) = watch::channel(Done::default());
            tasks.spawn(read(Arc::clone(shared), object, round.subscribe(), sender));
            done
        };
        let objects = [Object::Record, Object::Orders].map(task).into();
        Self { shared: Arc::clone(shared), round, instances: BTreeMap::new(), objects, tasks }
    }

    /// Whether a task has ended, which none does by itself.
    pub(super) fn are_incomplete(&mut self) -> bool {
        // Those that were told to end are taken out on the way.
        while let Some(ended) = self.tasks.try_join_next() {
            if !ended.is_err_and(|error| error.is_cancelled()) {
                return true;
            }
        }
        false
    }

    /// Has a task for each of these instances, and for no other.
    fn keep_to(&mut self, concerned: &BTreeSet<InstanceId>) {
        self.instances.retain(|id, (_, task)| {
            let stays = concerned.contains(id);
            if !stays {
                task.abort();
            }
            stays
        });
        for id in concerned {
            self.instances.entry(*id).or_insert_with(|| {
                let (sender, done) = watch::channel(Done::default());
                let task = Task {
                    shared: Arc::clone(&self.shared),
                    id: *id,
                    prober: self.shared.effects.prober(*id),
                    round: self.round.subscribe(),
                    done: sender,
                };
                (done, self.tasks.spawn(task.run()))
            });
        }
    }

    /// Has everybody looked at who is concerned by now, and waits for those that answered last time,
    /// within a bound. Whoever is in trouble is looked at too; nobody waits for that. A look that was
    /// late once is waited for again until it fails: passes that did not wait would soon register one
    /// that hangs, for which its main stands still ten seconds (MR 8).
    pub(super) async fn round(&mut self, bound: Duration) {
        let concerned = self.shared.mind().concerned();
        self.keep_to(&concerned);
        let until = Instant::now() + bound;
        let mut round = 0;
        self.round.send_modify(|number| {
            *number += 1;
            round = *number;
        });
        for done in self.instances.values_mut().map(|(done, _)| done).chain(&mut self.objects) {
            let waited = done.wait_for(|done| done.in_trouble || done.round >= round);
            // Whoever is late is seen in the next pass.
            let _late = timeout_at(until, waited).await;
        }
    }
}

/// An object of the API server.
#[derive(Debug, Clone, Copy)]
enum Object {
    Record,
    Orders,
}

impl Object {
    const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Orders => "orders",
        }
    }
}

/// Reads an object in each round. What cannot be read keeps its age, and is acted on accordingly.
async fn read(
    shared: Arc<Shared>,
    object: Object,
    mut rounds: watch::Receiver<u64>,
    done: watch::Sender<Done>,
) {
    let mut was_in_trouble = false;
    while rounds.changed().await.is_ok() {
        let round = *rounds.borrow_and_update();
        let (begun, began) = (Instant::now(), shared.mind().now());
        let read = match object {
            Object::Record => shared.effects.record().await.map(|stored| {
                shared.mind().saw_record(began, stored);
            }),
            Object::Orders => match shared.effects.desired().await {
                Ok(desired) => {
                    shared.mind().saw_desired(desired);
                    Ok(())
                }
                Err(error) => {
                    shared.mind().missed_desired(error.to_string());
                    Err(error)
                }
            },
        };
        match &read {
            Err(error) if !was_in_trouble => tracing::warn!(%error, ?object, "it cannot be read"),
            Ok(()) if was_in_trouble => tracing::info!(?object, "it can be read again"),
            Ok(()) | Err(_) => {}
        }
        was_in_trouble = read.is_err();
        shared.meters.read(object.name(), read.is_ok(), begun.elapsed());
        done.send_replace(Done { round, in_trouble: was_in_trouble });
        if begun.elapsed() > shared.settings.look_bound {
            // Nobody waited for it any more.
            shared.wake();
        }
    }
}

struct Task {
    shared: Arc<Shared>,
    id: InstanceId,
    prober: Box<dyn Probing>,
    round: watch::Receiver<u64>,
    done: watch::Sender<Done>,
}

impl Task {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let round = *self.round.borrow_and_update();
            let begun = Instant::now();
            let in_trouble = self.look().await;
            self.done.send_replace(Done { round, in_trouble });
            let period = self.shared.settings.look_period;
            let next = if in_trouble {
                pause = (pause + pause / 8).min(period);
                begun + pause
            } else {
                pause = FIRST_PAUSE;
                begun + period
            };
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.prober.closed() => self.shared.wake(),
                // One in trouble keeps its own pace: whoever decides does not wait for it.
                Ok(()) = self.round.changed(), if !in_trouble => {}
            }
        }
    }

    /// Looks once; whether nobody was found.
    async fn look(&mut self) -> bool {
        let begun = Instant::now();
        let (pod, began): (_, Millis) = {
            let mind = self.shared.mind();
            (mind.pod(self.id), mind.now())
        };
        let found = match pod {
            Some(pod) if pod.address.is_some() => self.prober.look(pod).await,
            Some(_) | None => Err(Why::NoAddress),
        };
        self.shared.meters.looked(self.id, &found, begun.elapsed());
        let in_trouble = found.is_err();
        let changed = {
            let mut mind = self.shared.mind();
            let before = mind.contact(self.id);
            mind.looked(began, self.id, found);
            before != mind.contact(self.id)
        };
        if changed {
            self.shared.wake();
        }
        in_trouble
    }
}
