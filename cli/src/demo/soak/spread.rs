//! Pauses, and how they are told.

use std::{fmt, time::Duration};

/// Pauses of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread(Vec<Duration>);

/// A line that says what the columns are.
pub(super) struct Columns;

impl Spread {
    pub(super) fn add(&mut self, pause: Duration) {
        self.0.push(pause);
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The line of these pauses.
    pub(super) fn line(&self, what: &str) -> String {
        let mut sorted = self.0.clone();
        sorted.sort();
        // The smallest pause that so many hundredths of all do not exceed.
        let at = |hundredths: usize| {
            let rank = (sorted.len() * hundredths).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).map_or(0, Duration::as_millis)
        };
        let (p50, p90, p99, most) = (at(50), at(90), at(99), at(100));
        format!("{what:<40} {:>6} {p50:>7} {p90:>7} {p99:>7} {most:>7}", sorted.len())
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, times) = ("pause in ms", "times");
        write!(f, "{what:<40} {times:>6} {:>7} {:>7} {:>7} {:>7}", "p50", "p90", "p99", "max")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_pauses_that_were() {
        let mut spread = Spread::default();
        assert!(spread.line("nothing").ends_with("0       0       0       0       0"));
        (1..=200).rev().for_each(|ms| spread.add(Duration::from_millis(ms)));
        assert!(spread.line("all").ends_with("200     100     180     198     200"));
    }
}
