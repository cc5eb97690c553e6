//! What an instance says of its program and its settings: each that makes the promise impossible is
//! named, and keeps the route from opening.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/said.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod said;

use bases::{base, bolt, mg};
use ha_core::{
    observation::{Engine, EngineVersion, Route},
    plan,
    reason::{Reason, UnsafeEngine},
    rules::RuleId,
};
use said::steps;

const OLD: EngineVersion = EngineVersion { major: 3, minor: 7 };

/// A setting, and the name that it is held back by.
type Row = (fn(&mut Engine), UnsafeEngine);

const ROWS: &[Row] = &[
    (|engine| engine.version = OLD, UnsafeEngine::Version(OLD)),
    (|engine| engine.wal = false, UnsafeEngine::NoWal),
    (|engine| engine.transactional = false, UnsafeEngine::StorageMode),
    (|engine| engine.recovers_data = false, UnsafeEngine::ForgetsData),
    (|engine| engine.restores_state = false, UnsafeEngine::ForgetsState),
    (|engine| engine.check_period_s = 0, UnsafeEngine::NoReplicaCheck),
];

#[test]
fn an_unsafe_engine_is_named_and_keeps_the_route_closed() {
    for (set, name) in ROWS {
        for id in [mg(0), mg(1)] {
            let mut obs = base("settled");
            obs.route.handed_out = Route::Closed;
            obs.route.outstanding.clear();
            assert!(!steps(&obs, RuleId::R10).is_empty(), "without it the route opens");
            set(&mut bolt(&mut obs, id).expect("an answer").engine);
            let planned = plan(&obs);
            assert_eq!(steps(&obs, RuleId::R10), [], "{name}: {planned}");
            assert!(!planned.settled, "{name}");
            let of_x40 = planned.holds.iter().filter(|hold| hold.rule == RuleId::X40);
            let said: Vec<_> = of_x40.map(|hold| &hold.reason).collect();
            assert_eq!(said, [&Reason::UnsafeEngine(*name)], "{name}");
        }
    }
}
