//! What real drivers said, and a change at every byte of it: the route moves, the instance is lost, the
//! client's socket is full, the grant runs out and comes again or does not, the main drains.

mod support;

use gateway::session::{Policy, Standing};
use support::{
    laws::{judge, steps},
    recorded::{NAMES, Recording},
    requests::Told,
    rig::{HOLD_MS, Rig, policy},
};

#[test]
fn what_drivers_said_passes_unchanged() {
    for name in NAMES {
        let recording = Recording::of(name);
        let mut rig = Rig::recorded(&recording, policy());
        rig.run();
        assert!(rig.is_said(), "{name}: {:?}", rig.ending);
        assert!(rig.delivered[0].ends_with(&recording.messages()), "{name}");
        let told: Vec<_> = recording.writes().iter().map(|it| (*it, Told::Acked)).collect();
        assert_eq!(rig.told, told, "{name}");
        assert_eq!(rig.database(0).committed, recording.writes(), "{name}");
        assert_eq!(rig.database(0).refused, 1, "{name}: a statement without its end");
        // Each wrote alone, within transactions, and gave one up.
        for write in [1, 2, 3, 6] {
            assert!(recording.writes().contains(&write), "{name}: {write}");
        }
        assert!(!recording.writes().contains(&5), "{name}");
    }
    assert!(NAMES.iter().filter(|name| Recording::of(name).fetches_in_parts()).count() >= 3);
}

/// A login that waits for a route is in time.
fn patient() -> Policy {
    Policy { login_ms: 3 * HOLD_MS, ..policy() }
}

/// What happens at some byte.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Another instance is the main so many steps later.
    Moved(usize),
    /// The same with a client that takes nothing for so many steps before.
    Clogged(usize),
    /// The instance is killed, and what reached it was processed, or not.
    Lost(bool),
    /// The grant runs out, and comes again.
    Frozen(usize),
    /// The grant runs out, and another instance is the main when the wait has ended.
    FrozenForGood,
    /// The main drains for so many steps, and goes on.
    Drained(usize),
    /// The main drains for so many steps before it is another one.
    DrainedAndMoved(usize),
}

const CHANGES: [Change; 13] = [
    Change::Moved(0),
    Change::Moved(9),
    Change::Clogged(3),
    Change::Clogged(30),
    Change::Lost(true),
    Change::Lost(false),
    Change::Frozen(0),
    Change::Frozen(9),
    Change::FrozenForGood,
    Change::Drained(0),
    Change::Drained(30),
    Change::DrainedAndMoved(4),
    Change::DrainedAndMoved(60),
];

impl Change {
    /// Nobody is to notice.
    const fn is_harmless(self) -> bool {
        matches!(self, Self::Frozen(_) | Self::Drained(_))
    }

    /// Where the client goes on.
    const fn goes_to(self) -> usize {
        if self.is_harmless() { 0 } else { 1 }
    }

    /// Makes it happen; afterwards the way is open.
    fn happen(self, rig: &mut Rig, turn: &mut usize) {
        match self {
            Self::Moved(_) => rig.cut(),
            Self::Clogged(more) => {
                rig.is_clogged = true;
                steps(rig, turn, more, 1);
                rig.cut();
                rig.is_clogged = false;
            }
            Self::Lost(is_processed) => rig.lose(is_processed),
            Self::Frozen(_) | Self::FrozenForGood => rig.stand(Standing::Frozen),
            Self::Drained(_) => rig.stand(Standing::Draining),
            Self::DrainedAndMoved(more) => {
                rig.stand(Standing::Draining);
                steps(rig, turn, more, 1);
                rig.cut();
            }
        }
        let before = rig.delivered[0].clone();
        if let Self::Moved(more) | Self::Frozen(more) | Self::Drained(more) = self {
            steps(rig, turn, more, 1);
        }
        if matches!(self, Self::FrozenForGood) {
            rig.pass_time(rig.now + HOLD_MS);
        }
        if !matches!(self, Self::Drained(_)) {
            assert_eq!(rig.delivered[0], before, "{self:?}: bytes to who is not granted");
        }
        rig.route(self.goes_to());
        rig.run();
        if !self.is_harmless() {
            assert_eq!(rig.delivered[0], before, "{self:?}: bytes to the old instance");
        }
    }
}

/// At every byte that this driver said.
fn every_change(name: &str) {
    let recording = Recording::of(name);
    let mut whole = Rig::recorded(&recording, patient());
    let count = steps(&mut whole, &mut 0, usize::MAX, 1);
    for change in CHANGES {
        let (mut unnoticed, mut ended) = (0, 0);
        for at in 0..=count {
            let what = format!("{name}, {change:?} after {at} steps");
            let mut rig = Rig::recorded(&recording, patient());
            let mut turn = 0;
            steps(&mut rig, &mut turn, at, 1);
            change.happen(&mut rig, &mut turn);
            judge(&mut rig, &what).expect("holds");
            if rig.is_said() && rig.told.iter().all(|(_, told)| *told == Told::Acked) {
                unnoticed += 1;
            } else if rig.ending.is_some() {
                ended += 1;
            }
            if change.is_harmless() {
                assert!(rig.is_said(), "{what}: {:?}", rig.ending);
                assert_eq!(rig.database(0).committed, recording.writes(), "{what}");
            }
        }
        // Each kind is met, but for what is not to be noticed.
        assert!(unnoticed > 100, "{name}, {change:?}: {unnoticed} of {count}");
        assert_eq!(ended > 0, !change.is_harmless(), "{name}, {change:?}: {ended} of {count}");
    }
}

#[test]
fn a_change_at_every_byte_of_javascript_tells_nobody_what_is_not_true() {
    every_change("javascript");
}

#[test]
fn a_change_at_every_byte_of_mgclient_tells_nobody_what_is_not_true() {
    every_change("mgclient");
}

#[test]
fn a_change_at_every_byte_of_neo4rs_tells_nobody_what_is_not_true() {
    every_change("neo4rs");
}

#[test]
fn a_change_at_every_byte_of_python_5_tells_nobody_what_is_not_true() {
    every_change("python-5");
}

#[test]
fn a_change_at_every_byte_of_python_6_tells_nobody_what_is_not_true() {
    every_change("python-6");
}
