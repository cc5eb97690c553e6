//! Dates, times and lengths of time, to the microsecond. The calendar is jiff's.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A date, a time or a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Temporal {
    /// A day.
    Date {
        /// Days since 1970-01-01.
        days: i32,
    },
    /// A time of day.
    LocalTime {
        /// Microseconds since midnight.
        micros: i64,
    },
    /// A day and a time without a zone.
    LocalDateTime {
        /// Microseconds since 1970-01-01T00:00:00, as clocks there show it.
        micros: i64,
    },
    /// A moment, with the offset in which it is shown.
    ZonedDateTime {
        /// Microseconds since 1970-01-01T00:00:00Z.
        micros: i64,
        /// Seconds east of UTC.
        offset_seconds: i32,
    },
    /// A length of time.
    Duration {
        /// Microseconds.
        micros: i64,
    },
}

/// A text that is no date, time or length of time, or one out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {wanted}: {why}")]
pub struct TemporalError {
    text: String,
    wanted: &'static str,
    why: String,
}

impl Temporal {
    /// What Memgraph calls its type.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Date { .. } => "DATE",
            Self::LocalTime { .. } => "LOCAL_TIME",
            Self::LocalDateTime { .. } => "LOCAL_DATE_TIME",
            Self::ZonedDateTime { .. } => "ZONED_DATE_TIME",
            Self::Duration { .. } => "DURATION",
        }
    }

    /// The day of a moment, in UTC.
    #[must_use]
    pub fn date_at(micros: i64) -> Self {
        let days = micros.div_euclid(MICROS_PER_DAY);
        Self::Date { days: i32::try_from(days).unwrap_or(i32::MAX) }
    }

    /// The time of day of a moment, in UTC.
    #[must_use]
    pub const fn time_at(micros: i64) -> Self {
        Self::LocalTime { micros: micros.rem_euclid(MICROS_PER_DAY) }
    }

    /// Reads a day, `2026-03-01`.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn parse_date(text: &str) -> Result<Self, TemporalError> {
        let date: Date = text.parse().map_err(|why| error(text, "date", &why))?;
        Ok(Self::date_at(micros_of(date.to_datetime(Time::midnight()), text)?))
    }

    /// Reads a time of day, `12:30:01.5`.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn parse_time(text: &str) -> Result<Self, TemporalError> {
        let time: Time = text.parse().map_err(|why| error(text, "local time", &why))?;
        Ok(Self::time_at(micros_of(time.to_datetime(Date::constant(1970, 1, 1)), text)?))
    }

    /// Reads a day with a time, `2026-03-01T12:30:01.5`.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn parse_local(text: &str) -> Result<Self, TemporalError> {
        let moment: DateTime = text.parse().map_err(|why| error(text, "local datetime", &why))?;
        Ok(Self::LocalDateTime { micros: micros_of(moment, text)? })
    }

    /// Reads a moment with an offset, `2026-03-01T12:30:01Z` or `…+01:00`; it is shown in that offset.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn parse_zoned(text: &str) -> Result<Self, TemporalError> {
        let moment: Timestamp = text.parse().map_err(|why| error(text, "datetime", &why))?;
        let pieces = Pieces::parse(text).map_err(|why| error(text, "datetime", &why))?;
        let offset_seconds = pieces.to_numeric_offset().map_or(0, Offset::seconds);
        Ok(Self::ZonedDateTime { micros: moment.as_microsecond(), offset_seconds })
    }

    /// Reads a length of time, `PT1H30M`; years and months have no fixed length and are refused.
    ///
    /// # Errors
    /// Where the text is none.
    pub fn parse_duration(text: &str) -> Result<Self, TemporalError> {
        let span: jiff::Span = text.parse().map_err(|why| error(text, "duration", &why))?;
        let relative = jiff::SpanRelativeTo::days_are_24_hours();
        let length = span.to_duration(relative).map_err(|why| error(text, "duration", &why))?;
        let micros =
            i64::try_from(length.as_micros()).map_err(|why| error(text, "duration", &why))?;
        Ok(Self::Duration { micros })
    }
}

fn error(text: &str, wanted: &'static str, why: &dyn fmt::Display) -> TemporalError {
    TemporalError { text: text.into(), wanted, why: why.to_string() }
}

fn micros_of(moment: DateTime, text: &str) -> Result<i64, TemporalError> {
    let moment = Offset::UTC.to_timestamp(moment).map_err(|why| error(text, "date", &why))?;
    Ok(moment.as_microsecond())
}

fn civil(micros: i64, offset_seconds: i32) -> Result<DateTime, fmt::Error> {
    let offset = Offset::from_seconds(offset_seconds).map_err(|_| fmt::Error)?;
    let moment = Timestamp::from_microsecond(micros).map_err(|_| fmt::Error)?;
    Ok(offset.to_datetime(moment))
}

/// As Memgraph's `toString` writes it; a moment that the calendar does not reach is shown as its
/// number of microseconds.
impl fmt::Display for Temporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            match *self {
                Self::Date { days } => civil(i64::from(days) * MICROS_PER_DAY, 0)
                    .map(|moment| moment.strftime("%Y-%m-%d").to_string()),
                Self::LocalTime { micros } => {
                    civil(micros, 0).map(|moment| moment.strftime("%H:%M:%S.%6f").to_string())
                }
                Self::LocalDateTime { micros } => civil(micros, 0)
                    .map(|moment| moment.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()),
                Self::ZonedDateTime { micros, offset_seconds } => civil(micros, offset_seconds)
                    .map(|moment| {
                        let minutes = offset_seconds.abs() / 60;
                        let sign = if offset_seconds < 0 { '-' } else { '+' };
                        let (hours, minutes) = (minutes / 60, minutes % 60);
                        let moment = moment.strftime("%Y-%m-%dT%H:%M:%S.%6f");
                        format!("{moment}{sign}{hours:02}:{minutes:02}")
                    }),
                Self::Duration { micros } => {
                    return write!(f, "{}", SignedDuration::from_micros(micros));
                }
            };
        match (shown, *self) {
            (Ok(text), _) => f.write_str(&text),
            (Err(_), Self::Date { days }) => write!(f, "{days} days since 1970-01-01"),
            (
                Err(_),
                Self::LocalTime { micros }
                | Self::LocalDateTime { micros }
                | Self::ZonedDateTime { micros, .. }
                | Self::Duration { micros },
            ) => write!(f, "{micros} microseconds since 1970-01-01"),
        }
    }
}
