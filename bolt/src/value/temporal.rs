//! Days, times, spans and points. Numbers are carried as they come; calendars and time zones are
//! for those who use them.

use alloc::string::String;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Date {
    /// Days since 1970-01-01.
    pub days: i64,
}

/// A time of day with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Time {
    /// Nanoseconds since midnight, local.
    pub nanoseconds: i64,
    /// Seconds east of UTC.
    pub offset_seconds: i64,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LocalTime {
    /// Nanoseconds since midnight.
    pub nanoseconds: i64,
}

/// A day with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LocalDateTime {
    /// Seconds since 1970-01-01T00:00:00, local.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: i64,
}

/// From where the seconds of an instant are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TimeForm {
    /// From 1970-01-01T00:00:00 in UTC: versions 5.x.
    #[default]
    Utc,
    /// From 1970-01-01T00:00:00 on the local clock: versions 4.x.
    Local,
}

/// An instant with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DateTime {
    /// Seconds, counted as `form` says.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: i64,
    /// Seconds east of UTC.
    pub offset_seconds: i64,
    /// How the seconds are counted, hence which structure it is on the wire.
    pub form: TimeForm,
}

impl DateTime {
    /// The same instant in another form; none if its seconds do not fit.
    #[must_use]
    pub fn in_form(self, form: TimeForm) -> Option<Self> {
        let seconds = match (self.form, form) {
            (TimeForm::Utc, TimeForm::Utc) | (TimeForm::Local, TimeForm::Local) => self.seconds,
            (TimeForm::Utc, TimeForm::Local) => self.seconds.checked_add(self.offset_seconds)?,
            (TimeForm::Local, TimeForm::Utc) => self.seconds.checked_sub(self.offset_seconds)?,
        };
        Some(Self { seconds, form, ..self })
    }
}

/// An instant with the name of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct DateTimeZoneId {
    /// Seconds, counted as `form` says.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: i64,
    /// The name, as `Europe/Berlin`.
    pub zone: String,
    /// How the seconds are counted, hence which structure it is on the wire.
    pub form: TimeForm,
}

/// A span of time. Its parts are not converted into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Duration {
    /// Months.
    pub months: i64,
    /// Days.
    pub days: i64,
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds.
    pub nanoseconds: i64,
}

/// A point in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point2D {
    /// The number of its reference system.
    pub srid: i64,
    /// The first coordinate.
    pub x: f64,
    /// The second coordinate.
    pub y: f64,
}

/// A point in space.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point3D {
    /// The number of its reference system.
    pub srid: i64,
    /// The first coordinate.
    pub x: f64,
    /// The second coordinate.
    pub y: f64,
    /// The third coordinate.
    pub z: f64,
}
