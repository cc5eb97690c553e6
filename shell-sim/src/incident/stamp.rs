//! The three shapes of a time stamp and the differences between them. This module decides what a
//! stamp says; it deliberately does not know the real date or zone of a stamp that states none.

use ha_core::leadership::Millis;

const DAY_MS: u64 = 86_400_000;

/// What a wrong stamp is told.
pub(super) const SHAPES: &str =
    "`YYYY-MM-DDTHH:MM:SS[.mmm][Z]`, `HH:MM:SS[.mmm]Z` or `HH:MM:SS[.mmm]`";

/// A stamp, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The day's number, where the stamp has a date.
    day: Option<u64>,
    /// Milliseconds since midnight.
    of_day: u64,
}

impl Stamp {
    /// Reads a stamp; `None` when the text has none of the three shapes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z').unwrap_or(text);
        match text.split_once('T') {
            Some((date, clock)) => {
                Some(Self { day: Some(parse_date(date)?), of_day: parse_clock(clock)? })
            }
            None => Some(Self { day: None, of_day: parse_clock(text)? }),
        }
    }

    pub(super) const fn day(self) -> Option<u64> {
        self.day
    }

    /// Milliseconds on the scale of one file. A stamp without a date counts as one of `day`.
    pub(super) fn on_scale(self, day: u64) -> Millis {
        self.day.unwrap_or(day).saturating_mul(DAY_MS).saturating_add(self.of_day)
    }
}

/// Reads `YYYY-MM-DD` into a day number; `None` for a date that no calendar has.
pub(super) fn parse_date(text: &str) -> Option<u64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    Some(day_number(year, month, day))
}

/// Days since a first of March four hundred years before year 0: years that begin in March have
/// their leap day at the end, and the calendar repeats after four hundred years.
const fn day_number(year: u64, month: u64, day: u64) -> u64 {
    let shifted = year + 400 - if month <= 2 { 1 } else { 0 };
    let since_march = (month + 9) % 12;
    shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (since_march * 153 + 2) / 5 + day
        - 1
}

/// The date of a day number, written `YYYY-MM-DD`.
pub(super) fn date_of(day: u64) -> String {
    let (mut year, mut month) = ((day / 366).saturating_sub(401), 1);
    while day_number(year + 1, 1, 1) <= day {
        year += 1;
    }
    while month < 12 && day_number(year, month + 1, 1) <= day {
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day - day_number(year, month, 1) + 1)
}

const fn days_in(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn parse_clock(text: &str) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, digits(fraction, 3)?),
        None => (text, 0),
    };
    let mut parts = whole.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    (hour < 24 && minute < 60 && second < 60)
        .then_some(((hour * 60 + minute) * 60 + second) * 1000 + fraction)
}

/// Exactly `count` ASCII digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_shapes_and_their_differences() {
        let at = |text: &str| Stamp::parse(text).unwrap().on_scale(0);
        assert_eq!(at("00:00:01"), 1_000);
        assert_eq!(at("17:47:44.759Z") - at("17:47:42.160Z"), 2_599);
        assert_eq!(
            at("2025-03-01T00:00:00Z") - at("2025-02-28T23:59:59.999"),
            1,
            "2025 has no leap day"
        );
        assert_eq!(at("2024-03-01T00:00:00") - at("2024-02-28T00:00:00"), 2 * DAY_MS);
        assert_eq!(at("2026-01-01T00:00:00") - at("2025-01-01T00:00:00"), 365 * DAY_MS);
        assert_eq!(at("2025-01-01T00:00:00") - at("2024-01-01T00:00:00"), 366 * DAY_MS);
    }

    #[test]
    fn days_have_dates() {
        for date in ["2024-02-29", "2025-01-01", "2025-12-31", "2000-03-01"] {
            assert_eq!(date_of(parse_date(date).unwrap()), date);
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in [
            "",
            "Z",
            "T",
            "12:00",
            "24:00:00",
            "12:60:00",
            "12:00:60",
            "12:00:00.1",
            "12:00:00,123",
            "1:00:00",
            "12:00:00 ",
            "12:00:00ZZ",
            "2025-02-29T00:00:00",
            "2025-13-01T00:00:00",
            "2025-1-1T00:00:00",
            "2025-10-19 05:50:55",
            "+1:00:00",
            "2025-10-19",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text:?}");
        }
    }
}
