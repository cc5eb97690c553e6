//! The world itself: a refused event changes nothing, a world goes through a file, and each part
//! does what its file says where no schedule looks.

use super::{
    Clock, ControllerNo, Cut, Event, Fate, Happening, Kind, MessageBody, Obstacle, Place, Settings,
    World, WriteId,
};
use crate::driver::{Chance, End, Fair, Limits, Walk};
use ha_core::{
    ids::{GatewayId, InstanceId},
    observation::{Content, RoleView},
    reading::Why,
};

const CT: ControllerNo = ControllerNo(0);
const MG0: InstanceId = InstanceId(0);
const MG1: InstanceId = InstanceId(1);

fn settled(settings: &Settings) -> Fair {
    let mut fair = Fair::new(settings, ha_core::plan);
    assert_eq!(fair.settle(60_000), End::Settled);
    fair
}

fn do_all(fair: &mut Fair, events: &[&str]) {
    for text in events {
        let event: Event = text.parse().unwrap();
        fair.apply(&event).unwrap_or_else(|refused| panic!("{text}: {refused}"));
    }
}

/// Every event that could be asked of this world, sensible or not.
fn anything(world: &World, chance: &mut Chance) -> Event {
    let texts = [
        "crash mg-0",
        "start mg-1",
        "wipe mg-1",
        "power-on mg-0",
        "power-loss mg-2",
        "thaw ct-0",
        "create-pod mg-0",
        "remove-pod mg-2",
        "assign-address mg-1",
        "delete-pod mg-1",
        "heal mg-0 mg-1",
        "effect ct-0",
        "give-up ct-0",
        "decide ct-0",
        "decide ct-1",
        "renew ct-1",
        "api-up",
        "api-down",
        "stage cl-0",
        "commit cl-1",
        "begin cl-0 gw-0",
        "write cl-0 gw-0",
        "write cl-0 gw-0 w1",
        "freeze gw-0",
        "freeze ct-1",
        "freeze mg-1",
        "thaw gw-0",
        "thaw mg-1",
        "release-lease ct-1",
        "read-record ct-0 stale=9",
        "deliver beat mg-0 mg-1",
        "fail finalize mg-0 mg-1",
        "ask gw-7",
        "beat mg-0 mg-1",
        "probe ct-0 mg-9",
        "start ct-0",
        "crash ct-0",
        "restart gw-0",
        "busy mg-0",
        "cut mg-0 mg-0 silent",
        "cut mg-0 mg-9 silent",
        "overdue check mg-0 mg-1",
        "advance 700",
    ];
    if chance.once_in(2) {
        let enabled = world.enabled();
        if let Some(event) = chance.pick(&enabled) {
            return *event;
        }
    }
    chance.pick(&texts).unwrap().parse().unwrap()
}

#[test]
fn a_refused_event_changes_nothing() {
    let mut refusals = 0;
    for seed in 0..200 {
        let mut chance = Chance::new(seed);
        let mut world = settled(&Settings::default()).world;
        for _ in 0..60 {
            let event = anything(&world, &mut chance);
            let before = world.clone();
            if world.step(&event, ha_core::plan).is_err() {
                refusals += 1;
                assert!(world == before, "seed {seed}: {event} was refused and changed something");
            }
        }
    }
    assert!(refusals > 1_000, "{refusals}");
}

#[test]
fn what_is_enabled_can_happen() {
    let limits = Limits { choices: 40, faults: 5, ..Limits::default() };
    let walk = Walk::new(&Settings::default(), limits, ha_core::plan).unwrap();
    for seed in 0..60 {
        let world = walk.world_after(seed);
        for event in world.enabled().into_iter().chain(world.remedies()) {
            let done = world.clone().step(&event, ha_core::plan);
            assert!(done.is_ok(), "seed {seed}: {event}: {done:?}");
        }
    }
}

