//! What is worth seeing, each a bit with a name. A configuration in which something of this never
//! comes about proves less than it seems.

#![allow(clippy::wildcard_enum_match_arm, reason = "most of what happens is not worth seeing")]

use ha_core::{
    action::Action,
    ids::InstanceId,
    plan::Plan,
    reason::Reason,
    record::{Cause, Record, Stage},
};
use shell_sim::{
    memgraph::{ReplicaName, RoleName},
    oracle::{Exception, Violation, exception},
    world::{Fate, Happening, Kind, Place, World},
};

macro_rules! moments {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Something worth seeing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Moment { $($(#[$doc])* $name),+ }
        impl Moment {
            /// Every one with its name, in the order of the bits.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$name, $text)),+];
        }
    };
}

moments! {
    /// A reign became steady after a failover.
    Failover = "failover",
    /// A reign became steady after a switchover.
    Switchover = "switchover",
    /// A reign became steady after a way back.
    Return = "return to the main before",
    /// A reign became steady after a renewal.
    Renewal = "renewal",
    /// A reign of the same main became steady with a voter outside the preferred pair.
    VoteMoved = "vote moved",
    /// The vote is on its way back to the pair.
    VoteReturns = "vote goes back",
    /// Two instances are main at once.
    TwoMains = "two mains at once",
    /// An instance that was a main beside another one is a replica again.
    MainSteppedDown = "a second main becomes a replica",
    /// A leader died or stood still with a plan under way, in the stage intent.
    DiedInIntent = "leader lost in stage intent",
    /// In the stage withdrawn.
    DiedInWithdrawn = "leader lost in stage withdrawn",
    /// In the stage attached.
    DiedInAttached = "leader lost in stage attached",
    /// In the stage steady.
    DiedInSteady = "leader lost in stage steady",
    /// A registration without anything behind it was dropped.
    PhantomCleared = "phantom row cleared",
    /// A promotion landed when nobody waited for it.
    LatePromotion = "promotion lands late",
    /// A demotion did.
    LateDemotion = "demotion lands late",
    /// A registration did.
    LateRegistration = "registration lands late",
    /// A registration that a main before sent leads a replica away from a main at rest.
    LedAway = "replica led away by a main before",
    /// A DROP did.
    LateDrop = "drop lands late",
    /// A commit of ours did.
    LateCommit = "own commit lands late",
    /// A write of the record met another version.
    RecordConflict = "record write meets another version",
    /// The lease changed hands.
    LeaseTaken = "lease changes hands",
    /// A grant was given although the lease ran out, by promises.
    OnPromises = "grant by promises",
    /// A second phase was lost.
    DecisionLost = "second phase lost",
    /// An acknowledged write is missing whose second phase was lost: the exception.
    LostByDecision = "exception: acknowledged write lost with its second phase",
    /// A reign goes on without a vote.
    Alone = "main goes on without a vote",
    /// A vote is there again after a reign without one.
    Protected = "vote restored",
    /// An acknowledged write is missing that its main alone had.
    LostAlone = "exception: acknowledged write lost that its main alone had",
    /// An acknowledged write is missing that two nodes lost with their power: the exception.
    LostByPower = "exception: acknowledged write lost with two nodes",
    /// An acknowledged write is missing, and a person accepted that: the exception.
    LostByWord = "exception: acknowledged write lost by a person's word",
    /// A client was told success.
    Acked = "write acknowledged",
    /// A client was told that a write failed.
    Failed = "write failed",
    /// A client does not know.
    InDoubt = "write in doubt",
    /// A gateway held a write.
    Held = "write held",
    /// A replica dropped a transaction that waited for its decision.
    Discarded = "prepared transaction dropped",
    /// A replica's whole log was replaced.
    Replaced = "log replaced",
    /// Data that branched off was set aside.
    SetAside = "data set aside",
    /// An instance that began anew is proven like any other.
    BeganAnew = "instance that began anew is proven",
    /// A gateway closed what it had opened under a grant.
    Withdrawn = "grant ends at a gateway",
    /// A registration was refused because of a branched history.
    Branched = "registration refused: branched off",
    /// A registration failed because the replica could not be reached.
    Unreachable = "registration failed: unreachable",
}

/// Whether another main than that of a reign at rest tells `replica`, which it has, to obey it.
fn is_led_away(world: &World, by: InstanceId, replica: InstanceId) -> bool {
    let record = world.api.record().filter(|record| record.stage == Stage::Steady);
    let target = record.map(|record| record.target).filter(|target| *target != by);
    let main = target.and_then(|target| world.body(target).ok()?.instance.as_main());
    main.is_some_and(|main| {
        let name = ReplicaName(replica.0.into());
        main.clients.iter().any(|it| it.registration.name == name && it.live.is_some())
    })
}

/// A set of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments(pub u64);

impl Moments {
    fn set(&mut self, moment: Moment) {
        self.0 |= 1 << (moment as u64);
    }

    /// Takes one happening in the world that it led to.
    pub(super) fn notice(&mut self, world: &World, happening: &Happening) {
        match happening {
            Happening::RecordWritten { stage: Stage::Steady, first: true, .. } => {
                self.steady(world);
            }
            Happening::Planned { plan, .. } => self.planned(plan),
            Happening::RecordConflict(_) => self.set(Moment::RecordConflict),
            Happening::GrantsOnPromises(_) => self.set(Moment::OnPromises),
            Happening::LeaseTaken { released: false, .. } => self.set(Moment::LeaseTaken),
            Happening::Landed { kind, late, phantom, .. } => {
                if *phantom {
                    self.set(Moment::PhantomCleared);
                }
                match kind {
                    Kind::Promote if *late => self.set(Moment::LatePromotion),
                    Kind::Demote if *late => self.set(Moment::LateDemotion),
                    Kind::Register if *late => self.set(Moment::LateRegistration),
                    Kind::Drop if *late => self.set(Moment::LateDrop),
                    Kind::Mark if *late => self.set(Moment::LateCommit),
                    _ => {}
                }
            }
            Happening::RoleChanged(id, RoleName::Replica) => {
                let mains = |other: &&shell_sim::world::Body| other.instance.as_main().is_some();
                let others = world
                    .instances()
                    .zip(&world.bodies)
                    .filter(|(other, _)| other != id)
                    .map(|(_, body)| body);
                if others.filter(mains).count() > 0 {
                    self.set(Moment::MainSteppedDown);
                }
            }
            Happening::Told(_, fate) => match fate {
                Fate::Acked => self.set(Moment::Acked),
                Fate::Failed => self.set(Moment::Failed),
                Fate::InDoubt => self.set(Moment::InDoubt),
                Fate::Held => self.set(Moment::Held),
                Fate::Pending => {}
            },
            Happening::Lost(message) if message.kind == Kind::Finalize && !message.answer => {
                self.set(Moment::DecisionLost);
            }
            Happening::RpcReceived { kind: Kind::Swap, from: Place::Instance(from), to }
                if is_led_away(world, *from, *to) =>
            {
                self.set(Moment::LedAway);
            }
            Happening::Discarded(_) => self.set(Moment::Discarded),
            Happening::Replaced(_) => self.set(Moment::Replaced),
            Happening::SetAside(_) => self.set(Moment::SetAside),
            Happening::Withdrawn { .. } => self.set(Moment::Withdrawn),
            Happening::Ended { action: Action::Register { .. }, outcome, .. } => match outcome {
                ha_core::history::Outcome::Branched => self.set(Moment::Branched),
                ha_core::history::Outcome::Unreachable => self.set(Moment::Unreachable),
                _ => {}
            },
            _ => {}
        }
    }

    /// What a plan is about to record.
    fn planned(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let Action::WriteRecord { .. } = step.action else { continue };
            match step.reason {
                Reason::VotePreferred { .. } => self.set(Moment::VoteReturns),
                Reason::GoesAlone { .. } | Reason::BeginsAlone(_) => self.set(Moment::Alone),
                Reason::VoteRestored(_) => self.set(Moment::Protected),
                Reason::ResetsDone(_) => self.set(Moment::BeganAnew),
                _ => {}
            }
        }
    }

    /// A reign became steady. Why it began stands in the record before: it is asked no more once a
    /// record is steady, and the canonical form has forgotten it in the one that was just written.
    fn steady(&mut self, world: &World) {
        let mut records = world.api.records.iter().rev().map(|(_, record)| record);
        match records.find(|record| record.stage != Stage::Steady).map(|record| record.cause) {
            Some(Cause::Failover) => self.set(Moment::Failover),
            Some(Cause::Switchover { .. }) => self.set(Moment::Switchover),
            Some(Cause::Return) => self.set(Moment::Return),
            Some(Cause::Renewal) => {
                self.set(Moment::Renewal);
                let away = |record: &Record| record.voters().any(|id| id.0 > 1);
                if world.api.record().is_some_and(away) {
                    self.set(Moment::VoteMoved);
                }
            }
            Some(Cause::Bootstrap | Cause::Adoption | Cause::Accepted { .. }) | None => {}
        }
    }

    /// A loss that the promise excepts came about.
    pub(super) fn known_loss(&mut self, world: &World, broken: &Violation) {
        let (Violation::AckedMissing { write, .. } | Violation::AckedGone { write, .. }) = broken
        else {
            return;
        };
        match exception(world, *write) {
            Some(Exception::Undecided) => self.set(Moment::LostByDecision),
            Some(Exception::Alone) => self.set(Moment::LostAlone),
            Some(Exception::Power) => self.set(Moment::LostByPower),
            Some(Exception::Accepted) => self.set(Moment::LostByWord),
            None => {}
        }
    }

    /// A leader was lost with a plan under way.
    pub(super) fn leader_lost(&mut self, world: &World) {
        match world.api.record().map(|record| record.stage) {
            Some(Stage::Intent) => self.set(Moment::DiedInIntent),
            Some(Stage::Withdrawn) => self.set(Moment::DiedInWithdrawn),
            Some(Stage::Attached) => self.set(Moment::DiedInAttached),
            Some(Stage::Steady) => self.set(Moment::DiedInSteady),
            None => {}
        }
    }

    /// Looks at the world that a transition led to.
    pub(super) fn after(&mut self, world: &World) {
        let mains = world.bodies.iter().filter(|body| body.instance.as_main().is_some()).count();
        if mains > 1 {
            self.set(Moment::TwoMains);
        }
    }
}
