//! Settings of a process as rows of one table, from which flags, environment variables, help and
//! messages come: what each may be, and how a text is read as that.

use crate::controllers::http::Address;
use std::{fmt, net::SocketAddr, time::Duration};

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An IP address with a port.
    Address,
    /// The same, or `off`.
    OptionalAddress,
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// What 0 means, if it may be 0.
        zero: Option<&'static str>,
    },
    /// A time, such as `5s`, `250ms` or `2m`.
    Time {
        /// The least, in milliseconds.
        min_ms: u64,
        /// The most, in milliseconds.
        max_ms: u64,
        /// What 0 means, if it may be 0.
        zero: Option<&'static str>,
    },
    /// A whole number, or nothing.
    OptionalCount {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// `true` or `false`.
    Switch,
    /// Any number of `host:port`, with commas between them.
    Hosts,
    /// Any text, also none.
    Text,
    /// A path, or none.
    Path,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name; the flag is `--name`.
    pub name: &'static str,
    /// Its environment variable; `GATEWAY_NAME` if none.
    pub variable: Option<&'static str>,
    /// What it may be.
    pub kind: Kind,
    /// What it is unless it is set.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

impl Setting {
    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        let usual = || format!("GATEWAY_{}", self.name.replace('-', "_").to_uppercase());
        self.variable.map_or_else(usual, ToOwned::to_owned)
    }
}

fn written(ms: u64) -> String {
    match ms {
        ms if ms > 0 && ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms > 0 && ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms > 0 && ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zero = |f: &mut fmt::Formatter<'_>, zero: Option<&str>| match zero {
            Some(meaning) => write!(f, ", or 0 for {meaning}"),
            None => Ok(()),
        };
        match self {
            Self::Address => f.write_str("IP:PORT"),
            Self::OptionalAddress => f.write_str("IP:PORT or off"),
            Self::Count { min, max, zero: none } => {
                write!(f, "a number from {min} to {max}")?;
                zero(f, *none)
            }
            Self::Time { min_ms, max_ms, zero: none } => {
                write!(f, "a time from {} to {}", written(*min_ms), written(*max_ms))?;
                zero(f, *none)
            }
            Self::OptionalCount { min, max } => {
                write!(f, "nothing or a number from {min} to {max}")
            }
            Self::Switch => f.write_str("true or false"),
            Self::Hosts => f.write_str("HOST:PORT, several with commas between them"),
            Self::Text => f.write_str("a text"),
            Self::Path => f.write_str("a path"),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Address`] and [`Kind::OptionalAddress`].
    Address(Option<SocketAddr>),
    /// Of [`Kind::Count`] and [`Kind::OptionalCount`].
    Count(u64),
    /// Of [`Kind::Time`].
    Time(Duration),
    /// Of [`Kind::Switch`].
    Switch(bool),
    /// Of [`Kind::Hosts`].
    Hosts(Vec<Address>),
    /// Of [`Kind::Text`], [`Kind::Path`] and [`Kind::Word`].
    Text(String),
    /// Of [`Kind::OptionalCount`].
    Nothing,
}

/// Reads a time: a number with `ms`, `s`, `m` or `h`, several in a row as in `1m30s`, or `0`.
fn milliseconds(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut sum) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let each = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(each)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

impl Kind {
    /// Reads a value; nothing if it is none of this kind.
    #[must_use]
    pub fn read(self, text: &str) -> Option<Value> {
        let is_within = |number: u64, min: u64, max: u64, zero: Option<&str>| {
            (min..=max).contains(&number) || (number == 0 && zero.is_some())
        };
        match self {
            Self::OptionalAddress if text == "off" => Some(Value::Address(None)),
            Self::Address | Self::OptionalAddress => {
                text.parse().ok().map(|address| Value::Address(Some(address)))
            }
            Self::Count { min, max, zero } => {
                let number = text.parse().ok()?;
                is_within(number, min, max, zero).then_some(Value::Count(number))
            }
            Self::Time { min_ms, max_ms, zero } => {
                let ms = milliseconds(text)?;
                let time = Value::Time(Duration::from_millis(ms));
                is_within(ms, min_ms, max_ms, zero).then_some(time)
            }
            Self::OptionalCount { .. } if text.is_empty() => Some(Value::Nothing),
            Self::OptionalCount { min, max } => {
                let number = text.parse().ok().filter(|number| (min..=max).contains(number));
                number.map(Value::Count)
            }
            Self::Switch => text.parse().ok().map(Value::Switch),
            Self::Hosts => {
                let each = text.split(',').map(str::trim).filter(|host| !host.is_empty());
                each.map(Address::read).collect::<Result<_, _>>().ok().map(Value::Hosts)
            }
            Self::Text | Self::Path => Some(Value::Text(text.to_owned())),
            Self::Word(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        }
    }
}