#[test]
fn a_world_goes_through_a_file() {
    let limits = Limits { choices: 40, faults: 5, ..Limits::default() };
    let walk = Walk::new(&Settings::default(), limits, ha_core::plan).unwrap();
    for seed in 0..20 {
        let world = walk.world_after(seed);
        let text = serde_json::to_string(&world).unwrap();
        let read: World = serde_json::from_str(&text).unwrap();
        assert!(read == world, "seed {seed}: it reads as another world");
    }
}

#[test]
fn clocks_run_at_their_own_rates() {
    let mut clock = Clock::default();
    clock.drift(1_000, 500);
    assert_eq!(clock.monotonic(1_000), 1_000);
    assert_eq!(clock.monotonic(1_001_000), 1_001_500);
    clock.drift(1_001_000, -500);
    assert_eq!(clock.monotonic(2_001_000), 2_001_000, "a change of rate makes no step");
    clock.jump(-3_600_000);
    assert_eq!(clock.both(2_001_000).wall, 2_001_000 - 3_600_000);
}

#[test]
fn an_instance_is_looked_for_where_its_pod_was_read() {
    let mut fair = settled(&Settings::default());
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), None);
    do_all(&mut fair, &["remove-pod mg-1", "create-pod mg-1 without-address", "start mg-1"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), Some(Why::Silent), "the old address");
    do_all(&mut fair, &["read-pods ct-0"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), Some(Why::NoAddress));
    do_all(&mut fair, &["assign-address mg-1", "read-pods ct-0"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), None);
    do_all(&mut fair, &["cut mg-1 ct-0 silent"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), Some(Why::Silent), "answers are cut");
    do_all(&mut fair, &["cut ct-0 mg-1 refuse"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), Some(Why::Refused));
    do_all(&mut fair, &["heal mg-1 ct-0", "heal ct-0 mg-1", "crash mg-1"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), Some(Why::Refused));
    do_all(&mut fair, &["power-loss mg-1"]);
    assert_eq!(fair.world.unreachable(CT, MG1).unwrap(), Some(Why::Silent), "nobody is there");
}

#[test]
fn each_life_has_its_own_names() {
    let mut fair = settled(&Settings::default());
    let life = |fair: &Fair| fair.world.body(MG1).unwrap().incarnation().unwrap();
    let first = life(&fair);
    do_all(&mut fair, &["crash mg-1", "start mg-1"]);
    let restarted = life(&fair);
    assert_eq!((restarted.pod, restarted.boot), (first.pod, first.boot));
    assert_ne!(restarted.start, first.start);
    do_all(&mut fair, &["remove-pod mg-1", "create-pod mg-1", "start mg-1"]);
    let replaced = life(&fair);
    assert_eq!(replaced.boot, first.boot, "the volume and its kernel are the same");
    assert_ne!(replaced.pod, first.pod);
    do_all(&mut fair, &["power-loss mg-1", "power-on mg-1", "start mg-1"]);
    assert_ne!(life(&fair).boot, first.boot);
}

#[test]
fn our_own_commit_counts_as_no_data() {
    let mut fair = settled(&Settings::default());
    assert!(!fair.world.body(MG0).unwrap().instance.volume.log.is_empty());
    let view = fair.world.bolt_view(MG0).unwrap();
    assert_eq!(view.content, Content::Empty);
    let RoleView::Main { rows, strangers } = view.role else { panic!("mg-0 is main") };
    assert_eq!((rows.len(), strangers.len()), (2, 0));
    do_all(&mut fair, &["write cl-0 gw-0"]);
    fair.run_for(10);
    assert_eq!(fair.world.bolt_view(MG0).unwrap().content, Content::Data);
}

#[test]
fn a_command_belongs_to_one_process() {
    let mut fair = settled(&Settings::default());
    fair.withhold("mark ct-0 mg-0".parse().unwrap());
    do_all(&mut fair, &["crash mg-1", "start mg-1"]);
    let sent = |fair: &Fair| fair.world.controller(CT).unwrap().waiting.is_some();
    assert!(fair.run_until(sent, 10_000), "a restarted voter is proven by a commit");
    do_all(&mut fair, &["crash mg-0", "start mg-0"]);
    let marks = fair.world.network.messages.keys().filter(|id| id.kind == Kind::Mark).count();
    assert_eq!(marks, 0, "what was sent to a process ends with it");
}

