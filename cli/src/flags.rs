//! Flags and environment variables of a table of settings.

use ::gateway::settings::Setting;
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use std::{collections::BTreeMap, marker::PhantomData};

/// Whose settings they are.
pub(crate) trait Table {
    /// All of them.
    const SETTINGS: &'static [Setting];
}

/// The texts that were given, by the names of settings.
pub(crate) struct Flags<T> {
    pub(crate) given: BTreeMap<&'static str, String>,
    table: PhantomData<T>,
}

impl<T> std::fmt::Debug for Flags<T> {
    /// Without the texts: one may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.given.keys()).finish()
    }
}

impl<T> Default for Flags<T> {
    fn default() -> Self {
        Self { given: BTreeMap::new(), table: PhantomData }
    }
}

impl<T: Table> clap::Args for Flags<T> {
    fn augment_args(command: Command) -> Command {
        T::SETTINGS.iter().fold(command, |command, setting| {
            let default = if setting.default.is_empty() { "none" } else { setting.default };
            let help = format!("{}: {} [default: {default}]", setting.help, setting.kind);
            let arg = Arg::new(setting.name).long(setting.name).env(setting.variable());
            command.arg(arg.value_name("VALUE").hide_env_values(true).help(help))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: Table> FromArgMatches for Flags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in T::SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.given.insert(setting.name, value.clone());
            }
        }
        Ok(())
    }
}
