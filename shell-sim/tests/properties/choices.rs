//! Choices as data: what a generated schedule is made of. A choice names a place by what it is to
//! the cluster, or a thing by its number among those that are there, so that it still means
//! something once choices before it are gone. Each shrinks to smaller numbers, and to a simpler
//! choice: the simplest come first.

use proptest::{collection::vec, prelude::*, sample::select};
use shell_sim::{
    memgraph::{Config, Version},
    world::{Kind, Settings},
};

/// How long a choice may let everybody go on.
pub(crate) const WAITS: [u64; 6] = [1, 20, 100, 400, 1_100, 3_500];

/// What may be withheld.
pub(crate) const KINDS: [Kind; 12] = [
    Kind::Finalize,
    Kind::Prepare,
    Kind::Promote,
    Kind::Demote,
    Kind::Register,
    Kind::Drop,
    Kind::Mark,
    Kind::Record,
    Kind::Recover,
    Kind::Request,
    Kind::Question,
    Kind::Lease,
];

const ENGINES: [Version; 4] = [Version::V3_10, Version::V3_12, Version::Head, Version::V3_8];

/// A variant of the world: an engine, flushing each commit or none, one gateway or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variant {
    engine: usize,
    flushes_each: bool,
    two_gateways: bool,
}

impl Variant {
    /// Every variant.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..ENGINES.len()).flat_map(|engine| {
            [(true, false), (false, false), (true, true), (false, true)].map(
                move |(flushes_each, two_gateways)| Self { engine, flushes_each, two_gateways },
            )
        })
    }

    /// Its settings.
    pub(crate) fn settings(self) -> Settings {
        let flush_every = if self.flushes_each { 1 } else { 100_000 };
        let config = Config { version: ENGINES[self.engine], flush_every, ..Config::default() };
        Settings { gateways: 1 + u8::from(self.two_gateways), config, ..Settings::default() }
    }
}

/// An instance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom {
    /// The recorded main.
    Main,
    /// The one of this number.
    Number(u8),
}

/// A place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Where {
    /// An instance.
    Instance(Whom),
    /// A controller.
    Controller(u8),
    /// A gateway.
    Gateway(u8),
    /// The API server.
    Api,
}

/// What a controller does out of turn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    /// Looks at an instance.
    Probe(Whom),
    /// Reads the record, so many versions behind.
    Record(u8),
    /// Reads the lease, so many versions behind.
    Lease(u8),
    /// Reads the pods.
    Pods,
    /// Renews the lease, or campaigns.
    Renew,
    /// Decides.
    Decide,
    /// Carries out the next step.
    Effect,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A process ends.
    Crash(Whom),
    /// A node loses power, and of the log so many last entries where they were not flushed.
    PowerLoss(Whom, usize),
    /// A pod goes at once.
    RemovePod(Whom),
    /// A pod is to go.
    DeletePod(Whom),
    /// An instance takes no step.
    Freeze(Where),
    /// Something else takes the instance's lock.
    Busy(Whom),
    /// A direction between two places carries nothing, in silence or not.
    Cut(Where, Where, bool),
    /// A controller's process ends.
    CrashController(u8),
    /// A controller gives the lease up.
    ReleaseLease(u8),
    /// A gateway's process ends.
    RestartGateway(u8),
    /// A gateway's wall clock jumps by so many hours.
    JumpWall(u8, i64),
    /// The API server stops answering.
    ApiDown,
    /// The message of this number is lost.
    Lose(u8),
    /// The sender of the request of this number stops waiting.
    Overdue(u8),
    /// A controller stops waiting for its effect.
    GiveUp(u8),
}

/// One choice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Choice {
    /// Everybody goes on for a while: which of [`WAITS`].
    Run(usize),
    /// Everybody makes so many steps.
    Steps(u32),
    /// A client writes through a gateway; what it was not allowed to write it tries again.
    Write(u8, u8),
    /// A client begins a transaction through a gateway.
    Begin(u8, u8),
    /// A client goes on with its transaction, unless it has had enough of it.
    GoOn(u8, bool),
    /// The message of this number arrives.
    Deliver(u8),
    /// A gateway asks.
    Ask(u8),
    /// A controller acts out of turn.
    Turn(u8, Turn),
    /// Time passes and nobody acts.
    Advance(u64),
    /// An operator wants another main.
    Switchover(Option<u8>),
    /// An operator pauses the controllers, or ends that.
    Pause(bool),
    /// Messages are withheld: which of [`KINDS`], whether their answers, and at which place.
    Withhold(usize, bool, Whom),
    /// The withholding of this number ends.
    Release(u8),
    /// Something goes wrong.
    Fault(Fault),
    /// The disturbance of this number ends.
    Mend(u8),
}

