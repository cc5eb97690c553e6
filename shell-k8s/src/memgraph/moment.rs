//! Which moment of a main a look shows. While commits come fast, a replica without a vote falls behind
//! and catches up many times a second (MR 2.2), so that one answer a second finds it even by chance
//! only, and all that waits for that goes on waiting. One moment is as true as another: a look that
//! finds such a replica on its way asks again, until the replica is even or moves no more.

use super::{
    connection::{Failed, Table},
    rows,
};
use std::{collections::BTreeMap, time::Duration};

/// How long a look goes on asking, from its first answer on: a replica that moves all the time and is
/// never even, or a main that answers slowly, holds up nothing else for longer.
const LONGEST: Duration = Duration::from_millis(100);
/// Between two answers: about what a replica takes to catch up.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// The answers of one look so far.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// Who was not even in the last one, and its last known tick; none before the first.
    uneven: Option<BTreeMap<String, i64>>,
}

impl Moment {
    /// Whether the look goes by this answer to SHOW REPLICAS, which came so long after the first one;
    /// otherwise it asks again after [`PAUSE`].
    ///
    /// # Errors
    /// The answer is not understood.
    pub(super) fn shows(&mut self, table: &Table, since: Duration) -> Result<bool, Failed> {
        let now = rows::uneven(table)?;
        let goes_on = match &self.uneven {
            None => true,
            Some(was) => {
                let risen = |(name, ts): (&&str, &i64)| was.get(*name).is_some_and(|was| ts > was);
                let caught_up = was.keys().any(|name| !now.contains_key(name.as_str()));
                !caught_up && now.iter().any(risen)
            }
        };
        let shown = now.is_empty() || !goes_on || since + PAUSE > LONGEST;
        self.uneven = Some(now.into_iter().map(|(name, ts)| (name.to_owned(), ts)).collect());
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bolt::Value;

    /// One row: name, mode, status, ts and how far behind.
    type Line = (&'static str, &'static str, &'static str, i64, i64);

    fn table(lines: &[Line]) -> Table {
        let columns = ["name", "sync_mode", "data_info"].map(str::to_owned).to_vec();
        let text = |text: &str| Value::String(text.into());
        let map = |pairs: Vec<(&str, Value)>| {
            Value::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let row = |(name, mode, status, ts, behind): &Line| {
            let info = [
                ("status", text(status)),
                ("ts", Value::Int(*ts)),
                ("behind", Value::Int(*behind)),
            ];
            let data = map(vec![("memgraph", map(info.into()))]);
            vec![text(name), text(mode), data]
        };
        Table { columns, rows: lines.iter().map(row).collect() }
    }

    /// How often a look asks of a main that answers so, the last answer again and again; and the state
    /// of the first row that it goes by.
    fn look(answers: &[&[Line]]) -> (usize, &'static str) {
        let (mut moment, mut since) = (Moment::default(), Duration::ZERO);
        for asked in 0..100 {
            let lines = answers.get(asked).or(answers.last()).copied().unwrap_or_default();
            if moment.shows(&table(lines), since).expect("an answer that is understood") {
                return (asked + 1, lines.first().map_or("", |row| row.2));
            }
            since += PAUSE;
        }
        panic!("a look without an end");
    }

    fn catching_up(ts: i64) -> [Line; 2] {
        [("c", "async", "invalid", ts, -3), ("b", "strict_sync", "ready", ts + 3, 0)]
    }

    #[test]
    fn a_replica_on_its_way_is_asked_for_until_it_is_even() {
        let even: &[Line] = &[("c", "async", "ready", 9, 0), ("b", "strict_sync", "ready", 9, 0)];
        let (one, two) = (catching_up(4), catching_up(6));
        assert_eq!(look(&[even]), (1, "ready"));
        assert_eq!(look(&[&one, &two, even]), (3, "ready"));
    }

    #[test]
    fn one_that_does_not_move_is_asked_for_once_more() {
        let gone = catching_up(4);
        // Its main goes on, and it does not.
        let behind: &[Line] = &[("c", "async", "invalid", 4, -9)];
        assert_eq!(look(&[&gone, behind]), (2, "invalid"));
        assert_eq!(look(&[&gone]).0, 2);
    }

    #[test]
    fn a_look_has_an_end() {
        let ways: Vec<_> = (0..40).map(catching_up).collect();
        let answers: Vec<&[Line]> = ways.iter().map(<[Line; 2]>::as_slice).collect();
        assert_eq!(look(&answers).0, 21);
        // As it has where each answer takes long.
        let mut slow = Moment::default();
        let slowly = |answer: u32| Duration::from_millis(60) * answer;
        let mut shown = (0..).map(|n| slow.shows(&table(&catching_up(n.into())), slowly(n)));
        let asked = shown.position(|shown| shown.is_ok_and(|shown| shown));
        assert_eq!(asked, Some(2));
    }

    #[test]
    fn voters_and_registrations_with_nothing_behind_them_are_not_waited_for() {
        let voter: &[Line] = &[("b", "strict_sync", "replicating", 4, -3)];
        assert_eq!(look(&[voter]).0, 1);
        let diverged: &[Line] = &[("c", "async", "diverged", 4, -3)];
        assert_eq!(look(&[diverged]).0, 1);
        let mut phantom = table(&[("c", "async", "invalid", 0, 0)]);
        for row in &mut phantom.rows {
            row.truncate(2);
            row.push(Value::Map(Default::default()));
        }
        assert!(Moment::default().shows(&phantom, Duration::ZERO).is_ok_and(|shown| shown));
        // Without a word that belongs there, nothing is guessed.
        let strange = table(&[("c", "async", "invalid", 0, 0)]);
        let without_ts = Table {
            rows: strange.rows.into_iter().map(without_its_tick).collect(),
            columns: strange.columns,
        };
        let error = Moment::default().shows(&without_ts, Duration::ZERO).expect_err("no ts");
        assert!(error.to_string().contains("ts is a number"), "{error}");
    }

    fn without_its_tick(mut row: Vec<Value>) -> Vec<Value> {
        if let Some(Value::Map(databases)) = row.last_mut()
            && let Some(Value::Map(database)) = databases.get_mut("memgraph")
        {
            database.remove("ts");
        }
        row
    }
}