#[test]
fn a_request_sent_into_silence_is_in_doubt_once_the_grant_ends() {
    let mut fair = settled(&Settings::default());
    do_all(&mut fair, &["write cl-0 gw-0"]);
    fair.run_for(10);
    do_all(&mut fair, &["power-loss mg-0", "write cl-0 gw-0"]);
    let (id, message) = fair.world.network.messages.iter().next().unwrap();
    assert_eq!(id.to_string(), "request gw-0 mg-0");
    assert_eq!(fair.world.obstacle(id, message), Some(Obstacle::Dark));
    fair.run_for(10_000);
    let fates = &fair.world.clients[0].writes;
    assert_eq!(fates[&WriteId(1)], Fate::Acked);
    assert_eq!(fates[&WriteId(2)], Fate::InDoubt);
}

#[test]
fn an_answer_reaches_the_peer_before_the_end_of_its_connection() {
    let mut fair = settled(&Settings::default());
    fair.withhold("request-answer mg-0 gw-0".parse().unwrap());
    do_all(&mut fair, &["write cl-0 gw-0"]);
    fair.run_for(10);
    do_all(&mut fair, &["crash mg-0"]);
    let close = fair.world.network.messages.iter().find(|(id, _)| id.kind == Kind::Close).unwrap();
    assert!(matches!(close.1, MessageBody::Close { .. }));
    assert_eq!(fair.world.obstacle(close.0, close.1), Some(Obstacle::Behind));
    do_all(&mut fair, &["deliver request-answer mg-0 gw-0"]);
    assert_eq!(fair.world.clients[0].writes[&WriteId(1)], Fate::Acked);
}

#[test]
fn a_standby_never_ends_a_grant() {
    let mut fair = settled(&Settings::default());
    let gateway = GatewayId(0);
    fair.withhold("question gw-0 ct-0".parse().unwrap());
    let out = fair.world.step(&Event::Ask(gateway), ha_core::plan).unwrap();
    assert_eq!(out, vec![]);
    do_all(&mut fair, &["deliver question gw-0 ct-1"]);
    assert!(fair.world.network.messages.keys().all(|id| !id.answer));
    assert!(fair.world.gateway(gateway).unwrap().live(fair.world.now).is_some());
}

#[test]
fn requests_of_one_sender_keep_their_order_if_the_world_says_so() {
    for ordered in [true, false] {
        let settings = Settings { ordered, ..Settings::default() };
        let mut fair = settled(&settings);
        fair.withhold("prepare mg-0 mg-1".parse().unwrap());
        fair.withhold("check mg-0 mg-1".parse().unwrap());
        do_all(&mut fair, &["write cl-0 gw-0"]);
        fair.run_for(10);
        do_all(&mut fair, &["overdue prepare mg-0 mg-1"]);
        let check =
            |fair: &Fair| fair.world.network.messages.keys().any(|id| id.kind == Kind::Check);
        assert!(fair.run_until(check, 5_000), "a replica that failed is checked");
        let network = &fair.world.network;
        let (id, message) = network.messages.iter().find(|(id, _)| id.kind == Kind::Check).unwrap();
        let obstacle = fair.world.obstacle(id, message);
        assert_eq!(obstacle, ordered.then_some(Obstacle::Behind));
    }
}

#[test]
fn a_cut_has_two_ends_that_exist() {
    let mut world = World::new(&Settings::default());
    let cut = |from, to| Event::Cut(from, to, Cut::Silent);
    let (here, there) = (Place::Instance(MG0), Place::Instance(MG1));
    assert!(world.step(&cut(here, here), ha_core::plan).is_err());
    assert!(world.step(&cut(here, Place::Gateway(GatewayId(9))), ha_core::plan).is_err());
    assert_eq!(world.step(&cut(here, there), ha_core::plan).unwrap(), Vec::<Happening>::new());
}
