//! Worlds in which mistakes are looked for.

use ha_core::desired::{Authority, Durability};
use model_check::model::{Configuration, LEASES, world_of_leases};
use shell_sim::world::Mistake;

/// The usual world.
pub(crate) const fn usual(_: &mut Configuration) {}

/// Nobody takes over.
pub(crate) const fn alone(one: &mut Configuration) {
    one.settings.controllers = 1;
}

/// Power that is lost takes writes with it.
pub(crate) const fn unflushed(one: &mut Configuration) {
    one.settings.config.flush_every = 1_000;
}

/// Both.
pub(crate) const fn alone_unflushed(one: &mut Configuration) {
    alone(one);
    unflushed(one);
}

/// The same, and what gateways hear of a main counts.
pub(crate) const fn heard_unflushed(one: &mut Configuration) {
    alone_unflushed(one);
    one.settings.patience.witness_limit_ms = 6_000;
}

/// Two instances: nobody can vote in the place of one that is lost, and the main may go on alone.
pub(crate) const fn fast_of_two(one: &mut Configuration) {
    one.settings.instances = 2;
    one.settings.durability = Durability::Fast;
}

/// What branched off is set aside by itself.
pub(crate) const fn resetting(one: &mut Configuration) {
    alone(one);
    one.settings.sets_aside = true;
}

/// Requests overtake each other.
pub(crate) const fn unordered(one: &mut Configuration) {
    one.settings.ordered = false;
}

/// A tick is a part of a lease.
pub(crate) fn leases(one: &mut Configuration) {
    one.settings = world_of_leases();
    one.grain = LEASES;
}

/// The same, and controllers ask each other for promises.
pub(crate) fn promised(one: &mut Configuration) {
    leases(one);
    one.settings.promises = true;
}

/// A controller carries out what it planned on the record that it had, whatever is there by now.
pub(crate) const fn cached(one: &mut Configuration) {
    one.settings.rechecks = false;
    one.settings.mistake = Some(Mistake::WritesOverTheRecord);
}

/// Nobody takes over, and what branched off is set aside, also where power takes writes with it.
pub(crate) const fn resetting_unflushed(one: &mut Configuration) {
    resetting(one);
    unflushed(one);
}

/// The same of two instances.
pub(crate) const fn resetting_unflushed_of_two(one: &mut Configuration) {
    resetting_unflushed(one);
    one.settings.instances = 2;
}

/// Only two instances may vote.
pub(crate) const fn resetting_pair(one: &mut Configuration) {
    resetting(one);
    one.settings.authority = Authority::Pair;
}

/// Nobody takes over, of four instances.
pub(crate) const fn alone_of_four(one: &mut Configuration) {
    alone(one);
    one.settings.instances = 4;
}
