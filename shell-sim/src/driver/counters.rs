//! How often the events of interest came about in a run: what shows that a walk went where it was
//! meant to go.

use crate::world::{Fate, Happening, Kind};
use ha_core::record::{Cause, Stage};
use std::{fmt, ops::AddAssign};

/// Declares the counters once, with their names.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Counts of one run, or of many together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: u64),+ }

        impl AddAssign for Counters {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
            }
        }

        impl fmt::Display for Counters {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>10}  {}", self.$name, stringify!($name).replace('_', " "))?;)+
                Ok(())
            }
        }
    };
}

counters! {
    /// Events.
    events,
    /// Plans.
    plans,
    /// Steps that began.
    steps,
    /// Reigns that became steady after a failover.
    failovers,
    /// Reigns that became steady after a switchover.
    switchovers,
    /// Reigns that became steady after another cause.
    other_reigns,
    /// Commands that landed when nobody waited for them any more.
    late_commands,
    /// Promotions among them.
    late_promotions,
    /// Processes that came back as main although the record names another.
    old_mains_returned,
    /// Registrations without anything behind them that were dropped.
    phantoms_cleared,
    /// Second phases that were lost.
    second_phases_lost,
    /// Writes of the record that met another version.
    record_conflicts,
    /// Changes of leader.
    lease_changes,
    /// Grants that ended at a gateway.
    withdrawals,
    /// Writes acknowledged.
    acked,
    /// Writes that failed.
    failed,
    /// Writes in doubt.
    in_doubt,
    /// Writes held.
    held,
    /// Power losses.
    power_losses,
    /// Processes that ended.
    crashes,
    /// Volumes whose data was set aside.
    resets,
}

impl Counters {
    /// Takes one happening, in a world whose record now says this.
    pub(super) fn count(&mut self, happening: &Happening, cause: Option<Cause>) {
        match happening {
            Happening::Planned { .. } => self.plans += 1,
            Happening::Sent { .. } => self.steps += 1,
            Happening::RecordWritten { .. } => self.count_record(happening, cause),
            Happening::RecordConflict(_) => self.record_conflicts += 1,
            Happening::LeaseTaken { .. } => self.lease_changes += 1,
            Happening::Landed { kind, late, phantom, .. } => {
                self.late_commands += u64::from(*late);
                self.late_promotions += u64::from(*late && *kind == Kind::Promote);
                self.phantoms_cleared += u64::from(*phantom);
            }
            Happening::Withdrawn { .. } => self.withdrawals += 1,
            Happening::Told(_, fate) => match fate {
                Fate::Acked => self.acked += 1,
                Fate::Failed => self.failed += 1,
                Fate::InDoubt => self.in_doubt += 1,
                Fate::Held => self.held += 1,
                Fate::Pending => {}
            },
            Happening::Lost(message) => {
                self.second_phases_lost +=
                    u64::from(message.kind == Kind::Finalize && !message.answer);
            }
            Happening::ProcessEnded(_) => self.crashes += 1,
            Happening::SetAside(_) => self.resets += 1,
            Happening::Ended { .. }
            | Happening::Leads(_)
            | Happening::GrantsOnPromises(_)
            | Happening::LeaseConflict(_)
            | Happening::ProcessStarted(_)
            | Happening::BoltOpen(_)
            | Happening::RoleChanged(..)
            | Happening::RpcReceived { .. }
            | Happening::Committed(..)
            | Happening::Aborted(_)
            | Happening::Prepared(..)
            | Happening::Discarded(_)
            | Happening::Applied(..)
            | Happening::Replaced(_)
            | Happening::Granted { .. }
            | Happening::Acknowledged { .. }
            | Happening::Forwarded { .. }
            | Happening::Rejected(..) => {}
        }
    }

    const fn count_record(&mut self, happening: &Happening, cause: Option<Cause>) {
        if !matches!(happening, Happening::RecordWritten { stage: Stage::Steady, first: true, .. })
        {
            return;
        }
        match cause {
            Some(Cause::Failover) => self.failovers += 1,
            Some(Cause::Switchover { .. }) => self.switchovers += 1,
            Some(
                Cause::Bootstrap
                | Cause::Adoption
                | Cause::Return
                | Cause::Renewal
                | Cause::Accepted { .. },
            ) => self.other_reigns += 1,
            None => {}
        }
    }
}
