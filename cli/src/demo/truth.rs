//! What became of every write, told by all instances: an acknowledged one is everywhere, once; a failed
//! one is nowhere; one in doubt is the same everywhere.

use super::{
    load::{End, Write},
    site::Site,
};
use bolt::Value;
use ha_core::ids::InstanceId;
use shell_k8s::memgraph::Connection;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Every write that an instance holds.
const ALL: &str = "MATCH (n:Write) RETURN n.number AS number";
/// How soon instances that differ are asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Acknowledged writes.
    pub(super) acked: usize,
    /// Writes that failed for certain.
    pub(super) failed: usize,
    /// Writes whose end their client does not know.
    pub(super) in_doubt: usize,
    /// Of these, how many are there.
    pub(super) in_doubt_there: usize,
    /// Acknowledged writes that an instance does not hold.
    pub(super) lost: BTreeSet<u64>,
    /// Writes that an instance holds more than once.
    pub(super) doubled: BTreeSet<u64>,
    /// Failed writes that an instance holds all the same.
    pub(super) ghosts: BTreeSet<u64>,
    /// Writes that some instances hold and others do not.
    pub(super) split: BTreeSet<u64>,
    /// What clients were told of writes that were not acknowledged, and how often.
    pub(super) words: BTreeMap<String, usize>,
    /// Instances that could not be asked.
    pub(super) unasked: Vec<String>,
}

impl Verdict {
    /// Whether every promise was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.doubled.is_empty()
            && self.ghosts.is_empty()
            && self.split.is_empty()
            && self.unasked.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acked, failed, in_doubt, in_doubt_there, .. } = self;
        write!(
            f,
            "{acked} acknowledged, {failed} failed, {in_doubt} in doubt ({in_doubt_there} of them there)"
        )?;
        for (what, numbers) in [
            ("acknowledged and gone", &self.lost),
            ("there more than once", &self.doubled),
            ("failed and there", &self.ghosts),
            ("not everywhere", &self.split),
        ] {
            if !numbers.is_empty() {
                let some: Vec<_> = numbers.iter().take(10).collect();
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

/// How often each write is there.
pub(super) type Held = BTreeMap<u64, u32>;

/// Asks every instance, until all say the same or the limit has passed.
pub(super) async fn ask(site: &Site, instances: u8, writes: &[Write], limit: Duration) -> Verdict {
    let begun = Instant::now();
    loop {
        let (mut held, mut unasked) = (Vec::new(), Vec::new());
        for id in (0..instances).map(InstanceId) {
            match held_by(site, id).await {
                Ok(writes) => held.push(writes),
                Err(error) => unasked.push(error),
            }
        }
        let verdict = judge(writes, &held, unasked);
        if verdict.is_clean() || begun.elapsed() >= limit {
            return verdict;
        }
        sleep(AGAIN).await;
    }
}

/// What an instance of the cluster holds.
pub(super) async fn held_by(site: &Site, id: InstanceId) -> Result<Held, String> {
    let mut connection = site.instance(id).await?;
    held(&mut connection).await.map_err(|why| format!("{id}: {why}"))
}

/// What an instance holds.
pub(super) async fn held(connection: &mut Connection) -> Result<Held, String> {
    let table = connection.query(ALL).await.map_err(|error| error.to_string())?;
    let mut held = Held::new();
    for row in table.rows {
        match row.first() {
            Some(Value::Int(number)) => *held.entry(number.unsigned_abs()).or_default() += 1,
            other => return Err(format!("a number was expected, found {other:?}")),
        }
    }
    Ok(held)
}

/// What the instances' words mean for the writes.
pub(super) fn judge(writes: &[Write], held: &[Held], unasked: Vec<String>) -> Verdict {
    let mut verdict = Verdict { unasked, ..Verdict::default() };
    let everywhere = |number: &u64| held.iter().all(|it| it.contains_key(number));
    let anywhere = |number: &u64| held.iter().any(|it| it.contains_key(number));
    for write in writes {
        match &write.end {
            End::Acked => {
                verdict.acked += 1;
                if !everywhere(&write.number) {
                    verdict.lost.insert(write.number);
                }
            }
            End::Failed(why) => {
                verdict.failed += 1;
                *verdict.words.entry(why.clone()).or_default() += 1;
                if anywhere(&write.number) {
                    verdict.ghosts.insert(write.number);
                }
            }
            End::InDoubt(why) => {
                verdict.in_doubt += 1;
                *verdict.words.entry(why.clone()).or_default() += 1;
                verdict.in_doubt_there += usize::from(anywhere(&write.number));
            }
        }
    }
    for one in held {
        let twice = one.iter().filter(|(_, count)| **count > 1).map(|(number, _)| *number);
        verdict.doubled.extend(twice);
        verdict.split.extend(one.keys().filter(|number| !everywhere(number)));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(number: u64, end: End) -> Write {
        let now = Instant::now();
        Write { number, began: now, ended: now, end }
    }

    fn held(numbers: &[u64]) -> Held {
        let mut held = Held::new();
        for number in numbers {
            *held.entry(*number).or_default() += 1;
        }
        held
    }

    #[test]
    fn each_kind_of_harm_is_found() {
        let failed = End::Failed("no".to_owned());
        let in_doubt = End::InDoubt("closed".to_owned());
        let writes = [
            write(1, End::Acked),
            write(2, End::Acked),
            write(3, failed.clone()),
            write(4, in_doubt.clone()),
        ];
        let judged = |one: &[u64], two: &[u64]| judge(&writes, &[held(one), held(two)], Vec::new());
        assert!(judged(&[1, 2], &[1, 2]).is_clean());
        assert!(judged(&[1, 2, 4], &[1, 2, 4]).is_clean());
        assert_eq!(judged(&[1, 2, 4], &[1, 2, 4]).in_doubt_there, 1);
        assert_eq!(judged(&[1], &[1, 2]).lost, BTreeSet::from([2]));
        assert_eq!(judged(&[1, 2, 2], &[1, 2]).doubled, BTreeSet::from([2]));
        assert_eq!(judged(&[1, 2, 3], &[1, 2, 3]).ghosts, BTreeSet::from([3]));
        assert_eq!(judged(&[1, 2, 4], &[1, 2]).split, BTreeSet::from([4]));
        assert!(!judge(&writes, &[held(&[1, 2])], vec!["mg-1: gone".to_owned()]).is_clean());
    }
}
