//! The text form of a world's settings: `name=value` words, each of which may be left out.

use crate::{
    memgraph::{RecoveryPath, Version},
    world::{BadName, Settings},
};
use std::str::FromStr;

const NAMES: &str = "settings such as instances=3 controllers=2 gateways=1 clients=2 engine=3.10 \
     flush=100000 durability=required authority=any vote-returns=true sets-aside=true wal=true restore=true recover=true heartbeats=true ordered=true \
     rereads=true rechecks=true clocks-sleep=false gate=false \
     recovery=wals lease=5000 \
     renew=1000 grant=3000 promise=5000 drift=1000 \
     silence=3000 row-suspect=5000 row-expired=20000 drain=2000 witness=1500 \
     witness-limit=30000 mistake=answers-pass";

fn value<T: FromStr>(text: &str, expected: &'static str) -> Result<T, BadName> {
    text.parse().map_err(|_| BadName { found: text.into(), expected })
}

/// Reads settings; what is left out is as in the default.
///
/// # Errors
/// A name or a value that is not known, or durations that do not fit each other.
pub fn parse_settings(text: &str) -> Result<Settings, BadName> {
    let mut settings = Settings::default();
    for word in text.split_whitespace() {
        let (name, text) =
            word.split_once('=').ok_or_else(|| BadName { found: word.into(), expected: NAMES })?;
        set(&mut settings, name, text)?;
    }
    settings.timing.validate().map_err(|_| BadName {
        found: text.into(),
        expected: "durations with grant <= lease, promise <= lease, 2 * renew <= lease",
    })?;
    Ok(settings)
}

fn set(settings: &mut Settings, name: &str, text: &str) -> Result<(), BadName> {
    const COUNT: &str = "a small number";
    const SWITCH: &str = "true or false";
    const MILLIS: &str = "milliseconds such as 5000";
    let (config, timing) = (&mut settings.config, &mut settings.timing);
    match name {
        "instances" => settings.instances = value(text, COUNT)?,
        "controllers" => settings.controllers = value(text, COUNT)?,
        "gateways" => settings.gateways = value(text, COUNT)?,
        "clients" => settings.clients = value(text, COUNT)?,
        "engine" => config.version = engine(text)?,
        "flush" => config.flush_every = value(text, "transactions between flushes, from 1")?,
        "wal" => config.wal_enabled = value(text, SWITCH)?,
        "restore" => config.restore_state = value(text, SWITCH)?,
        "recover" => config.recover_data = value(text, SWITCH)?,
        "heartbeats" => config.heartbeats = value(text, SWITCH)?,
        "durability" => settings.durability = text.parse()?,
        "authority" => settings.authority = text.parse()?,
        "vote-returns" => settings.vote_returns = value(text, SWITCH)?,
        "promises" => settings.promises = value(text, SWITCH)?,
        "sets-aside" => settings.sets_aside = value(text, SWITCH)?,
        "ordered" => settings.ordered = value(text, SWITCH)?,
        "rereads" => settings.rereads = value(text, SWITCH)?,
        "rechecks" => settings.rechecks = value(text, SWITCH)?,
        "clocks-sleep" => settings.clocks_sleep = value(text, SWITCH)?,
        "gate" => settings.gate = value(text, SWITCH)?,
        "mistake" => settings.mistake = Some(text.parse()?),
        "recovery" => {
            config.recovery = match text {
                "wals" => RecoveryPath::Wals,
                "snapshot" => RecoveryPath::Snapshot,
                _ => return Err(BadName { found: text.into(), expected: "wals or snapshot" }),
            }
        }
        "lease" => timing.lease_ms = value(text, MILLIS)?,
        "renew" => timing.renew_ms = value(text, MILLIS)?,
        "grant" => timing.grant_ms = value(text, MILLIS)?,
        "promise" => timing.promise_ms = value(text, MILLIS)?,
        "drift" => timing.drift_ppm = value(text, "millionths such as 1000")?,
        "silence" => settings.patience.silence_ms = value(text, MILLIS)?,
        "row-suspect" => settings.patience.row_suspect_ms = value(text, MILLIS)?,
        "row-expired" => settings.patience.row_expired_ms = value(text, MILLIS)?,
        "drain" => settings.patience.drain_ms = value(text, MILLIS)?,
        "witness" => settings.patience.witness_ms = value(text, MILLIS)?,
        "witness-limit" => settings.patience.witness_limit_ms = value(text, MILLIS)?,
        _ => return Err(BadName { found: name.into(), expected: NAMES }),
    }
    Ok(())
}

