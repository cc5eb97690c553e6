//! Stamps of logs: RFC 3339 with any fraction and offset, a clock alone, or the older
//! `2025/08/29 22:45:42`. Kept in milliseconds; finer parts are cut off.

use crate::incident::stamp::parse_date;

const DAY_MS: u64 = 86_400_000;

/// A moment on one scale for all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Milliseconds since the beginning of the scale.
    pub(super) ms: u64,
    /// Whether the line gave a date.
    pub(super) dated: bool,
}

/// Reads a stamp at the beginning of a text; gives it and what follows its space.
pub(super) fn leading(text: &str) -> Option<(Moment, &str)> {
    if let Some((date, rest)) = text.split_once(' ')
        && date.len() == 10
        && date.as_bytes().get(4) == Some(&b'/')
    {
        let (clock, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let day = parse_date(&date.replace('/', "-"))?;
        return Some((Moment { ms: day * DAY_MS + clock_ms(clock)?, dated: true }, rest));
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    stamp(word).map(|moment| (moment, rest))
}

/// Reads a stamp that is a whole word.
pub(super) fn stamp(word: &str) -> Option<Moment> {
    let Some((date, clock)) = word.split_once('T') else {
        let clock = word.strip_suffix('Z').unwrap_or(word);
        return clock_ms(clock).map(|ms| Moment { ms, dated: false });
    };
    let day = parse_date(date)?;
    let (clock, east_min) = offset(clock)?;
    let ms = i64::try_from(day * DAY_MS + clock_ms(clock)?).ok()?;
    let ms = u64::try_from(ms - east_min * 60_000).ok()?;
    Some(Moment { ms, dated: true })
}

/// Splits a clock from its offset in minutes east of UTC; none counts as UTC.
fn offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let Some(place) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, zone) = text.split_at(place);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some((clock, sign * (hours * 60 + minutes)))
}

fn clock_ms(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let (hour, minute, second) = (two(parts.next()?)?, two(parts.next()?)?, two(parts.next()?)?);
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !digits {
        return None;
    }
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(((hour * 60 + minute) * 60 + second) * 1_000 + millis.parse::<u64>().ok()?)
}

fn two(text: &str) -> Option<u64> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

impl Moment {
    /// The clock of the moment, as items write it.
    pub(super) fn clock(self) -> String {
        let ms = self.ms % DAY_MS;
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        format!("{hour:02}:{minute:02}:{:02}.{:03}", ms / 1_000 % 60, ms % 1_000)
    }

    /// The number of the day.
    pub(super) const fn day(self) -> u64 {
        self.ms / DAY_MS
    }
}
