//! When each process acts by itself: periods of looks, renewals, questions and heartbeats, delays
//! of the kubelet, deadlines of messages. It only keeps times; what is due is judged by the
//! scheduler.

use crate::world::MessageId;
use ha_core::leadership::Millis;
use std::collections::BTreeMap;

/// How long an ended container stays down.
pub(super) const RESTART_MS: Millis = 300;
/// How long a name has no pod.
pub(super) const RECREATE_MS: Millis = 1_000;
/// How long a new pod has no address.
pub(super) const ADDRESS_MS: Millis = 100;
/// How long a pod that is to go may stay.
pub(super) const GRACE_MS: Millis = 30_000;
/// How often a controller looks at everything.
pub(super) const LOOK_MS: Millis = 1_000;
/// How soon after a change it looks again.
pub(super) const SOON_MS: Millis = 1;
/// How soon after an effect that was not done.
pub(super) const AGAIN_MS: Millis = 100;
/// How soon it notices that a socket closed or a port opened.
pub(super) const NOTICE_MS: Millis = 5;
/// How long a controller waits for an effect.
pub(super) const GIVE_UP_MS: Millis = 10_000;
/// How often a gateway asks.
pub(super) const ASK_MS: Millis = 1_000;
/// How often while it drains.
pub(super) const ASK_DRAINING_MS: Millis = 50;
/// How often a main's heartbeat threads run (MR 2.4).
pub(super) const BEAT_MS: Millis = 1_000;
/// How long the API server may leave a request unanswered.
pub(super) const API_MS: Millis = 5_000;

/// Of one controller.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ControllerTimer {
    pub(super) look: Millis,
    pub(super) renew: Millis,
    pub(super) start: Option<Millis>,
    pub(super) give_up: Option<Millis>,
}

/// Of one body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BodyTimer {
    pub(super) beat: Millis,
    pub(super) start: Option<Millis>,
    pub(super) create: Option<Millis>,
    pub(super) address: Option<Millis>,
    pub(super) remove: Option<Millis>,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Timers {
    pub(super) controllers: Vec<ControllerTimer>,
    pub(super) gateways: Vec<Millis>,
    pub(super) bodies: Vec<BodyTimer>,
    pub(super) messages: BTreeMap<MessageId, Millis>,
}

impl Timers {
    pub(super) fn new(controllers: u8, gateways: u8, instances: u8) -> Self {
        Self {
            controllers: vec![ControllerTimer::default(); controllers.into()],
            gateways: vec![0; gateways.into()],
            bodies: vec![BodyTimer::default(); instances.into()],
            messages: BTreeMap::new(),
        }
    }

    /// Every controller looks no later than this.
    pub(super) fn look_by(&mut self, at: Millis) {
        for timer in &mut self.controllers {
            timer.look = timer.look.min(at);
        }
    }

    /// Every gateway asks no later than this.
    pub(super) fn ask_by(&mut self, at: Millis) {
        for timer in &mut self.gateways {
            *timer = (*timer).min(at);
        }
    }
}

/// What a scan of everything that could be due found.
#[derive(Debug)]
pub(super) struct Scan {
    now: Millis,
    next: Millis,
}

impl Scan {
    pub(super) const fn new(now: Millis) -> Self {
        Self { now, next: Millis::MAX }
    }

    /// Whether this time has come; if not, it is remembered.
    pub(super) const fn is_due(&mut self, at: Millis) -> bool {
        if at <= self.now {
            return true;
        }
        if at < self.next {
            self.next = at;
        }
        false
    }

    /// The same for a delay that begins when it is first asked for.
    pub(super) fn is_over(&mut self, timer: &mut Option<Millis>, delay: Millis) -> bool {
        let now = self.now;
        let at = *timer.get_or_insert(now + delay);
        self.is_due(at)
    }

    /// The earliest time remembered.
    pub(super) const fn next(&self) -> Millis {
        self.next
    }
}