/// A schedule to be: choices with faults, calm, choices without, silence.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) variant: Variant,
    pub(crate) disturbed: Vec<Choice>,
    pub(crate) quiet: Vec<Choice>,
}

fn whom() -> impl Strategy<Value = Whom> + Clone {
    prop_oneof![Just(Whom::Main), (0..3_u8).prop_map(Whom::Number)]
}

fn anywhere() -> impl Strategy<Value = Where> + Clone {
    prop_oneof![
        4 => whom().prop_map(Where::Instance),
        2 => (0..2_u8).prop_map(Where::Controller),
        1 => (0..2_u8).prop_map(Where::Gateway),
        1 => Just(Where::Api),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        whom().prop_map(Turn::Probe),
        (0..2_u8).prop_map(Turn::Record),
        (0..2_u8).prop_map(Turn::Lease),
        Just(Turn::Pods),
        Just(Turn::Renew),
        Just(Turn::Decide),
        Just(Turn::Effect),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let process = prop_oneof![
        4 => whom().prop_map(Fault::Crash),
        2 => (whom(), 0..4_usize).prop_map(|(whom, lost)| Fault::PowerLoss(whom, lost)),
        2 => whom().prop_map(Fault::RemovePod),
        1 => whom().prop_map(Fault::DeletePod),
        3 => anywhere().prop_map(Fault::Freeze),
        1 => whom().prop_map(Fault::Busy),
    ];
    let around = prop_oneof![
        4 => (anywhere(), anywhere(), any::<bool>())
            .prop_map(|(from, to, silent)| Fault::Cut(from, to, silent)),
        2 => (0..2_u8).prop_map(Fault::CrashController),
        1 => (0..2_u8).prop_map(Fault::ReleaseLease),
        1 => (0..2_u8).prop_map(Fault::RestartGateway),
        1 => (0..2_u8, select(vec![1, -1])).prop_map(|(gateway, by)| Fault::JumpWall(gateway, by)),
        1 => Just(Fault::ApiDown),
    ];
    let message = prop_oneof![
        2 => (0..32_u8).prop_map(Fault::Lose),
        1 => (0..32_u8).prop_map(Fault::Overdue),
        1 => (0..2_u8).prop_map(Fault::GiveUp),
    ];
    prop_oneof![4 => process, 3 => around, 3 => message]
}

/// A choice that harms nobody.
fn harmless() -> BoxedStrategy<Choice> {
    let time = prop_oneof![
        2 => (0..WAITS.len()).prop_map(Choice::Run),
        3 => (1..26_u32).prop_map(Choice::Steps),
    ];
    let client = prop_oneof![
        4 => (0..2_u8, 0..2_u8).prop_map(|(client, gateway)| Choice::Write(client, gateway)),
        1 => (0..2_u8, 0..2_u8).prop_map(|(client, gateway)| Choice::Begin(client, gateway)),
        2 => (0..2_u8, prop::bool::weighted(0.2)).prop_map(|(client, ends)| Choice::GoOn(client, ends)),
    ];
    let out_of_turn = prop_oneof![
        5 => (0..32_u8).prop_map(Choice::Deliver),
        1 => (0..2_u8).prop_map(Choice::Ask),
        2 => (0..2_u8, turn()).prop_map(|(no, turn)| Choice::Turn(no, turn)),
        1 => (1..1_500_u64).prop_map(Choice::Advance),
    ];
    prop_oneof![
        9 => time,
        4 => client,
        3 => out_of_turn,
        1 => prop::option::weighted(0.3, 0..3_u8).prop_map(Choice::Switchover),
    ]
    .boxed()
}

/// A choice that may do harm.
fn harmful() -> BoxedStrategy<Choice> {
    let withheld = (0..KINDS.len(), prop::bool::weighted(0.3), whom())
        .prop_map(|(kind, answer, whom)| Choice::Withhold(kind, answer, whom));
    prop_oneof![
        5 => fault().prop_map(Choice::Fault),
        2 => withheld,
        1 => (0..4_u8).prop_map(Choice::Release),
        2 => (0..8_u8).prop_map(Choice::Mend),
        1 => any::<bool>().prop_map(Choice::Pause),
    ]
    .boxed()
}

/// Cases of every variant.
pub(crate) fn case() -> BoxedStrategy<Case> {
    let variant = (0..ENGINES.len(), any::<bool>(), any::<bool>()).prop_map(
        |(engine, flushes_none, two_gateways)| Variant {
            engine,
            flushes_each: !flushes_none,
            two_gateways,
        },
    );
    let disturbed = vec(prop_oneof![5 => harmless(), 1 => harmful()], 0..50);
    (variant, disturbed, vec(harmless(), 0..16))
        .prop_map(|(variant, disturbed, quiet)| Case { variant, disturbed, quiet })
        .boxed()
}