fn engine(text: &str) -> Result<Version, BadName> {
    let expected = "an engine: 3.6, 3.8, 3.10, 3.12 or head";
    Version::named(text).ok_or_else(|| BadName { found: text.into(), expected })
}

/// Prints settings: the size always, the rest where it differs from the default.
#[must_use]
pub fn format_settings(settings: &Settings) -> String {
    let usual = Settings::default();
    let (config, timing, patience) = (&settings.config, &settings.timing, &settings.patience);
    let recovery = match config.recovery {
        RecoveryPath::Wals => "wals",
        RecoveryPath::Snapshot => "snapshot",
    };
    let mut words = vec![
        format!("instances={}", settings.instances),
        format!("controllers={}", settings.controllers),
        format!("gateways={}", settings.gateways),
        format!("clients={}", settings.clients),
        format!("engine={}", config.version.word()),
        format!("flush={}", config.flush_every),
    ];
    if settings.durability != usual.durability {
        words.push(format!("durability={}", settings.durability));
    }
    if settings.authority != usual.authority {
        words.push(format!("authority={}", settings.authority));
    }
    let switches = [
        ("wal", config.wal_enabled, usual.config.wal_enabled),
        ("restore", config.restore_state, usual.config.restore_state),
        ("recover", config.recover_data, usual.config.recover_data),
        ("heartbeats", config.heartbeats, usual.config.heartbeats),
        ("vote-returns", settings.vote_returns, usual.vote_returns),
        ("promises", settings.promises, usual.promises),
        ("sets-aside", settings.sets_aside, usual.sets_aside),
        ("ordered", settings.ordered, usual.ordered),
        ("rereads", settings.rereads, usual.rereads),
        ("rechecks", settings.rechecks, usual.rechecks),
        ("clocks-sleep", settings.clocks_sleep, usual.clocks_sleep),
        ("gate", settings.gate, usual.gate),
    ];
    for (name, is, was) in switches {
        if is != was {
            words.push(format!("{name}={is}"));
        }
    }
    if config.recovery != usual.config.recovery {
        words.push(format!("recovery={recovery}"));
    }
    let durations = [
        ("lease", timing.lease_ms, usual.timing.lease_ms),
        ("renew", timing.renew_ms, usual.timing.renew_ms),
        ("grant", timing.grant_ms, usual.timing.grant_ms),
        ("promise", timing.promise_ms, usual.timing.promise_ms),
        ("drift", timing.drift_ppm.into(), usual.timing.drift_ppm.into()),
        ("silence", patience.silence_ms, usual.patience.silence_ms),
        ("row-suspect", patience.row_suspect_ms, usual.patience.row_suspect_ms),
        ("row-expired", patience.row_expired_ms, usual.patience.row_expired_ms),
        ("drain", patience.drain_ms, usual.patience.drain_ms),
        ("witness", patience.witness_ms, usual.patience.witness_ms),
        ("witness-limit", patience.witness_limit_ms, usual.patience.witness_limit_ms),
    ];
    for (name, is, was) in durations {
        if is != was {
            words.push(format!("{name}={is}"));
        }
    }
    words.extend(settings.mistake.map(|mistake| format!("mistake={mistake}")));
    words.join(" ")
}
