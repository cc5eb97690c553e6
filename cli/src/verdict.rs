//! What became of every write, told by all instances: an acknowledged one is on each, once; a failed one
//! is on none; one in doubt is the same on all; and nothing else is there.

use bolt::Value;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Every write that an instance holds.
pub(crate) const ALL: &str = "MATCH (n:Write) RETURN n.number AS number";
/// A part of the codes after which drivers try again by themselves (BG 4.1).
pub(crate) const TRANSIENT: &str = "TransientError";

/// The write of that number, as [`ALL`] finds it.
pub(crate) fn create(number: u64) -> String {
    format!("CREATE (:Write {{number: {number}}})")
}
/// How many numbers of a kind are told to people.
const TOLD: usize = 10;

/// How often each write is on an instance.
pub(crate) type Held = BTreeMap<u64, u32>;

/// What an instance answered to [`ALL`].
///
/// # Errors
/// What is no number.
pub(crate) fn held(rows: &[Vec<Value>]) -> Result<Held, String> {
    let mut held = Held::new();
    for row in rows {
        match row.first() {
            Some(Value::Int(number)) => *held.entry(number.unsigned_abs()).or_default() += 1,
            other => return Err(format!("a number was expected, found {other:?}")),
        }
    }
    Ok(held)
}

/// How a write ended, as its client knows; with the words that it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended<'a> {
    /// It was acknowledged.
    Acked,
    /// It failed for certain.
    Failed(&'a str),
    /// No answer.
    InDoubt(&'a str),
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// Whether every promise was kept.
    pub(crate) clean: bool,
    pub(crate) acked: usize,
    pub(crate) failed: usize,
    pub(crate) in_doubt: usize,
    /// Of these, how many are there.
    pub(crate) in_doubt_there: usize,
    /// Acknowledged, and an instance does not hold it.
    pub(crate) lost: BTreeSet<u64>,
    /// An instance holds it more than once.
    pub(crate) doubled: BTreeSet<u64>,
    /// It failed, and an instance holds it.
    pub(crate) ghosts: BTreeSet<u64>,
    /// Some instances hold it and others do not.
    pub(crate) split: BTreeSet<u64>,
    /// No client made it, and an instance holds it.
    pub(crate) strange: BTreeSet<u64>,
    /// Instances that could not be asked.
    pub(crate) unasked: Vec<String>,
    /// What clients were told of writes that were not acknowledged, and how often.
    #[serde(skip)]
    pub(crate) words: BTreeMap<String, usize>,
}

impl Verdict {
    /// Judges writes, by their numbers and ends, by what those instances hold that could be asked.
    pub(crate) fn of<'a>(
        writes: impl IntoIterator<Item = (u64, Ended<'a>)>,
        held: &[Held],
        unasked: Vec<String>,
    ) -> Self {
        let mut verdict = Self { unasked, ..Self::default() };
        let mut made = BTreeSet::new();
        for (number, ended) in writes {
            made.insert(number);
            verdict.write(number, ended, held);
        }
        for one in held {
            let twice = one.iter().filter(|(_, count)| **count > 1).map(|(number, _)| *number);
            verdict.doubled.extend(twice);
            verdict.split.extend(one.keys().filter(|number| !is_everywhere(**number, held)));
            verdict.strange.extend(one.keys().filter(|number| !made.contains(number)));
        }
        let is_harmed = verdict.harms().iter().any(|(_, numbers)| !numbers.is_empty());
        verdict.clean = !is_harmed && verdict.unasked.is_empty() && !held.is_empty();
        verdict
    }

    fn write(&mut self, number: u64, ended: Ended<'_>, held: &[Held]) {
        let is_anywhere = held.iter().any(|it| it.contains_key(&number));
        match ended {
            Ended::Acked => {
                self.acked += 1;
                if !is_everywhere(number, held) {
                    self.lost.insert(number);
                }
            }
            Ended::Failed(words) => {
                self.failed += 1;
                *self.words.entry(words.to_owned()).or_default() += 1;
                if is_anywhere {
                    self.ghosts.insert(number);
                }
            }
            Ended::InDoubt(words) => {
                self.in_doubt += 1;
                *self.words.entry(words.to_owned()).or_default() += 1;
                self.in_doubt_there += usize::from(is_anywhere);
            }
        }
    }

    const fn harms(&self) -> [(&'static str, &BTreeSet<u64>); 5] {
        [
            ("acknowledged and gone", &self.lost),
            ("there more than once", &self.doubled),
            ("failed and there", &self.ghosts),
            ("not everywhere", &self.split),
            ("made by no client", &self.strange),
        ]
    }
}

fn is_everywhere(number: u64, held: &[Held]) -> bool {
    held.iter().all(|it| it.contains_key(&number))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acked, failed, in_doubt, in_doubt_there, .. } = self;
        write!(
            f,
            "{acked} acknowledged, {failed} failed, {in_doubt} in doubt ({in_doubt_there} of them there)"
        )?;
        for (what, numbers) in self.harms() {
            if !numbers.is_empty() {
                let some: Vec<_> = numbers.iter().take(TOLD).collect();
                write!(f, "; {} {what}: {some:?}", numbers.len())?;
            }
        }
        for (words, count) in &self.words {
            write!(f, "\n{count:>8} x {words}")?;
        }
        for unasked in &self.unasked {
            write!(f, "; not asked: {unasked}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(numbers: &[u64]) -> Held {
        let mut held = Held::new();
        for number in numbers {
            *held.entry(*number).or_default() += 1;
        }
        held
    }

    #[test]
    fn each_kind_of_harm_is_found() {
        let writes = [
            (1, Ended::Acked),
            (2, Ended::Acked),
            (3, Ended::Failed("no")),
            (4, Ended::InDoubt("closed")),
        ];
        let judged =
            |one: &[u64], two: &[u64]| Verdict::of(writes, &[held(one), held(two)], Vec::new());
        assert!(judged(&[1, 2], &[1, 2]).clean);
        assert!(judged(&[1, 2, 4], &[1, 2, 4]).clean);
        assert_eq!(judged(&[1, 2, 4], &[1, 2, 4]).in_doubt_there, 1);
        for (harm, verdict) in [
            ("; 1 acknowledged and gone: [2]", judged(&[1], &[1, 2])),
            ("; 1 there more than once: [2]", judged(&[1, 2, 2], &[1, 2])),
            ("; 1 failed and there: [3]", judged(&[1, 2, 3], &[1, 2, 3])),
            ("; 1 not everywhere: [4]", judged(&[1, 2, 4], &[1, 2])),
            ("; 1 made by no client: [9]", judged(&[1, 2, 9], &[1, 2, 9])),
        ] {
            let told = verdict.to_string();
            assert!(told.contains(harm) && !verdict.clean, "{harm}: {told}");
        }
        assert!(!Verdict::of(writes, &[held(&[1, 2])], vec!["mg-1: gone".to_owned()]).clean);
        assert!(!Verdict::of(writes, &[], Vec::new()).clean);
    }

    #[test]
    fn what_clients_were_told_is_counted() {
        let writes = [(1, Ended::InDoubt("closed")), (2, Ended::InDoubt("closed"))];
        let verdict = Verdict::of(writes, &[held(&[1])], Vec::new());
        let text = verdict.to_string();
        assert!(text.contains("0 acknowledged, 0 failed, 2 in doubt (1 of them there)"), "{text}");
        assert!(text.contains("2 x closed"), "{text}");
    }
}
